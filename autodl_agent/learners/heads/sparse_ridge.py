"""Ridge regression on sparse rows for all classes and all penalties at once, solved in the space of rows.

Every solution is a weighted sum of training rows, W = Xᵀ·A with A of shape (n, classes), so the solver touches X only
through K·A = X·(Xᵀ·A) and never holds several copies of W. One Lanczos run (Lanczos 1950) spans the space in which
the ridge objective is then minimised exactly for each penalty: the iterates are those of conjugate gradients on the
normal equations (Björck, "Numerical methods for least squares problems", 1996), without a run per penalty.
"""

from typing import Any

import numpy as np

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads.arrays import Doubles, Floats, float32
from autodl_agent.system.clock import Deadline

TINY = 1e-12


class SparseRows:
    """Sparse training rows (n, d) with their transpose, and the products the solver needs.

    deadline: a product raises OutOfTimeError once it has passed.
    """

    def __init__(self, matrix: Any, deadline: Deadline) -> None:
        self.matrix, self._transposed, self._deadline = matrix, matrix.T.tocsr(), deadline

    def weights(self, dual: Floats) -> Floats:
        """(d, classes) = Xᵀ·A."""
        product: Floats = self._transposed @ dual
        return product

    def kernel(self, dual: Floats) -> Floats:
        """(n, classes) = X·Xᵀ·A."""
        if self._deadline.passed:
            raise OutOfTimeError("product of sparse rows")
        product: Floats = self.matrix @ self.weights(np.ascontiguousarray(dual, np.float32))
        return product


def ridge_path(rows: SparseRows, targets: Floats, penalties: tuple[float, ...], steps: int) -> list[Floats]:
    """One A (n, classes) per penalty that minimises |targets − K·A|² + penalty·AᵀKA after `steps` Lanczos steps."""
    basis, small, length = _lanczos(rows, targets, steps)
    taken = len(basis)
    square = small[:, :taken]
    normal = np.einsum("ckj,cki->cji", small, small)
    right = small[:, 0, :] * length[:, None]
    # Where the space was used up early the last rows are zero: a trace of the identity keeps the system solvable.
    floor = 1e-9 * (np.trace(normal, axis1=1, axis2=2) + TINY)[:, None, None] * np.eye(taken)
    out = []
    for penalty in penalties:
        core = float32(np.linalg.solve(normal + penalty * square + floor, right[:, :, None])[:, :, 0])
        dual = np.zeros_like(targets)
        for step, vector in enumerate(basis):
            dual += vector * core[:, step]
        out.append(dual)
    return out


def _lanczos(rows: SparseRows, targets: Floats, steps: int) -> tuple[list[Floats], Doubles, Doubles]:
    """Orthonormal vectors (one set for each column of `targets`), K in them, and the length of each target.

    K·Q = Q₊·T: `steps` vectors Q as a list of (n, classes), T as (classes, steps + 1, steps).
    """
    length = _lengths(targets)
    basis = [float32(targets / np.maximum(length, TINY))]
    small = np.zeros((targets.shape[1], steps + 1, steps))
    for step in range(steps):
        ahead = rows.kernel(basis[step])
        small[:, step, step] = np.einsum("nc,nc->c", ahead, basis[step])
        size = _lengths(ahead)
        for earlier in reversed(basis):  # against all before, not the last two only: single precision drifts
            ahead -= earlier * np.einsum("nc,nc->c", ahead, earlier)
        norm = _lengths(ahead)
        norm[norm < 1e-5 * size] = 0  # the space is used up for this class
        small[:, step + 1, step] = norm
        if step + 1 < steps:
            small[:, step, step + 1] = norm
            basis.append(ahead * float32(np.where(norm > 0, 1 / np.where(norm > 0, norm, 1), 0)))
    return basis, small, length


def _lengths(columns: Floats) -> Doubles:
    return np.asarray(np.sqrt(np.einsum("nc,nc->c", columns, columns)), np.float64)
