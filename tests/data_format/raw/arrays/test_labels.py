"""Labels that a program hands over, in every form and in some wrong ones."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_format.errors import DataError
from data_format.raw.arrays.labels import is_missing_value, read_labels

NAN = float("nan")


class NAType:  # the name is what counts: pandas is not needed to know its missing value
    pass


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        (None, True),
        (NAN, True),
        (np.float32("nan"), True),
        (np.datetime64("NaT"), True),
        (NAType(), True),
        (0, False),
        (0.0, False),
        ("", False),
        ("nan", False),
        (np.inf, False),
        (np.datetime64("2020-01-01"), False),
    ],
)
def test_what_holds_no_value(value: Any, missing: bool) -> None:
    assert is_missing_value(value) is missing


@pytest.mark.parametrize(
    ("y", "names", "classes"),
    [
        ([10, 9, 10], ("9", "10"), [1, 0, 1]),
        (["b", "B", "a"], ("B", "a", "b"), [2, 0, 1]),
        (np.array([[2], [1], [2]]), ("1", "2"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        ([1, "a", 1], ("1", "a"), [0, 1, 0]),
        ([-0.5, 2.0, -0.5], ("-0.5", "2.0"), [0, 1, 0]),
        (["x", "x", "x"], ("x",), [0, 0, 0]),
        ([("a",), ("b",), ("a",)], ("a", "b"), [0, 1, 0]),
    ],
)
def test_one_class_a_row(y: Any, names: tuple[str, ...], classes: list[int]) -> None:
    matrix, found, kept = read_labels(y, 3)
    assert found == names
    assert np.array_equal(matrix, np.eye(len(names), dtype=np.float32)[classes])
    assert matrix.dtype == np.float32 and kept.tolist() == [0, 1, 2]


@pytest.mark.parametrize("y", [[1, None, 0], [1.0, NAN, 0.0], ["b", None, "a"], np.array([1, NAN, 0])])
def test_a_row_without_a_label_is_left_empty(y: Any) -> None:
    matrix, _, kept = read_labels(y, 3)
    assert kept.tolist() == [0, 2]
    assert matrix.tolist() == [[0, 1], [0, 0], [1, 0]]


@pytest.mark.parametrize(
    ("y", "matrix"),
    [
        ([[0, 1], [1, 1]], [[0, 1], [1, 1]]),
        (np.array([[0.25, 0.75], [0, 1]]), [[0.25, 0.75], [0, 1]]),
        ([(1, 0), (0, 0)], [[1, 0], [0, 0]]),
        (np.array([[True, False], [True, True]]), [[1, 0], [1, 1]]),
    ],
)
def test_a_matrix_is_taken_as_it_is(y: Any, matrix: list[list[float]]) -> None:
    found, names, kept = read_labels(y, 2)
    assert (found.tolist(), names, kept.tolist()) == (matrix, ("0", "1"), [0, 1])


@pytest.mark.parametrize("y", [[{1, 2}, {2}], [["a", "b"], ["b"]], [[], ["b"]], [{0, 1}, {0, 1}]])
def test_collections_of_names_are_sets_of_classes(y: Any) -> None:
    matrix, names, _ = read_labels(y, 2)
    assert [{names[c] for c in np.flatnonzero(row)} for row in matrix] == [set(map(str, row)) for row in y]


@given(st.lists(st.sets(st.sampled_from("abcd")), min_size=1, max_size=6).filter(lambda rows: any(rows)))
def test_sets_come_back_from_the_matrix(rows: list[set[str]]) -> None:
    matrix, names, _ = read_labels(rows, len(rows))
    assert list(names) == sorted(set().union(*rows))
    assert [{names[c] for c in np.flatnonzero(row)} for row in matrix] == rows


@pytest.mark.parametrize("y", [["a", "c"], [["a"], ["c"]], [[1, 0, 0], [0, 0, 1]]])
def test_given_names_fix_order_and_width(y: Any) -> None:
    matrix, names, _ = read_labels(y, 2, ["a", "b", "c"])
    assert names == ("a", "b", "c")
    assert matrix.tolist() == [[1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("y", "names", "says"),
    [
        ([1, 2, 3], None, "expected 2 labels, one an example, found 3"),
        (5, None, "expected one label an example, found int"),
        ([None, NAN], None, "expected class values, found none in 2 rows"),
        ([[], []], None, "expected class names, found 2 empty lists"),
        (["a", "z"], ["a", "b"], "expected only the classes 'a', 'b', found 'z'"),
        ([["a"], ["z", "y"]], ["a"], "expected only the classes 'a', found 'y', 'z'"),
        ([[0, 2], [0, 1]], None, r"y\[0, 1\]: expected a label between 0 and 1, found 2"),
        ([[0, 1], [NAN, 1]], None, r"y\[1, 0\]: expected a label between 0 and 1, found nan"),
        ([[0, -0.5], [0, 1]], None, r"y\[0, 1\]: expected a label"),
        ([[0, 1], [1, 0]], ["a"], "class_names: expected 2 names, one a column of y, found 1"),
        (np.zeros((2, 2, 2)), None, r"found the shape \(2, 2, 2\)"),
        (np.array([["a", "b"], ["c", "d"]]), None, r"expected an \(n, classes\) matrix of numbers"),
        ([1, [2]], None, "expected one class or one list of classes an example"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(y: Any, names: list[str] | None, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        read_labels(y, 2, names)
    assert "\n" not in str(caught.value)
