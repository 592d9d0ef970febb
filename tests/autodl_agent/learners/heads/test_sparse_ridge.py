import numpy as np
import pytest
from scipy import sparse

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads.sparse_ridge import SparseRows, ridge_path
from autodl_agent.system.clock import Deadline


def problem(n: int, d: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    x = (rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.4)).astype(np.float32)
    return x, rng.normal(size=(n, classes)).astype(np.float32)


@pytest.mark.parametrize(("n", "d"), [(12, 8), (8, 30)])
def test_all_penalties_equal_the_closed_form(n: int, d: int) -> None:
    x, y = problem(n, d, 3)
    rows = SparseRows(sparse.csr_matrix(x), Deadline(np.inf))
    penalties = (0.5, 2.0, 20.0)
    for penalty, dual in zip(penalties, ridge_path(rows, y, penalties, steps=min(n, d) + 2), strict=True):
        exact = np.linalg.solve(x.T @ x + penalty * np.eye(d), x.T @ y)
        np.testing.assert_allclose(rows.weights(dual), exact, atol=2e-3)


def test_classes_without_signal_and_more_steps_than_rows() -> None:
    x, y = problem(4, 6, 3)
    y[:, 1] = 0
    rows = SparseRows(sparse.csr_matrix(x), Deadline(np.inf))
    (dual,) = ridge_path(rows, y, (1.0,), steps=10)
    assert np.isfinite(dual).all()
    assert (rows.weights(dual)[:, 1] == 0).all()


def test_rows_without_any_column() -> None:
    rows = SparseRows(sparse.csr_matrix((5, 0), dtype=np.float32), Deadline(np.inf))
    (dual,) = ridge_path(rows, np.ones((5, 2), np.float32), (1.0,), steps=3)
    assert rows.weights(dual).shape == (0, 2)


def test_the_deadline_is_kept() -> None:
    x, y = problem(5, 5, 2)
    with pytest.raises(OutOfTimeError):
        ridge_path(SparseRows(sparse.csr_matrix(x), Deadline(-np.inf)), y, (1.0,), steps=3)
