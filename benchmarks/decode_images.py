"""Decoding images: Pillow against OpenCV against `data_format.media.images`, and what each import costs.

    python benchmarks/decode_images.py [FOLDER OF IMAGES]

Without a folder it makes its own images: photographs' spectrum (smooth colour plus noise), seeded. Times are the
best of three rounds, one thread, in microseconds an image; imports are whole fresh interpreters, best of five,
less an interpreter that imports numpy only. The choice drawn from it is docs/decisions/0003-image-library.md.
"""

import io
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_format.examples import Encoded
from data_format.media.images import image_at

Decoder = Callable[[bytes, int], np.ndarray]


def import_seconds(statement: str) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def with_pillow(blob: bytes, size: int) -> np.ndarray:
    image = Image.open(io.BytesIO(blob))
    if not size:
        return np.asarray(image.convert("RGB"))
    image.draft("RGB", (size, size))
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BOX))


def with_opencv(blob: bytes, size: int) -> np.ndarray:
    data = np.frombuffer(blob, np.uint8)
    if not size:
        return cv2.imdecode(data, cv2.IMREAD_COLOR)
    # The scale is chosen by hand here, from the size of the benchmark's own images.
    spare = SIDES[blob] // size
    step = 8 if spare >= 8 else 4 if spare >= 4 else 2 if spare >= 2 else 1
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR | (8 * step if step > 1 else 0))
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)


def with_ours(blob: bytes, size: int) -> np.ndarray:
    side = size or SIDES[blob]
    return image_at(Encoded((blob,)), side, side, 3)


SIDES: dict[bytes, int] = {}


def picture(side: int, seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (max(2, side // 16), max(2, side // 16), 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray((smooth + random.normal(0, 4, smooth.shape)).clip(0, 255).astype(np.uint8))


def made(form: str, side: int, count: int) -> list[bytes]:
    blobs = []
    for seed in range(count):
        out = io.BytesIO()
        picture(side, seed).save(out, form)
        SIDES[out.getvalue()] = side
        blobs.append(out.getvalue())
    return blobs


def microseconds(decode: Decoder, blobs: Sequence[bytes], size: int) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for blob in blobs:
            decode(blob, size)
        best = min(best, time.perf_counter() - start)
    return best / len(blobs) * 1e6


def main() -> None:
    base = import_seconds("import numpy")
    statements = ("import PIL.Image", "from PIL import Image; Image.preinit()", "from PIL import Image; Image.init()")
    for statement in (*statements, "import cv2", "import av", "import soundfile"):
        print(f"{import_seconds('import numpy; ' + statement) - base:7.3f} s  {statement}")
    sets: list[tuple[str, list[bytes], Sequence[int]]]
    if len(sys.argv) > 1:
        blobs = [path.read_bytes() for path in sorted(Path(sys.argv[1]).rglob("*.jp*g"))[:2000]]
        SIDES.update((blob, min(Image.open(io.BytesIO(blob)).size)) for blob in blobs)
        sets = [(sys.argv[1], blobs, (0, 32, 64, 128))]
    else:
        sets = [(f"{form} 32 px", made(form, 32, 200), (0, 64)) for form in ("JPEG", "PNG", "GIF", "BMP", "WEBP")]
        sets += [("JPEG 1000 px", made("JPEG", 1000, 5), (0, 32, 64, 128, 224))]
        sets += [("PNG 500 px", made("PNG", 500, 5), (0, 64))]
    print(f"{'images':24} {'to':>5} {'Pillow':>9} {'OpenCV':>9} {'ours':>9}  us an image")
    for name, blobs, sizes in sets:
        for size in sizes:
            times = [microseconds(decode, blobs, size) for decode in (with_pillow, with_opencv, with_ours)]
            print(f"{name:24} {size or 'full':>5} " + " ".join(f"{value:9.0f}" for value in times))


if __name__ == "__main__":
    main()
