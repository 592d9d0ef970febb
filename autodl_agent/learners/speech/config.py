"""Settings of the quick sound learner; units in the names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HearConfig:
    """How much of a clip is heard, and how closely.

    seconds: heard from the clip's start; longer clips are cut, so an hour costs as much as a few seconds.
    segments: equal parts of the sounding stretch in the time-ordered map.
    """

    name: str
    seconds: float
    segments: int


@dataclass(frozen=True)
class SoundConfig:
    """Increments of `QuickSound`.

    first: what the first two increments hear. full: what the later ones hear.
    first_rows: training rows of the first increment (classes evenly), so that it ends within a second or two.
    max_rows: rows of the later increments; more would not fit the time of a closed-form fit.
    kernel_rows: landmarks of the kernel machine; up to so many rows it is exact kernel ridge regression.
    widths: widths of the Gaussian kernel, as multiples of the mean squared distance between rows.
    penalties: ridge penalties tried, each chosen by leave-one-out AUC.
    """

    first: HearConfig = HearConfig("first", seconds=3.0, segments=10)
    full: HearConfig = HearConfig("full", seconds=15.0, segments=16)
    first_rows: int = 400
    max_rows: int = 20_000
    kernel_rows: int = 1500
    widths: tuple[float, ...] = (0.25, 0.5, 1.0)
    penalties: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


DEFAULT = SoundConfig()
