"""Raw data as people have them: folders of files, CSV files with labels, tables and texts.

`open_raw` tells the layout from the names at the top of the folder, in this order; docs/data_formats.md shows each:

1. `labels_train.csv` (or `labels.csv`) beside files          -> files
2. `train.csv`, with `test.csv` or alone                      -> tables
3. folders, one a class, below `train/` and `test/` or alone  -> folders
4. a single delimited file                                    -> tables

A further format is one more module with a function that returns a `Dataset`, and one more line in `open_raw`.
"""

from collections.abc import Mapping
from pathlib import Path

from data_format.dataset import Dataset
from data_format.errors import DataError
from data_format.raw.labels import names_text
from data_format.raw.walk import is_litter

__all__ = ["open_raw"]

_LABEL_LISTS = ("labels_train", "labels")
_DELIMITED = (".csv", ".tsv", ".txt")


def open_raw(path: Path) -> Dataset:
    """Open a raw data set: a folder in one of the layouts above, or one delimited file.

    The `test.csv` beside a file called `train.csv` belongs to the same data set. Raises DataError with one line
    that says what was expected and what was found.
    """
    try:
        if path.is_dir():
            return _open_folder(path, path.resolve().name)
        if path.is_file():
            return _open_file(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    raise DataError(f"{path}: expected a data set folder or a CSV file, found no such path")


def _open_file(path: Path) -> Dataset:
    from data_format.raw.tables import open_tables

    # Naming the list means the files it lists.
    if path.stem.lower() in _LABEL_LISTS:
        return _open_folder(path.parent, path.resolve().parent.name)
    if path.stem.lower() == "train":
        beside = _files_in(path.parent)
        return open_tables(path, _delimited(beside, "test"), path, path.resolve().parent.name)
    return open_tables(path, None, path, path.stem)


def _open_folder(root: Path, name: str) -> Dataset:
    from data_format.raw.files import open_labelled_files
    from data_format.raw.folders import open_class_folders
    from data_format.raw.tables import open_tables

    files = _files_in(root)
    if labels := next((found for stem in _LABEL_LISTS if (found := _delimited(files, stem))), None):
        return open_labelled_files(root, labels, _delimited(files, "labels_test"), name)
    if train := _delimited(files, "train"):
        return open_tables(train, _delimited(files, "test"), root, name)
    if any(entry.is_dir() for entry in root.iterdir() if not is_litter(entry.name)):
        return open_class_folders(root, name)
    alone = [file for file in files.values() if file.suffix.lower() in _DELIMITED[:2]]
    if len(alone) == 1:
        return open_tables(alone[0], None, root, name)
    raise DataError(
        f"{root}: expected labels_train.csv, train.csv, class folders or one CSV file, "
        f"found {names_text(sorted(files)) or 'an empty folder'}"
    )


def _files_in(folder: Path) -> Mapping[str, Path]:
    """Files of a folder by their small-letter names, litter left out."""
    return {
        entry.name.lower(): entry for entry in sorted(folder.iterdir()) if not is_litter(entry.name) and entry.is_file()
    }


def _delimited(files: Mapping[str, Path], stem: str) -> Path | None:
    return next((files[stem + suffix] for suffix in _DELIMITED if stem + suffix in files), None)
