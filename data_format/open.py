"""The entry point: one function that opens a data set whatever its layout."""

from dataclasses import replace
from pathlib import Path

from data_format.autodl.reader import is_autodl, read_autodl
from data_format.dataset import Dataset
from data_format.errors import DataError
from data_format.raw.options import AS_FOUND, ReadOptions


def open_dataset(path: str | Path, options: ReadOptions = AS_FOUND) -> Dataset:
    """Open an AutoDL folder (`name.data`, or its parent), a folder of raw data, one table file, or an archive.

    Raises DataError with one clear line when there is nothing at `path`, when the folder is empty, or when its
    content cannot be used as the options say.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise DataError(f"{path}: expected a data set, found nothing there")
        if path.is_dir() and next(path.iterdir(), None) is None:
            raise DataError(f"{path}: expected a data set, found an empty folder")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if path.is_dir() and is_autodl(path):
        return _as_asked(read_autodl(path), options)
    # Readers of raw files import decoders, which an AutoDL folder does not need.
    from data_format.raw import open_raw

    return open_raw(path, options)


def _as_asked(dataset: Dataset, options: ReadOptions) -> Dataset:
    """The records describe themselves; only their domain can be overridden. Raises DataError for any other option."""
    other = replace(options, domain=None)
    if other != AS_FOUND:
        raise DataError(f"{dataset.path}: expected raw data for reading options, found AutoDL records ({other})")
    return dataset if options.domain is None else replace(dataset, domain=(options.domain, "asked for"))
