import numpy as np

from autodl_agent.learners.trees.targets import Targets


def test_one_valued_columns_are_not_solved_and_keep_their_share():
    labels = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]], np.float32)
    targets = Targets.of(labels, single=False)
    assert targets.columns.tolist() == [0]
    out = targets.spread(np.array([[0.3]], np.float32))
    assert np.allclose(out, [[0.3, 0.125, 0.875]])


def test_binary_tasks_are_solved_once():
    labels = np.eye(2, dtype=np.float32)[[0, 1, 1]]
    targets = Targets.of(labels, single=True)
    assert targets.columns.tolist() == [1]
    assert targets.solved(labels).tolist() == [[0], [1], [1]]
    assert np.allclose(targets.spread(np.array([[0.2]], np.float32)), [[0.8, 0.2]])


def test_two_labels_of_a_multilabel_task_are_two_targets():
    labels = np.array([[1, 1], [0, 1], [0, 0]], np.float32)
    targets = Targets.of(labels, single=False)
    assert targets.columns.tolist() == [0, 1]
    assert targets.solved(labels, np.array([1])).tolist() == [[1], [1], [0]]


def test_no_rows():
    targets = Targets.of(np.zeros((0, 3), np.float32), single=True)
    assert len(targets.columns) == 0
    assert targets.spread(np.zeros((2, 0), np.float32)).shape == (2, 3)
