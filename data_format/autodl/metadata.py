"""`metadata.textproto` <-> Metadata: the description of one subset of an AutoDL data set.

The file is the text form of the message `autodl.DataSpecification` (proto2); fields and defaults as the challenge has
them. Fields this program does not know are skipped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NoReturn

from data_format.autodl.textproto import Entries, Field, line_of, parse_fields, quote, unquote
from data_format.errors import DataError

FILE_NAME = "metadata.textproto"
Format = Literal["DENSE", "SPARSE", "COMPRESSED"]
_FORMATS: dict[str, Format] = {
    "DENSE": "DENSE", "SPARSE": "SPARSE", "COMPRESSED": "COMPRESSED", "0": "DENSE", "1": "SPARSE", "2": "COMPRESSED",
}  # fmt: skip
_TRUE, _FALSE = {"true", "True", "t", "1"}, {"false", "False", "f", "0"}
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
    source = _Source(text, where)
    values: dict[str, Any] = {}
    specs: list[MatrixSpec] = []
    head, maps = _known_maps(text)
    fields = parse_fields(head, where)
    for item in fields:
        name = item.name
        if isinstance(item.value, Entries):
            source.map_entries(item.value, maps)
        elif name in _MAPS:
            source.map_entry(item, maps.setdefault(name, {}))
        elif name == "matrix_spec":
            # A list holds several messages; a plain message is a list of one.
            specs += [source.spec(parts) for parts in source.messages(item)]
        elif name in _SCALARS:
            values[name] = _SCALARS[name](source, item)
    # Maps of other names were collected as well; they are unknown fields and go no further.
    known = {name: maps.get(name, {}) for name in _MAPS}
    if fields and head is text:
        _remember_maps(text, fields, known)
    metadata = Metadata(
        values.get("sample_count", 0),
        values.get("output_dim", 0),
        tuple(specs),
        values.get("sequence_size", 1),
        values.get("is_sequence", False),
        **known,
    )
    _check(metadata, where)
    return metadata


# Train and test describe the same maps, of up to 100,000s of entries, and differ only before them: the newest maps
# are kept with the end of the text that they came from.
_newest_maps: list[tuple[str, dict[str, dict[str, int]]]] = []
_WORTH_KEEPING = 10_000  # characters


def _known_maps(text: str) -> tuple[str, dict[str, dict[str, int]]]:
    """The text before maps that were just read, and copies of these; else the whole text and no maps."""
    for end, maps in _newest_maps[:1]:
        if text.endswith(end):
            return text[: -len(end)], {name: dict(entries) for name, entries in maps.items()}
    return text, {}


def _remember_maps(text: str, fields: list[Field], maps: dict[str, dict[str, int]]) -> None:
    """Keep the maps where one run of entries, the last thing in the text, is all that they came from."""
    *before, last = fields
    if not isinstance(last.value, Entries) or len(text) - last.position < _WORTH_KEEPING:
        return
    if not any(isinstance(item.value, Entries) or item.name in _MAPS for item in before):
        _newest_maps[:] = [(text[last.position :], maps)]


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


@dataclass(frozen=True, slots=True)
class _Source:
    """Turns fields of one file into values; knows where they stand."""

    text: str
    where: str

    def fail(self, item: Field, expected: str) -> NoReturn:
        found = item.value if isinstance(item.value, str) else "a message or list"
        if isinstance(item.value, list) and item.value and isinstance(item.value[0], str):
            found = str(item.value[0])
        raise DataError(
            f"{self.where}, line {line_of(self.text, item.position)}, {item.name}: expected {expected}, found {found!r}"
        )

    def integer(self, item: Field) -> int:
        """A 32-bit integer, also in octal and hexadecimal."""
        token = item.value.replace(" ", "") if isinstance(item.value, str) else ""
        digits = token.removeprefix("-")
        base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") and digits.isdigit() else 10
        try:
            number = int(token, base)
        except ValueError:
            self.fail(item, "a whole number")
        if not -(2**31) <= number < 2**31:
            self.fail(item, "a number of 32 bits")
        return number

    def boolean(self, item: Field) -> bool:
        if not isinstance(item.value, str) or item.value not in _TRUE | _FALSE:
            self.fail(item, "true or false")
        return item.value in _TRUE

    def enum(self, item: Field) -> Format:
        if not isinstance(item.value, str) or item.value not in _FORMATS:
            self.fail(item, "DENSE, SPARSE or COMPRESSED")
        return _FORMATS[item.value]

    def messages(self, item: Field) -> list[list[Field]]:
        """The messages of a repeated field, written one by one or as a list."""
        fields = self.fields(item)
        if fields and all(not part.name for part in fields):
            return [self.fields(part) for part in fields]
        return [fields]

    def fields(self, item: Field) -> list[Field]:
        value = item.value
        if isinstance(value, Entries) or not isinstance(value, list):
            self.fail(item, "a message in braces")
        fields = [part for part in value if isinstance(part, Field)]
        if len(fields) != len(value):
            self.fail(item, "a message in braces")
        return fields

    def spec(self, fields: list[Field]) -> MatrixSpec:
        values = {part.name: _SPEC[part.name](self, part) for part in fields if part.name in _SPEC}
        return MatrixSpec(**values)

    def string(self, item: Field) -> str:
        if not isinstance(item.value, list) or not all(isinstance(part, str) for part in item.value):
            self.fail(item, "a quoted string")
        return self.text_of(item, [str(part) for part in item.value])

    def text_of(self, item: Field, tokens: list[str]) -> str:
        # The pieces are joined before decoding: a character may be cut between two of them.
        token = tokens[0] if len(tokens) == 1 else "'" + "".join(part[1:-1] for part in tokens) + "'"
        try:
            return unquote(token)
        except ValueError as error:
            raise DataError(f"{self.where}, line {line_of(self.text, item.position)}, {item.name}: {error}") from None

    def map_entries(self, run: Entries, maps: dict[str, dict[str, int]]) -> None:
        """Add a run of entries in their usual form; written for speed."""
        into, last = {}, ""
        for (name, key, value), position in zip(run.items, run.positions, strict=True):
            if name != last:
                into, last = maps.setdefault(name, {}), name
            plain = value[0] not in "0-" and len(value) < 10
            number = int(value) if plain else self.integer(Field(name, value, position))
            try:
                into[unquote(key)] = number
            except ValueError:
                self.text_of(Field(name, key, position), [key])

    def map_entry(self, item: Field, into: dict[str, int]) -> None:
        """Add a map entry; of a repeated key the last one counts, and an absent key or value is its default."""
        for fields in self.messages(item):
            name, number = "", 0
            for part in fields:
                if part.name == "key":
                    name = self.string(part)
                elif part.name == "value":
                    number = self.integer(part)
            into[name] = number


_SCALARS: dict[str, Callable[[_Source, Field], object]] = {
    "is_sequence": _Source.boolean,
    "output_dim": _Source.integer,
    "sequence_size": _Source.integer,
    "sample_count": _Source.integer,
}
_SPEC_FLAGS = ("is_sequence_col", "is_sequence_row", "has_locality_col", "has_locality_row")
_SPEC: dict[str, Callable[[_Source, Field], Any]] = {
    **dict.fromkeys(("col_count", "row_count", "num_channels"), _Source.integer),
    **dict.fromkeys((*_SPEC_FLAGS, "is_sparse"), _Source.boolean),
    "format": _Source.enum,
}
_MAPS = ("label_to_index_map", "feature_to_index_map", "channel_to_index_map")


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
