"""Numbers of the held-out rows against ones counted by hand."""

import numpy as np
import pytest

from autodl_agent.engine.snapshot import HeldOut, Part, Snapshot
from autodl_agent.runs.report.evaluation import MATRIX_CLASSES, MISTAKES, evaluate


def snapshot(labels, p, rows=None):
    p = np.clip(np.asarray(p, np.float64), 1e-4, 1 - 1e-4)
    logits = np.log(p / (1 - p)).astype(np.float32)
    rows = np.arange(len(labels)) if rows is None else rows
    return Snapshot((Part("a", 1.0, ()),), held_out=HeldOut((logits,), np.asarray(labels, np.float32), rows))


def test_single_labels_are_counted():
    labels = np.eye(3)[[0, 0, 1, 1, 2, 2]]
    p = np.full((6, 3), 0.1)
    p[np.arange(6), [0, 1, 1, 1, 2, 0]] = [0.9, 0.6, 0.9, 0.8, 0.7, 0.95]
    found = evaluate(snapshot(labels, p, np.arange(10, 16)), False)
    assert found.accuracy == pytest.approx(4 / 6) and found.rows == found.of_rows == 6
    assert found.matrix.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert found.precision.tolist() == pytest.approx([1 / 2, 2 / 3, 1]) and found.recall.tolist() == [0.5, 1.0, 0.5]
    assert [(m.row, m.truth, m.predicted) for m in found.mistakes] == [(15, (2,), (0,)), (11, (0,), (1,))]
    assert found.mistakes[0].predicted_p[0] == pytest.approx(0.95, abs=1e-3)


def test_of_several_labels_a_left_out_one_is_a_mistake_too():
    rng = np.random.default_rng(0)
    labels = (rng.random((200, 3)) < 0.4).astype(float)
    p = np.clip(labels * 0.8 + 0.1 + rng.normal(0, 0.02, labels.shape), 0.01, 0.99)
    labels[7, 1] = 1 - labels[7, 1]
    found = evaluate(snapshot(labels, p), True)
    assert found.accuracy is None and found.mistakes[0].row == 7


def test_what_nothing_is_known_of_is_nan_and_no_error():
    found = evaluate(snapshot(np.eye(3)[[0, 0, 1]], np.eye(3)[[0, 0, 1]]), False)
    assert np.isnan(found.nauc[2]) and np.isnan(found.precision[2]) and np.isnan(found.recall[2])
    assert found.mistakes == ()


def test_rows_that_could_not_be_read_are_no_mistakes_to_show():
    labels = np.eye(2)[[0, 1, 0, 1]]
    known = snapshot(labels, 1 - labels * 0.8, np.arange(4, 8))
    unread = np.zeros(8, bool)
    unread[[4, 6]] = True
    assert {m.row for m in evaluate(known, False).mistakes} == {4, 5, 6, 7}
    assert {m.row for m in evaluate(known, False, unread=unread).mistakes} == {5, 7}


@pytest.mark.parametrize("held", [Snapshot(), None, Snapshot((Part("a", 1.0, ()),))])
def test_without_held_out_rows_there_is_nothing(held):
    assert evaluate(held, False) is None


def test_many_rows_and_classes_are_bounded():
    rng = np.random.default_rng(1)
    labels = np.eye(40)[rng.integers(0, 40, 4000)]
    found = evaluate(snapshot(labels, rng.random((4000, 40))), False, most_cells=8000)
    assert found.rows <= 210 and found.of_rows == 4000
    assert len(found.shown) == MATRIX_CLASSES == len(found.matrix) and len(found.mistakes) == MISTAKES
    assert found.positives.sum() == found.rows
