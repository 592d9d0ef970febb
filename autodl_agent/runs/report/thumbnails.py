"""Single training examples for the page: an image, frames, a waveform, the start of a text or the values of a row.

Decoding runs in a daemon thread, since an example may take any time to decode and the page must not: what is not ready
when the page is written is on the next one.
"""

import base64
import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.runs.report.formatting import shorten
from data_format.examples import Table

_SIDE = 112
_FRAMES = 4
_SOUND_S = 10.0
_WAVE_COLUMNS, _WAVE_HEIGHT = 240, 56
_TEXT_LENGTH = 320
_MOST_CELLS = 8


@dataclass(frozen=True)
class InlineImage:
    """An image. source: a `data:` address with its JPEG. alternative: it in words."""

    kind: ClassVar[str] = "image"
    source: str
    width: int
    height: int
    alternative: str


@dataclass(frozen=True)
class Waveform:
    """A sound. path: SVG path data within `width` × `height`."""

    kind: ClassVar[str] = "waveform"
    path: str
    width: int
    height: int
    seconds: float


@dataclass(frozen=True)
class Snippet:
    """The start of a text."""

    kind: ClassVar[str] = "snippet"
    text: str


@dataclass(frozen=True)
class Cells:
    """Names and values of the first columns of a row, and how many more there are."""

    kind: ClassVar[str] = "cells"
    pairs: tuple[tuple[str, str], ...]
    more: int


@dataclass(frozen=True)
class Message:
    """A sentence in place of what cannot be shown."""

    kind: ClassVar[str] = "message"
    text: str


Thumbnail = InlineImage | Waveform | Snippet | Cells | Message


class Thumbnails:
    """Examples of the training split by row number; each is decoded once. spent_s: seconds that decoding took."""

    def __init__(self, store: TensorStore, now: Callable[[], float]) -> None:
        self.spent_s = 0.0
        self._store, self._now = store, now
        self._made: dict[int, Thumbnail] = {}
        self._thread: threading.Thread | None = None

    def prepare(self, rows: Sequence[int], work_s: float, wait_s: float) -> None:
        """Decode what is missing: none begins after `work_s` seconds; waits for them no longer than `wait_s`."""
        missing = [row for row in rows if row not in self._made]
        if not missing:
            return
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._decode, args=(missing, work_s), daemon=True, name="thumbnails")
            self._thread.start()
        self._thread.join(max(0.0, wait_s))

    def get(self, row: int, more: bool = True) -> Thumbnail:
        """A row; a message where it is not decoded. more: whether another page comes."""
        return self._made.get(row, Message("not shown yet" if more else "not shown"))

    def _decode(self, rows: Sequence[int], work_s: float) -> None:
        started, before = self._now(), self.spent_s
        for row in rows:
            if self.spent_s - before >= work_s:
                return
            try:
                self._made[row] = self._thumbnail(row)
            except Exception as error:  # whatever a decoder says about one example, the page goes on without it
                self._made[row] = Message(f"cannot be shown: {shorten(str(error), 200)}")
            self.spent_s = before + self._now() - started

    def _thumbnail(self, row: int) -> Thumbnail:
        domain, task = self._store.task.domain, self._store.task
        if domain is Domain.TABULAR:
            return cells(self._store.table("train"), row)
        if domain is Domain.TEXT:
            return snippet(self._store.text("train", row))
        example = self._store.dataset.train.source.example(row)
        if domain is Domain.SPEECH:
            from data_format.media.sounds import sound

            return waveform(*sound(example, _SOUND_S, task.value_range))
        if domain is Domain.VIDEO:
            from data_format.media.videos import clip_at

            frames = clip_at(example, _FRAMES, _SIDE, _SIDE, 3, task.pixel_range)
            return inline_image(np.concatenate(list(frames), axis=1), f"{_FRAMES} frames of the clip")
        from data_format.media.images import image_at

        channels = 1 if task.shape[3] == 1 else 3
        return inline_image(image_at(example, _SIDE, _SIDE, channels, task.pixel_range, "pad"), "the image")


def inline_image(pixels: NDArray[np.uint8], alternative: str) -> InlineImage:
    """Pixels as JPEG. pixels: (height, width, 1 or more channels), of which three are shown."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] < 3 else pixels[:, :, :3]).save(file, "JPEG", quality=82)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    height, width = pixels.shape[:2]
    return InlineImage(f"data:image/jpeg;base64,{data}", width, height, alternative)


def waveform(samples: NDArray[np.float32], rate: int) -> Waveform:
    """Lowest and highest sample in each column of the drawing."""
    wave = np.nan_to_num(np.asarray(samples, np.float32)) if len(samples) else np.zeros(1, np.float32)
    top = max(1e-9, float(np.abs(wave).max(initial=0)))
    lines = []
    for x, part in enumerate(np.array_split(wave, min(_WAVE_COLUMNS, max(1, len(wave))))):
        low, high = (_WAVE_HEIGHT / 2 * (1 - float(edge) / top * 0.95) for edge in (part.max(), part.min()))
        lines.append(f"M{x}.5 {low:.1f}V{max(high, low + 0.8):.1f}")
    return Waveform("".join(lines), _WAVE_COLUMNS, _WAVE_HEIGHT, len(samples) / max(1, rate))


def snippet(text: str) -> Snippet:
    """The start of a text."""
    return Snippet(f"{text[:_TEXT_LENGTH]}…" if len(text) > _TEXT_LENGTH else text)


def cells(table: Table, row: int) -> Cells:
    """The first columns of a row; of a sparse one, the first that are not zero."""
    pairs: list[tuple[str, str]] = []
    if table.sparse is not None:
        span = slice(int(table.sparse.indptr[row]), int(table.sparse.indptr[row + 1]))
        values = zip(table.sparse.indices[span].tolist(), table.sparse.values[span].tolist(), strict=True)
        pairs = [(f"column {column}", f"{value:.5g}") for column, value in values]
    else:
        numbers = zip(table.number_names, table.numbers[row].tolist(), strict=True)
        pairs = [(n, "missing" if v != v else f"{v:.6g}") for n, v in numbers]
        words = [(n, str(v)) for n, v in zip(table.string_names, table.strings[row].tolist(), strict=True)]
        few = max(_MOST_CELLS // 2, _MOST_CELLS - len(words))  # room for words beside many numbers
        pairs = [*pairs[:few], *words, *pairs[few:]]
    return Cells(tuple(pairs[:_MOST_CELLS]), max(0, len(pairs) - _MOST_CELLS))
