"""Decode clips to uint8 frames of one size.

The same rules for every reader: a clip is what can be decoded, its frames are spread evenly over all of it (the middles
of equal parts), and a clip with fewer frames repeats them. Headers are not trusted for the number of frames. A clip is

- a video file of any container and codec FFmpeg knows (`video_reader`), recognised by content;
- an animated GIF, WebP, PNG or TIFF; a still image is a clip of one frame;
- a record of encoded images, one a frame, or a dense array of shape (time, rows, columns, channels).

Broken frames are replaced by their nearest good neighbour; a clip without any good frame raises `Unreadable`.
Frames are squashed to the wanted size; colours follow the rules of `images`. PyAV is imported when the first
video file is read, so that records of images never pay for it.
"""

from pathlib import Path

import numpy as np

from data_format.errors import Unreadable
from data_format.examples import Dense, Encoded, Example, MediaFile
from data_format.media.file_types import sniff_file
from data_format.media.images import animation, image_at, read_file
from data_format.media.pixels import UNKNOWN, Pixels, ValueRange, as_bytes, resize, with_channels
from data_format.media.video_reader import ClipInfo, middles, read_frames, read_info

__all__ = ["ClipInfo", "clip_at", "clip_info"]


def clip_at(
    example: Example,
    frames: int,
    height: int,
    width: int,
    channels: int,
    value_range: ValueRange = UNKNOWN,
) -> Pixels:
    """Decode a clip to (frames, height, width, channels).

    value_range: for Dense arrays and images of more than 8 bits, see `images.image_at`.
    Raises Unreadable(reason).
    """
    if frames < 1:
        raise ValueError(f"frames must be 1 or more, not {frames}")
    if isinstance(example, MediaFile):
        if _is_image(example.path):
            pictures = animation(read_file(example.path), frames, channels, value_range)
            return _stacked([resize(p, height, width) for p in pictures], frames)
        return with_channels(np.stack(read_frames(example.path, frames, height, width)), channels)
    if isinstance(example, Encoded):
        return _encoded_clip(example, frames, (height, width, channels), value_range)
    if isinstance(example, Dense):
        if not example.array.size:
            raise Unreadable(f"array without values, shape {example.array.shape}")
        chosen = as_bytes(example.array[middles(len(example.array), frames)], value_range)
        chosen = np.ascontiguousarray(with_channels(chosen, channels))
        return np.stack([resize(frame, height, width) for frame in chosen])
    raise Unreadable(f"no clip in a {type(example).__name__} example")


def clip_info(path: Path) -> ClipInfo:
    """(frames, seconds, rows, columns) of a video file, an animation or an image. Raises Unreadable."""
    if not _is_image(path):
        return read_info(path)
    from data_format.media.images import frames_of, image_size

    rows, columns, _ = image_size(MediaFile(path))
    return ClipInfo(frames_of(MediaFile(path)), float("nan"), rows, columns)


def _is_image(path: Path) -> bool:
    try:
        return sniff_file(path) == "image"
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error


def _encoded_clip(example: Encoded, frames: int, shape: tuple[int, int, int], value_range: ValueRange) -> Pixels:
    """Decode the chosen images of a record to `shape`; a broken one gives way to the nearest good one."""
    if not example.frames:
        raise Unreadable("record with 0 images")
    wanted = middles(len(example.frames), frames)
    found: dict[int, Pixels] = {}
    fault: Unreadable | None = None
    for index in dict.fromkeys(wanted):
        try:
            found[index] = image_at(Encoded((example.frames[index],)), *shape, value_range)
        except Unreadable as error:
            fault = error
    if not found:
        raise fault or Unreadable(f"record with 0 good images among {len(example.frames)}")
    return np.stack([found[min(found, key=lambda at: abs(at - index))] for index in wanted])


def _stacked(pictures: list[Pixels], frames: int) -> Pixels:
    return np.stack([pictures[index] for index in middles(len(pictures), frames)])
