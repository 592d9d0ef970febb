import numpy as np
import pytest

from autodl_agent.learners.networks.output_layer import first_bias, mixed, probabilities, targets

LABELS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)


def test_smoothing_spreads_single_labels_and_leaves_empty_rows_empty():
    found = targets(LABELS, True, 0.3)
    assert np.allclose(found.sum(1), [1, 1, 0]) and np.allclose(found[0], [0.8, 0.1, 0.1])


def test_several_labels_a_row_are_taken_as_they_are():
    assert np.array_equal(targets(LABELS, False, 0.3), LABELS)


@pytest.mark.parametrize("softmax", [True, False])
def test_the_first_bias_answers_with_the_shares(softmax):
    labels = np.eye(4, dtype=np.float32)[np.repeat([0, 1, 2], [600, 300, 100])]
    found = probabilities(first_bias(labels, softmax)[None], softmax)[0]
    assert np.allclose(found[:3], [0.6, 0.3, 0.1], atol=0.01) and 0 < found[3] < 0.01


@pytest.mark.parametrize("softmax", [True, False])
def test_probabilities_are_finite_whatever_the_network_says(softmax):
    wild = np.array([[np.nan, np.inf, -np.inf], [1e30, -1e30, 0]], np.float32)
    found = probabilities(wild, softmax)
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1
    assert found[1, 0] > found[1, 2] > found[1, 1]


def test_one_class_is_no_certainty():
    assert np.allclose(probabilities(np.array([[0.0], [2.0]], np.float32), True), [[0.5], [0.8808]], atol=1e-4)


def test_mixing_blends_rows_and_labels_alike():
    rng = np.random.default_rng(0)
    rows = np.eye(8, dtype=np.float32)
    found, labels = mixed(rows, rows, 0.4, rng)
    assert np.allclose(found, labels) and np.allclose(labels.sum(1), 1)
    assert (np.diag(labels) >= 0.5).all() and (np.diag(labels) < 0.999).any()
    wide, _ = mixed(np.ones((8, 3, 2, 1), np.float32), rows, 0.4, rng)
    assert np.allclose(wide, 1)
