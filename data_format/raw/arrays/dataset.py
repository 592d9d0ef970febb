"""Arrays, data frames and lists handed over by a program, as a `Dataset`: the entry point of the Python API.

What x is:

data frame, 2-D array, rows of equal length, SciPy sparse matrix   -> a table (texts where free text outweighs the rest)
texts (1-D array, list or column of str)                           -> texts, or files when they name existing ones
list of paths (`pathlib.Path`)                                     -> files; their content says of which kind
(n, rows, columns[, channels]) array, list of such arrays          -> images
(n, time, rows, columns, channels) array                           -> videos
list of 1-D arrays of different or great (1,000) length            -> sounds

`domain` overrides what is ambiguous. pandas and SciPy are never imported: data frames are known by their methods.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from data_format.dataset import Dataset, DomainName, Problem, Source, Split
from data_format.errors import DataError
from data_format.examples import Text
from data_format.memory_source import MemorySource
from data_format.raw.arrays.labels import is_missing_value, read_labels
from data_format.raw.arrays.sources import ArraySource, PickedSource
from data_format.raw.arrays.tables import ColumnTable, kinds_of, make_tables, read_frame, sample_of, sparse_table
from data_format.raw.files.media import Collection, FileSource
from data_format.raw.labels import names_text
from data_format.raw.tables.column_types import Kind, texts_of
from data_format.raw.tables.csv_file import counted
from data_format.raw.tables.text_detection import text_columns
from data_format.raw.walk import printable

_LONG = 1000  # values from which equally long 1-D arrays are sounds rather than rows of a table
_LOOKED_AT = 32
Shape = tuple[int, int, int, int]
Sides = tuple[tuple[DomainName, str], Shape, Source, Source]


def dataset_from_arrays(
    x: Any,
    y: Any | None,
    x_test: Any | None = None,
    *,
    name: str = "arrays",
    domain: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Dataset:
    """Data in memory as a data set; see the module for what x and x_test may be, `read_labels` for y.

    y None: no labels (all zero, one column a name of class_names). x_test None: a test split without rows.
    Rows whose label is missing are left out of training and counted in the problems. Ids are row numbers, or the
    paths of files. Arrays are neither copied nor changed. Raises DataError where x, y, x_test or domain do not fit.
    """
    if domain is not None and domain not in get_args(DomainName):
        raise DataError(f"domain: expected one of {', '.join(get_args(DomainName))}, found {domain!r}")
    problems: list[Problem] = []
    n = _length(x)
    if not n:
        raise DataError("x: expected examples, found 0")
    if y is None:
        classes = tuple(class_names or ())
        labels, kept = np.zeros((n, len(classes)), np.float32), np.arange(n)
    else:
        labels, classes, kept = read_labels(y, n, class_names)
    found, shape, train, test = _sides(x, x_test, cast("DomainName | None", domain), problems)
    files = isinstance(train, FileSource)
    if len(kept) < n:
        problems.append(Problem("y", f"{counted(n - len(kept), 'training row')} without a label, not used"))
        train = PickedSource(train, kept)
    ids, test_ids = _ids(x, files), _ids(x_test, files) if x_test is not None else []
    return Dataset(
        name=name,
        path=Path(name),
        class_names=classes,
        shape=shape,
        train=Split([ids[i] for i in kept], labels[kept], train),
        test=Split(test_ids, np.zeros((len(test), len(classes)), np.float32), test),
        domain=found,
        problems=problems,
    )


def _length(x: Any) -> int:
    if x is None or isinstance(x, str | bytes | dict) or not (hasattr(x, "shape") or hasattr(x, "__len__")):
        raise DataError(f"x: expected an array, a data frame or a list of examples, found {type(x).__name__}")
    shape = getattr(x, "shape", None)
    if shape == ():
        raise DataError("x: expected an array of examples, found a single value")
    return int(shape[0]) if shape is not None else len(x)


def _sides(x: Any, x_test: Any | None, domain: DomainName | None, problems: list[Problem]) -> Sides:
    """What the data are and why, the shape, and both sources."""
    if hasattr(x, "tocsr"):
        if x_test is not None and x_test.shape[1] != x.shape[1]:
            raise DataError(f"x_test: expected {x.shape[1]} columns, found {x_test.shape[1]}")
        train, test = sparse_table(x), sparse_table(x[:0] if x_test is None else x_test)
        reason = f"a sparse matrix of {counted(x.shape[1], 'column')}"
        return ("tabular", reason), (1, 1, x.shape[1], 1), MemorySource(table=train), MemorySource(table=test)
    items = _items(x)
    if items is not None and (paths := _as_paths(items, domain)) is not None:
        return _file_sides(paths, _test_paths(x_test), domain)
    if items is not None and all(isinstance(item, str) or is_missing_value(item) for item in items):
        reason = f"{counted(len(items), 'text')} handed over"
        return ("text", reason), (-1, 1, 1, 1), _texts(items), _texts(_test_items(x_test))
    kind = _array_kind(x, items, domain)
    if kind is None:
        return _row_sides(x, x_test, domain, problems)
    source = ArraySource(x if items is None else items, kind)
    empty: Sequence[Any] = []
    given = empty if x_test is None else x_test if isinstance(x_test, np.ndarray) else list(x_test)
    return (kind, _array_reason(x, kind)), _array_shape(x, kind), source, ArraySource(given, kind)


def _items(x: Any) -> list[Any] | None:
    """The elements of a list, or of a 1-D array or column; None for what has two dimensions."""
    if hasattr(x, "columns"):
        return None
    if hasattr(x, "to_numpy"):
        x = x.to_numpy()
    if isinstance(x, np.ndarray):
        if x.ndim == 1 and x.dtype.kind not in "OUS":
            raise DataError(f"x: expected a 2-D array (reshape(-1, 1) makes one column), found the shape {x.shape}")
        return x.tolist() if x.ndim == 1 else None
    return list(x)


def _test_items(x_test: Any | None) -> list[Any]:
    items = [] if x_test is None else _items(x_test)
    if items is None or not all(isinstance(item, str) or is_missing_value(item) for item in items):
        raise DataError(f"x_test: expected texts as in x, found {type(x_test).__name__}")
    return items


def _texts(items: Sequence[Any]) -> Source:
    return MemorySource([Text("" if is_missing_value(item) else item) for item in items])


def _as_paths(items: Sequence[Any], domain: DomainName | None) -> list[Path] | None:
    """The items as paths: `Path` objects always, texts when all of a few evenly spaced ones name a file."""
    if items and all(isinstance(item, Path) for item in items):
        return list(items)
    if not items or domain in ("text", "tabular") or not all(isinstance(item, str) for item in items):
        return None
    sample = items[:: max(1, len(items) // _LOOKED_AT)][:_LOOKED_AT]
    # Half of them must be there: a missing file among paths is an unreadable example, not a text.
    there = sum(_is_file(item) for item in sample)
    return [Path(item) for item in items] if there * 2 >= len(sample) else None


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # longer than a path may be, or with a NUL
        return False


def _test_paths(x_test: Any | None) -> list[Path]:
    items = [] if x_test is None else _items(x_test)
    if items is None or not all(isinstance(item, str | Path) for item in items):
        raise DataError(f"x_test: expected paths of files as in x, found {type(x_test).__name__}")
    return [Path(item) for item in items]


def _file_sides(train: list[Path], test: list[Path], domain: DomainName | None) -> Sides:
    # An absolute path joined to a root stays what it is, so the working folder serves as root of all.
    root = Path.cwd()
    files = [str(path) for path in train]
    collection = Collection(root, files)
    if domain is not None and domain != collection.domain:
        raise DataError(f"domain: expected {collection.domain!r} ({collection.reason}), found {domain!r}")
    missing = frozenset(str(path) for path in (*train, *test) if not path.is_file())
    sources = collection.source(files, missing), collection.source([str(path) for path in test], missing)
    return (collection.domain, collection.reason), collection.shape(files), *sources


def _array_kind(x: Any, items: Sequence[Any] | None, domain: DomainName | None) -> DomainName | None:
    """Image, video or sound, or None for rows of a table."""
    if items is None:
        dimensions = x.ndim if isinstance(x, np.ndarray) else 2
        lengths = {1, 2}
    else:
        shapes = [np.shape(item) for item in items[:: max(1, len(items) // _LOOKED_AT)]]
        dimensions = max(map(len, shapes), default=0) + 1
        lengths = {shape[0] for shape in shapes if shape}
    if domain in ("image", "video", "speech"):
        return domain
    if domain is not None or dimensions < 2:
        return None
    if dimensions == 2:
        if items is None or not isinstance(items[0], np.ndarray) or items[0].dtype.kind not in "biuf":
            return None
        return "speech" if len(lengths) > 1 or min(lengths) >= _LONG else None
    return "image" if dimensions <= 4 else "video"


def _array_reason(x: Any, kind: DomainName) -> str:
    what = f"an array of the shape {x.shape}" if isinstance(x, np.ndarray) else f"{len(x)} arrays"
    return f"{what} is taken as {kind}" if isinstance(x, np.ndarray) else f"{what} are taken as {kind}"


def _array_shape(x: Any, kind: DomainName) -> Shape:
    """(time, rows, columns, channels) as far as one array, or the first of a list, shows it."""
    if kind == "speech":
        return (-1, 1, 1, 1)
    still = kind == "image"
    first = np.shape(x[0])
    channels = first[-1] if len(first) == (3 if still else 4) else 1
    if not isinstance(x, np.ndarray):
        return (1 if still else -1, -1, -1, channels)
    rows, columns = first[:2] if still else first[1:3]
    return (1 if still else first[0], rows, columns, channels)


def _row_sides(x: Any, x_test: Any | None, domain: DomainName | None, problems: list[Problem]) -> Sides:
    """Rows of a table, or the texts in some of their columns."""
    train, test = _read_frames(x, x_test)
    kinds = kinds_of(train)
    texts, reason = _text_columns(train, kinds, domain)
    if not texts:
        tables = make_tables(train, kinds, test, problems)
        sources = MemorySource(table=tables[0]), MemorySource(table=tables[1])
        return ("tabular", reason), (1, 1, len(train.names), 1), *sources
    if unused := [name for name in train.names if name not in texts]:
        problems.append(Problem("x", f"columns beside the text, not used: {names_text(unused)}"))
    return ("text", reason), (-1, 1, 1, 1), _joined_texts(train, texts), _joined_texts(test, texts)


def _read_frames(x: Any, x_test: Any | None) -> tuple[ColumnTable, ColumnTable | None]:
    train = read_frame(x)
    test = None if x_test is None else read_frame(x_test)
    if not train.names:
        raise DataError(f"x: expected at least one column, found {train.rows} rows of 0 columns")
    # Columns of a data frame are found by name, in any number.
    if test is not None and not hasattr(x, "columns") and len(test.names) != len(train.names):
        raise DataError(f"x_test: expected {len(train.names)} columns, found {len(test.names)}")
    return train, test


def _text_columns(train: ColumnTable, kinds: Sequence[Kind], domain: DomainName | None) -> tuple[tuple[str, ...], str]:
    """The columns that hold the texts, none for a table, and the reason; a domain that was asked for decides."""
    texts, reason = text_columns(train.names, kinds, sample_of(train))
    if domain == "tabular":
        return (), "asked for as a table"
    if domain != "text":
        return texts, reason
    of_words = tuple(name for name, kind in zip(train.names, kinds, strict=True) if kind == "word")
    return texts or of_words or train.names, "asked for as text"


def _joined_texts(frame: ColumnTable | None, columns: tuple[str, ...]) -> Source:
    """The texts of some columns joined, one a row; no rows without a frame."""
    if frame is None:
        return MemorySource(columns=columns)
    there = dict(zip(frame.names, map(texts_of, frame.columns), strict=True))
    picked = [there[column] for column in columns if column in there]
    if not picked:
        raise DataError(f"x_test: expected the columns {names_text(columns)}, found {names_text(frame.names)}")
    return MemorySource([Text("\n".join(row)) for row in zip(*picked, strict=True)], columns=columns)


def _ids(x: Any, files: bool) -> list[str]:
    """Row numbers, or the paths where the rows are files."""
    return [printable(str(item)) for item in _items(x) or []] if files else [str(i) for i in range(_length(x))]
