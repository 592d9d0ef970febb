"""SequenceExample bytes against records that TensorFlow wrote, and round trips of our own."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import data_format
from data_format.autodl.metadata import Format, MatrixSpec, Metadata
from data_format.autodl.sequence_example import (  # fmt: skip
    Context,
    context_in,
    decode_context,
    decode_example,
    encode_record,
    label_row,
)
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Encoded, Sparse, Text

# Written by TensorFlow 2.21 with deterministic serialisation.
DENSE = (
    "0a410a0b0a02696412051a030a01070a150a0b6c6162656c5f696e64657812061a040a0202000a1b0a0b6c6162656c5f73636f7265120c"
    "120a0a080000803f0000803e123d0a3b0a0d305f64656e73655f696e707574122a0a0c120a0a080000c03f000000c00a0c120a0a080000"
    "0000000040400a0c120a0a08000080400000003f"
)
COMPRESSED = (
    "0a3d0a0c0a02696412061a040a02ac020a140a0b6c6162656c5f696e64657812051a030a01010a170a0b6c6162656c5f73636f72651208"
    "12060a040000803f12220a200a0c305f636f6d7072657373656412100a060a040a0261620a060a040a02ff00"
)
SPARSE = (
    "0a330a0b0a02696412051a030a01000a110a0b6c6162656c5f696e64657812021a000a110a0b6c6162656c5f73636f7265120212001286"
    "010a220a16305f7370617273655f6368616e6e656c5f696e64657812080a061a040a0200000a1e0a12305f7370617273655f636f6c5f69"
    "6e64657812080a061a040a0201030a1e0a12305f7370617273655f726f775f696e64657812080a061a040a0200000a200a0e305f737061"
    "7273655f76616c7565120e0a0c120a0a0800002040000080bf"
)
STEPS = np.array([[1.5, -2], [0, 3], [4, 0.5]], np.float32).reshape(3, 1, 2, 1)
ZEROS = np.zeros(2, np.int64)
CELLS = Sparse(ZEROS, np.array([1, 3]), ZEROS, np.array([2.5, -1], np.float32))


def meta(kind: Format, time: int, rows: int, columns: int, channels: int = 1) -> Metadata:
    return Metadata(1, 3, (MatrixSpec(columns, rows, format=kind, num_channels=channels),), time)


def dense(data: bytes, *shape: int) -> np.ndarray:
    example = decode_example(data, meta("DENSE", *shape))
    assert isinstance(example, Dense)
    return example.array


def same(left: Sparse, right: Sparse) -> bool:
    names = ("rows", "columns", "channels", "values")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in names)


def feature(*steps: bytes) -> bytes:
    """A record whose dense list holds these encodings of Feature, made by hand."""
    entries = b"".join(b"\x0a" + bytes([len(step)]) + step for step in steps)
    key = b"\x0a\x0d0_dense_input"
    entry = key + b"\x12" + bytes([len(entries)]) + entries
    lists = b"\x0a" + bytes([len(entry)]) + entry
    return b"\x12" + bytes([len(lists)]) + lists


def test_dense_record_of_tensorflow() -> None:
    data = bytes.fromhex(DENSE)
    example = decode_example(data, meta("DENSE", 3, 1, 2))
    assert isinstance(example, Dense)
    assert np.array_equal(example.array, STEPS)
    assert example.array.dtype == np.float32
    assert decode_context(data) == Context((2, 0), (1.0, 0.25), 7)


def test_compressed_record_of_tensorflow() -> None:
    data = bytes.fromhex(COMPRESSED)
    example = decode_example(data, meta("COMPRESSED", -1, -1, -1, 3))
    assert example == Encoded((b"ab", b"\xff\x00"))
    assert decode_context(data) == Context((1,), (1.0,), 300)


def test_sparse_record_of_tensorflow() -> None:
    data = bytes.fromhex(SPARSE)
    example = decode_example(data, meta("SPARSE", 1, 1, 4))
    assert isinstance(example, Sparse)
    assert same(example, CELLS)
    assert decode_context(data) == Context((), (), 0)


def test_our_bytes_are_those_of_tensorflow() -> None:
    assert encode_record(Dense(STEPS), [2, 0], [1, 0.25], 7).hex() == DENSE
    assert encode_record(Encoded((b"ab", b"\xff\x00")), [1], None, 300).hex() == COMPRESSED
    assert encode_record(CELLS, id=0).hex() == SPARSE


def test_raw_examples_are_no_records() -> None:
    with pytest.raises(DataError, match="found Text"):
        encode_record(Text("x"))


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 4), st.integers(1, 3), st.integers(1, 20), st.integers(1, 3)),
        elements=st.floats(width=32),
    )
)
def test_dense_round_trip(array: np.ndarray) -> None:
    data = encode_record(Dense(array))
    assert np.array_equal(dense(data, -1, *array.shape[1:]), array, equal_nan=True)


def test_long_series_is_read_at_the_stride() -> None:
    wave = np.arange(40_000, dtype=np.float32).reshape(-1, 1, 1, 1)
    assert np.array_equal(dense(encode_record(Dense(wave)), -1, 1, 1), wave)


def test_irregular_encodings_are_read_as_well() -> None:
    value = b"\x00\x00\xc0\x3f"  # 1.5
    packed, unpacked = b"\x12\x06\x0a\x04" + value, b"\x12\x05\x0d" + value
    assert dense(feature(packed, unpacked, packed), -1, 1, 1).ravel().tolist() == [1.5] * 3
    assert dense(feature(unpacked), 1, 1, 1).ravel().tolist() == [1.5]
    # Two unpacked floats are as long as packed ones with other tags: the header must be compared, not only the length.
    assert dense(feature(b"\x12\x0a\x0d" + value + b"\x0d" + value), 1, 1, 2).ravel().tolist() == [1.5, 1.5]
    with pytest.raises(Unreadable, match="expected 1 floats per step, found 2"):
        dense(feature(packed, b"\x12\x0a\x0a\x08" + value * 2), -1, 1, 1)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((2, 1, 2), "expected 2 time steps, found 3"),
        ((3, 1, 3), "expected 3 floats per step, found 2"),
        ((-1, -1, 3), "expected a multiple of 3 floats per step, found 2"),
    ],
)
def test_wrong_sizes_are_unreadable(shape: tuple[int, int, int], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        dense(bytes.fromhex(DENSE), *shape)


@pytest.mark.parametrize(
    ("shape", "result"),
    [((-1, -1, 2), (3, 1, 2, 1)), ((-1, 1, -1), (3, 1, 2, 1)), ((3, -1, -1), (3, 1, 2, 1)), ((3, 2, -1), (3, 2, 1, 1))],
)
def test_one_size_may_follow_from_the_floats(shape: tuple[int, int, int], result: tuple[int, ...]) -> None:
    assert dense(bytes.fromhex(DENSE), *shape).shape == result


def test_zero_steps_and_zero_frames() -> None:
    assert dense(encode_record(Dense(STEPS[:0])), -1, 1, 2).shape == (0, 1, 2, 1)
    assert decode_example(encode_record(Encoded(())), meta("COMPRESSED", -1, -1, -1)) == Encoded(())
    with pytest.raises(Unreadable, match="expected 3 time steps, found 0"):
        dense(encode_record(Dense(STEPS[:0])), 3, 1, 2)


def test_sparse_faults_are_unreadable() -> None:
    data = encode_record(CELLS)
    with pytest.raises(Unreadable, match="0_sparse_col_index outside 0 to 2"):
        decode_example(data, meta("SPARSE", 1, 1, 3))
    uneven = encode_record(Sparse(ZEROS, np.array([1]), ZEROS, CELLS.values))
    with pytest.raises(Unreadable, match="expected one 0_sparse_col_index per value, found 1 for 2"):
        decode_example(uneven, meta("SPARSE", 1, 1, 4))


def test_missing_channel_list_means_channel_0() -> None:
    # Another key of the same length hides the list.
    data = bytes.fromhex(SPARSE).replace(b"0_sparse_channel_index", b"x_sparse_channel_index")
    example = decode_example(data, meta("SPARSE", 1, 1, 4))
    assert isinstance(example, Sparse)
    assert same(example, CELLS)


def test_other_format_and_garbage_are_unreadable() -> None:
    with pytest.raises(Unreadable, match="no feature list 0_compressed"):
        decode_example(bytes.fromhex(DENSE), meta("COMPRESSED", 1, 1, 1))
    for decode in (
        lambda: decode_example(b"\xff\xff\xff", meta("DENSE", 1, 1, 1)),
        lambda: decode_context(b"\x0a\x7f"),
    ):
        with pytest.raises(Unreadable, match="not a SequenceExample"):
            decode()


def test_labels_by_the_rules_of_the_challenge() -> None:
    row = label_row(Context((0, 2), (0.25, 1.0), None), 3)
    assert row.tolist() == [0.25, 0.0, 1.0]
    repeated = label_row(Context((2, 2, 0), (0.3, 0.6, 1.0), None), 3)
    assert repeated.tolist() == [1.0, 0.0, np.float32(0.6)]
    assert label_row(Context((), (), None), 2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (Context((3,), (1.0,), None), "label_index: expected 0 to 2, found 3"),
        (Context((-1,), (1.0,), None), "found -1"),
        (Context((0,), (float("nan"),), None), "label_score: expected a finite number, found nan"),
    ],
)
def test_impossible_labels_are_refused(context: Context, message: str) -> None:
    with pytest.raises(DataError, match=message):
        label_row(context, 3)


def test_index_without_scores_and_lists_of_different_length() -> None:
    data = bytes.fromhex(DENSE)
    assert decode_context(data.replace(b"label_score", b"label_other")) == Context((2, 0), (1.0, 1.0), 7)
    with pytest.raises(DataError, match="expected one label_score per label_index, found 1 for 2"):
        decode_context(encode_record(Dense(STEPS), [2, 0], [1.0]))
    assert decode_context(b"") == Context((), (), None)


def test_context_is_found_in_the_first_bytes() -> None:
    data = bytes.fromhex(DENSE)
    head = context_in(data[:80])
    assert head is not None
    assert decode_context(head) == decode_context(data)
    assert context_in(data[:40]) is None
    assert context_in(b"\x0a\xff") is None
    assert context_in(b"\x12\x00" + data) is None


@pytest.mark.skipif(importlib.util.find_spec("grpc_tools") is None, reason="needs grpcio-tools")
def test_descriptor_set_is_that_of_the_proto(tmp_path: Path) -> None:
    folder = Path(data_format.__file__).parent / "autodl"
    out = tmp_path / "autodl.binpb"
    command = [
        "-m",
        "grpc_tools.protoc",
        f"-I{folder}",
        f"--descriptor_set_out={out}",
        "autodl.proto",
        "data_specification.proto",
    ]
    subprocess.run([sys.executable, *command], check=True)
    assert out.read_bytes() == (folder / "autodl.binpb").read_bytes()
