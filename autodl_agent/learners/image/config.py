"""Settings of the quick image learners."""

from dataclasses import dataclass

from autodl_agent.learners.heads.config import GaussianConfig
from autodl_agent.learners.networks.config import TrainingConfig
from autodl_agent.learners.vision.augment import Augmentation
from autodl_agent.learners.vision.config import ViewConfig


@dataclass(frozen=True)
class QuickImageConfig:
    """Settings of `QuickImage`.

    side_px: side of the square images of the first increments. large_px: side of the images joined at the end.
    first_rows: rows of the first increment at the least; classes_rows: rows per class it wants on top of that.
    most_first_rows: and its ceiling. row_growth: factor of rows between increments.
    """

    side_px: int = 32
    large_px: int = 64
    first_rows: int = 1000
    classes_rows: int = 5
    most_first_rows: int = 4000
    row_growth: int = 6


@dataclass(frozen=True)
class BankConfig:
    """One set of convolution filters cut from the images themselves.

    side_px: side of the image. patch_px: side of a filter. stride_px: step between two windows. filters: how many,
    mirror images counted. pools: regions per side that the responses are averaged over.
    components: whitened directions kept of a colour patch (more channels keep no more). threshold: what is taken off
    every response before negative ones are cut to zero; responses have about unit spread. least_rows: training rows
    below which the bank is left out (measured: so many more columns earn nothing on a few thousand rows).
    """

    side_px: int = 32
    patch_px: int = 6
    stride_px: int = 1
    filters: int = 400
    pools: int = 3
    components: int = 48
    threshold: float = 0.5
    least_rows: int = 0


@dataclass(frozen=True)
class PatchImageConfig:
    """Settings of `PatchImage`.

    banks: filter sets added one after the other; those of more than 32 pixels a side are left out where the
    originals are smaller.
    sample_rows: images that patches are cut from. sample_patches: patches that the whitening is learnt from.
    The other fields are as in `QuickImageConfig`.
    """

    banks: tuple[BankConfig, ...] = (
        BankConfig(stride_px=2, filters=200, pools=2),
        BankConfig(stride_px=1, filters=400, pools=3),
        BankConfig(stride_px=1, filters=800, pools=2, least_rows=4000),
    )
    sample_rows: int = 1000
    sample_patches: int = 30_000
    first_rows: int = 1000
    classes_rows: int = 5
    most_first_rows: int = 4000
    row_growth: int = 6


@dataclass(frozen=True)
class FrozenImageConfig:
    """Settings of `FrozenImage`.

    views: the first gives the first answer and is dropped when another is there; saved models know them by number.
    later_views: those after the grown ones, in the order in which they join. large_view: the one that only originals of
    large_from_px and more on their longer side get.
    grown_views: how many of the others are there before the rows grow beyond `middle_rows`.
    leap_rows: with no more rows to predict the last of them comes next after the first view, before smaller ones.
    middle_rows: rows of the first large fits; sets up to half as large again are taken whole.
    most_rows: rows at the most, for the views until then and for those after.
    The other fields are as in `QuickImageConfig`.
    """

    views: tuple[ViewConfig, ...] = (
        ViewConfig("efficientnet-lite0", 64),
        ViewConfig("efficientnet-lite0", 96),
        ViewConfig("efficientnet-lite0", 160),
        ViewConfig("efficientnet-lite0", 224, whole=True),
        ViewConfig("efficientnet-lite2", 224, whole=True),
        ViewConfig("efficientnet-lite0", 160, mirrored=True),
        ViewConfig("efficientnet-lite0", 320, whole=True),
    )
    later_views: tuple[int, ...] = (4, 3, 6, 5)
    large_view: int = 6
    large_from_px: float = 320
    grown_views: int = 2
    leap_rows: int = 6000
    middle_rows: int = 5000
    most_rows: tuple[int, int] = (40_000, 20_000)
    first_rows: int = 1000
    classes_rows: int = 5
    most_first_rows: int = 4000
    row_growth: int = 4
    head: GaussianConfig = GaussianConfig()


@dataclass(frozen=True)
class HubImageConfig:
    """Settings of `HubImage`, as in `FrozenImageConfig`."""

    first_rows: int = 1000
    classes_rows: int = 5
    row_growth: int = 4
    most_rows: int = 20_000
    head: GaussianConfig = GaussianConfig()


@dataclass(frozen=True)
class ScratchImageConfig:
    """Settings of `ScratchImage`.

    least_px, side_px: the side of the originals between these two. large_px: of originals of more than large_from_px,
    where there is an accelerator. widths: channels of the residual blocks. dropout: before the last layer.
    first_rows, classes_rows: rows of the first increment, and rows per class on top. most_rows: rows at the most.
    least_flip_rows: fewer cannot say whether mirroring is harmless, so it is left alone.
    policy: how pictures are changed while training; flips are decided by the data. full_policy_passes: passes over the
    data after which all changes reach their full strength; they slow learning down at first.
    training: see there.
    """

    least_px: int = 28
    side_px: int = 32
    large_px: int = 64
    large_from_px: float = 48
    widths: tuple[int, ...] = (32, 64, 128)
    dropout: float = 0.1
    first_rows: int = 1500
    classes_rows: int = 5
    most_rows: int = 60_000
    least_flip_rows: int = 100
    augmentation: Augmentation = Augmentation(flip=False)
    full_augmentation_passes: float = 15.0
    training: TrainingConfig = TrainingConfig(batch_rows=32, first_samples=1200, growth=2.0)


@dataclass(frozen=True)
class TunedImageConfig:
    """Settings of `TunedImage`.

    network: name of the weights. cut: number of the block from which on layers are trained where there is no
    accelerator; with one, all are. small_px, large_px: side of the view, the latter for originals of more than
    large_from_px; `accelerated_px` are these two where there is an accelerator. dropout: before the last layer.
    first_rows, classes_rows: rows of the first increment, and rows per class on top. most_rows: rows at the most.
    head_rows: rows that the last layer's first weights come from; fewer than least_head_rows say nothing.
    mirrored_from: increments after which mirrored maps are made too, where mirroring is harmless.
    mix: share of batches of maps that are mixed. policy: how pictures are changed where all layers are trained.
    training: see there.
    """

    network: str = "efficientnet-lite0"
    cut: int = 11
    small_px: int = 96
    large_px: int = 128
    large_from_px: float = 64
    accelerated_px: tuple[int, int] = (128, 192)
    dropout: float = 0.2
    first_rows: int = 4000
    classes_rows: int = 10
    most_rows: int = 30_000
    head_rows: int = 4000
    least_head_rows: int = 20
    least_flip_rows: int = 100
    mirrored_from: int = 1
    mix: float = 0.5
    augmentation: Augmentation = Augmentation(flip=False)
    training: TrainingConfig = TrainingConfig(
        batch_rows=32,
        first_samples=5000,
        first_epochs=6,
        max_epochs=40,
        rate=1e-3,
        decay=0.0,
        layer_decay=0.9,
        opening=5,
    )
