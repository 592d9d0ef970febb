"""Settings of the quick video learner."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipConfig:
    """One way of sampling a clip.

    frames: pictures taken from the whole clip, at least 2. side_px: side they are squashed to, a multiple of 8.
    """

    frames: int
    side_px: int


@dataclass(frozen=True)
class QuickVideoConfig:
    """Settings of `QuickVideo`.

    clips: samplings from cheap to dear; the first serves until all clips are learnt, then one replaces the other.
    first_rows: clips of the first increment; classes_rows: clips per class on top; most_first_rows: their ceiling.
    row_growth: factor of clips between increments.
    weights: shares that looks, changes and movement may have in the head: the first, unless clips left out speak
    clearly for another (looks alone tell places apart, which misleads where an action is asked for).
    """

    clips: tuple[ClipConfig, ...] = (ClipConfig(8, 32), ClipConfig(16, 48))
    first_rows: int = 60
    classes_rows: int = 5
    most_first_rows: int = 1000
    row_growth: int = 4
    weights: tuple[tuple[float, float, float], ...] = ((0.5, 1, 1), (4, 1, 1), (0, 1, 1))
