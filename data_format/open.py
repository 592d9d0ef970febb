"""The door: one function that opens a data set whatever its layout."""

from pathlib import Path

from data_format.autodl import is_autodl, read_autodl
from data_format.dataset import Dataset
from data_format.errors import DataError


def open_dataset(path: str | Path) -> Dataset:
    """Open an AutoDL folder (`name.data`, or its parent), a folder of raw data, or one delimited file.

    Raises DataError with one clear line when there is nothing at `path`, when the folder is empty, or when its
    content cannot be used.
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
        return read_autodl(path)
    # Readers of raw files bring decoders along; an AutoDL folder does not need them.
    from data_format.raw import open_raw

    return open_raw(path)
