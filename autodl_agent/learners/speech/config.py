"""Settings of the quick sound learner; units in the names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HearConfig:
    """How much of a clip is heard, and how closely.

    name: part of the recipe's key. seconds: heard from the clip's start; longer clips are cut, so an hour costs as
    much as a few seconds. segments: equal parts of the sounding stretch in the time-ordered map.
    """

    name: str
    seconds: float
    segments: int


@dataclass(frozen=True)
class SoundConfig:
    """Increments of `QuickSound` and its kernel machine.

    first: what the early increments hear. full: what the later ones hear, where clips are longer than the first.
    first_rows: training rows of the first increment (classes evenly), so that it ends within a second or two.
    growth: how many times more rows each further increment takes. max_rows: rows of the last one at most.
    landmarks: up to so many rows the kernel machine is exact, beyond they span it (Nyström).
    map_weight: weight of the time-ordered map in the kernel that listens for the order of sounds.
    map_width, width: squared widths of the Gaussian kernels; 1 is half the mean squared distance of two rows.
    penalties: ridge penalties tried, relative to the kernel's mean variance.
    indifference: of the penalties whose leave-one-out AUC is so near the best, the largest is taken.
    """

    first: HearConfig = HearConfig("first", seconds=3.0, segments=10)
    full: HearConfig = HearConfig("full", seconds=15.0, segments=16)
    first_rows: int = 400
    growth: int = 4
    max_rows: int = 20_000
    landmarks: int = 1500
    map_weight: float = 2.0
    map_width: float = 2.0
    width: float = 1.0
    penalties: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
    indifference: float = 2e-4


DEFAULT = SoundConfig()
