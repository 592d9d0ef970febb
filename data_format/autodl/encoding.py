"""Examples of any reader -> examples that a record can hold (Dense, Encoded, Sparse), one domain at a time.

Images keep their bytes where the challenge's own decoder knows them (JPEG, PNG, BMP) and become PNG otherwise;
clips become one JPEG a frame; sounds 16-bit-scaled samples at 16 kHz; texts token numbers; table rows numbers.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset
from data_format.errors import DataError
from data_format.examples import Csr, Dense, Encoded, Example, MediaFile, Sparse, Table, Text
from data_format.media.file_types import image_format

_KEPT_FORMATS = ("JPEG", "PNG", "BMP")
_RATE = 16_000
_INTEGER_SCALE = 32_768
_LARGEST = 65_535  # of 16 bits
_JPEG_QUALITY = 95
# A longer clip is written with fewer frames, spread evenly: its pixels are in memory all at once.
_MAX_CLIP_BYTES = 1 << 28
# Scripts written without blanks between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0x20000, 0x3134F),
)  # fmt: skip
_SCRIPT_SAMPLE = 200  # texts examined: a few show the language


def encoder(dataset: Dataset, vocabulary: dict[str, int]) -> Callable[[Example], Example]:
    """The function that turns one example of this data set into what a record holds.

    vocabulary: filled with the tokens of texts in order of their first appearance.
    """
    domain = dataset.domain[0] if dataset.domain else None
    channels = dataset.shape[3] if dataset.shape[3] > 0 else 3
    if domain == "text":
        return Tokens(vocabulary, by_character=_unspaced(dataset))
    if domain == "speech":
        return samples
    if domain == "video":
        return lambda example: clip(example, channels)
    return lambda example: image(example, channels)


def image(example: Example, channels: int) -> Example:
    """Encoded frames in a format that every reader of records knows; Dense and Sparse examples as they are."""
    if isinstance(example, MediaFile):
        from data_format.media.images import read_file

        example = Encoded((read_file(example.path),))
    if isinstance(example, Encoded):
        return Encoded(tuple(_readable_frame(frame, channels) for frame in example.frames))
    if isinstance(example, Text):
        raise DataError("expected images or numbers, found a text in a data set whose domain is not text")
    return example


def _readable_frame(frame: bytes, channels: int) -> bytes:
    if image_format(frame[:32]) in _KEPT_FORMATS:
        return frame
    from data_format.media.images import decode_frame, deep_values

    deep = deep_values(Encoded((frame,)))
    if deep is not None and deep.dtype.kind in "iu" and deep.min() >= 0 and deep.max() <= _LARGEST:
        return _deep_png(deep.astype(np.uint16))
    return encode_image(decode_frame(frame, channels), "PNG")


def _deep_png(values: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits a value; values: (h, w, 1 or 3)."""
    import cv2

    return bytes(cv2.imencode(".png", values[..., ::-1])[1])


def encode_image(pixels: NDArray[np.uint8], kind: str) -> bytes:
    """A PNG or JPEG of pixels (h, w, 1 to 4)."""
    from PIL import Image

    channels = pixels.shape[2]
    if channels not in (1, 2, 3, 4):
        raise DataError(f"expected 1 to 4 channels in an image, found {channels}")
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    file = io.BytesIO()
    image.save(file, kind, **({"quality": _JPEG_QUALITY} if kind == "JPEG" else {}))
    return file.getvalue()


def clip(example: Example, channels: int) -> Example:
    """One JPEG per frame of a video file (PNG where JPEG has no such channels)."""
    if not isinstance(example, MediaFile):
        return image(example, channels)
    from data_format.media.videos import clip_at, clip_info

    info = clip_info(example.path)
    most = max(1, _MAX_CLIP_BYTES // max(1, info.rows * info.columns * channels))
    frames = clip_at(example, min(max(1, info.frames), most), info.rows, info.columns, channels)
    kind = "JPEG" if channels in (1, 3) else "PNG"
    return Encoded(tuple(encode_image(frame, kind) for frame in frames))


def samples(example: Example) -> Example:
    """Mono samples of a sound file at 16 kHz on the scale of 16-bit integers, (n, 1, 1, 1)."""
    if not isinstance(example, MediaFile):
        return example
    from data_format.media.sounds import sound

    wave, rate = sound(example)
    # Records carry no sample rate: every reader takes them for 16 kHz.
    if rate != _RATE:
        from math import gcd

        from scipy.signal import resample_poly

        common = gcd(rate, _RATE)
        wave = resample_poly(wave, _RATE // common, rate // common).astype(np.float32)
    return Dense((wave * np.float32(_INTEGER_SCALE)).reshape(-1, 1, 1, 1))


@dataclass
class Tokens:
    """Texts -> token numbers, (tokens, 1, 1, 1): split at single blanks, or into characters.

    vocabulary: token -> number, in order of first appearance. Joining the tokens again gives the text back.
    """

    vocabulary: dict[str, int] = field(default_factory=dict)
    by_character: bool = False

    def __call__(self, example: Example) -> Example:
        """Token numbers of one text; other examples as they are."""
        if not isinstance(example, Text):
            return example
        tokens: Sequence[str] = example.text if self.by_character else example.text.split(" ")
        if not example.text:  # "".split(" ") would give one empty token
            tokens = ()
        numbers = [self.vocabulary.setdefault(token, len(self.vocabulary)) for token in tokens]
        return Dense(np.array(numbers, np.float32).reshape(-1, 1, 1, 1))


def _unspaced(dataset: Dataset) -> bool:
    """Whether most letters of a sample of training texts belong to scripts without blanks between words."""
    letters = unspaced = 0
    for index in range(min(len(dataset.train), _SCRIPT_SAMPLE)):
        try:
            example = dataset.train.source.example(index)
        except DataError:
            continue
        for char in example.text[:2000] if isinstance(example, Text) else "":
            if char.isalpha():
                letters += 1
                unspaced += any(low <= ord(char) <= high for low, high in _UNSPACED)
    return unspaced * 2 > letters


@dataclass(frozen=True)
class Columns:
    """How the columns of a table become numbers: the numbers first, then a code for each column of strings.

    categories: the distinct training values of each string column, sorted; their position is the code; a value unseen
    in training gets the next code, a missing one NaN.
    """

    names: tuple[str, ...]
    categories: dict[str, list[str]]
    width: int

    @classmethod
    def of(cls, train: Table) -> "Columns":
        """Column names, made unique, and the categories of the training rows."""
        width = train.sparse.n_columns if train.sparse else train.numbers.shape[1]
        numbers = train.number_names if len(train.number_names) == width else tuple(f"f{i}" for i in range(width))
        names: dict[str, None] = {}
        for name in (*numbers, *train.string_names):
            unique, copy = name, 2
            while unique in names:
                unique, copy = f"{name}_{copy}", copy + 1
            names[unique] = None
        unique_names = tuple(names)
        columns = zip(unique_names[width:], train.strings.T, strict=True)
        categories = {name: sorted({str(cell) for cell in column} - {""}) for name, column in columns}
        return cls(unique_names, categories, width)

    def rows(self, table: Table) -> Iterator[Example]:
        """Each row as Dense (1, 1, columns, 1), or Sparse where the numbers are sparse."""
        codes = np.full(table.strings.shape, np.nan, np.float32)
        for j, values in enumerate(self.categories.values()):
            place = {value: float(code) for code, value in enumerate(values)}
            unseen = float(len(values))  # no new place: test rows must not widen the list
            codes[:, j] = [place.get(cell, unseen) if cell != "" else np.nan for cell in table.strings[:, j]]
        for index, row in enumerate(table.numbers):
            if table.sparse is not None:
                yield _sparse_row(table.sparse, index, codes[index])
            else:
                with np.errstate(over="ignore"):  # beyond float32 a number is infinite, as a reader would have it
                    numbers = np.concatenate([row.astype(np.float32), codes[index]])
                yield Dense(numbers.reshape(1, 1, -1, 1))


def _sparse_row(numbers: Csr, index: int, codes: NDArray[np.float32]) -> Sparse:
    part = slice(int(numbers.indptr[index]), int(numbers.indptr[index + 1]))
    columns = np.concatenate([numbers.indices[part], numbers.n_columns + np.arange(len(codes))]).astype(np.int64)
    none = np.zeros(len(columns), np.int64)
    return Sparse(none, columns, none, np.concatenate([numbers.values[part], codes]).astype(np.float32))
