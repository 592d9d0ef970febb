"""Frames out of a video file with PyAV (FFmpeg): the part of `videos` that knows packets, key frames and seeking.

What can be decoded counts, never what the header claims.

- A file of up to 32 MiB has its packets read once without decoding them (about a millisecond for a short clip).
  Their number is the number of frames, also where the header says 0, -1 or too many and where the file is cut.
- The wanted frames are the middles of equal parts of the clip, counted in frames, so that a variable frame rate does
  not matter. A key frame near a wanted frame (within a quarter of the distance between two wanted, half in a long
  clip) is taken instead: nothing before it has to be decoded. Else decoding starts at the key frame before, and
  frames to which no other frame refers are dropped undecoded. A wanted frame that turns out broken is replaced by
  its nearest neighbour.
- A larger file is searched by time, when its duration holds; when not, all of it is decoded, keeping few frames.

Frames are scaled by swscale (area average) straight from the codec's own colour layout. One decoding thread a clip:
on small clips more are slower, and callers read several clips at once.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data_format.errors import Unreadable
from data_format.media.file_types import sniff_file
from data_format.media.pixels import Pixels

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

INDEXED_BYTES = 32 << 20  # files up to this size have all their packets listed
LONG = 32  # frames of the clip for each wanted one, beyond which nearly even is even enough
MAX_FRAME_PIXELS = 8192 * 8192

# Decoders that decide for each packet whether to skip it; others (dav1d) do so once, for the whole stream.
_SKIPPING = frozenset(("h264", "hevc", "vp9", "mpeg4", "mpeg2video", "mpeg1video"))
_local = threading.local()


class ClipInfo(NamedTuple):
    """frames: exact for small files, estimated for large ones, -1 unknown. seconds: nan unknown. Size in pixels."""

    frames: int
    seconds: float
    rows: int
    columns: int


def middles(count: int, parts: int) -> list[int]:
    """Indices of the middles of `parts` equal parts of a sequence of `count`; they repeat when count < parts."""
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]


def read_frames(path: Path, frames: int, height: int, width: int) -> list[Pixels]:
    """Exactly `frames` RGB images (height, width, 3), spread evenly over the clip. Raises Unreadable."""
    scale = _Scaler(height, width)
    with _opened(path) as (container, stream):
        kept: list[Pixels] = []
        if container.size > INDEXED_BYTES:
            kept = _sought(container, stream, frames, scale)
        else:
            packets = _packets(container, stream)
            kept = _planned(stream, packets, frames, scale) or _thinned(_decoded(stream, packets), frames, scale)
    if not kept:
        with _opened(path) as (container, stream):
            kept = _thinned(_decoded(stream, container.demux(stream)), frames, scale)
    if not kept:
        raise Unreadable("video with 0 frames that can be decoded")
    return [kept[index] for index in middles(len(kept), frames)]


def read_info(path: Path) -> ClipInfo:
    """Frames, duration and size of a video file. Raises Unreadable."""
    with _opened(path) as (container, stream):
        rows, columns = stream.codec_context.height, stream.codec_context.width
        rate = float(stream.average_rate or 0)
        seconds = container.duration / 1e6 if container.duration else float("nan")
        if container.size <= INDEXED_BYTES:
            packets = _packets(container, stream)
            times = sorted(packet.pts for packet in packets if packet.pts is not None)
            # The last frame is shown as long as the average one.
            if len(times) > 1 and stream.time_base:
                spread = float((times[-1] - times[0]) * stream.time_base)
                seconds = spread * len(times) / (len(times) - 1)
            return ClipInfo(len(packets), seconds, rows, columns)
        frames = stream.frames or (round(seconds * rate) if seconds > 0 and rate else -1)
        return ClipInfo(frames, seconds, rows, columns)


@contextmanager
def _opened(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """Open a container and its first real video stream; FFmpeg's errors become Unreadable."""
    import av

    try:
        kind = sniff_file(path)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error
    if kind == "text":  # play lists would make FFmpeg open further files
        raise Unreadable("no video (looks like text)")
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            pictures = [s for s in container.streams.video if not _is_cover(s)]
            if not pictures:
                raise Unreadable(f"no video stream among {len(container.streams)} streams")
            context = pictures[0].codec_context
            if context.width * context.height > MAX_FRAME_PIXELS:
                raise Unreadable(f"frames of {context.width} x {context.height} pixels, more than {MAX_FRAME_PIXELS}")
            context.thread_count = 1
            yield container, pictures[0]
    except (av.FFmpegError, OSError, ValueError) as error:
        empty = path.stat().st_size == 0
        raise Unreadable("empty file (0 bytes)" if empty else f"broken video ({type(error).__name__})") from error


def _is_cover(stream: "VideoStream") -> bool:
    """Whether a stream is an image attached to a sound file."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _packets(container: "InputContainer", stream: "VideoStream") -> list["Packet"]:
    """Packets in decoding order, as far as the file goes."""
    import av

    packets = []
    try:
        for packet in container.demux(stream):
            if packet.size:
                packets.append(packet)
    except (av.FFmpegError, OSError):  # cut short: what came before still counts
        pass
    return packets


def _planned(stream: "VideoStream", packets: Sequence["Packet"], frames: int, scale: "_Scaler") -> list[Pixels]:
    """Decode only what the wanted frames need; [] where the packets' times do not identify frames."""
    shown = [packet for packet in packets if not packet.is_discard]
    times = sorted({packet.pts for packet in shown if packet.pts is not None})
    if len(times) < len(shown) or not times:
        return []
    keyed = {packet.pts for packet in shown if packet.is_keyframe}
    keys = [index for index, time in enumerate(times) if time in keyed]
    # A near key frame will do, the nearer the shorter the clip: half or a quarter of the distance between two wanted.
    reach = len(times) / frames / (2 if len(times) > LONG * frames else 4)
    targets = []
    for index in middles(len(times), frames):
        key = _nearest(keys, index) if keys else index
        targets.append(times[key if abs(key - index) <= reach else index])
    found: dict[int, Pixels] = {}
    wanted = set(targets)
    for part in _parts(packets, wanted):
        checked = False
        for frame in _decoded(stream, part, wanted):
            if frame.pts is None:
                return []
            if not checked and frame.pts >= part[0].pts:
                checked = True
                if not frame.key_frame:  # some containers (ASF) call every packet a key frame
                    return []
            if frame.pts in wanted:
                found.setdefault(frame.pts, scale(frame))
    known = sorted(found)
    return [found[_nearest(known, time)] for time in targets] if known else []


def _parts(packets: Sequence["Packet"], targets: set[int]) -> Iterator[Sequence["Packet"]]:
    """Runs of packets that start at a key frame and end with the last one needed before the next unneeded."""
    starts = [at for at, packet in enumerate(packets) if packet.is_keyframe]
    if not starts or starts[0]:
        starts.insert(0, 0)
    stops = [*starts[1:], len(packets)]
    needed = list(starts)  # where the needed part of each group of pictures ends
    for group, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        wanted = [at for at in range(start, stop) if packets[at].pts in targets]
        if wanted:
            needed[group] = wanted[-1] + 1
            # Shown before its own key frame: it also refers to the group before (open GOP).
            if group and any(packets[at].pts < packets[start].pts for at in wanted):
                needed[group - 1] = start
    run: list[Packet] = []
    for start, stop, end in zip(starts, stops, needed, strict=True):
        run += packets[start:end]
        if end < stop and run:
            yield run
            run = []
    if run:
        yield run


def _decoded(
    stream: "VideoStream", packets: Iterable["Packet"], targets: set[int] | None = None
) -> Iterator["VideoFrame"]:
    """Frames of a run of packets, broken ones left out; with targets, others are dropped where nothing needs them."""
    import av

    context = stream.codec_context
    context.flush_buffers()
    context.skip_frame = "DEFAULT"
    source = iter(packets)
    while True:
        try:
            packet = next(source, None)
        except (av.FFmpegError, OSError):
            packet = None
        if packet is not None and targets is not None and context.codec.name in _SKIPPING:
            context.skip_frame = "DEFAULT" if packet.pts in targets else "NONREF"
        try:
            yield from context.decode(packet)
        except av.FFmpegError:
            pass
        if packet is None or not packet.size:
            return


def _thinned(decoded: Iterable["VideoFrame"], frames: int, scale: "_Scaler") -> list[Pixels]:
    """Evenly thinned frames of a clip of unknown length: keep every n-th, double n when too many are kept."""
    step, kept, most = 1, [], max(64, 8 * frames)
    for count, frame in enumerate(decoded):
        if count % step == 0:
            kept.append(scale(frame))
            if len(kept) > most:
                kept, step = kept[::2], step * 2
    return kept


def _sought(container: "InputContainer", stream: "VideoStream", frames: int, scale: "_Scaler") -> list[Pixels]:
    """Frames by seeking; [] where the duration is missing or wrong or the container cannot seek."""
    base = stream.time_base
    if not container.duration or container.duration <= 0 or not base:
        return []
    start, length = stream.start_time or 0, int(container.duration / 1e6 / base)
    kept: list[Pixels] = []
    last = None
    for part in range(frames):
        target = start + (2 * part + 1) * length // (2 * frames)
        frame = _frame_near(container, stream, target, last)
        # Further off than the distance between two targets: the duration was wrong or the index is.
        if frame is None or frame.pts is None or abs(frame.pts - target) > max(length // frames, int(15 / base)):
            return []
        if last is None or frame.pts != last:
            picture = scale(frame)
        kept.append(picture)
        last = frame.pts
    return kept if _reaches_far(container, stream, target, frames) else []


def _reaches_far(container: "InputContainer", stream: "VideoStream", target: int, frames: int) -> bool:
    """Whether the last target lies far back in the file, as it must unless the clip is longer than it says."""
    import av

    try:
        container.seek(target, stream=stream)
        position = next(container.demux(stream)).pos
    except (av.FFmpegError, OSError, StopIteration):
        return True
    share = (2 * frames - 1) / (2 * frames)
    # Bit rates vary within a clip, so only a gross mismatch counts; some containers give no position.
    return position is None or position <= 0 or position > share * container.size / 4


def _frame_near(
    container: "InputContainer", stream: "VideoStream", target: int, last: int | None
) -> "VideoFrame | None":
    """The key frame before `target`, or, where that came already, the first frame at or after `target`."""
    import av

    stream.codec_context.skip_frame = "DEFAULT"
    frame = None
    try:
        container.seek(target, stream=stream)
        for frame in container.decode(stream):
            if frame.pts is None or frame.pts >= target or last is None or frame.pts > last:
                return frame
    except (av.FFmpegError, OSError):
        return frame
    return frame


def _nearest(ordered: Sequence[int], value: int) -> int:
    at = bisect_left(ordered, value)
    if at == len(ordered) or (at and value - ordered[at - 1] <= ordered[at] - value):
        return ordered[at - 1]
    return ordered[at]


class _Scaler:
    """Turns decoded frames into RGB of one size; a display rotation in quarter turns is applied."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width

    def __call__(self, frame: "VideoFrame") -> Pixels:
        from av.video.reformatter import VideoReformatter

        # swscale's tables are set up once a thread and source size, not once a clip.
        reformatter = getattr(_local, "reformatter", None)
        if reformatter is None:
            reformatter = _local.reformatter = VideoReformatter()
        turns = round(getattr(frame, "rotation", 0) / 90) % 4
        width, height = (self.height, self.width) if turns % 2 else (self.width, self.height)
        small = reformatter.reformat(frame, width, height, "rgb24", interpolation="AREA")
        pixels: Pixels = np.asarray(small.to_ndarray(), np.uint8)
        return np.rot90(pixels, turns) if turns else pixels
