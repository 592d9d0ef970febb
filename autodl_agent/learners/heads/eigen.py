"""Ridge regression for many penalties from one symmetric eigendecomposition, with exact leave-one-out scores.

The primal form decomposes XᵀX (d, d), the dual form a kernel K (n, n), such as XXᵀ. Both give the scores that each row
would get from a fit without it, at no further fit. Source: Golub, Heath & Wahba 1979.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.heads.arrays import Doubles, Floats, float32


class Candidate(NamedTuple):
    """A solution for one penalty and what it says of the rows left out.

    solution: primal weights (d, classes) or dual coefficients (n, classes). left_out: (rows, classes) scores without
    the intercept.
    """

    solution: NDArray[np.floating]
    left_out: Floats


def primal_path(x: Floats, target: Floats, penalties: Iterable[float]) -> Iterator[Candidate]:
    """Weights of each penalty. x: (n, d) and target: (n, classes), both with columns of mean 0."""
    values, vectors = np.linalg.eigh(x.T @ x)
    values = values.clip(0)
    z = x @ vectors
    projected, squares = z.T @ target, z * z
    for penalty in penalties:
        inverse = float32(1 / (values + penalty))
        core = inverse[:, None] * projected
        leverage = squares @ inverse + np.float32(1 / len(x))  # 1/n is the intercept's share
        yield Candidate(vectors @ core, left_out_scores(target, z @ core, leverage))


def dual_path(
    kernel: NDArray[np.floating], target: NDArray[np.floating], penalties: Iterable[float], free_intercept: bool = True
) -> Iterator[Candidate]:
    """Dual coefficients of each penalty; a left-out residual is the coefficient over the inverse's diagonal.

    Nothing cancels where the fit is perfect, as it often is with more columns than rows. kernel: (n, n).
    target: (n, classes) with columns of mean 0. free_intercept: the kernel is centred, its rows sum to 0, and an
    intercept is refitted without each row; otherwise it is taken as given.
    """
    values, vectors = np.linalg.eigh(np.asarray(kernel, np.float64))
    values = values.clip(0)
    projected, squares = vectors.T @ target, vectors * vectors
    for penalty in penalties:
        inverse: Doubles = 1 / (values + penalty)
        dual = vectors @ (inverse[:, None] * projected)
        diagonal = squares @ inverse
        if free_intercept:  # the constant direction, of eigenvalue 0, belongs to the intercept
            diagonal -= 1 / (len(values) * penalty)
        yield Candidate(dual, float32(target - dual / np.maximum(diagonal, 1e-12)[:, None]))


def left_out_scores(target: Floats, fitted: Floats, leverage: NDArray[np.floating], least_room: float = 1e-3) -> Floats:
    """(n, classes) leave-one-out scores from the fit and the diagonal (n,) of the hat matrix.

    least_room: below it, one minus the leverage is rounding.
    """
    return float32(target - (target - fitted) / np.maximum(1 - leverage, least_room)[:, None])
