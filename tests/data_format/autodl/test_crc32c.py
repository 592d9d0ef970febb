"""CRC32C without a native library: published values, and agreement with google_crc32c."""

import subprocess
import sys
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.autodl import crc32c
from data_format.autodl.crc32c import portable

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # RFC 3720, appendix B.4, and the usual check value
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_values(data: bytes, expected: int) -> None:
    assert portable(data) == expected


@given(st.binary(max_size=700), st.integers(0, 1200))
@settings(max_examples=100, deadline=None)
def test_agrees_with_the_native_library(data: bytes, zeros: int) -> None:
    for whole in (data, bytes(zeros) + data, data + bytes(zeros)):
        assert portable(whole) == google_crc32c.value(whole)


@given(st.integers(0, 20), st.integers(0, 90), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_many_rows_at_once(count: int, length: int, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 256, (count, length)).astype(np.uint8)
    assert crc32c.values(rows).tolist() == [google_crc32c.value(row.tobytes()) for row in rows]


def test_agrees_on_long_data() -> None:
    data = np.random.default_rng(0).integers(0, 256, 300_001, np.uint8).tobytes()
    for size in (256, 257, 258, 259, 260, 65_536, len(data)):
        assert portable(data[:size]) == google_crc32c.value(data[:size])


def test_native_where_installed() -> None:
    assert crc32c.value is google_crc32c.value


def test_records_are_read_where_it_is_not(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['google_crc32c'] = None\n"
        "from pathlib import Path; from data_format.autodl.tfrecord import scan\n"
        f"records = scan(Path({str(tmp_path / 'f.tfrecord')!r}))\n"
        "print([len(records.read(i)) for i in range(len(records))], [p.reason for p in records.problems])"
    )
    from data_format.autodl.tfrecord import write_records

    write_records(tmp_path / "f.tfrecord", [b"a" * 10, b"b" * 5000, b"c" * 400])
    damaged = bytearray((tmp_path / "f.tfrecord").read_bytes())
    damaged[3000] ^= 1
    (tmp_path / "f.tfrecord").write_bytes(damaged)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[10, 400] ['payload checksum does not match; this record is lost']"
