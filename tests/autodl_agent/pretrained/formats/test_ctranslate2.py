"""CTranslate2 files: what they hold, and files that lie about it."""

import struct
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.pretrained.formats.ctranslate2 import KINDS, CTranslateFileError, read_floats


def text(name: str) -> bytes:
    return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"


def variable(name: str, values: np.ndarray, shape: tuple[int, ...] | None = None, size: int | None = None) -> bytes:
    shape = values.shape if shape is None else shape
    kind = [np.dtype(kind) for kind in KINDS].index(values.dtype)
    head = text(name) + struct.pack("<B", len(shape)) + b"".join(struct.pack("<I", side) for side in shape)
    return head + struct.pack("<BI", kind, values.nbytes if size is None else size) + values.tobytes()


def model(*variables: bytes, version: int = 6, count: int | None = None) -> bytes:
    head = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<I", 3)
    return head + struct.pack("<I", len(variables) if count is None else count) + b"".join(variables)


A = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize("version", [5, 6])
def test_floats_below_a_prefix_are_read(tmp_path: Path, version: int) -> None:
    half = np.array([0.5, -2.0], np.float16)
    scalar = np.array(3.0, np.float32)
    parts = [
        variable("encoder/a", A), variable("encoder/half", half), variable("encoder/scale", scalar),
        variable("encoder/whole", np.arange(3, dtype=np.int8)), variable("decoder/a", A),
    ]  # fmt: skip
    (tmp_path / "model.bin").write_bytes(model(*parts, version=version))
    found = read_floats(tmp_path / "model.bin", "encoder/")
    assert list(found) == ["a", "half", "scale"]
    assert np.array_equal(found["a"], A) and found["scale"].shape == ()
    assert found["half"].dtype == np.float32 and found["half"].tolist() == [0.5, -2.0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (model(variable("a", A), version=4), "version 5 or 6 expected, found 4"),
        (model(variable("a", A, shape=(2, 2))), r"a: \[2, 2\] values expected, found 6"),
        (model(variable("a", A, size=10**6)), "1000000 bytes at .* expected in a file of"),
        (model(variable("a", A), count=2), "unpack_from requires"),
        (model(variable("a", A, size=22)), "buffer size must be a multiple"),
        (model(variable("a", A))[:-1], "24 bytes at"),
        (b"\x06", "unpack_from requires"),
    ],
)
def test_files_that_lie_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(CTranslateFileError, match=f"model.bin: a CTranslate2 model expected: .*{says}"):
        read_floats(tmp_path / "model.bin", "")


def test_an_unknown_kind_of_value_is_refused(tmp_path: Path) -> None:
    content = bytearray(model(variable("a", A)))
    content[-24 - 5] = 99
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(CTranslateFileError, match="index out of range"):
        read_floats(tmp_path / "model.bin", "")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_floats(tmp_path / "none.bin", "")
