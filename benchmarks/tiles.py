"""Large pictures whose class a small object tells: whole views of growing size against tiles, under the frozen head.

    python benchmarks/tiles.py [--rows 480] [--only small,medium,whole,several] [--tiles 2x224,3x160,3x224]
    python benchmarks/tiles.py --write FOLDER      # nothing is measured: each set as a folder for `autodl run`

Sets of 640 px, made of scikit-learn's two photographs and the digits 0 to 3 on discs like signs: `small`, one of 24 to
60 px at a random place; `medium`, one of 60 to 120; `whole`, one that fills the picture; `several`, two small ones,
every digit its own label. A third of the rows are test rows. Printed is what each view is worth alone and beside the
views of today (96, 160, 224 px), and the milliseconds of the network. Needs the extra `weights`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from autodl_agent.learners.heads.cost import Speed
from autodl_agent.learners.heads.gaussian_kernel import fit_gaussian
from autodl_agent.learners.image.config import FrozenImageConfig
from autodl_agent.learners.vision.frozen_features import frozen_features
from autodl_agent.pretrained.networks import can_serve
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import limit_blas_threads

NETWORK = "efficientnet-lite0"
SIDE_PX, CLASSES, HOURS_S, BATCH = 640, 4, 3600.0, 16
WHOLE_PX = (96, 160, 224, 320, 448)
TODAY = (96, 160, 224)
TILES = "2x224,3x160,3x224"  # tiles a side, pixels of a tile
OVERLAP = 0.25  # of neighbouring tiles
SETS = {
    "small": (1, (24, 60)),
    "medium": (1, (60, 120)),
    "whole": (1, (450, 620)),
    "several": (2, (24, 60)),
}  # digits, their sides in pixels

Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating]
Tiles = list[tuple[int, int]]


def make(name: str, rows: int, seed: int = 0) -> tuple[Bytes, Floats]:
    """Pictures (rows, SIDE_PX, SIDE_PX, 3) and labels (rows, CLASSES) of a set."""
    from sklearn.datasets import load_digits, load_sample_images

    rng, (count, (least, most)) = np.random.default_rng(seed), SETS[name]
    digits, photographs = load_digits(n_class=CLASSES), load_sample_images().images
    out, labels = np.empty((rows, SIDE_PX, SIDE_PX, 3), np.uint8), np.zeros((rows, CLASSES))
    for row in range(rows):
        picture = _ground(photographs, rng)
        for index in rng.integers(0, len(digits.images), count):
            side = int(rng.integers(least, most + 1))
            sign = _sign(digits.images[index], side, rng)
            left, top = (int(p) for p in rng.integers(0, SIDE_PX - side + 1, 2))
            picture.paste(sign, (left, top), sign)
            labels[row, digits.target[index]] = 1
        out[row] = np.asarray(picture)
    return out, labels


def _sign(digit: Floats, side: int, rng: np.random.Generator) -> Image.Image:
    """A digit on a disc that it stands out from, both of any colour."""
    dark, light = (tuple(int(level) for level in rng.integers(*span, 3)) for span in ((0, 100), (160, 256)))
    front, back = (dark, light) if rng.integers(2) else (light, dark)
    disc, sign = Image.new("L", (side, side)), Image.new("RGB", (side, side), back)
    ImageDraw.Draw(disc).ellipse((0, 0, side - 1, side - 1), fill=255)
    inner = round(0.7 * side)
    ink = Image.fromarray((digit * 15.9).astype(np.uint8)).resize((inner, inner), Image.Resampling.BICUBIC)
    edge = (side - inner) // 2
    sign.paste(Image.new("RGB", (inner, inner), front), (edge, edge), ink)
    sign.putalpha(disc)
    return sign


def _ground(photographs: list[Bytes], rng: np.random.Generator) -> Image.Image:
    """A turned and mirrored part of a photograph, which says nothing of the class."""
    source = photographs[rng.integers(len(photographs))]
    side = int(rng.integers(200, 400))
    top, left = (int(rng.integers(0, limit - side)) for limit in source.shape[:2])
    part = np.rot90(source[top : top + side, left : left + side], int(rng.integers(4)))
    if rng.integers(2):
        part = part[:, ::-1]
    return Image.fromarray(np.ascontiguousarray(part)).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)


def resized(pictures: Bytes, side: int) -> Bytes:
    """(n, side, side, 3)."""
    return np.stack(
        [
            np.asarray(Image.fromarray(p).resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2))
            for p in pictures
        ]
    )


def tiled(pictures: Bytes, grid: int, side: int) -> Bytes:
    """(n · grid², side, side, 3): overlapping tiles of pictures, all of one after the other."""
    step = round(side * (1 - OVERLAP))
    whole, starts = resized(pictures, side + (grid - 1) * step), [step * k for k in range(grid)]
    return np.stack([w[y : y + side, x : x + side] for w in whole for y in starts for x in starts])


def views(pictures: Bytes, tiles: Tiles) -> tuple[dict[str, Floats], dict[str, float]]:
    """Features (n, 1280) of every view, tiles pooled in several ways; the network's seconds."""
    found: dict[str, Floats] = {}
    seconds: dict[str, float] = {}
    for side in WHOLE_PX:
        found[f"{side}"], seconds[f"{side}"] = _timed([resized(p, side) for p in _batches(pictures)])
    for grid, side in tiles:
        name = f"{grid}x{grid} of {side}"
        each, spent = _timed([tiled(p, grid, side) for p in _batches(pictures)])
        each = each.reshape(len(pictures), grid * grid, -1)
        for way, pooled in (("mean", each.mean(1)), ("max", each.max(1))):
            found[f"{name}, {way}"], seconds[f"{name}, {way}"] = pooled, spent
    return found, seconds


def _batches(pictures: Bytes) -> list[Bytes]:
    return [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]


def _timed(batches: list[Bytes]) -> tuple[Floats, float]:
    began = time.perf_counter()
    out = np.concatenate([frozen_features(batch, NETWORK) for batch in batches])
    return out, time.perf_counter() - began


def measure(name: str, rows: int, tiles: Tiles) -> None:
    """Print test NAUC of each view alone and beside those of today, and of both poolings of the tiles."""
    pictures, labels = make(name, rows)
    found, seconds = views(pictures, tiles)
    cut = 2 * rows // 3
    looks: dict[str, tuple[str, ...]] = {view: (view,) for view in found}
    today = tuple(str(side) for side in TODAY)
    looks["today"] = today
    looks |= {f"today + {view}": (*today, view) for view in found if view not in today}
    for grid, side in tiles:
        view = f"{grid}x{grid} of {side}"
        looks[f"today + {view}, both"] = (*today, f"{view}, mean", f"{view}, max")
    for look, members in looks.items():
        weights = [_pixels(member) for member in members]
        x = [found[member] for member in members]
        end = Budget.from_now(HOURS_S).deadline(HOURS_S)
        train = np.asarray(labels[:cut], np.float32)
        head = fit_gaussian([v[:cut] for v in x], weights, train, FrozenImageConfig().head, 0, end, Speed())
        score = nauc(labels[cut:], head.probabilities([v[cut:] for v in x]))
        spent = 1000 * sum({member.split(",")[0]: seconds[member] for member in members}.values()) / rows
        print(f"{name:8} {look:28} NAUC {score:6.3f}  {spent:6.1f} ms a picture", flush=True)


def _pixels(view: str) -> float:
    """What a view counts in the similarity: its pixels, as in `FrozenImage`; those of all tiles."""
    grid = int(view[0]) if "x" in view else 1
    return float((grid * int(view.split(",")[0].split()[-1])) ** 2)


def write(folder: Path, name: str, rows: int) -> None:
    """A set as train and test folders of JPEG files with a table of labels each."""
    pictures, labels = make(name, rows)
    cut = 2 * rows // 3
    for split, part in (("train", range(cut)), ("test", range(cut, rows))):
        (folder / name / split).mkdir(parents=True, exist_ok=True)
        lines = ["file,labels" if SETS[name][0] > 1 else "file,label"]
        for row in part:
            Image.fromarray(pictures[row]).save(folder / name / split / f"{row:05d}.jpg", quality=90)
            lines.append(f"{split}/{row:05d}.jpg,{' '.join(f'd{k}' for k in np.flatnonzero(labels[row]))}")
        (folder / name / f"labels_{split}.csv").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Read the command line, measure or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=480)
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--tiles", default=TILES)
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    pairs = [pair.split("x") for pair in given.tiles.split(",")]
    limit_blas_threads()
    for name in given.only.split(","):
        if given.write:
            write(given.write, name, given.rows)
        elif can_serve(NETWORK):
            measure(name, given.rows, [(int(grid), int(side)) for grid, side in pairs])
        else:
            print("the extra `weights` is not installed: nothing to measure")


if __name__ == "__main__":
    main()
