"""Data sets and predictions on disk. Knows nothing of learning.

`open_dataset` reads, `write_dataset` writes; names load on first use, so that `import data_format` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_format.autodl.writer import write_dataset
    from data_format.dataset import Dataset, Problem, Source, Split
    from data_format.errors import DataError, Unreadable
    from data_format.open import open_dataset
    from data_format.predictions import read_prediction, write_prediction

__all__ = [
    "DataError",
    "Dataset",
    "Problem",
    "Source",
    "Split",
    "Unreadable",
    "open_dataset",
    "read_prediction",
    "write_dataset",
    "write_prediction",
]

_HOMES = {
    "DataError": "errors",
    "Dataset": "dataset",
    "Problem": "dataset",
    "Source": "dataset",
    "Split": "dataset",
    "Unreadable": "errors",
    "open_dataset": "open",
    "read_prediction": "predictions",
    "write_dataset": "autodl.writer",
    "write_prediction": "predictions",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'data_format' has no attribute {name!r}")
    value = getattr(import_module(f"data_format.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
