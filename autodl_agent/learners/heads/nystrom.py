"""Landmarks: few rows that span a kernel machine fitted on many.

Source: Williams & Seeger 2001, "Using the Nyström method to speed up kernel machines".
"""

from collections.abc import Callable

import numpy as np

from autodl_agent.data.arrays import Rows
from autodl_agent.learners.heads.arrays import Floats, float32, row_slices
from autodl_agent.learners.heads.calibration import LEAST_POSITIVES
from autodl_agent.learners.heads.eigen import left_out_scores

ROWS_AT_ONCE = 1024  # rows whose kernel is in memory together
JITTER = np.float32(1e-2)  # on the landmarks' kernel, so that rows that are there twice leave it invertible
SMALL = 1500  # unknowns up to which importing a faster solver costs more than it saves
LEAST_EIGENVALUE = 1e-5  # relative to the largest, of a direction that landmarks span


def rare_classes_first(labels: Floats, rng: np.random.Generator, most: int) -> Rows:
    """All row numbers, shuffled, but in front, among the first `most`, LEAST_POSITIVES of each class that has as many.

    Where that is more than `most`, the rows of some classes are there, and those of others are left to chance.
    """
    order = rng.permutation(len(labels))
    place, column = np.nonzero(labels[order] > 0)
    by_class = np.argsort(column, kind="stable")
    place, column = place[by_class], column[by_class]
    early = np.arange(len(place)) - np.searchsorted(column, column) < LEAST_POSITIVES
    turn = rng.permutation(labels.shape[1])[column[early]]
    wanted = place[early][np.argsort(turn, kind="stable")]
    _, first = np.unique(wanted, return_index=True)  # a row of several classes counts once
    front = wanted[np.sort(first)[:most]]
    return np.concatenate([order[front], np.delete(order, front)])


def spanned_axes(kernel: Floats) -> Floats:
    """(m, k) axes of the landmarks' kernel (m, m): kernel rows times these are k whitened features.

    Directions without variance are left out, so k may be 0.
    """
    values, vectors = np.linalg.eigh(kernel.astype(np.float64))
    kept = values > max(float(values[-1]), 1e-6) * LEAST_EIGENVALUE
    return float32(vectors[:, kept] / np.sqrt(values[kept]))


def spanned_ridge(
    own: Floats, kernel_rows: Callable[[slice], Floats], target: Floats, few: Rows, penalty: float
) -> tuple[Floats, Floats]:
    """Dual coefficients (m, classes) of landmarks, fitted on all rows, and left-out scores of the few.

    own: (m, m) kernel of the landmarks, which is overwritten. kernel_rows: (rows, m) kernel of a slice of all rows.
    target: (n, classes). few: row numbers of the last landmarks. Works on whitened kernel columns by Cholesky, a
    fraction of an eigendecomposition's cost: the sums alone are too ill-posed.
    """
    from scipy.linalg import cholesky, solve_triangular

    sample = own[:, -len(few) :].copy()
    own.flat[:: len(own) + 1] += JITTER
    factor = cholesky(own, lower=True, overwrite_a=True, check_finite=False)
    gram = np.zeros((len(factor), len(factor)), np.float32)
    cross = np.zeros((len(factor), target.shape[1]), np.float32)
    for rows in row_slices(len(target), ROWS_AT_ONCE):
        z = solve_triangular(factor, kernel_rows(rows).T, lower=True, overwrite_b=True, check_finite=False)
        gram += z @ z.T
        cross += z @ target[rows]
    gram.flat[:: len(gram) + 1] += np.float32(penalty)
    weights, upper = solve_positive(gram, cross)
    z = solve_triangular(factor, sample, lower=True, overwrite_b=True, check_finite=False)
    fitted = z.T @ weights
    leverage = np.square(solve_triangular(upper, z, trans=1, overwrite_b=True, check_finite=False)).sum(0)
    alpha = solve_triangular(factor, weights, lower=True, trans=1, check_finite=False)
    return float32(alpha), left_out_scores(target[few], fitted, leverage)


def last_left_out(alpha: Floats, factor: Floats, target: Floats) -> Floats:
    """Exact leave-one-out scores of the last rows, whose targets are given, of the system with this upper factor.

    A residual is alpha over the diagonal of the inverse; that of the last rows needs their corner of the factor alone.
    """
    few = len(target)
    corner = np.linalg.inv(np.triu(factor[-few:, -few:]).astype(np.float64))
    return float32(target - alpha[-few:] / np.square(corner).sum(1)[:, None])


def solve_positive(matrix: Floats, right: Floats) -> tuple[Floats, Floats]:
    """matrix⁻¹ · right of a positive definite matrix, which is overwritten, and its factor: matrix = factorᵀ · factor.

    The factor is in the upper triangle; what stands below it means nothing.
    """
    if len(matrix) <= SMALL:
        return float32(np.linalg.solve(matrix, right)), float32(np.linalg.cholesky(matrix).T)
    from scipy.linalg import cho_factor, cho_solve

    factor = cho_factor(matrix, overwrite_a=True, check_finite=False)
    return float32(cho_solve(factor, right, check_finite=False)), factor[0]
