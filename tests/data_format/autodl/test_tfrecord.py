"""TFRecord framing: what is written is read, and damage costs no more than it must (case 48)."""

import gzip
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.autodl import tfrecord
from data_format.autodl.tfrecord import masked_crc, scan, write_records
from data_format.errors import DataError, Unreadable

RECORDS = [bytes([65 + i]) * (i * 7 + 1) for i in range(5)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sample-x"
    assert write_records(path, RECORDS) == 5
    return path


def offset(number: int) -> int:
    """Place of record `number`, header first."""
    return sum(len(record) + 16 for record in RECORDS[:number])


def contents(path: Path, verify: bool = True) -> list[bytes]:
    records = scan(path, verify)
    return [records.read(i) for i in range(len(records))]


def test_bytes_are_those_of_tensorflow(tmp_path: Path) -> None:
    write_records(tmp_path / "f", [b"abc", b""])
    golden = "0300000000000000b099490e6162636e57f121000000000000000029039807d8ea82a2"
    assert (tmp_path / "f").read_bytes().hex() == golden
    assert masked_crc(b"abc") == 0x21F1576E


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_write_then_read_is_the_identity(tmp_path_factory: pytest.TempPathFactory, records: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("t") / "sample"
    write_records(path, iter(records))
    assert contents(path) == records == contents(path, verify=False)


def test_bad_payload_loses_one_record(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[offset(2) + 12] ^= 1
    file.write_bytes(data)
    records = scan(file)
    assert [records.read(i) for i in range(len(records))] == RECORDS[:2] + RECORDS[3:]
    assert records.numbers.tolist() == [0, 1, 3, 4]
    (problem,) = records.problems
    assert problem.where == f"{file}, record 2"
    assert "payload checksum" in problem.reason


def test_bad_payload_is_found_at_the_first_reading_too(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[offset(2) + 12] ^= 1
    file.write_bytes(data)
    records = scan(file, verify=False)
    assert (len(records), records.problems) == (5, [])
    with pytest.raises(Unreadable, match="payload checksum"):
        records.read(2)
    assert records.read(3) == RECORDS[3]


@pytest.mark.parametrize(
    ("size", "left", "reason"),
    [
        (offset(5) - 7, 4, "cut inside a record: expected 33 bytes, found 26"),
        (offset(4) + 5, 4, "cut inside a record header: expected 12 bytes, found 5"),
        (offset(4) + 12, 4, "cut inside a record"),
        (offset(4), 4, None),
        (3, 0, "cut inside a record header"),
    ],
)
def test_cut_loses_the_tail(file: Path, size: int, left: int, reason: str | None) -> None:
    file.write_bytes(file.read_bytes()[:size])
    records = scan(file)
    assert [records.read(i) for i in range(len(records))] == RECORDS[:left]
    reasons = [problem.reason for problem in records.problems]
    assert reasons == [] if reason is None else reason in reasons[0]


def test_bad_length_loses_the_tail(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[offset(3)] ^= 1
    file.write_bytes(data)
    records = scan(file)
    assert len(records) == 3
    assert records.problems[0].where.endswith("record 3")
    assert "length checksum" in records.problems[0].reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git-lfs pointer"),
        (b"<html>404 Not Found</html>", "not a TFRecord"),
    ],
)
def test_files_that_are_no_records_are_told_apart(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "sample").write_bytes(data)
    records = scan(tmp_path / "sample")
    assert len(records) == 0
    assert reason in records.problems[0].reason
    assert str(tmp_path / "sample") in records.problems[0].where


def test_gzip_is_read(file: Path) -> None:
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert contents(file) == RECORDS == contents(file, verify=False)


def test_damaged_gzip_is_named(file: Path) -> None:
    file.write_bytes(gzip.compress(file.read_bytes())[:-20])
    with pytest.raises(DataError, match=r"sample-x: gzip file is damaged"):
        scan(file)


def test_gzip_bomb_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "_MAX_UNPACKED_BYTES", 100)
    file.write_bytes(gzip.compress(bytes(1000)))
    with pytest.raises(DataError, match="more than 100 bytes"):
        scan(file)


@pytest.mark.parametrize("kept", [False, True])
def test_many_threads_read_at_once(file: Path, kept: bool) -> None:
    records = scan(file)
    if kept:
        records.keep_open()
        records.keep_open()
    wrong: list[int] = []

    def work() -> None:
        for i in [3, 0, 4, 1, 2] * 40:
            if records.read(i) != RECORDS[i]:
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_head_of_a_record(file: Path) -> None:
    records = scan(file)
    assert records.read_head(4, 3) == b"EEE"
    assert records.read_head(0, 50) == b"A"


def test_file_that_shrinks_or_goes_is_unreadable(file: Path) -> None:
    records = scan(file)
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(Unreadable, match="became shorter"):
        records.read(4)
    file.unlink()
    with pytest.raises(Unreadable, match="cannot be opened"):
        records.read(0)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sample: cannot be read \(No such file"):
        scan(tmp_path / "sample")


def test_failed_writing_leaves_the_old_file_and_nothing_else(file: Path) -> None:
    def records() -> object:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_records(file, records())  # type: ignore[arg-type]
    assert contents(file) == RECORDS
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 5, 600])), max_size=8),
    st.sampled_from([64, 1 << 20]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=3),
    st.booleans(),
)
def test_runs_of_one_length_are_found_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[tuple[int, int]],
    window: int,
    damage: list[tuple[int, int]],
    verify: bool,
) -> None:
    path = tmp_path_factory.mktemp("t") / "sample"
    write_records(path, [bytes([n]) * size for n, (count, size) in enumerate(runs) for _ in range(count)])
    data = bytearray(path.read_bytes())
    for at, change in damage if data else ():
        data[at % len(data)] ^= change
    path.write_bytes(data)
    found = {}
    for alike in (1, 3, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tfrecord, "_ALIKE", alike)
            patch.setattr(tfrecord, "_FEWEST", 2)
            patch.setattr(tfrecord, "_FIRST_LOOK", 4)
            patch.setattr(tfrecord, "_WINDOW", window)
            records = scan(path, verify)
        parts = records.offsets.tolist(), records.lengths.tolist(), records.numbers.tolist(), records.problems
        found[alike] = parts
    assert found[1] == found[3] == found[10**9]
