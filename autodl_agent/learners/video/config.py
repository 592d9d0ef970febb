"""Settings of the video learners."""

from dataclasses import dataclass

from autodl_agent.learners.heads.config import GaussianConfig
from autodl_agent.learners.networks.config import TrainingConfig
from autodl_agent.learners.vision.augment import Augmentation


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


@dataclass(frozen=True)
class FrameSequenceConfig:
    """Settings of `FrameSequence`.

    network: name of the weights. clips: samplings, each serves `stage_increments` increments before the next does.
    narrow: width that a frame's features are brought to. filters, layers: of the convolutions over time.
    dropout: of frames' features and of what follows. mix: share of mixed batches; mix_strength: of the beta
    distribution. scale_rows: clips that mean and spread are taken from. most_rows: clips at the most. training: see
    there.
    """

    network: str = "efficientnet-lite0"
    clips: tuple[ClipConfig, ...] = (ClipConfig(8, 96), ClipConfig(16, 160))
    stage_increments: int = 2
    narrow: int = 64
    filters: int = 96
    layers: int = 2
    dropout: float = 0.4
    mix: float = 0.5
    mix_strength: float = 0.4
    scale_rows: int = 256
    most_rows: int = 10_000
    training: TrainingConfig = TrainingConfig(batch_rows=32, first_samples=4_000, rate=1e-3, decay=0.05)


@dataclass(frozen=True)
class FactoredConfig:
    """Settings of `FactoredVideo`; rates and sizes are guesses, no accelerator was at hand.

    network: name of the weights. needs_gpu: do nothing without an accelerator that Keras can use: a driver's file
    (`machine.has_gpu`) does not say. clip: how clips are sampled. dropout: before the last layer.
    first_rows, classes_rows: clips of the first increment, and clips per class on top. most_rows: clips at the most.
    head_rows: clips that the last layer's first weights come from; fewer than least_head_rows say nothing.
    policy: how clips are changed; mix_strength: of the beta distribution of mixed pairs. training: see there.
    """

    network: str = "efficientnet-lite0"
    needs_gpu: bool = True
    clip: ClipConfig = ClipConfig(8, 128)
    dropout: float = 0.3
    first_rows: int = 1000
    classes_rows: int = 10
    most_rows: int = 10_000
    head_rows: int = 2000
    least_head_rows: int = 20
    augmentation: Augmentation = Augmentation(flip=False, cutout=0.0, mix=0.3)
    mix_strength: float = 0.4
    training: TrainingConfig = TrainingConfig(
        batch_rows=4,
        first_samples=2000,
        first_epochs=6,
        max_epochs=60,
        rate=5e-4,
        decay=0.01,
        layer_decay=0.9,
        opening=5,
    )
