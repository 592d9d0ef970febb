"""Settings of the quick sound learner; units in the names."""

from dataclasses import dataclass

from autodl_agent.learners.heads.config import MultiKernelConfig
from autodl_agent.learners.networks.config import TrainingConfig
from autodl_agent.learners.trees.config import BoostSettings, TreePlan


@dataclass(frozen=True)
class ExcerptConfig:
    """How much of a clip is analysed, and how closely.

    name: part of the recipe's key. seconds: taken from the clip's start; longer clips are cut, so an hour costs as
    much as a few seconds. segments: equal parts of the sounding stretch in the time-ordered map.
    """

    name: str
    seconds: float
    segments: int


@dataclass(frozen=True)
class SoundConfig:
    """Increments of `QuickSound` and its kernel machine.

    first: what the early increments analyse. full: what the later ones do, where clips are longer than the first.
    first_rows: training rows of the first increment (classes evenly), so that it ends within a second or two.
    growth: how many times more rows each further increment takes. max_rows: rows of the last one at most.
    kernel: of the kernel machine.
    """

    first: ExcerptConfig = ExcerptConfig("first", seconds=2.5, segments=10)
    full: ExcerptConfig = ExcerptConfig("full", seconds=15.0, segments=16)
    first_rows: int = 240
    growth: int = 4
    max_rows: int = 10_000
    kernel: MultiKernelConfig = MultiKernelConfig()


DEFAULT = SoundConfig()


@dataclass(frozen=True)
class FrozenSoundConfig:
    """Increments of a learner on a frozen encoder.

    excerpts_s: seconds encoded of a clip, from its start; a longer excerpt is tried only where at least `long_share` of
    the clips go on beyond the one before, and when the time left holds it. window_s: most seconds encoded together;
    windows are averaged. first_rows, growth, most_rows: training rows of the first, each further and the last
    increment. least_rows: fewer are not worth the test rows' time. kernel: settings of the machine on top, one block
    a layer: which layers tell the classes apart differs (the first the voice, the last the words).
    """

    excerpts_s: tuple[float, ...] = (3.0, 10.0, 30.0)
    window_s: float = 10.0
    long_share: float = 0.1
    first_rows: int = 400
    growth: int = 4
    most_rows: int = 10_000
    least_rows: int = 50
    kernel: MultiKernelConfig = MultiKernelConfig()


WHISPER = FrozenSoundConfig()


@dataclass(frozen=True)
class SoundNetworkConfig:
    """Settings of `SoundNetwork`.

    most_s: seconds kept of a clip, from its start. crop_s: seconds that the network sees at once, at most.
    most_crops: of one clip in a prediction. fine_frames: crops of more frames are first strided by four, not two.
    widths, dense: channels of the blocks, units of the layer over the bands.
    stretch: log of how much faster or slower a clip is played. shift_bands: how far it moves along the mel bands.
    tilt: spread of a slope over the bands, in neper. mask_bands, mask_time: largest masked shares.
    mix: share of batches that are mixed with one another; mix_strength: of the beta distribution.
    full_mask_passes: passes over the data after which masks and mixing reach their full strength; before that
    they cost more than they teach (spoken digits after 3,000 samples: .89 with, .95 without).
    first_rows, classes_rows, most_rows: rows of the first increment, more per class, and at the most. training: see
    there.
    """

    most_s: float = 10.0
    crop_s: float = 2.5
    most_crops: int = 4
    fine_frames: int = 120
    widths: tuple[int, ...] = (24, 48, 96)
    dense: int = 128
    dropout: float = 0.2
    stretch: float = 0.12
    shift_bands: int = 1
    tilt: float = 0.4
    mask_bands: float = 0.2
    mask_time: float = 0.2
    mix: float = 0.3
    mix_strength: float = 0.4
    full_mask_passes: float = 30.0
    first_rows: int = 1500
    classes_rows: int = 5
    most_rows: int = 20_000
    training: TrainingConfig = TrainingConfig(batch_rows=32, first_epochs=6)


EMBEDDING = FrozenSoundConfig(first_rows=480)


@dataclass(frozen=True)
class SoundTreeConfig:
    """Settings of `SoundTrees`.

    excerpt: of a clip. first_rows, most_rows: training rows of the first increment and of all later ones.
    plan, trees: of the random trees. boost: of the boosted ones, which come where there are boost_rows rows and at most
    boost_classes classes; one row in `folds` is held out from them for early stopping.
    """

    excerpt: ExcerptConfig = ExcerptConfig("full", seconds=15.0, segments=16)
    first_rows: int = 240
    most_rows: int = 10_000
    plan: TreePlan = TreePlan(True, 2, 0.1)
    trees: int = 200
    boost: BoostSettings = BoostSettings()
    boost_rows: int = 200
    boost_classes: int = 30
    folds: int = 6


TREES = SoundTreeConfig()
