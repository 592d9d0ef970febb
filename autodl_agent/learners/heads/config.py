"""Settings of heads. Penalties are ridge penalties tried; the best leave-one-out or held-out AUC chooses one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RidgeConfig:
    """Ridge regression by eigendecomposition.

    penalties: per thousand rows. standardise: every column to unit spread, otherwise all by their mean spread.
    judged_rows: rows whose AUC chooses a penalty.
    """

    penalties: tuple[float, ...] = tuple(10.0**k for k in (-2, -1, 0, 1, 2, 3, 4, 5))
    standardise: bool = True
    judged_rows: int = 20_000


@dataclass(frozen=True)
class BatchedRidgeConfig:
    """Ridge regression by sums over batches and linear systems.

    penalties: per column and thousand rows, rising. held_rows: held-out rows that penalty and calibration are judged
    on. give_up: the AUC has one peak over the penalties; so far below it only time is lost.
    """

    penalties: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    held_rows: int = 4000
    give_up: float = 0.01


@dataclass(frozen=True)
class BlockRidgeConfig:
    """Ridge regression on blocks of columns that weigh differently.

    penalties: per column and thousand rows. most_scores: rows x classes x penalties up to which all penalties are
    tried, beyond those in the middle of the range. wide: unknowns above which an eigendecomposition costs more than
    trying penalties one by one. most_values: rows x columns held at once; four such arrays exist while eigenvectors
    are used. batched: of fits that are larger than these two.
    """

    penalties: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    most_scores: int = 40_000_000
    wide: int = 2000
    most_values: int = 25_000_000
    batched: BatchedRidgeConfig = BatchedRidgeConfig()


@dataclass(frozen=True)
class LogisticRidgeConfig:
    """Ridge regression, then conjugate-gradient steps to logistic regression.

    penalties: per thousand rows, rising. polish: steps. check_rows: first rows whose leave-one-out AUC chooses a
    penalty.
    """

    penalties: tuple[float, ...]
    polish: int = 4
    check_rows: int = 4_000


@dataclass(frozen=True)
class GaussianConfig:
    """The head on frozen features.

    sharpness: of the kernel exp(sharpness · (cosine - 1)). penalties: tried on the diagonal of the kernel.
    penalty_rows: rows that the penalty is chosen on. most_exact_rows: up to so many rows are solved exactly; of more,
    most_anchors span the solution.
    """

    sharpness: float = 1.5
    penalties: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    penalty_rows: int = 800
    most_exact_rows: int = 4500
    most_anchors: int = 3000


@dataclass(frozen=True)
class HeadConfig:
    """The network on top of an encoder's vectors.

    hidden: units. dropout, input_dropout: shares of units and of features left out of a step. batch: rows of a step, at
    most an eighth of all. learning_rate: of Adam's first step. decay: of weights, relative to the learning rate.
    least_epochs, most_epochs: times that each row is seen; between them about most_steps steps.
    least_rows: fewer rows get ridge regression alone.
    """

    hidden: int = 256
    dropout: float = 0.3
    input_dropout: float = 0.1
    batch: int = 128
    learning_rate: float = 7e-4
    decay: float = 0.02
    least_epochs: int = 6
    most_epochs: int = 16
    most_steps: int = 560
    least_rows: int = 200


@dataclass(frozen=True)
class MultiKernelConfig:
    """The kernel machine over named blocks of sound features.

    landmarks: up to so many rows the kernel machine is exact, beyond they span it (Nyström).
    cepstrum_weight: how many blocks the cepstrum counts for in the views of all blocks: the surest guide on few rows.
    map_weight: the same for the time-ordered map, in the view that listens for the order of sounds.
    map_width, width: squared widths of the Gaussian kernels; 1 is half the mean squared distance of two rows.
    penalties: ridge penalties, relative to the kernel's mean variance; the first is taken unless another is clearly
    better. clear_gain: leave-one-out AUC another must gain to be so: rows left out one at a time have their own
    speaker or microphone among the rest, so small gains there are worth nothing.
    """

    landmarks: int = 1200
    cepstrum_weight: float = 3.0
    map_weight: float = 4.0
    map_width: float = 2.0
    width: float = 1.0
    penalties: tuple[float, ...] = (0.1, 0.01, 0.3, 1.0)
    clear_gain: float = 0.005
