"""SequenceExample bytes <-> features and labels, one protobuf parse per record.

The messages are ours (`autodl.proto`, wire-compatible with tf.train.SequenceExample). A feature list is kept as bytes
in the parse: a DENSE record has one Feature per time step (16,000 a second of sound), which numpy checks and reads at a
fixed stride.
"""

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from data_format.autodl.metadata import Metadata
from data_format.autodl.schema import message_class
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Encoded, Example, Sparse

_DENSE, _COMPRESSED = "0_dense_input", "0_compressed"
_ROWS, _COLUMNS, _CHANNELS = "0_sparse_row_index", "0_sparse_col_index", "0_sparse_channel_index"
_VALUES = "0_sparse_value"
_UINT64 = (1 << 64) - 1  # negative integers are encoded as their complement
_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"  # tags of length-delimited fields number 1 and 2


_SequenceExample, _Head = message_class("SequenceExample"), message_class("ExampleHead")
_FeatureList, _Features = message_class("FeatureList"), message_class("Features")


class Context(NamedTuple):
    """Labels and id of a record. indices and scores run in parallel; id is None where the record has none."""

    indices: tuple[int, ...]
    scores: tuple[float, ...]
    id: int | None


class Spans(NamedTuple):
    """Where a record of one time step holds its values; an empty slice where it has none of a kind.

    id, and each of indices: one varint; scores (where scored; else every label's is 1), numbers: float32.
    """

    id: slice
    indices: tuple[slice, ...]
    scores: slice
    scored: bool
    numbers: slice


def decode_example(data: bytes, metadata: Metadata) -> Example:
    """The example of a record alone. Raises Unreadable with a short reason."""
    return _payload(_parse(_SequenceExample, data), metadata)


def decode_context(data: bytes) -> Context:
    """Labels and id of a record; its payload is not looked at.

    Raises Unreadable when the record cannot be parsed, DataError when its label lists differ in length.
    """
    return _context(_parse(_Head, data).context)


def context_in(head: bytes) -> bytes | None:
    """The part of a long record's first bytes that holds its context; None where they do not hold all of it."""
    if head[:1] != _FIELD_1:
        return None
    length, start = _read_varint(head, 1)
    return head[: start + length] if 0 <= length <= len(head) - start else None


def spans_in(data: bytes, width: int) -> Spans | None:
    """Where a DENSE record of one step of `width` floats holds its values, or None where that is uncertain.

    Each feature is encoded as every writer does, and searched for: where found once, those are its bytes.
    """
    try:
        message = _parse(_SequenceExample, data)
        context = _context(message.context)
        raw = _list(message.feature_lists.feature_list, _DENSE)
    except (DataError, Unreadable):
        return None
    if _steps_at_stride(raw, width) is None or len(raw) != len(_step_header(width)) + 4 * width:
        return None
    scored, own = message.context.feature.get("label_score") is not None, message.context.feature.get("id")
    if own is not None and len(own.int64_list.value) > 1:
        return None
    varints = [len(_varint(index & _UINT64)) for index in context.indices]
    ids = len(_varint(context.id & _UINT64)) if context.id is not None else 0
    ends = {
        "id": ids,
        "label_index": sum(varints),
        "label_score": 4 * len(context.scores) if scored else 0,
        _DENSE: 4 * width,
    }
    spans: dict[str, slice] = {}
    for name, size in ends.items():
        encoded = raw if name == _DENSE else _encoded_feature(message.context, name)
        if size and data.count(encoded) != 1:
            return None
        end = data.find(encoded) + len(encoded) if size else 0
        spans[name] = slice(end - size, end)
    starts = np.cumsum([spans["label_index"].start, *varints]).tolist()
    indices = tuple(slice(start, end) for start, end in pairwise(starts))
    return Spans(spans["id"], indices, spans["label_score"], scored, spans[_DENSE])


def _encoded_feature(context: Any, name: str) -> bytes:
    """A feature of a context with its name, its packed values last."""
    alone = _Features()
    if name in context.feature:
        alone.feature[name].CopyFrom(context.feature[name])
    return bytes(alone.SerializeToString(deterministic=True))


def label_row(context: Context, classes: int) -> NDArray[np.float32]:
    """Scores at their class indices, zero elsewhere, shape (classes,). Of a repeated index the last one counts.

    Raises DataError for an index outside the classes or a score that is not finite.
    """
    row = np.zeros(classes, np.float32)
    for index, score in zip(context.indices, context.scores, strict=True):
        if not 0 <= index < classes:
            raise DataError(f"label_index: expected 0 to {classes - 1}, found {index}")
        if not np.isfinite(score):
            raise DataError(f"label_score: expected a finite number, found {score}")
        row[index] = score
    return row


def encode_record(
    example: Example,
    indices: Sequence[int] = (),
    scores: Sequence[float] | None = None,
    id: int | None = None,
) -> bytes:
    """Bytes of a record: a Dense, Encoded or Sparse example with its labels (scores 1.0 where not given) and id.

    Raises DataError for another kind of example.
    """
    message = _SequenceExample()
    # Both label lists are always there, empty ones included: the official reader requires them.
    feature = message.context.feature
    if id is not None:
        feature["id"].int64_list.value.append(id)
    feature["label_index"].int64_list.value.extend(indices)
    feature["label_score"].float_list.value.extend([1.0] * len(indices) if scores is None else scores)
    lists = message.feature_lists.feature_list
    match example:
        case Dense(array):
            lists[_DENSE] = _encode_steps(array)
        case Encoded(frames):
            encoded = _FeatureList()
            for frame in frames:
                encoded.feature.add().bytes_list.value.append(frame)
            lists[_COMPRESSED] = encoded.SerializeToString()
        case Sparse(rows, columns, channels, values):
            for name, part in ((_ROWS, rows), (_COLUMNS, columns), (_CHANNELS, channels)):
                encoded = _FeatureList()
                encoded.feature.add().int64_list.value.extend(part.tolist())
                lists[name] = encoded.SerializeToString()
            lists[_VALUES] = _encode_steps(values.reshape(1, -1))
        case _:
            raise DataError(f"a record holds dense, encoded or sparse examples, found {type(example).__name__}")
    return bytes(message.SerializeToString(deterministic=True))


def _parse(kind: Any, data: bytes) -> Any:
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Unreadable("not a SequenceExample") from None


def _context(context: Any) -> Context:
    """Labels and id from the context features. Raises DataError when the two label lists differ in length."""
    feature = context.feature
    index, score, id_ = feature.get("label_index"), feature.get("label_score"), feature.get("id")
    indices = tuple(index.int64_list.value) if index is not None else ()
    scores = tuple(score.float_list.value) if score is not None else ()
    if score is None:
        scores = (1.0,) * len(indices)
    if len(indices) != len(scores):
        raise DataError(f"expected one label_score per label_index, found {len(scores)} for {len(indices)}")
    ids = list(id_.int64_list.value) if id_ is not None else []
    return Context(indices, scores, ids[0] if ids else None)


def _payload(message: Any, metadata: Metadata) -> Example:
    lists = message.feature_lists.feature_list
    if metadata.format == "DENSE":
        return Dense(_dense(_list(lists, _DENSE), metadata.shape))
    if metadata.format == "COMPRESSED":
        frames = tuple(
            bytes(blob)
            for feature in _parse(_FeatureList, _list(lists, _COMPRESSED)).feature
            for blob in feature.bytes_list.value
        )
        _check_steps(len(frames), metadata.shape[0])
        return Encoded(frames)
    return _sparse(lists, metadata.shape)


def _list(lists: Any, name: str) -> bytes:
    raw = lists.get(name)
    if raw is None:
        raise Unreadable(f"no feature list {name}")
    return bytes(raw)


def _check_steps(found: int, expected: int) -> None:
    if expected > 0 and found != expected:
        raise Unreadable(f"expected {expected} time steps, found {found}")


def _dense(raw: bytes, shape: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """(time, rows, columns, channels) float32 from the encoding of one Feature per step."""
    time, rows, columns, channels = shape
    width = rows * columns * channels
    steps = _steps_at_stride(raw, width) if rows > 0 and columns > 0 else None
    if steps is None:
        steps = _steps_one_by_one(raw, abs(width) if rows > 0 and columns > 0 else 0)
    _check_steps(len(steps), time)
    if rows <= 0 or columns <= 0:
        return _with_unknown_size(steps, rows, columns, channels)
    return steps.reshape(len(steps), rows, columns, channels)


def _steps_at_stride(raw: bytes, width: int) -> NDArray[np.float32] | None:
    """(steps, width) floats when every step is encoded alike, as every writer does; None otherwise."""
    header = _step_header(width)
    stride = len(header) + 4 * width
    if len(raw) % stride:
        return None
    if len(raw) == stride:  # one step: a table row or one image
        if not raw.startswith(header):
            return None
        return np.frombuffer(raw, "<f4", width, len(header)).astype(np.float32).reshape(1, width)
    # Comparing the headers of all steps at once proves that the floats lie where the stride says.
    table = np.frombuffer(raw, np.uint8).reshape(-1, stride)
    if not (table[:, : len(header)] == np.frombuffer(header, np.uint8)).all():
        return None
    return np.ascontiguousarray(table[:, len(header) :]).view("<f4").astype(np.float32, copy=False)


def _steps_one_by_one(raw: bytes, width: int) -> NDArray[np.float32]:
    """(steps, width) floats through protobuf: unpacked lists, odd field orders. width 0 = that of the first step."""
    features = _parse(_FeatureList, raw).feature
    width = width or (len(features[0].float_list.value) if len(features) else 0)
    steps = np.zeros((len(features), width), np.float32)
    for step, feature in zip(steps, features, strict=True):
        values = feature.float_list.value
        if len(values) != width:
            raise Unreadable(f"expected {width} floats per step, found {len(values)}")
        step[:] = values
    return steps


def _with_unknown_size(steps: NDArray[np.float32], rows: int, columns: int, channels: int) -> NDArray[np.float32]:
    """Give each step its form when one of its sizes follows from the number of floats."""
    known = max(rows, 1) * max(columns, 1) * channels
    if rows <= 0 and columns <= 0:
        rows = 1  # both vary: a step is one row, as in a table or a series
    if steps.shape[1] % known:
        raise Unreadable(f"expected a multiple of {known} floats per step, found {steps.shape[1]}")
    other = steps.shape[1] // known
    return steps.reshape(len(steps), rows if rows > 0 else other, columns if columns > 0 else other, channels)


def _sparse(lists: Any, shape: tuple[int, int, int, int]) -> Sparse:
    values = _floats(_list(lists, _VALUES))
    parts = []
    for name, size in zip((_ROWS, _COLUMNS, _CHANNELS), shape[1:], strict=True):
        raw = lists.get(name)
        if raw is None:  # a missing list means the first row, column or channel
            parts.append(np.zeros(len(values), np.int64))
            continue
        indices = _integers(raw)
        if len(indices) != len(values):
            raise Unreadable(f"expected one {name} per value, found {len(indices)} for {len(values)}")
        # As unsigned integers, negative ones are the largest: one look at all of them instead of two.
        if len(indices) and int(indices.view(np.uint64).max()) >= (size if size > 0 else 1 << 63):
            raise Unreadable(f"{name} outside 0 to {size - 1}")
        parts.append(indices)
    return Sparse(parts[0], parts[1], parts[2], values)


def _integers(raw: bytes) -> NDArray[np.int64]:
    lists = [feature.int64_list.value for feature in _parse(_FeatureList, raw).feature]
    return np.fromiter(chain.from_iterable(lists), np.int64, sum(map(len, lists)))


def _floats(raw: bytes) -> NDArray[np.float32]:
    lists = [feature.float_list.value for feature in _parse(_FeatureList, raw).feature]
    return np.fromiter(chain.from_iterable(lists), np.float32, sum(map(len, lists)))


def _encode_steps(array: NDArray[np.float32]) -> bytes:
    """A FeatureList with one packed float list per step, built in one piece."""
    steps = np.ascontiguousarray(array, "<f4").reshape(len(array), -1) if array.size else None
    if steps is None:
        return (_FIELD_1 + b"\x00") * len(array)
    header = np.frombuffer(_step_header(steps.shape[1]), np.uint8)
    table = np.empty((len(steps), len(header) + 4 * steps.shape[1]), np.uint8)
    table[:, : len(header)] = header
    table[:, len(header) :] = steps.view(np.uint8).reshape(len(steps), -1)
    return table.tobytes()


def _step_header(width: int) -> bytes:
    """Bytes before the floats of one step: list entry, Feature.float_list, FloatList.value, each with its length."""
    values = _FIELD_1 + _varint(4 * width)
    floats = _FIELD_2 + _varint(len(values) + 4 * width) + values
    return _FIELD_1 + _varint(len(floats) + 4 * width) + floats


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Number and the place after it; (-1, at) where it is cut."""
    number = shift = 0
    for place in range(at, min(at + 10, len(data))):
        number |= (data[place] & 0x7F) << shift
        shift += 7
        if data[place] < 0x80:
            return number, place + 1
    return -1, at
