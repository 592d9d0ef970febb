"""A data set as the challenge's programs want it: a folder with one `*.data`, and its truth in another folder.

Links, not copies: the submission finds no solution beside the data, and several data sets may share a folder. The
links lie in a folder for temporary files, so that no name on the way to `train` can mislead submissions that replace
"train" by "test" in the path.
"""

from dataclasses import dataclass
from pathlib import Path

from autodl_agent.challenge.api.task_folder import is_raw
from data_format.autodl.reader import is_autodl
from data_format.autodl.writer import write_dataset
from data_format.errors import DataError
from data_format.open import open_dataset
from data_format.raw.options import AS_FOUND, ReadOptions


@dataclass(frozen=True, slots=True)
class Prepared:
    """name: of the task. input_dir holds NAME.data alone, solution_dir NAME.solution alone."""

    name: str
    input_dir: Path
    solution_dir: Path


def prepare(path: Path, scratch: Path, converted: Path, reading: ReadOptions = AS_FOUND) -> Prepared:
    """Prepare any data set that can be opened. scratch: a folder of its own for links; converted: where a data set
    in another format than the challenge's is written in AutoDL format. reading: what decides about raw data.

    Raises DataError where it cannot be opened as `reading` says, or has no truth to score with.
    """
    found = _challenge_folder(path)
    if found and reading != AS_FOUND:
        raise DataError(f"{path}: expected raw data for reading options, found a format of the challenge ({reading})")
    folder, solution = found or _converted(path, converted, reading)
    if not solution.is_file():
        raise DataError(f"{path}: expected the truth of the test rows in {solution}, found none: nothing to score with")
    name = folder.name.removesuffix(".data")
    prepared = Prepared(name, scratch / "input", scratch / "solution")
    for link, target in (
        (prepared.input_dir / f"{name}.data", folder),
        (prepared.solution_dir / f"{name}.solution", solution),
    ):
        link.parent.mkdir(parents=True)
        link.symlink_to(target.resolve())
    return prepared


def _challenge_folder(path: Path) -> tuple[Path, Path] | None:
    """NAME.data and NAME.solution of a data set in one of the challenge's formats, None for any other."""
    if path.is_dir() and is_autodl(path):
        folder = open_dataset(path).path
    elif is_raw(path):
        folder = path
    else:
        inside = sorted(path.glob("*.data")) if path.is_dir() else []
        if len(inside) != 1 or not is_raw(inside[0]):
            return None
        folder = inside[0]
    folder = folder.absolute()
    return folder, folder.with_name(f"{folder.name.removesuffix('.data')}.solution")


def _converted(path: Path, into: Path, reading: ReadOptions) -> tuple[Path, Path]:
    dataset = open_dataset(path, reading)
    if dataset.truth() is None:
        raise DataError(f"{path}: expected the truth of the test rows, found none: nothing to score with")
    folder = write_dataset(dataset, into)
    return folder / f"{folder.name}.data", folder / f"{folder.name}.solution"
