"""AutoDL folders -> Dataset: `name.data/{train,test}` with `metadata.textproto`, TFRecords and `name.solution`.

Row order: training rows file after file, sorted by name; test rows as the challenge reads them, one record in turn
from up to three files (sorted by name) at once. The `.solution` file has its rows in that order.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_format.autodl.metadata import FILE_NAME, Metadata, read_metadata
from data_format.autodl.records import PREFIX, Records, open_records
from data_format.autodl.sequence_example import Context, label_row
from data_format.dataset import Dataset, Problem, Split
from data_format.errors import DataError, Unreadable
from data_format.predictions import read_prediction

_SUFFIX = ".data"


def is_autodl(path: Path) -> bool:
    """Whether a folder has the AutoDL layout (complete or not): `X.data/`, a folder with one, or a flat one."""
    return _data_folders(path) != [] or (path / FILE_NAME).is_file()


def read_autodl(path: Path) -> Dataset:
    """Open `X/name.data`, or `X` holding exactly one `*.data`. Labels are read now, examples on demand.

    Raises DataError naming the file for a layout, description or label that cannot be used, and for a test set with
    fewer records than its description says. Other losses are listed in `problems`.
    """
    folder = _data_folder(path)
    metadata = read_metadata(folder / "train"), read_metadata(folder / "test")
    classes, found = (part.output_dim for part in metadata)
    if found != classes:
        raise DataError(f"{folder / 'test' / FILE_NAME}, output_dim: expected {classes} as in train, found {found}")
    problems: list[Problem] = []
    train = _train_split(folder / "train", metadata[0], problems)
    test = _test_split(folder / "test", metadata[1], problems)
    name = folder.name.removesuffix(_SUFFIX)
    return Dataset(
        name=name,
        path=folder,
        class_names=_class_names(folder, name, metadata[0], problems),
        shape=metadata[0].shape,
        train=train,
        test=test,
        vocabulary={index: token for token, index in metadata[0].channel_to_index_map.items()},
        truth=_truth(folder.with_name(f"{name}.solution"), len(test), metadata[0].output_dim),
        problems=problems,
    )


def _data_folders(path: Path) -> list[Path]:
    """Folders in the AutoDL layout: `path` itself, or those inside it that are called `*.data`."""
    if _has_subsets(path):
        return [path]
    try:
        inside = sorted(entry for entry in path.iterdir() if entry.name.endswith(_SUFFIX) and entry.is_dir())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    return [entry for entry in inside if _has_subsets(entry)]


def _has_subsets(folder: Path) -> bool:
    """Whether `train` or `test` inside a folder is a subset in AutoDL form, a damaged one included."""
    subsets = [folder / "train", folder / "test"]
    if any((subset / FILE_NAME).is_file() for subset in subsets):
        return True
    return folder.name.endswith(_SUFFIX) and any(_record_files(subset) for subset in subsets)


def _record_files(folder: Path) -> bool:
    return folder.is_dir() and any(entry.name.startswith(PREFIX) for entry in folder.iterdir())


def _data_folder(path: Path) -> Path:
    """The one `name.data` folder meant by `path`. Raises DataError with the reason when there is none or several."""
    folders = _data_folders(path)
    if len(folders) > 1:
        names = ", ".join(folder.name for folder in folders)
        raise DataError(f"{path}: expected exactly one *.data folder, found {len(folders)} ({names})")
    if not folders:
        if (path / FILE_NAME).is_file():
            raise DataError(
                f"{path}: expected train/ and test/ folders, found {FILE_NAME} and record files side by side "
                "(a single subset: nothing says which rows are to be predicted)"
            )
        raise DataError(f"{path}: expected a folder name.data with train/ and test/, found none")
    for subset in ("train", "test"):
        if not (folders[0] / subset).is_dir():
            raise DataError(f"{folders[0]}: expected train/ and test/ folders, found no {subset}/")
    return folders[0]


class _Contexts(NamedTuple):
    """The contexts of n records: labels (n, classes), ids (n,) where known, and whether they are examples."""

    labels: NDArray[np.float32]
    ids: NDArray[np.int64]
    known: NDArray[np.bool_]
    good: NDArray[np.bool_]

    def of_examples(self) -> "_Contexts":
        """Those of the records that are examples."""
        return _Contexts(self.labels[self.good], self.ids[self.good], self.known[self.good], self.good[self.good])


def _train_split(folder: Path, metadata: Metadata, problems: list[Problem]) -> Split:
    """Training rows with their labels; records that are not examples are left out."""
    records = open_records(folder, metadata, interleaved=False, problems=problems)
    contexts = _contexts(records, metadata.output_dim, problems, labelled=True)
    _clip(contexts.labels, folder, problems)
    # Without a context there is no label to learn from; a test row would keep its place instead.
    if not contexts.good.all():
        records = records.keep(contexts.good)
        contexts = contexts.of_examples()
    if len(records) < metadata.sample_count:
        reason = f"expected {metadata.sample_count} records as in {FILE_NAME}, found {len(records)}"
        problems.append(Problem(str(folder), reason))
    return Split(_ids(contexts, folder, problems), contexts.labels, records)


def _set_labels(row: NDArray[np.float32], context: Context) -> None:
    """Fill one row of labels. The usual record, with one certain label, takes a short cut."""
    if len(context.indices) == 1 and 0 <= context.indices[0] < len(row) and context.scores[0] == 1.0:
        row[context.indices[0]] = 1.0
    else:
        row[:] = label_row(context, len(row))


def _clip(labels: NDArray[np.float32], folder: Path, problems: list[Problem]) -> None:
    outside = int(((labels < 0) | (labels > 1)).any(axis=1).sum())
    if outside:
        problems.append(Problem(str(folder), f"{outside} records with label scores outside 0 to 1, clipped"))
        np.clip(labels, 0, 1, out=labels)


def _test_split(folder: Path, metadata: Metadata, problems: list[Problem]) -> Split:
    """Test rows in the challenge's order; their labels are zeros whatever the records hold."""
    before = len(problems)
    records = open_records(folder, metadata, interleaved=True, problems=problems)
    if len(records) < metadata.sample_count:
        lost = "; ".join(f"{item.where}: {item.reason}" for item in problems[before : before + 3])
        raise DataError(
            f"{folder}: expected {metadata.sample_count} test records as in {FILE_NAME}, found {len(records)}"
            + (f" ({lost})" if lost else "")
        )
    if len(records) > metadata.sample_count:
        reason = f"expected {metadata.sample_count} records as in {FILE_NAME}, found {len(records)}; all are used"
        problems.append(Problem(str(folder), reason))
    contexts = _contexts(records, metadata.output_dim, problems, labelled=False)
    if contexts.known.all() and (contexts.ids[1:] <= contexts.ids[:-1]).any():
        reason = "rows follow the challenge's order of records, which is not that of their ids"
        problems.append(Problem(str(folder), reason))
    return Split(_ids(contexts, folder, problems), contexts.labels, records)


def _contexts(records: Records, classes: int, problems: list[Problem], labelled: bool) -> _Contexts:
    """Labels (zeros unless `labelled`) and id of every record. Raises DataError naming the record."""
    n = len(records)
    found = _Contexts(np.zeros((n, classes), np.float32), np.zeros(n, np.int64), np.zeros(n, bool), np.ones(n, bool))
    waiting = np.ones(n, bool)
    for batch in records.alike():
        if labelled:  # the other way names the record of a wrong label
            usual = (batch.indices >= 0) & (batch.indices < classes) & np.isfinite(batch.scores)
            batch = batch.take(np.asarray(usual.all(axis=1)))
            found.labels[batch.rows[:, None], batch.indices] = batch.scores
        waiting[batch.rows] = False
        if batch.ids is not None:
            found.ids[batch.rows], found.known[batch.rows] = batch.ids, True
    for index in np.flatnonzero(waiting).tolist():
        try:
            context = records.context(index)
            if labelled:
                _set_labels(found.labels[index], context)
        except Unreadable as error:
            problems.append(Problem(records.where(index), str(error)))
            found.good[index] = False
        except DataError as error:
            raise DataError(f"{records.where(index)}: {error}") from None
        else:
            if context.id is not None:
                found.ids[index], found.known[index] = context.id, True
    return found


def _ids(contexts: _Contexts, folder: Path, problems: list[Problem]) -> list[str]:
    """Row ids from the `id` fields when every record has its own, else row numbers."""
    ids = contexts.ids[contexts.known].tolist()
    different = len(set(ids))
    if len(ids) == len(contexts.ids) == different:
        return [str(id_) for id_ in ids]
    if ids:
        reason = f"expected one id per record, found {different} different ids in {len(contexts.ids)} records"
        problems.append(Problem(str(folder), f"{reason}; row numbers are used"))
    return [str(row) for row in range(len(contexts.ids))]


def _class_names(folder: Path, name: str, metadata: Metadata, problems: list[Problem]) -> tuple[str, ...]:
    """Names by column: from the label map, else a file of names, else the column numbers."""
    names = [str(column) for column in range(metadata.output_dim)]
    if metadata.label_to_index_map:
        for label, column in metadata.label_to_index_map.items():
            names[column] = label
        return tuple(names)
    for file in (folder.with_name(f"{name}_label.name"), folder.with_name("label.name"), folder / "label.name"):
        if not file.is_file():
            continue
        try:
            lines = file.read_text(encoding="utf-8-sig", errors="backslashreplace").split("\n")
        except OSError as error:
            problems.append(Problem(str(file), f"cannot be read ({error.strerror})"))
            continue
        # Names are kept byte for byte, blanks included: only the line ends go.
        lines = [line.removesuffix("\r") for line in (lines[:-1] if not lines[-1] else lines)]
        if len(lines) == metadata.output_dim:
            return tuple(lines)
        reason = f"expected {metadata.output_dim} class names, found {len(lines)}; not used"
        problems.append(Problem(str(file), reason))
    return tuple(names)


def _truth(file: Path, rows: int, classes: int) -> Callable[[], NDArray[np.float32] | None]:
    """A function that reads the solution when it is called. It raises DataError for another shape."""

    def read() -> NDArray[np.float32] | None:
        if not file.is_file():
            return None
        truth = read_prediction(file)
        if truth.shape != (rows, classes):
            raise DataError(
                f"{file}: expected {rows} test rows x {classes} classes, found {truth.shape[0]} x {truth.shape[1]}"
            )
        return truth.astype(np.float32)

    return read
