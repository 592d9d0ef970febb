import numpy as np
import pytest

from autodl_agent.scoring.accuracy import is_one_hot, soft_accuracy
from data_format.errors import DataError


def test_the_protocols_vector() -> None:
    truth = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]]
    scores = [[0.9, 0.1, 0.3], [0.2, 0.4, 0.1], [0.9, 0.4, 0.2], [0.8, 0.3, 0.9]]
    assert soft_accuracy(truth, scores) == pytest.approx(0.45343406593406554, abs=1e-15)


def test_is_the_share_of_mass_not_the_largest_score() -> None:
    assert soft_accuracy(np.eye(2), [[0.6, 0.4], [0.4, 0.6]]) == pytest.approx(0.6)
    assert soft_accuracy(np.eye(2), np.zeros((2, 2))) == 0.0
    assert soft_accuracy(np.eye(2), [[np.nan, np.inf], [0.0, 1.0]]) == pytest.approx(0.5)
    assert soft_accuracy(np.zeros((0, 2)), np.zeros((0, 2))) == 0.0


def test_one_hot_truth_is_told_apart() -> None:
    assert is_one_hot(np.eye(3)[[0, 2, 2]])
    assert not is_one_hot([[1, 1], [0, 1]])
    assert not is_one_hot([[0, 0], [0, 1]])
    assert not is_one_hot([[0.5, 0.5], [0, 1]])


def test_shapes_must_agree() -> None:
    with pytest.raises(DataError, match=r"\(2, 2\).*\(3, 2\)"):
        soft_accuracy(np.eye(2), np.zeros((3, 2)))
