"""Make the five sample data sets, one per domain, in AutoDL format: `python sample_data/make_sample_data.py`.

Everything comes from what installed packages ship (scikit-learn's digits and wine, the standard library's own
documentation) or is synthesised here (speech by espeak-ng, moving digits). Draws are seeded, so the same library
versions give the same bytes. `README.md` beside this file says what is in each set.
"""

import argparse
import importlib
import inspect
import io
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data_format.autodl.writer import write_dataset
from data_format.dataset import Dataset, Source, Split
from data_format.errors import DataError
from data_format.examples import Dense, Encoded, Example, Table

SEED = 2019
HERE = Path(__file__).resolve().parent
Shape = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rows:
    """Examples with the indices of their classes, in any order; `build` splits and shuffles them."""

    examples: list[Example]
    labels: list[tuple[int, ...]]


@dataclass(frozen=True)
class InMemory(Source):
    """A split whose examples are already here."""

    examples: Sequence[Example]

    def __len__(self) -> int:
        return len(self.examples)

    def example(self, index: int) -> Example:
        """Give back example `index`."""
        return self.examples[index]

    def table(self) -> Table:
        """Refuse: rows are handed out one by one."""
        raise DataError(f"{len(self.examples)} in-memory examples have no table")


def build(
    name: str,
    classes: Sequence[str],
    shape: Shape,
    train: Rows,
    test: Rows,
    vocabulary: Sequence[str] = (),
) -> Dataset:
    """A data set whose rows are shuffled by a fixed seed; the truth of the test rows becomes NAME.solution."""
    generator = np.random.default_rng(SEED)
    train_order = generator.permutation(len(train.examples))
    test_order = generator.permutation(len(test.examples))
    truth = one_hot([test.labels[i] for i in test_order], len(classes))
    n_test = len(test_order)
    return Dataset(
        name=name,
        path=HERE / name,
        class_names=tuple(classes),
        shape=shape,
        train=Split(
            [str(n_test + i) for i in range(len(train_order))],
            one_hot([train.labels[i] for i in train_order], len(classes)),
            InMemory([train.examples[i] for i in train_order]),
        ),
        test=Split(
            [str(i) for i in range(n_test)],
            np.zeros_like(truth),
            InMemory([test.examples[i] for i in test_order]),
        ),
        vocabulary=dict(enumerate(vocabulary)),
        truth=lambda: truth,
    )


def one_hot(labels: Sequence[tuple[int, ...]], n_classes: int) -> NDArray[np.float32]:
    """(n, n_classes) zeros with 1 at each row's classes."""
    matrix = np.zeros((len(labels), n_classes), dtype=np.float32)
    for row, indices in zip(matrix, labels, strict=True):
        row[list(indices)] = 1.0
    return matrix


def divide(rows: Rows, n_test: int) -> tuple[Rows, Rows]:
    """Train and test rows; `n_test` are drawn with the same share of every label combination."""
    generator = np.random.default_rng(SEED + 1)
    by_label: dict[tuple[int, ...], list[int]] = {}
    for i in generator.permutation(len(rows.labels)):
        by_label.setdefault(rows.labels[i], []).append(int(i))
    chosen: set[int] = set()
    passed = 0
    for _, group in sorted(by_label.items()):
        passed += len(group)
        # Running totals are rounded, not shares, so that the parts add up to `n_test` exactly.
        chosen.update(group[: round(passed * n_test / len(rows.labels)) - len(chosen)])
    pick = [[i for i in range(len(rows.labels)) if (i in chosen) is wanted] for wanted in (False, True)]
    train, test = (Rows([rows.examples[i] for i in part], [rows.labels[i] for i in part]) for part in pick)
    return train, test


def digit_images(per_class: int, generator: np.random.Generator) -> list[tuple[NDArray[np.float64], int]]:
    """`per_class` of scikit-learn's 8x8 digits of every class, values 0 to 1."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = [i for c in range(10) for i in generator.choice(np.flatnonzero(digits.target == c), per_class, False)]
    return [(digits.images[i] / 16.0, int(digits.target[i])) for i in chosen]


def jpeg(pixels: NDArray[np.float64], quality: int) -> bytes:
    """JPEG bytes of an array (h, w) or (h, w, 3) with values 0 to 1."""
    buffer = io.BytesIO()
    Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)).save(
        buffer, "JPEG", quality=quality, optimize=True
    )
    return buffer.getvalue()


def make_image() -> Dataset:
    """Digits in colour: an 8x8 digit at 3x, dark on light in random colours, somewhere on a noisy 32x32 picture."""
    generator = np.random.default_rng(SEED)
    examples: list[Example] = []
    labels = []
    for digit, label in digit_images(34, generator):
        mask = np.zeros((32, 32, 1))
        top, left = generator.integers(1, 8, 2)
        mask[top : top + 24, left : left + 24, 0] = np.kron(digit, np.ones((3, 3)))
        paper, ink = generator.uniform(0.5, 1.0, 3), generator.uniform(0.0, 0.5, 3)
        noisy = paper + mask * (ink - paper) + generator.normal(0, 0.08, (32, 32, 3))
        examples.append(Encoded((jpeg(noisy, 75),)))
        labels.append((label,))
    train, test = divide(Rows(examples, labels), 100)
    return build("digits", [str(c) for c in range(10)], (1, 32, 32, 3), train, test)


MOVES = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def make_video() -> Dataset:
    """A digit that moves left, right, up or down over a noisy 32x32 field, in 6 to 10 grey JPEG frames."""
    generator = np.random.default_rng(SEED + 10)
    examples: list[Example] = []
    labels = []
    for k, (digit, _) in enumerate(digit_images(24, generator)):
        label = k % len(MOVES)
        n_frames, speed = int(generator.integers(6, 11)), float(generator.uniform(0.8, 1.6))
        # The clip's middle frame lies anywhere, whatever the direction: one frame alone gives nothing away.
        middle = generator.uniform(0, 16, 2)
        frames = []
        for t in range(n_frames):
            step = np.array(list(MOVES.values())[label]) * speed * (t - (n_frames - 1) / 2)
            top, left = np.clip(np.round(middle + step), 0, 16).astype(int)
            field = generator.normal(0.15, 0.06, (32, 32))
            field[top : top + 16, left : left + 16] += 0.8 * np.kron(digit, np.ones((2, 2)))
            frames.append(jpeg(field, 60))
        examples.append(Encoded(tuple(frames)))
        labels.append((label,))
    train, test = divide(Rows(examples, labels), 80)
    return build("moving_digits", list(MOVES), (-1, 32, 32, 1), train, test)


WORDS = ("yes", "no", "up", "go")
VOICES = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-029")
VARIANTS = ("", "+m1", "+m3", "+m7", "+f1", "+f2", "+f4")


def say(word: str, voice: str, speed: int, pitch: int) -> NDArray[np.float64]:
    """One word by espeak-ng at 16 kHz, int16 range, without the silence around it."""
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "word.wav"
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path), word]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        rate, sound = wavfile.read(path)
    loud = np.flatnonzero(np.abs(sound) > 300)
    trimmed = sound[loud[0] : loud[-1] + 1].astype(np.float64)
    return np.asarray(resample_poly(trimmed, 16_000, rate))


def make_speech() -> Dataset:
    """Four words in many voices; fast speech, since one sample costs ten bytes in this format."""
    if shutil.which("espeak-ng") is None:
        raise SystemExit("the speech set needs the program espeak-ng (apt-get install espeak-ng)")
    generator = np.random.default_rng(SEED + 20)
    examples: list[Example] = []
    labels = []
    for k in range(40 * len(WORDS)):
        label = k % len(WORDS)
        voice = str(generator.choice(VOICES)) + str(generator.choice(VARIANTS))
        speed, pitch = int(generator.integers(280, 401)), int(generator.integers(20, 81))
        sound = say(WORDS[label], voice, speed, pitch)
        sound = sound * generator.uniform(0.3, 1.0) + generator.normal(0, generator.uniform(100, 2000), len(sound))
        samples = np.clip(np.round(sound), -32768, 32767).astype(np.float32)
        examples.append(Dense(samples.reshape(-1, 1, 1, 1)))
        labels.append((label,))
    train, test = divide(Rows(examples, labels), 40)
    return build("spoken_words", WORDS, (-1, 1, 1, 1), train, test)


TOPICS = {
    "concurrency": "threading asyncio.events asyncio.queues asyncio.locks asyncio.tasks concurrent.futures._base "
    "concurrent.futures.process concurrent.futures.thread multiprocessing.pool multiprocessing.managers queue "
    "subprocess selectors sched",
    "files": "os os.path shutil pathlib tempfile zipfile tarfile glob gzip bz2 lzma fileinput mmap io",
    "network": "socket ssl http.client http.server http.cookiejar urllib.request urllib.parse ftplib smtplib imaplib "
    "poplib socketserver xmlrpc.client ipaddress nntplib",
    "numbers": "math cmath statistics fractions decimal random numbers datetime calendar colorsys",
}


def docstrings(modules: str) -> Iterator[str]:
    """Documentation of the public functions, classes and methods of some modules, in the order of their names."""
    for name in modules.split():
        try:
            module = importlib.import_module(name)
        except ImportError:  # leaves the standard library with some Python version
            continue
        for _, member in sorted(vars(module).items()):
            if not (inspect.isclass(member) or inspect.isroutine(member)):
                continue
            if (getattr(member, "__module__", None) or name).lstrip("_") not in (name, *name.split(".")[:1]):
                continue
            yield member.__doc__ or ""
            if inspect.isclass(member):
                for _, method in sorted(vars(member).items()):
                    yield (getattr(method, "__doc__", None) or "") if inspect.isroutine(method) else ""


def make_text() -> Dataset:
    """Which of four topics a piece of the standard library's documentation belongs to, as integer tokens."""
    generator = np.random.default_rng(SEED + 30)
    texts: list[list[str]] = []
    labels: list[tuple[int, ...]] = []
    seen: set[tuple[str, ...]] = set()
    for label, modules in enumerate(TOPICS.values()):
        found = []
        for text in docstrings(modules):
            words = re.findall(r"[a-z]+|[0-9]+|[.,:;?!()]", text.lower())[:60]
            # The first words decide about copies: many methods repeat their neighbour's text.
            if len(words) >= 12 and tuple(words[:8]) not in seen:
                seen.add(tuple(words[:8]))
                found.append(words)
        for i in sorted(generator.choice(len(found), 60, replace=False)):
            texts.append(found[i])
            labels.append((label,))
    train, test = divide(Rows([Dense(np.full((1, 1, 1, 1), i, np.float32)) for i in range(len(texts))], labels), 80)
    index_of = [[int(e.array.item()) for e in part.examples if isinstance(e, Dense)] for part in (train, test)]
    # Only the training texts make the vocabulary; what is new in a test text is token 0.
    counts = Counter(word for i in index_of[0] for word in texts[i])
    vocabulary = ["<unk>", *sorted(counts, key=lambda w: (-counts[w], w))]
    token = {word: i for i, word in enumerate(vocabulary)}
    parts = [
        Rows(
            [Dense(np.array([token.get(w, 0) for w in texts[i]], np.float32).reshape(-1, 1, 1, 1)) for i in part],
            [labels[i] for i in part],
        )
        for part in index_of
    ]
    return build("library_docs", list(TOPICS), (-1, 1, 1, 1), parts[0], parts[1], vocabulary)


def make_tabular() -> Dataset:
    """Wines, multi-label: the cultivar, and whether the wine is strong and deep in colour, told from the rest."""
    from sklearn.datasets import load_wine

    wine = load_wine()
    names = list(wine.feature_names)
    alcohol, colour = wine.data[:, names.index("alcohol")], wine.data[:, names.index("color_intensity")]
    features = np.delete(wine.data, [names.index("alcohol"), names.index("color_intensity")], axis=1)
    generator = np.random.default_rng(SEED + 40)
    features = np.where(generator.random(features.shape) < 0.04, np.nan, features).astype(np.float32)
    strong, deep = alcohol > np.median(alcohol), colour > np.median(colour)
    labels = [
        (int(cultivar), *([3] if strong[i] else []), *([4] if deep[i] else []))
        for i, cultivar in enumerate(wine.target)
    ]
    train, test = divide(Rows([Dense(row.reshape(1, 1, -1, 1)) for row in features], labels), 58)
    classes = ("cultivar_1", "cultivar_2", "cultivar_3", "strong", "deep_colour")
    return build("wine", classes, (1, 1, features.shape[1], 1), train, test)


MAKERS: dict[str, Callable[[], Dataset]] = {
    "digits": make_image,
    "moving_digits": make_video,
    "spoken_words": make_speech,
    "library_docs": make_text,
    "wine": make_tabular,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sets that the command line names (all by default) below --output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[], help=f"which of {', '.join(MAKERS)} (default: all)")
    parser.add_argument("--output", type=Path, default=HERE, help="folder that gets one folder a set")
    options = parser.parse_args(arguments)
    for name in options.names or list(MAKERS):
        if name not in MAKERS:
            parser.error(f"unknown set {name!r}; known are {', '.join(MAKERS)}")
        folder = options.output / name
        shutil.rmtree(folder, ignore_errors=True)
        write_dataset(MAKERS[name](), options.output)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
