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

    clips: samplings from cheap to dear; the first serves the first increments, each next one is joined to it alone.
    first_rows: clips of the first increment; classes_rows: clips per class on top; most_first_rows: their ceiling.
    row_growth: factor of clips between increments.
    first_weights: shares that looks, changes and movement may get in the head, the first unless rows left out speak
    for another; joined_weights: the same where a second sampling's looks, changes and movement follow.
    """

    clips: tuple[ClipConfig, ...] = (ClipConfig(8, 32), ClipConfig(16, 48), ClipConfig(24, 64))
    first_rows: int = 60
    classes_rows: int = 5
    most_first_rows: int = 1000
    row_growth: int = 4
    first_weights: tuple[tuple[float, ...], ...] = ((1, 1, 1), (4, 1, 1), (0.2, 1, 1), (0, 1, 1), (0, 0, 1))
    joined_weights: tuple[tuple[float, ...], ...] = (
        (1, 1, 1, 1, 1, 1),
        (4, 1, 1, 4, 1, 1),
        (0.2, 1, 1, 0.2, 1, 1),
        (0, 1, 1, 0, 1, 1),
        (0, 0, 1, 0, 0, 1),
    )
