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
from data_format.raw.csvfile import counted
from data_format.raw.labels import LabelRule, Truth, encode, names_text, order_classes
from data_format.raw.media import Collection, split_files
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.walk import list_files, printable, subfolders

_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")
_RULE = LabelRule("single", ("folder",))


def open_class_folders(root: Path, name: str, options: ReadOptions = AS_FOUND) -> Dataset:
    """Open class folders. Raises DataError where there is no class with a readable kind of file."""
    problems: list[Problem] = []
    root = _inner(root)
    folders = {folder.lower(): folder for folder in subfolders(root)}
    train_folder = next((folders[known] for known in _TRAIN if known in folders), None)
    files = list_files(root, problems)
    if train_folder is None:
        return _one_tree(root, name, "", files, problems, options)
    test_folder = next((folders[known] for known in _TEST if known in folders), None)
    used = (train_folder, test_folder)
    if other := sorted(folder for folder in folders.values() if folder not in used):
        problems.append(Problem(printable(other[0]), f"folders beside train and test, not used: {names_text(other)}"))
    train_files = [file for file in files if file.startswith(f"{train_folder}/")]
    if test_folder is None:
        return _one_tree(root, name, f"{train_folder}/", train_files, problems, options)
    test_files = [file for file in files if file.startswith(f"{test_folder}/")]
    prefixes = f"{train_folder}/", f"{test_folder}/"
    return _two_trees(root, name, prefixes, (train_files, test_files), problems, options)


def _inner(root: Path) -> Path:
    """Past folders that hold nothing but one folder of folders, as unpacked archives have them."""
    # A set of one class says nothing, so a lone folder of folders is packaging.
    while len(inside := subfolders(root)) == 1:
        below = root / inside[0]
        entries = [entry for entry in below.iterdir() if not entry.name.startswith(".")]
        if not entries or not all(entry.is_dir() for entry in entries) or below.resolve() in root.resolve().parents:
            break
        if any(not entry.is_dir() for entry in root.iterdir()) or inside[0].lower() in _TRAIN:
            break
        root = below
    return root


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
    """The files that stand in a class folder and are data. Raises DataError when there is none."""
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
    """The test folders' names as truth; None where no test folder bears the name of a class."""
    names = [_class_of(file, prefix) for file in tests]
    # `test/images/*` is no class of anybody.
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
