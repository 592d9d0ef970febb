"""Prediction files and the two clocks' files beside them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data_format.errors import DataError
from data_format.predictions import (
    append_timestamp,
    format_matrix,
    list_predictions,
    read_prediction,
    read_start,
    write_end,
    write_prediction,
    write_start,
)  # fmt: skip

matrices = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
    | st.floats(0, 1, width=32)
    | st.sampled_from([0.0, 1.0, -1.0, 0.1, 1e-4, 9.9999994e-5, 0.99999994, 1e-38, 1e-45, 3.4e38]),
)


@settings(max_examples=150, deadline=None)
@given(matrices)
def test_every_float32_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, matrix: np.ndarray) -> None:
    path = write_prediction(tmp_path_factory.mktemp("p"), "x", 0, matrix)
    assert np.array_equal(read_prediction(path).astype(np.float32), matrix)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_float64_keeps_nine_digits(row: list[float]) -> None:
    back = np.array(format_matrix(np.array([row])).split(), float)
    assert np.allclose(back, row, rtol=6e-9, atol=0)


def test_text_is_what_a_person_expects() -> None:
    matrix = np.array([[0, 1, 0.5, 0.123456789012], [-0.25, 1e-5, 123.0, 0.000123]])
    expected = b"0 1 0.500000000 0.123456789\n-0.250000000 1.00000000e-05 1.23000000e+02 0.000123000000\n"
    assert format_matrix(matrix) == expected


def test_rounding_up_to_the_next_power_of_ten() -> None:
    values = np.array([[0.9999999999, 0.09999999999, 9.9999999999e-5, 99.999999999]])
    assert [float(token) for token in format_matrix(values).split()] == [1.0, 0.1, 1e-4, 100.0]


def test_shapes_are_kept(tmp_path: Path) -> None:
    for shape in ((1, 3), (3, 1), (1, 1), (300_000, 2)):
        path = write_prediction(tmp_path, "x", 0, np.full(shape, 0.25, np.float32))
        assert read_prediction(path).shape == shape


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_and_named(tmp_path: Path, bad: float) -> None:
    matrix = np.zeros((3, 2))
    matrix[2, 1] = bad
    with pytest.raises(DataError, match=f"found {bad} in row 2, class 1"):
        write_prediction(tmp_path, "x", 0, matrix)
    with pytest.raises(DataError, match=r"found shape \(3,\)"):
        write_prediction(tmp_path, "x", 0, np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_a_prediction_replaces_the_one_before_and_leaves_no_other_file(tmp_path: Path) -> None:
    write_prediction(tmp_path, "my.set [1]", 0, np.zeros((2, 2)))
    write_prediction(tmp_path, "my.set [1]", 0, np.ones((2, 2)))
    assert [path.name for path in tmp_path.iterdir()] == ["my.set [1].predict_0"]
    assert read_prediction(tmp_path / "my.set [1].predict_0").tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "an empty file"),
        (b"\n \n", "an empty file"),
        (b"1 0\n1\n", "matrix of numbers"),
        (b"1 x\n", "matrix of numbers"),
        (b"\xff\xfe\x00", "not text"),
    ],
)
def test_unusable_matrices_are_named(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "x.solution").write_bytes(text)
    with pytest.raises(DataError, match=rf"x\.solution: .*{message}"):
        read_prediction(tmp_path / "x.solution")


def test_missing_matrix_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_prediction(tmp_path / "x.solution")


def test_blanks_of_any_kind(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("0 0 1 \r\n1.0\t0  0 \r\n\r\n")
    assert read_prediction(tmp_path / "s").tolist() == [[0, 0, 1], [1, 0, 0]]


def test_predictions_are_listed_in_numeric_order(tmp_path: Path) -> None:
    for k in (10, 2, 0):
        write_prediction(tmp_path, "a.b", k, np.zeros((1, 1)))
    write_prediction(tmp_path, "other", 1, np.zeros((1, 1)))
    (tmp_path / "a.b.predict_x").touch()
    assert [k for k, _ in list_predictions(tmp_path, "a.b")] == [0, 2, 10]
    assert [k for k, _ in list_predictions(tmp_path)] == [0, 1, 2, 10]


@pytest.mark.parametrize(
    "name", ["adult", "my set: [v2] 'é'", "1e3", "true", "a.b-c", '"q"', "tab\there", "next\x85line\u2028"]
)
def test_start_file(tmp_path: Path, name: str) -> None:
    write_start(tmp_path, name, 1200, 1700000000.25, 42)
    append_timestamp(tmp_path, 0, 1700000001.5)
    append_timestamp(tmp_path, 1, 1700000002)
    start = read_start(tmp_path)
    assert (start.task_name, start.ingestion_pid, start.time_budget) == (name, 42, 1200.0)
    assert start.start_time == 1700000000.25
    assert start.timestamps == {0: 1700000001.5, 1: 1700000002.0}


def test_start_and_end_are_what_the_challenge_writes(tmp_path: Path) -> None:
    write_start(tmp_path, "adult", 30.0, 1.5, 7)
    append_timestamp(tmp_path, 0, 2.25)
    expected = "ingestion_pid: 7\ntask_name: adult\ntime_budget: 30\nstart_time: 1.5\n0: 2.25\n"
    assert (tmp_path / "start.txt").read_text() == expected
    write_end(tmp_path, 3.5, True, 5.0)
    assert (tmp_path / "end.txt").read_text() == "ingestion_duration: 3.5\ningestion_success: 1\nend_time: 5.0\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ingestion_pid: 1\nnonsense\n", "line 2: expected 'key: value', found 'nonsense'"),
        ("ingestion_pid: 1\nstart_time: 2\n", "expected the key 'time_budget'"),
        ("ingestion_pid: x\nstart_time: 2\ntime_budget: 3\n", "expected numbers"),
    ],
)
def test_unusable_start_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "start.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        read_start(tmp_path)


def test_missing_start_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_start(tmp_path)


def test_rows_that_are_all_the_same_look_like_any_other() -> None:
    row = np.array([[0.25, 1e-7, 1.0]], np.float32)
    assert format_matrix(np.repeat(row, 3, axis=0)) == format_matrix(row) * 3
    assert format_matrix(np.zeros((2, 0))) == b"\n\n"
