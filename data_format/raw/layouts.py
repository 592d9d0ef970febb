"""Which layout a folder, a file or an archive has, and then its reader; `data_format.raw` lists the order of rules."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from data_format.dataset import Dataset, Problem
from data_format.errors import DataError
from data_format.raw.file_names import is_about
from data_format.raw.labels import names_text
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.tables.formats import TABLE_SUFFIXES
from data_format.raw.walk import is_litter

_LABEL_LISTS = ("labels_train", "train_labels", "labels")
_TEST_LISTS = ("labels_test", "test_labels")


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk: which reader opens it, and with which files.

    root: the folder of the data set, or the path of a single table. name: of the data set; NAME of the matrix format.
    train, test: the tables or lists of labels, where the reader takes any.
    """

    kind: Literal["matrix", "autonlp", "labelled files", "tables", "class folders"]
    root: Path
    name: str
    train: Path | None = None
    test: Path | None = None


def open_layout(path: Path, options: ReadOptions = AS_FOUND) -> Dataset:
    """See `data_format.raw.open_raw`."""
    from data_format.raw.archives import is_archive

    try:
        if path.is_dir():
            return _open(_folder_layout(path, path.resolve().name, options), options)
        if path.is_file():
            return _open_archive(path, options) if is_archive(path) else _open(_file_layout(path, options), options)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    raise DataError(f"{path}: expected a data set folder, a table file or an archive, found no such path")


def _open(layout: Layout, options: ReadOptions) -> Dataset:
    """The data set, by the reader of its layout."""
    from data_format.raw.challenges.autonlp import open_autonlp
    from data_format.raw.challenges.matrix import open_matrix
    from data_format.raw.files.class_folders import open_class_folders
    from data_format.raw.files.labelled import open_labelled_files
    from data_format.raw.tables.reader import open_tables

    if layout.kind == "matrix":
        return open_matrix(layout.root, layout.name)
    if layout.kind == "autonlp":
        return open_autonlp(layout.root, layout.name)
    if layout.train is None:
        return open_class_folders(layout.root, layout.name, options)
    if layout.kind == "labelled files":
        return open_labelled_files(layout.root, layout.train, layout.test, layout.name, options)
    return open_tables(layout.train, layout.test, layout.root, layout.name, options)


def _open_archive(path: Path, options: ReadOptions) -> Dataset:
    from data_format.autodl.reader import is_autodl, read_autodl
    from data_format.raw.archives import remove_unpacked, unpack

    problems: list[Problem] = []
    folder = unpack(path, problems)
    name = path.name
    for suffix in (".zip", ".gz", ".bz2", ".xz", ".tgz", ".tar", *TABLE_SUFFIXES):
        name = name.removesuffix(suffix)
    try:
        inside = past_packaging(folder)
        records = is_autodl(inside)
        dataset = read_autodl(inside) if records else _open(_folder_layout(inside, name, options), options)
    except DataError as error:
        remove_unpacked(folder)
        # The temporary folder means nothing to anybody; the archive does.
        raise DataError(str(error).replace(str(folder), str(path))) from None
    dataset.problems.extend(problems)
    return dataset if records else replace(dataset, name=name or dataset.name)


def _file_layout(path: Path, options: ReadOptions) -> Layout:
    """The layout that a single file stands for."""
    folder, name = path.parent, path.resolve().parent.name
    # Naming the list means the files it lists.
    if path.stem.lower() in _LABEL_LISTS:
        return _folder_layout(folder, name, options)
    is_train = path.stem.lower() == "train"
    test = _table_file(_files_in(folder), "test") if is_train else None
    if _names_files(folder, path, options):
        return Layout("labelled files", folder, name, path, test)
    return Layout("tables", path, name if is_train else path.stem, path, test)


def _folder_layout(root: Path, name: str, options: ReadOptions) -> Layout:
    """The layout of a folder, by the rules of `data_format.raw` in their order. Raises DataError where none fits."""
    from data_format.raw.challenges.autonlp import autonlp_folder
    from data_format.raw.challenges.matrix import matrix_name
    from data_format.raw.files.class_folders import inner_folder
    from data_format.raw.files.list_detection import file_list

    root = past_packaging(root)
    if base := matrix_name(root):
        return Layout("matrix", root, base)
    if texts := autonlp_folder(root):
        return Layout("autonlp", texts, name)
    files = _files_in(root)
    if labels := _label_list(files):
        test = next((found for stem in _TEST_LISTS if (found := _table_file(files, stem))), None)
        return Layout("labelled files", root, name, labels, test)
    if train := _table_file(files, "train"):
        kind: Literal["labelled files", "tables"] = "labelled files" if _names_files(root, train, options) else "tables"
        return Layout(kind, root, name, train, _table_file(files, "test"))
    if lists := file_list(root, options):
        return Layout("labelled files", root, name, *lists)
    if any(entry.is_dir() for entry in root.iterdir() if not is_litter(entry.name)):
        inside = inner_folder(root)
        return _folder_layout(inside, name, options) if inside != root else Layout("class folders", root, name)
    alone = [file for file in files.values() if file.suffix.lower() in TABLE_SUFFIXES and file.suffix.lower() != ".txt"]
    if len(alone) == 1:
        return Layout("tables", root, name, alone[0])
    raise DataError(
        f"{root}: expected labels_train.csv, train.csv, class folders or one table file, "
        f"found {names_text(sorted(files)) or 'an empty folder'}"
    )


def past_packaging(root: Path) -> Path:
    """The folder within wrapping folders that has files of a data set at its top (class folders have a rule apart)."""
    for _ in range(8):
        entries = _packed(root)
        # A link may lead back to where it stands; a folder called *.data is part of a format.
        if len(entries) != 1 or not entries[0].is_dir() or entries[0].is_symlink() or entries[0].suffix == ".data":
            return root
        inside = entries[0]
        if inside.name.lower() in ("train", "test") or not _has_table_at_top(inside):
            return root
        root = inside
    return root


def _packed(folder: Path) -> list[Path]:
    """The entries of a folder without litter and files about the data (README), which archives have beside the data."""
    entries = [entry for entry in folder.iterdir() if not is_litter(entry.name)]
    return [entry for entry in entries if not is_about(entry.name) or entry.is_dir()]


def _has_table_at_top(folder: Path) -> bool:
    entries = _packed(folder)
    if len(entries) == 1 and entries[0].is_dir():
        return _has_table_at_top(entries[0]) if not entries[0].is_symlink() else False
    known = (".data", ".solution", *TABLE_SUFFIXES[:2], *TABLE_SUFFIXES[3:])
    return any(entry.suffix.lower() in known for entry in entries)


def _files_in(folder: Path) -> Mapping[str, Path]:
    """Files of a folder by their lower-case names, litter left out."""
    return {
        entry.name.lower(): entry for entry in sorted(folder.iterdir()) if not is_litter(entry.name) and entry.is_file()
    }


def _table_file(files: Mapping[str, Path], stem: str) -> Path | None:
    return next((files[stem + suffix] for suffix in TABLE_SUFFIXES if stem + suffix in files), None)


def _label_list(files: Mapping[str, Path]) -> Path | None:
    """The list of training labels: by its usual names, else the one other table with `labels` in its name."""
    if usual := next((found for stem in _LABEL_LISTS if (found := _table_file(files, stem))), None):
        return usual
    others = [
        file for name, file in files.items() if "labels" in file.stem.lower() and file.suffix.lower() in TABLE_SUFFIXES
    ]
    train = [file for file in others if "test" not in file.stem.lower()]
    return train[0] if len(train) == 1 else None


def _names_files(root: Path, table: Path, options: ReadOptions = AS_FOUND) -> bool:
    """Whether a table lists files below the folder `root`."""
    from data_format.raw.files.list_detection import Search

    return Search(root, options).names_files(table)
