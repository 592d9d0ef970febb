"""Decoding pictures and clips at the size that is needed: ours against tf.data and plain loops, in 1 and 2 threads.

    python benchmarks/decode_rates.py [--images FOLDER] [--clips FOLDER] [--count 60] [--rounds 3] [--threads 1,2]

Without folders it makes its own: JPEG photographs of 500 pixels, H.264 or MPEG-4 clips of 90 frames of 320×240. Rates
are the median of the rounds, which take turns. CPU ms an item, over all threads, is what counts on a busy machine.

- ours: `data_format`'s `image_at` and `clip_at` in a pool of threads, as the store calls them.
- Pillow: open, convert, resize. OpenCV: every frame of the clip read, the wanted ones kept.
- tf.data: `decode_jpeg` and `resize` in a parallel map; it reads no video files, so there it maps the OpenCV loop.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.decode_images import picture
from data_format.examples import MediaFile
from data_format.media.images import image_at
from data_format.media.video_reader import middles
from data_format.media.videos import clip_at

Pixels = NDArray[np.uint8]
Read = Callable[[Path], Pixels]
SIDES = (64, 128, 224)
CLIPS = ((4, 64), (8, 96))  # frames and pixels
MADE_PX, MADE_FRAMES, MADE_CLIP = 500, 90, (320, 240)
IMAGE_ENDS, CLIP_ENDS = (".jpg", ".jpeg"), (".mp4", ".avi", ".mkv", ".webm", ".mov")


@dataclass(frozen=True)
class Rate:
    """items: a second of the clock. cpu_ms: of all threads, an item."""

    items: float
    cpu_ms: float


def ours(path: Path, side: int) -> Pixels:
    return image_at(MediaFile(path), side, side, 3)


def with_pillow(path: Path, side: int) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))


def our_clip(path: Path, frames: int, side: int) -> Pixels:
    return clip_at(MediaFile(path), frames, side, side, 3)


def with_opencv(path: Path, frames: int, side: int) -> Pixels:
    """Every frame is decoded: the headers' number of frames is not to be trusted."""
    film, found = cv2.VideoCapture(str(path)), []
    while (read := film.read())[0]:
        found.append(read[1])
    film.release()
    if not found:
        return np.zeros((frames, side, side, 3), np.uint8)
    chosen = [cv2.resize(found[k], (side, side), interpolation=cv2.INTER_AREA) for k in middles(len(found), frames)]
    return np.stack(chosen)[..., ::-1]


def pooled(read: Read, paths: Sequence[Path], threads: int) -> Iterator[Pixels]:
    """In order, by so many threads."""
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(read, paths)


def tf_images(paths: Sequence[Path], side: int, threads: int) -> Iterator[Pixels]:
    """As TensorFlow's guides load pictures."""
    import tensorflow as tf

    def read(path: Any) -> Any:
        pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.cast(tf.image.resize(pixels, (side, side)), tf.uint8)

    return _mapped(paths, read, threads)


def tf_clips(paths: Sequence[Path], frames: int, side: int, threads: int) -> Iterator[Pixels]:
    import tensorflow as tf

    def plain(path: bytes) -> Pixels:
        return np.ascontiguousarray(with_opencv(Path(os.fsdecode(path)), frames, side))

    return _mapped(paths, lambda path: tf.numpy_function(plain, [path], tf.uint8), threads)


def _mapped(paths: Sequence[Path], read: Callable[[Any], Any], threads: int) -> Iterator[Pixels]:
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    names = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    return iter(names.map(read, num_parallel_calls=threads).with_options(options).as_numpy_iterator())


def rated(ways: dict[str, Callable[[], Iterator[Pixels]]], rounds: int) -> dict[str, Rate]:
    """Every way `rounds` times, in turns; each is run once before, so that files and libraries are in memory."""
    taken: dict[str, list[tuple[float, float, int]]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            count = sum(1 for _ in way())
            if number:
                taken[name].append((time.perf_counter() - wall, time.process_time() - cpu, count))
    return {
        name: Rate(median(n / wall for wall, _, n in found), median(1e3 * cpu / n for _, cpu, n in found))
        for name, found in taken.items()
    }


def image_ways(paths: Sequence[Path], side: int, threads: int) -> dict[str, Callable[[], Iterator[Pixels]]]:
    """How pictures are read, by name; tf.data where TensorFlow is installed."""
    ways: dict[str, Callable[[], Iterator[Pixels]]] = {
        "ours": partial(pooled, partial(ours, side=side), paths, threads),
        "Pillow": partial(pooled, partial(with_pillow, side=side), paths, threads),
    }
    if find_spec("tensorflow"):
        ways["tf.data"] = partial(tf_images, paths, side, threads)
    return ways


def clip_ways(paths: Sequence[Path], frames: int, side: int, threads: int) -> dict[str, Callable[[], Iterator[Pixels]]]:
    """How clips are read, by name."""
    ways: dict[str, Callable[[], Iterator[Pixels]]] = {
        "ours": partial(pooled, partial(our_clip, frames=frames, side=side), paths, threads),
        "OpenCV": partial(pooled, partial(with_opencv, frames=frames, side=side), paths, threads),
    }
    if find_spec("tensorflow"):
        ways["tf.data"] = partial(tf_clips, paths, frames, side, threads)
    return ways


def made_images(folder: Path, count: int) -> list[Path]:
    """Photographs' spectrum, at usual JPEG quality."""
    paths = [folder / f"{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        out = io.BytesIO()
        picture(MADE_PX, number).save(out, "JPEG", quality=85)
        path.write_bytes(out.getvalue())
    return paths


def made_clips(folder: Path, count: int) -> list[Path]:
    """A window that wanders over a photograph."""
    import av

    wide, high = MADE_CLIP
    paths = [folder / f"{number:04}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        ground = np.asarray(picture(2 * wide, number))
        with av.open(str(path), "w") as film:
            codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
            stream = film.add_stream(codec, rate=30)
            stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
            for step in range(MADE_FRAMES):
                y, x = 2 * step, 3 * step
                window = np.ascontiguousarray(ground[y : y + high, x : x + wide])
                film.mux(stream.encode(av.VideoFrame.from_ndarray(window, format="rgb24")))
            film.mux(stream.encode())
    return paths


def files_in(folder: Path, ends: tuple[str, ...], count: int) -> list[Path]:
    """The first `count` files with such names at any depth; raises SystemExit where there are none."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ends)[:count]
    if not found:
        raise SystemExit(f"{folder}: files named *{', *'.join(ends)} expected, none found")
    return found


def show(kind: str, threads: int, rates: dict[str, Rate]) -> None:
    """One line: rates, and CPU time in brackets."""
    cells = [f"{name} {rate.items:8.1f}/s ({rate.cpu_ms:8.3f} ms)" for name, rate in rates.items()]
    print(f"{kind:22} {threads:7}  " + "  ".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--count", type=int, default=60, help="pictures; of clips a fifth of that")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="1,2")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    few = max(1, options.count // 5)
    with tempfile.TemporaryDirectory(prefix="decode-rates-") as scratch:
        folder = Path(scratch)
        given = options.images, options.clips
        images = files_in(given[0], IMAGE_ENDS, options.count) if given[0] else made_images(folder, options.count)
        clips = files_in(given[1], CLIP_ENDS, few) if given[1] else made_clips(folder, few)
        print(f"{len(images)} pictures, {len(clips)} clips; items a second, CPU ms an item in brackets")
        for threads in map(int, options.threads.split(",")):
            for side in SIDES:
                show(f"JPEG to {side} px", threads, rated(image_ways(images, side, threads), options.rounds))
            for frames, side in CLIPS:
                ways = clip_ways(clips, frames, side, threads)
                show(f"clip to {frames} × {side} px", threads, rated(ways, options.rounds))


if __name__ == "__main__":
    main()
