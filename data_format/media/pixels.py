"""Arithmetic on decoded pixels: value ranges, channels, size. Knows no file format.

Pixels are uint8, shape (rows, columns, channels), RGB order. Shrinking averages areas (no aliasing),
enlarging interpolates linearly.
"""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
# The values that become 0 and 255, for all channels or one pair per channel; (0, 0): to be found.
Range = tuple[float, float]
ValueRange = Range | tuple[Range, ...]
UNKNOWN: ValueRange = (0.0, 0.0)

_CV_CHANNELS = 4  # OpenCV averages areas of no more
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def as_bytes(values: NDArray[np.floating], value_range: ValueRange = UNKNOWN) -> Pixels:
    """Map `value_range` linearly to 0…255 and clip; NaN gives 0. (0, 0) takes the range from the values.

    The found range is (0, 1), (0, 255) or (-1, 1) where the finite values fit one of these, else their extremes.
    Pairs are for the channels of the last axis; for another number of channels their extremes count.
    """
    pairs = np.asarray(value_range, np.float64).reshape(-1, 2)
    if len(pairs) > 1 and values.ndim and len(pairs) == values.shape[-1]:
        factors = np.asarray(255 / (pairs[:, 1] - pairs[:, 0]), np.float32)
        return _clipped((values - pairs[:, 0].astype(np.float32)) * factors)
    low, high = float(pairs[:, 0].min()), float(pairs[:, 1].max())
    if not high > low:
        low, high = _found_range(values)
    if (low, high) == (0, 255):
        return _clipped(values)
    return _clipped((values - np.float32(low)) * np.float32(255 / (high - low)))


def _clipped(scaled: NDArray[np.floating]) -> Pixels:
    # fmax takes the other operand where one is NaN, so NaN becomes 0 on the way.
    pixels: Pixels = np.fmin(np.fmax(np.rint(scaled), 0), 255).astype(np.uint8)
    return pixels


def _found_range(values: NDArray[np.floating]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0, 1
    low, high = float(finite.min()), float(finite.max())
    for usual in ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)):
        if usual[0] <= low and high <= usual[1]:
            return usual
    return (low, high) if high > low else (low - 1, high + 1)


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """Change the last axis of (…, rows, columns, c) to `channels`.

    3 -> 1 is luma, other c -> 1 the mean, 1 -> n repeats; more channels are cut, fewer are cycled.
    """
    have = pixels.shape[-1]
    if have == channels:
        return pixels
    if channels == 1:
        weights = _LUMA if have == 3 else np.full(have, 1 / have, np.float32)
        grey: Pixels = np.rint(pixels @ weights).astype(np.uint8)
        return grey[..., None]
    if have > channels:
        return pixels[..., :channels]
    return pixels[..., np.arange(channels) % have]


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize (h, w, c) to (height, width, c): area averages to shrink, linear interpolation to enlarge."""
    rows, columns, channels = pixels.shape
    if (rows, columns) == (height, width):
        return pixels
    try:
        import cv2
    except ImportError:  # a bundled submission may run without OpenCV
        return _matrix_resize(pixels, height, width)
    if channels > _CV_CHANNELS:
        parts = [pixels[..., at : at + _CV_CHANNELS] for at in range(0, channels, _CV_CHANNELS)]
        return np.concatenate([resize(np.ascontiguousarray(part), height, width) for part in parts], -1)
    # One axis may shrink while the other grows: shrink first, so that each gets its own filter.
    small = min(rows, height), min(columns, width)
    if small != (rows, columns):
        pixels = cv2.resize(pixels, (small[1], small[0]), interpolation=cv2.INTER_AREA)
    if small != (height, width):
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    return pixels.reshape(height, width, channels)


def _matrix_resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """The same rule as `resize` by two matrix products; several times slower, but with NumPy alone."""
    down, across = _weights(pixels.shape[0], height), _weights(pixels.shape[1], width)
    out = np.einsum("yr,rxc->yxc", down, np.einsum("xw,rwc->rxc", across, pixels.astype(np.float32)))
    return np.asarray(np.rint(out), np.uint8)


def _weights(have: int, want: int) -> NDArray[np.float32]:
    """(want, have) averaging weights of each output pixel over the input pixels."""
    if want <= have:  # the share of each input pixel that lies under the output pixel
        edges = np.arange(want + 1) * (have / want)
        place = np.arange(have)
        overlap = np.minimum(edges[1:, None], place + 1) - np.maximum(edges[:-1, None], place)
        return np.asarray(overlap.clip(0) * (want / have), np.float32)
    centre = ((np.arange(want) + 0.5) * (have / want) - 0.5).clip(0, have - 1)
    return np.asarray((1 - np.abs(centre[:, None] - np.arange(have))).clip(0), np.float32)


def fit_to(pixels: Pixels, height: int, width: int, fit: str = "squash") -> Pixels:
    """Bring (h, w, c) to (height, width, c).

    fit: "squash" ignores the aspect ratio; "pad" keeps it and fills the rest with the mean colour; "crop" keeps it
    and cuts the centre.
    """
    if fit == "squash":
        return resize(pixels, height, width)
    rows, columns, channels = pixels.shape
    if fit == "crop":
        tall, wide = crop_size(rows, columns, height, width)
        top, left = (rows - tall) // 2, (columns - wide) // 2
        return resize(np.ascontiguousarray(pixels[top : top + tall, left : left + wide]), height, width)
    if fit != "pad":
        raise ValueError(f'fit must be "squash", "pad" or "crop", not {fit!r}')
    tall, wide = pad_size(rows, columns, height, width)
    inner = resize(pixels, tall, wide)
    out = np.empty((height, width, channels), np.uint8)
    out[:] = np.rint(inner.reshape(-1, channels).mean(0))
    top, left = (height - tall) // 2, (width - wide) // 2
    out[top : top + tall, left : left + wide] = inner
    return out


def crop_size(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Largest (rows, columns) inside an image with the aspect ratio of (height, width)."""
    if rows * width > columns * height:
        return max(1, round(columns * height / width)), columns
    return rows, max(1, round(rows * width / height))


def pad_size(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Largest (rows, columns) inside (height, width) with the aspect ratio of the image."""
    if rows * width > columns * height:
        return height, max(1, round(columns * height / rows))
    return max(1, round(rows * width / columns)), width
