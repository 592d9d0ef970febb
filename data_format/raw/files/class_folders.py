"""Class folders: `train/<class>/*` with `test/<class>/*` (or an unlabelled `test/*`), or one tree that we split.

A class is a folder with at least one data file anywhere below it, named exactly like the folder. Files are rows in
the order of their sorted paths, on both sides.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, Problem, Split
from data_format.errors import DataError
from data_format.raw.file_names import is_about
from data_format.raw.files.media import Collection, sniff, split_files
from data_format.raw.labels import LabelRule, Truth, encode, names_text, order_classes
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.tables.csv_file import counted
from data_format.raw.walk import is_litter, list_files, printable, subfolders

_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")
_STRAYS = 10  # times as many files lie in class folders as beside them, where those beside them are strays
_RULE = LabelRule("single", ("folder",))


def open_class_folders(root: Path, name: str, options: ReadOptions = AS_FOUND) -> Dataset:
    """Open class folders; root: as `inner_folder` gives it. Raises DataError without a class of a readable kind."""
    problems: list[Problem] = []
    folders = {folder.lower(): folder for folder in subfolders(root)}
    train_folder = next((folders[known] for known in _TRAIN if known in folders), None)
    files = list_files(root, problems)
    if train_folder is None:
        return _one_tree(root, name, "", files, problems, options)
    test_folder = next((folders[known] for known in _TEST if known in folders), None)
    used = (train_folder, test_folder)
    if other := sorted(folder for folder in folders.values() if folder not in used):
        problems.append(Problem(printable(other[0]), f"folders beside train and test, not used: {names_text(other)}"))
    prefix = _past_packaging(root, f"{train_folder}/")
    train_files = [file for file in files if file.startswith(prefix)]
    if test_folder is None:
        return _one_tree(root, name, prefix, train_files, problems, options)
    test_prefix = _past_packaging(root, f"{test_folder}/", subfolders(root / prefix))
    test_files = [file for file in files if file.startswith(test_prefix)]
    return _two_trees(root, name, (prefix, test_prefix), (train_files, test_files), problems, options)


def _past_packaging(root: Path, prefix: str, classes: Sequence[str] = ()) -> str:
    """`train/train/` for `train/` where that holds only one folder of folders, which is not called like a class."""
    while (name := _packaging(root / prefix)) is not None and name not in classes:
        prefix = f"{prefix}{name}/"
    return prefix


def inner_folder(root: Path) -> Path:
    """The folder within wrapping folders that hold only one folder of folders, as unpacked archives have them."""
    while (name := _packaging(root)) is not None:
        # `train/` alone is a part of a data set, unless its classes are packed once more.
        if name.lower() in _TRAIN and _packaging(root / name) is None:
            break
        root = root / name
    return root


def _packaging(root: Path) -> str | None:
    """The only folder in `root`, when it holds folders: one class is no classification, so it is packaging."""
    folders = subfolders(root)
    if len(folders) != 1:
        return None
    below = root / folders[0]
    if not (classes := subfolders(below)) or below.resolve() in (root.resolve(), *root.resolve().parents):
        return None
    loose = [folder / name for folder in (root, below) for name in _loose_files(folder)]
    return folders[0] if not loose or _are_strays(loose, below, len(classes)) else None


def _loose_files(folder: Path) -> list[str]:
    """Files directly in a folder that may be data: neither litter nor about the data."""
    return [
        entry.name
        for entry in folder.iterdir()
        if not is_litter(entry.name) and not is_about(entry.name) and not entry.is_dir()
    ]


def _are_strays(loose: Sequence[Path], below: Path, classes: int) -> bool:
    """Whether files beside folders are not data, or so few that they must be there by accident."""
    inside = [file for file in list_files(below, []) if "/" in file]
    try:
        collection = Collection(below, inside) if inside else None
    except DataError:
        return False
    if collection is None:
        return False
    data = sum(sniff(file) == collection.kind for file in loose)
    return not data or (classes > 1 and data * _STRAYS <= len(inside))


def _one_tree(
    root: Path, name: str, prefix: str, files: Sequence[str], problems: list[Problem], options: ReadOptions
) -> Dataset:
    chosen, collection = _labelled(root, prefix, files, problems, options)
    names = [_class_of(file, prefix) for file in chosen]
    classes = order_classes(names)
    labels, _ = encode(_RULE, classes, [names])
    return split_files(root, name, chosen, _printable_names(classes), labels, collection, problems, options.test_share)


def _two_trees(
    root: Path,
    name: str,
    prefixes: tuple[str, str],
    files: tuple[Sequence[str], Sequence[str]],
    problems: list[Problem],
    options: ReadOptions,
) -> Dataset:
    chosen, collection = _labelled(root, prefixes[0], files[0], problems, options)
    names = [_class_of(file, prefixes[0]) for file in chosen]
    classes = order_classes(names)
    labels, _ = encode(_RULE, classes, [names])
    tests = collection.keep(files[1], problems)
    if not tests:
        raise DataError(
            f"{root / prefixes[1]}: expected test files, found {len(files[1])} files and no {collection.kind}"
        )
    return Dataset(
        name=name,
        path=root,
        class_names=_printable_names(classes),
        shape=collection.shape(chosen),
        train=Split([printable(file) for file in chosen], labels, collection.source(chosen)),
        test=Split(
            [printable(file) for file in tests],
            np.zeros((len(tests), len(classes)), np.float32),
            collection.source(tests),
        ),
        domain=(collection.domain, collection.reason),
        truth=_truth(tests, prefixes[1], classes, problems) or (lambda: None),
        problems=problems,
    )


def _labelled(
    root: Path, prefix: str, files: Sequence[str], problems: list[Problem], options: ReadOptions
) -> tuple[list[str], Collection]:
    """The data files in class folders. Raises DataError when there is none."""
    # A file beside the class folders has no label.
    inside = [file for file in files if "/" in file[len(prefix) :]]
    if loose := len(files) - len(inside):
        problems.append(
            Problem(printable(prefix or root.name), f"{counted(loose, 'file')} outside the class folders, not used")
        )
    if not inside:
        raise DataError(
            f"{root / prefix}: expected class folders with files, labels_train.csv or train.csv, "
            f"found {len(files)} files and no folder with a file"
        )
    collection = Collection(root, inside, options)
    chosen = collection.keep(inside, problems)
    with_data = {_class_of(file, prefix) for file in chosen}
    for folder in subfolders(root / prefix):
        if folder not in with_data and (prefix or folder not in (*_TRAIN, *_TEST)):
            problems.append(Problem(printable(prefix + folder), "folder without data files, not a class"))
    return chosen, collection


def _truth(tests: Sequence[str], prefix: str, classes: tuple[str, ...], problems: list[Problem]) -> Truth | None:
    """The test folders' names as truth; None where no test folder has the name of a class."""
    names = [_class_of(file, prefix) for file in tests]
    # `test/images/*` is not a class.
    if not set(names) & set(classes):
        return None

    def read() -> tuple[NDArray[np.float32], Counter[str]]:
        return encode(_RULE, classes, [names])

    return Truth(read, prefix, problems)


def _class_of(file: str, prefix: str) -> str:
    """The first folder below `prefix`, "" for a file that lies there directly."""
    folder, slash, _ = file[len(prefix) :].partition("/")
    return folder if slash else ""


def _printable_names(classes: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(printable, classes))
