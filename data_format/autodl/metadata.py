"""`metadata.textproto` <-> Metadata: the description of one subset of an AutoDL data set.

The file is the text form of the message `autodl.DataSpecification` (`data_specification.proto`). Fields this program
does not know are skipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from data_format.autodl.schema import message_class
from data_format.autodl.textproto import parse_message, quote, text_of
from data_format.errors import DataError

FILE_NAME = "metadata.textproto"
Format = Literal["DENSE", "SPARSE", "COMPRESSED"]
_FORMATS: tuple[Format, ...] = ("DENSE", "SPARSE", "COMPRESSED")
_SPEC_FLAGS = ("is_sequence_col", "is_sequence_row", "has_locality_col", "has_locality_row")
_MAPS = ("label_to_index_map", "feature_to_index_map", "channel_to_index_map")
_MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class MatrixSpec:
    """One matrix of an example. row_count, col_count: height and width, <= 0 where they vary or are not known.

    num_channels: as written, -1 when absent; `channels` resolves it.
    """

    col_count: int = 0
    row_count: int = 0
    is_sequence_col: bool = False
    is_sequence_row: bool = False
    has_locality_col: bool = False
    has_locality_row: bool = False
    is_sparse: bool = False
    format: Format = "DENSE"
    num_channels: int = -1

    @property
    def channels(self) -> int:
        """Channels of every cell: as written, else 3 for encoded images and 1 for everything else."""
        if self.num_channels > 0:
            return self.num_channels
        return 3 if self.format == "COMPRESSED" else 1


@dataclass(frozen=True)
class Metadata:
    """What one subset (train or test) holds.

    sequence_size: time steps of every example, <= 0 where it varies. output_dim: number of classes.
    The maps give an index for a class name, a column name and a token; a token map marks a data set as text.
    """

    sample_count: int
    output_dim: int
    matrix_specs: tuple[MatrixSpec, ...]
    sequence_size: int = 1
    is_sequence: bool = False
    label_to_index_map: Mapping[str, int] = field(default_factory=dict)
    feature_to_index_map: Mapping[str, int] = field(default_factory=dict)
    channel_to_index_map: Mapping[str, int] = field(default_factory=dict)

    def channels(self, i: int = 0) -> int:
        """Channel count of matrix `i`, resolved."""
        return self.matrix_specs[i].channels

    @property
    def format(self) -> Format:
        """Encoding of the records (that of the first matrix; every real data set has exactly one)."""
        return self.matrix_specs[0].format

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, rows, columns, channels) of an example, -1 where it varies."""
        spec = self.matrix_specs[0]
        known = (size if size > 0 else -1 for size in (self.sequence_size, spec.row_count, spec.col_count))
        time, rows, columns = known
        return time, rows, columns, spec.channels


def read_metadata(path: Path) -> Metadata:
    """Read `metadata.textproto`, given itself or the folder that holds it. Raises DataError naming file and line."""
    file = path / FILE_NAME if path.is_dir() else path
    try:
        found = file.stat()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from None
    return _read(file, found.st_size, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=4)  # programs of the challenge, its adapter and the reader all ask for the same two files
def _read(file: Path, size: int, changed_ns: int, inode: int) -> Metadata:
    """The description in a file of this size, time of change and inode."""
    if size > _MAX_BYTES:
        raise DataError(f"{file}: expected a description of at most {_MAX_BYTES} bytes, found {size}")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from None
    # Bytes that are not UTF-8 become \xNN, which inside a quoted string is exactly their escape.
    return parse_metadata(data.decode("utf-8-sig", "backslashreplace"), str(file))


def parse_metadata(text: str, where: str) -> Metadata:
    """Parse the text form; `where` names the file in errors. Raises DataError with line, expected and found."""
    message = message_class("DataSpecification")()
    maps = parse_message(text, message, where)
    for name in _MAPS:
        # Of a repeated key the last one counts, and an absent key or value is its default.
        maps.setdefault(name, {}).update((text_of(entry.key), entry.value) for entry in getattr(message, name))
    metadata = Metadata(
        message.sample_count,
        message.output_dim,
        tuple(map(_spec, message.matrix_spec)),
        message.sequence_size,
        message.is_sequence,
        *(maps[name] for name in _MAPS),
    )
    _check(metadata, where)
    return metadata


def _spec(message: Any) -> MatrixSpec:
    values = {field.name: getattr(message, field.name) for field in fields(MatrixSpec)}
    return MatrixSpec(**values | {"format": _FORMATS[message.format]})


def format_metadata(metadata: Metadata) -> str:
    """The text form, `sample_count` on its own within the first three lines (submissions scan only those)."""
    lines = [
        f"is_sequence: {_bool(metadata.is_sequence)}",
        f"sample_count: {metadata.sample_count}",
        f"sequence_size: {metadata.sequence_size}",
        f"output_dim: {metadata.output_dim}",
    ]
    for spec in metadata.matrix_specs:
        lines += ["matrix_spec {", f"  col_count: {spec.col_count}", f"  row_count: {spec.row_count}"]
        if spec.num_channels != -1:
            lines.append(f"  num_channels: {spec.num_channels}")
        lines += [f"  {name}: {_bool(getattr(spec, name))}" for name in _SPEC_FLAGS]
        if spec.is_sparse:
            lines.append("  is_sparse: true")
        lines += [f"  format: {spec.format}", "}"]
    for name in _MAPS:
        for key, value in getattr(metadata, name).items():
            lines.append(f"{name} {{\n  key: {quote(key)}\n  value: {value}\n}}")
    return "\n".join(lines) + "\n"


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _check(metadata: Metadata, where: str) -> None:
    """Refuse what no record could be read with. Raises DataError."""
    if metadata.output_dim <= 0:
        raise DataError(f"{where}, output_dim: expected at least one class, found {metadata.output_dim}")
    if metadata.sample_count < 0:
        raise DataError(f"{where}, sample_count: expected 0 or more, found {metadata.sample_count}")
    if not metadata.matrix_specs:
        raise DataError(f"{where}: expected a matrix_spec, found none")
    for name, index in metadata.label_to_index_map.items():
        if not 0 <= index < metadata.output_dim:
            raise DataError(
                f"{where}, label_to_index_map: expected an index from 0 to {metadata.output_dim - 1} "
                f"for class {name!r}, found {index}"
            )
