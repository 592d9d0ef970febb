"""Records decoded many at a time are what protobuf makes of each one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.autodl import batch_decoder
from data_format.autodl.batch_decoder import decode_batches
from data_format.autodl.metadata import MatrixSpec, Metadata
from data_format.autodl.records import Records, open_records
from data_format.autodl.schema import message_class
from data_format.autodl.sequence_example import decode_context, decode_example, encode_record
from data_format.autodl.tfrecord import RecordFile, scan, write_records
from data_format.dataset import Problem
from data_format.errors import Unreadable
from data_format.examples import Dense

WIDTH = 3
METADATA = Metadata(0, 4, (MatrixSpec(1, WIDTH),), 1)
IDS = st.none() | st.sampled_from([0, 1, 127, 128, 16_383, 16_384, -1, 2**63 - 1, -(2**63)])
FLOATS = st.floats(width=32)
Made = tuple[list[float], list[tuple[int, float]], int | None]
RECORD = st.tuples(
    st.lists(FLOATS, min_size=WIDTH, max_size=WIDTH),
    st.lists(st.tuples(st.sampled_from([0, 1, 3, 127, 128, 300, -2]), FLOATS), max_size=3),
    IDS,
)


@pytest.fixture(autouse=True)
def _moulds_from_two_records_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_decoder, "FEWEST", 2)


def encoded(made: Made) -> bytes:
    numbers, labels, id_ = made
    dense = Dense(np.array(numbers, np.float32).reshape(1, 1, WIDTH, 1))
    return encode_record(dense, [index for index, _ in labels], [score for _, score in labels], id_)


def file_of(folder: Path, records: list[bytes]) -> RecordFile:
    path = folder / "sample"
    write_records(path, records)
    return scan(path)


def decoded(file: RecordFile) -> dict[int, tuple[Any, ...]]:
    """Row -> its id, class indices, scores and numbers as bytes, as far as they were decoded at once."""
    out: dict[int, tuple[Any, ...]] = {}
    for batch in decode_batches(file, np.arange(len(file)), WIDTH):
        for place, row in enumerate(batch.rows.tolist()):
            assert row not in out
            id_ = None if batch.ids is None else int(batch.ids[place])
            out[row] = (id_, batch.indices[place].tolist(), bits(batch.scores[place]), bits(batch.numbers[place]))
    return out


def expected(record: bytes) -> tuple[Any, ...]:
    example, context = decode_example(record, METADATA), decode_context(record)
    assert isinstance(example, Dense)
    scores = np.array(context.scores, np.float32)
    return context.id, list(context.indices), bits(scores), bits(example.array)


def bits(floats: Any) -> bytes:
    """All NaNs alike: a Python float makes quiet ones of those that signal."""
    return np.where(np.isnan(floats), np.float32(np.nan), floats).astype(np.float32).tobytes()


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORD, min_size=1, max_size=5), st.lists(st.integers(0, 4), max_size=40), st.data())
def test_agree_with_protobuf(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[Made], order: list[int], data: st.DataObject
) -> None:
    records = [encoded(kinds[number % len(kinds)]) for number in order]
    # Any byte of any of them may be another one: what is decoded at once must then still be what protobuf says.
    for _ in range(data.draw(st.integers(0, 3))) if records else ():
        row = data.draw(st.integers(0, len(records) - 1))
        at = data.draw(st.integers(0, len(records[row]) - 1))
        records[row] = records[row][:at] + bytes([data.draw(st.integers(0, 255))]) + records[row][at + 1 :]
    for row, found in decoded(file_of(tmp_path_factory.mktemp("m"), records)).items():
        assert found == expected(records[row])


def test_the_usual_file_is_decoded_whole(tmp_path: Path) -> None:
    made: list[Made] = [([row, 0.5, float("nan")], [(row % 4, 1.0)], row) for row in range(300)]
    records = [encoded(each) for each in made]
    found = decoded(file_of(tmp_path, records))
    assert sorted(found) == list(range(300))
    assert all(found[row] == expected(record) for row, record in enumerate(records))


def test_odd_records_are_left_to_protobuf(tmp_path: Path) -> None:
    usual = [encoded(([1, 2, row], [(1, 1.0)], row)) for row in range(100, 120)]
    twice = message_class("SequenceExample").FromString(usual[0])
    twice.context.feature["id"].int64_list.value.append(7)
    odd = [twice.SerializeToString(), usual[0][:-4], b"", b"\xff" * len(usual[0])]
    assert sorted(decoded(file_of(tmp_path, odd + usual + odd))) == list(range(len(odd), len(odd) + len(usual)))


def test_without_a_score_each_label_is_certain(tmp_path: Path) -> None:
    message = message_class("SequenceExample").FromString(encoded(([1, 2, 3], [(1, 0.5), (3, 0.5)], None)))
    del message.context.feature["label_score"]
    record = message.SerializeToString(deterministic=True)
    found = decoded(file_of(tmp_path, [record] * 3))
    assert found == dict.fromkeys(range(3), expected(record))
    assert np.frombuffer(found[0][2], np.float32).tolist() == [1, 1]


def test_windows_and_forms_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_decoder, "WINDOW", 1000)
    monkeypatch.setattr(batch_decoder, "MOST_MOULDS", 3)
    records = [encoded(([row, 2, 3], [(row % 2 and 300, 1.0)], None)) for row in range(200)]
    # Of one length, each in a form of its own: a feature that nobody asks for.
    for row in range(0, 40, 2):
        message = message_class("SequenceExample").FromString(records[row])
        message.context.feature[f"other{row:04d}"].int64_list.value.append(1)
        records[row] = message.SerializeToString(deterministic=True)
    found = decoded(file_of(tmp_path, records))
    assert all(found[row] == expected(records[row]) for row in found)
    assert set(found) >= {*range(1, 200, 2), *range(40, 200, 2)}
    assert len(found) == 180 + 3


def test_only_where_checksums_were_compared(tmp_path: Path) -> None:
    file_of(tmp_path, [encoded(([1, 2, 3], [], None))] * 9)
    assert len(decoded(scan(tmp_path / "sample"))) == 9
    assert not decoded(scan(tmp_path / "sample", verify=False))


def test_a_file_that_shrinks_is_no_crash(tmp_path: Path) -> None:
    file = file_of(tmp_path, [encoded(([1, 2, 3], [], None))] * 9)
    file.path.write_bytes(b"")
    assert not decoded(file)
    with pytest.raises(Unreadable, match="shorter"):
        file.block(np.arange(9))


def test_rows_of_a_subset_in_any_order(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        records = [encoded(([ord(name), row, 0], [(1, 1.0)], row)) for row in range(5)]
        write_records(tmp_path / f"sample-{name}", records)
    problems: list[Problem] = []
    records_found = open_records(tmp_path, METADATA, interleaved=True, problems=problems)
    kept = records_found.keep(np.arange(20) % 3 != 1)
    one_by_one = np.stack([_row(kept, index) for index in range(len(kept))])
    np.testing.assert_array_equal(kept.table().numbers, one_by_one)
    assert not problems


def _row(records: Records, index: int) -> Any:
    example = records.example(index)
    assert isinstance(example, Dense)
    return example.array.ravel()
