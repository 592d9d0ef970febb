"""Settings of the quick image learners."""

from dataclasses import dataclass


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
