"""What fits cost, so that one that cannot be interrupted is not begun too late.

Estimates are counts of arithmetic operations, divided by a speed: the measured one of `Speed`, or a constant of one
slow core where a head is fitted too seldom to learn one. Decompositions run slower than products, so their operations
are counted several times.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.system.clock import Deadline

LABEL_CELLS = 1_000_000  # most cells of (rows x classes) that the penalty of logistic ridge is chosen on
LOGISTIC_PER_S = 3e10
RIDGE_PER_S = 2e10
KERNEL_PER_S = 3e9
EIGEN_S = 5e-10  # seconds per cubed row of an eigendecomposition on one slow core


@dataclass
class Speed:
    """Measured arithmetic speed.

    per_s: operations a second; the start value is what one busy core does.
    """

    per_s: float = 15e9

    def holds(self, operations: float, deadline: Deadline) -> bool:
        """Whether so many operations are expected to end before the deadline."""
        return operations / self.per_s <= deadline.remaining()

    def check(self, operations: float, deadline: Deadline) -> None:
        """Raise OutOfTimeError if so many operations would not end before the deadline."""
        if not self.holds(operations, deadline):
            raise OutOfTimeError(f"a fit of {operations:.1e} operations in {deadline.remaining():.2f} s")

    def learn(self, operations: float, seconds: float) -> None:
        """Take a measurement in; small ones say little about large ones."""
        if operations > 1e9 and seconds > 0:
            self.per_s = 0.5 * self.per_s + 0.5 * operations / seconds

    @contextmanager
    def measured(self, operations: float, deadline: Deadline) -> Iterator[None]:
        """Work of so many operations: refused as by `check`, then learned from."""
        self.check(operations, deadline)
        before = deadline.remaining()
        yield
        self.learn(operations, before - deadline.remaining())


def eigen_ridge(n: int, width: int, classes: int, penalties: int) -> float:
    """Operations of ridge by eigendecomposition: the smaller side is decomposed, every penalty is a product."""
    side = float(min(n, width))
    return 4.0 * n * width * side + 20.0 * side**3 + penalties * 4.0 * n * side * classes


def batched_ridge(width: int, penalties: int) -> float:
    """Operations of the linear systems of ridge on summed batches, the last one on all rows."""
    return (penalties + 1) * 0.7 * float(width) ** 3


def gaussian_ridge(n: int, anchors: int, few: int, width: int) -> float:
    """Operations of Gaussian kernel ridge: `few` rows choose the penalty, `anchors` rows span the solution."""
    whole = 2.0 * anchors * anchors * width + 12.0 * float(few) ** 3 + float(anchors) ** 3
    return whole if n == anchors else whole + 2.0 * anchors * (n * (width + 2 * anchors) + few * anchors)


def ridge_s(n: int, width: int) -> float:
    """Seconds of ridge by eigendecomposition on one slow core, the classes few."""
    small = min(n, width)
    return (10.0 * small**3 + 4.0 * n * width * small) / RIDGE_PER_S


def multi_kernel_s(anchors: int, rows: int, width: int) -> float:
    """Seconds of a multi-kernel fit on one slow core."""
    products = anchors * rows * (width + 150.0)
    spanned = rows * anchors**2 + anchors**3 if rows > anchors else 0.0
    return 0.02 + EIGEN_S * anchors**3 + (products + spanned) / KERNEL_PER_S


def logistic_ridge_s(rows: int, width: int, classes: int) -> float:
    """Seconds of logistic ridge: the Gram matrix, about four inverses, four polishing steps over all classes."""
    small = float(min(rows, width))
    operations = 2.0 * rows * width * (small + 12 * classes) + 4 * (3 * small**3 + 2 * small * width * classes)
    cells = 4.0 * min(rows * classes, LABEL_CELLS) + 60.0 * rows * classes
    return operations / LOGISTIC_PER_S + 3e-9 * cells + 0.02
