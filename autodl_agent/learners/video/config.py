"""Settings of the quick video learner."""

from dataclasses import dataclass

from autodl_agent.learners.image.config import GaussianConfig


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


@dataclass(frozen=True)
class FrozenVideoConfig:
    """Settings of `FrozenVideo`.

    network: name of the weights. clips: samplings, each step adds the next one to the first of them.
    weights: what mean, spread, change, beginning and end of the frames' features count.
    most_rows: clips at the most; the other fields and the head are as in `FrozenImageConfig`.
    """

    network: str = "efficientnet-lite0"
    clips: tuple[ClipConfig, ...] = (ClipConfig(4, 96), ClipConfig(8, 160), ClipConfig(12, 224))
    weights: tuple[float, float, float, float, float] = (1.0, 0.5, 0.5, 0.25, 0.25)
    first_rows: int = 200
    classes_rows: int = 5
    most_first_rows: int = 2000
    most_rows: int = 20_000
    head: GaussianConfig = GaussianConfig()
