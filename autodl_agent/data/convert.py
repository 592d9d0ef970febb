"""`autodl convert`: any data set in AutoDL format, written with progress, whole or not at all.

The folder OUT appears when everything is written. What a killed conversion left behind is one hidden folder beside it,
which the next one removes; so a conversion can be started again as it was. Media stream one by one, memory stays flat.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from autodl_agent.data.inspection.task_warnings import problem_summary
from autodl_agent.system.errors import UsageError
from data_format import open_dataset
from data_format.autodl.metadata import read_metadata
from data_format.autodl.writer import write_dataset
from data_format.dataset import Dataset, Problem, Source, Split
from data_format.errors import DataError
from data_format.examples import Encoded, Example, MediaFile, Table
from data_format.raw.options import ReadOptions

Tick = Callable[[], None]


@dataclass(frozen=True)
class Converted:
    """What was written: the folder, the numbers of records, and what was skipped or repaired."""

    folder: Path
    n_train: int
    n_test: int
    problems: list[Problem]


class _Counted(Source):
    """A source that tells of every example it gives, and gives no picture that cannot be decoded.

    Pictures go into records as they are, and the challenge's reader stops at a broken one.
    """

    def __init__(self, source: Source, tick: Tick | None, pictures: bool) -> None:
        self._source, self._tick, self._pictures = source, tick, pictures

    def __len__(self) -> int:
        return len(self._source)

    def example(self, index: int) -> Example:
        """Example `index`; raises what the source raises, and Unreadable for a picture that is broken."""
        if self._tick is not None:
            self._tick()
        example = self._source.example(index)
        if self._pictures and isinstance(example, MediaFile | Encoded):
            from data_format.media.images import image_at

            image_at(example, 8, 8, 3)
        return example

    def table(self) -> Table:
        """All rows; raises what the source raises."""
        return self._source.table()


def convert(
    path: Path, out: Path, options: ReadOptions, name: str | None = None, tick: Tick | None = None
) -> Converted:
    """Write the data set at `path` as OUT/NAME.data with OUT/NAME.solution where the truth is known.

    tick: called once an example. Raises DataError where the data cannot be used or no training example
    can be read, UsageError when OUT is not empty.
    """
    _check_free(out)
    dataset = open_dataset(path, options)
    name = name or dataset.name
    with _hidden(out) as folder:
        written = write_dataset(_watched(dataset, tick), folder, name)
        train = read_metadata(written / f"{name}.data" / "train").sample_count
        if not train:
            reason = problem_summary(dataset.problems) or "no training rows"
            raise DataError(f"{path}: expected training examples that can be read, found none ({reason})")
        return replace(_appear(written, out, dataset), n_train=train)


def convert_unlabelled(
    path: Path, out: Path, options: ReadOptions, output_dim: int | None = None, tick: Tick | None = None
) -> Converted:
    """Write data without labels as OUT/unlabelled/{metadata.textproto, sample-unlabelled.tfrecord}, in the order given.

    Raises as `convert` does, and DataError when the number of classes is not known.
    """
    from data_format.raw.unlabelled import open_unlabelled

    _check_free(out)
    dataset = open_unlabelled(path, options, output_dim)
    with _hidden(out) as folder:
        written = write_dataset(_watched(dataset, tick), folder, "unlabelled")
        subset = folder / "result" / "unlabelled"
        subset.parent.mkdir()
        (written / "unlabelled.data" / "test").rename(subset)
        (subset / "sample-unlabelled-test.tfrecord").rename(subset / "sample-unlabelled.tfrecord")
        # The codes of word columns must be known to whoever reads the numbers.
        for extra in written.glob("*_categories.json"):
            extra.rename(subset.parent / extra.name)
        result = _appear(subset.parent, out, dataset)
        return replace(result, n_train=0)


def _watched(dataset: Dataset, tick: Tick | None) -> Dataset:
    pictures = dataset.domain is not None and dataset.domain[0] == "image"

    def counted(split: Split) -> Split:
        return replace(split, source=_Counted(split.source, tick, pictures))

    return replace(dataset, train=counted(dataset.train), test=counted(dataset.test))


def _check_free(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: expected a folder that is new or empty, found one with content")


@contextmanager
def _hidden(out: Path) -> Iterator[Path]:
    """A folder beside `out` on the same file system; removed at the end, and first if an earlier run left it."""
    folder = out.absolute().parent / f".{out.absolute().name}.converting"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _appear(written: Path, out: Path, dataset: Dataset) -> Converted:
    if out.is_dir():
        out.rmdir()  # empty, as was checked; a rename needs its place
    written.rename(out)
    return Converted(out, len(dataset.train), len(dataset.test), dataset.problems)
