"""The door: one function that opens a data set whatever its layout."""

from pathlib import Path
from typing import Any

from data_format.autodl import is_autodl, read_autodl
from data_format.dataset import Dataset
from data_format.errors import DataError


def open_dataset(path: str | Path, **options: Any) -> Dataset:
    """Open an AutoDL folder (`name.data`, or its parent) or a raw one.

    options: handed to `data_format.raw.open_raw`; an AutoDL folder takes none. Raises DataError with one clear line
    when there is no such folder, when it is empty, or when its content cannot be used.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise DataError(f"{path}: expected a data set, found nothing there")
        if not path.is_dir():
            raise DataError(f"{path}: expected the folder of a data set, found a file")
        if next(path.iterdir(), None) is None:
            raise DataError(f"{path}: expected a data set, found an empty folder")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if is_autodl(path):
        if options:
            raise DataError(f"{path}: an AutoDL folder takes no options, found {', '.join(sorted(options))}")
        return read_autodl(path)
    # Readers of raw files bring decoders along; an AutoDL folder does not need them.
    from data_format.raw import open_raw

    return open_raw(path, **options)
