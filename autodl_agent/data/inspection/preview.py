"""`autodl inspect --preview`: a picture sheet with a few training examples of each class.

Images as thumbnails, clips as four frames, sounds as wave and spectrogram, texts and table rows as their first words.
"""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain, Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.system.clock import Budget
from data_format.dataset import Dataset
from data_format.errors import DataError, Unreadable
from data_format.examples import Example, Table, Text
from data_format.raw.tables.csv_file import counted

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

CLASSES = 12
EXAMPLES = 5
_LEAST_COLUMNS = 2  # room for the title
_CELL = (200, 130)
_GAP = 10
_LEFT = 170
_TOP = 56
_CAPTION = 18
_INK, _FAINT, _PAPER, _PANEL = (32, 33, 36), (110, 114, 120), (255, 255, 255), (243, 244, 246)
_WAVE = (31, 105, 180)
_SOUND_S = 10.0
_FRAMES = 4
_WINDOW = 512

Pixels = NDArray[np.uint8]


def draw_preview(dataset: Dataset, path: Path) -> None:
    """Draw the sheet as a PNG (or what the suffix of `path` says). Raises OSError when it cannot be written."""
    task = make_task(dataset)
    store = TensorStore(dataset, task, Budget.from_now(3600).deadline(3600))
    try:
        sheet = _Sheet(dataset, task, store).draw()
    finally:
        store.close()
    sheet.save(path, path.suffix.lstrip(".").upper() if path.suffix.lower() in (".png", ".webp") else "PNG")


class _Sheet:
    """Lays out one row a class."""

    def __init__(self, dataset: Dataset, task: Task, store: TensorStore) -> None:
        self.dataset, self.task, self.store = dataset, task, store
        self.table = dataset.train.source.table() if task.domain is Domain.TABULAR else None
        counts = np.asarray(task.class_counts)
        self.classes = [int(c) for c in np.flatnonzero(counts > 0)[:CLASSES]]

    def draw(self) -> "Image":
        """The whole sheet."""
        from PIL import Image, ImageDraw

        columns = max(_LEAST_COLUMNS, *(len(self._rows(c)) for c in self.classes), 0)
        height = _TOP + len(self.classes) * (_CELL[1] + _CAPTION + _GAP) + _GAP
        image = Image.new("RGB", (_LEFT + columns * (_CELL[0] + _GAP) + _GAP, height), _PAPER)
        pen = ImageDraw.Draw(image)
        title = (
            f"{self.task.name}: {self.task.domain}, {self.task.n_train} training rows, {self.task.n_classes} classes"
        )
        _write(pen, (_GAP, 10), title, 18, image.width - 2 * _GAP)
        if len(self.classes) < self.task.n_classes:
            _write(
                pen, (_GAP, 34), f"{len(self.classes)} of {self.task.n_classes} classes shown", 12, image.width, _FAINT
            )
        for line, c in enumerate(self.classes):
            top = _TOP + line * (_CELL[1] + _CAPTION + _GAP)
            _write(pen, (_GAP, top + 4), self.task.class_names[c], 15, _LEFT - 2 * _GAP)
            _write(pen, (_GAP, top + 26), counted(self.task.class_counts[c], "example"), 12, _LEFT - 2 * _GAP, _FAINT)
            for place, row in enumerate(self._rows(c)):
                left = _LEFT + place * (_CELL[0] + _GAP)
                image.paste(self._cell(row), (left, top))
                _write(pen, (left, top + _CELL[1] + 2), self.dataset.train.ids[row], 11, _CELL[0], _FAINT)
        return image

    def _rows(self, c: int) -> list[int]:
        """Up to five evenly spaced training rows of a class."""
        rows = np.flatnonzero(self.dataset.train.labels[:, c] > 0)
        places = np.unique(np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int))
        return [int(row) for row in rows[places]]

    def _cell(self, row: int) -> "Image":
        from PIL import Image, ImageDraw

        cell = Image.new("RGB", _CELL, _PANEL)
        try:
            if self.table is not None:
                _write_lines(ImageDraw.Draw(cell), _row_text(self.table, row))
            else:
                self._draw_example(cell, row)
        except (Unreadable, DataError) as error:
            _write_lines(ImageDraw.Draw(cell), f"cannot be read: {error}")
        return cell

    def _draw_example(self, cell: "Image", row: int) -> None:
        from PIL import ImageDraw

        example = self.dataset.train.source.example(row)
        if self.task.domain is Domain.TEXT:
            text = example.text if isinstance(example, Text) else self.store.text("train", row)
            _write_lines(ImageDraw.Draw(cell), text or "(empty)")
            return
        draw: Callable[[Image, Example, Task], None] = _DRAW[self.task.domain]
        draw(cell, example, self.task)


def _draw_image(cell: "Image", example: Example, task: Task) -> None:
    from data_format.media.images import image_at

    channels = 1 if task.shape[3] == 1 else 3
    _paste(cell, image_at(example, _CELL[1], _CELL[0], channels, task.pixel_range, "pad"), (0, 0))


def _draw_clip(cell: "Image", example: Example, task: Task) -> None:
    from data_format.media.videos import clip_at

    width, height = _CELL[0] // 2 - 1, _CELL[1] // 2 - 1
    for place, frame in enumerate(clip_at(example, _FRAMES, height, width, 3, task.pixel_range)):
        _paste(cell, frame, ((place % 2) * (width + 2), (place // 2) * (height + 2)))


def _draw_sound(cell: "Image", example: Example, task: Task) -> None:
    from PIL import ImageDraw

    from data_format.media.sounds import sound

    samples, rate = sound(example, _SOUND_S, task.value_range)
    width, half = _CELL[0], _CELL[1] // 2
    pen = ImageDraw.Draw(cell)
    parts = np.array_split(np.nan_to_num(samples), min(width, len(samples)))
    top = max(1e-9, float(np.abs(np.nan_to_num(samples)).max()))
    for x, part in enumerate(parts):
        low, high = (half / 2 * (1 - float(edge) / top * 0.95) for edge in (part.max(), part.min()))
        pen.line([(x, low), (x, max(high, low + 1))], fill=_WAVE)
    _paste(cell, _spectrogram(np.nan_to_num(samples), width, half - 2), (0, half + 2))
    _write(pen, (4, 2), f"{len(samples) / rate:.2f} s", 11, width, _FAINT)


def _spectrogram(samples: NDArray[np.float32], width: int, height: int) -> Pixels:
    """(height, width, 3): decibels of short Fourier windows, low tones at the bottom."""
    # Short sounds get short windows, else all of them would show the same.
    window = int(np.clip(2 ** np.round(np.log2(max(1, len(samples) / 16))), 64, _WINDOW))
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    starts = np.linspace(0, len(padded) - window, width).astype(int)
    windows = padded[starts[:, None] + np.arange(window)] * np.hanning(window)
    decibels = 20 * np.log10(np.abs(np.fft.rfft(windows)) + 1e-6)
    bands = decibels[:, np.linspace(decibels.shape[1] - 1, 0, height).astype(int)].T
    level = np.clip((bands - (bands.max() - 70)) / 70, 0, 1)
    # Dark blue to yellow through red, told apart in grey as well.
    colours = [255 * np.clip(level * 1.6, 0, 1), 255 * level**2, 255 * (0.25 + 0.5 * level - 0.65 * level**2)]
    return np.asarray(np.clip(np.stack(colours, axis=-1), 0, 255), np.uint8)


_DRAW: dict[Domain, Callable[[Any, Example, Task], None]] = {
    Domain.IMAGE: _draw_image,
    Domain.VIDEO: _draw_clip,
    Domain.SPEECH: _draw_sound,
}


def _row_text(table: Table, row: int) -> str:
    """Names and values of the first columns of a row."""
    if table.sparse is not None:
        span = slice(int(table.sparse.indptr[row]), int(table.sparse.indptr[row + 1]))
        pairs = zip(table.sparse.indices[span][:14].tolist(), table.sparse.values[span][:14].tolist(), strict=True)
        return "\n".join(f"{column}: {value:.5g}" for column, value in pairs)
    lines = [f"{name}: {value:.6g}" for name, value in zip(table.number_names[:14], table.numbers[row], strict=False)]
    words = zip(table.string_names[:14], table.strings[row], strict=False)
    lines[7:] = [*lines[7:], *(f"{name}: {value}" for name, value in words)]
    return "\n".join(lines)


def _paste(cell: "Image", pixels: Pixels, place: tuple[int, int]) -> None:
    from PIL import Image

    cell.paste(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, :3]), place)


def _write_lines(pen: "ImageDraw", text: str) -> None:
    """Text wrapped into a cell, cut at its end."""
    wide = sum("\u2e80" <= sign <= "\uffef" for sign in text[:200]) > 40
    lines: list[str] = []
    for paragraph in text[:2000].splitlines():
        lines += textwrap.wrap(paragraph, 15 if wide else 29) or [""]
    room = (_CELL[1] - 8) // 15
    shown = lines[:room]
    if len(lines) > room:
        shown[-1] = "…"
    for number, line in enumerate(shown):
        _write(pen, (6, 4 + 15 * number), line, 12, _CELL[0] - 10)


def _write(
    pen: "ImageDraw", place: tuple[int, int], text: str, size: int, width: int, ink: tuple[int, int, int] = _INK
) -> None:
    """One line, cut with an ellipsis where it is longer than `width` pixels; signs that no font has are boxes."""
    font = _font(size)
    line = " ".join(text[:400].split())
    if pen.textlength(line, font=font) > width:
        while line and pen.textlength(f"{line}…", font=font) > width:
            line = line[:-1]
        line = f"{line}…"
    pen.text(place, line, fill=ink, font=font)


def _font(size: int) -> Any:
    """DejaVu Sans, which Matplotlib brings along, or Pillow's own font."""
    from PIL import ImageFont

    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    from importlib.util import find_spec

    spec = find_spec("matplotlib")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)


# Fonts with Chinese, Japanese and Korean signs come first where a system has one.
_FONTS = ("NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf")
