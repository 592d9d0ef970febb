"""Vectors of texts from a frozen encoder: each text of a run encoded once, in batches of like length, on all cores."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Rows
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Examples
from autodl_agent.learners.text.config import TextExcerpt
from autodl_agent.pretrained.encoders import TextEncoder
from autodl_agent.system.clock import Deadline
from autodl_agent.system.resources import cores

Floats = NDArray[np.float32]
BATCH_CHARACTERS = 3_000  # read by one thread between two looks at the clock: 0.4 s of the dearest encoder
BATCH_TEXTS = 64
PIECE_CHARACTERS = 8  # no text is tokenised beyond so many characters a piece


class TextVectors:
    """Vectors of the texts of one split in one excerpt each, made when first asked for.

    speed: seconds per character so far; shared by the splits of a run.
    """

    def __init__(
        self, texts: Sequence[str], encoder: TextEncoder, excerpt: TextExcerpt, speed: "EncodingSpeed"
    ) -> None:
        self._texts, self._encoder, self._excerpt, self._speed = texts, encoder, excerpt, speed
        self._array = np.zeros((len(texts), encoder.features), np.float16)  # half: a hundred thousand texts fit
        self._ready = np.zeros(len(texts), bool)
        # What is not read costs nothing; the 8 stand for what a text costs beside its characters.
        most = excerpt.pieces * PIECE_CHARACTERS
        self._lengths = np.fromiter((min(len(text), most) + 8 for text in texts), np.int64, len(texts))
        self._lock = threading.Lock()

    def cost_s(self, rows: Rows) -> float:
        """Seconds that the vectors of these rows will still take; 0 while nothing is known of the speed."""
        return self._speed.seconds_a_character * float(self._lengths[rows[~self._ready[rows]]].sum())

    def rows(self, rows: Rows, deadline: Deadline) -> Floats:
        """(len(rows), features). Raises OutOfTimeError; the texts encoded until then are kept."""
        with self._lock:
            # A row that is asked for twice is encoded once.
            batches = self._batches(np.unique(rows[~self._ready[rows]]))
            for first in range(0, len(batches), cores()):
                if deadline.passed:
                    raise OutOfTimeError(f"batch {first + 1} of {len(batches)} of texts")
                began, group = deadline.now(), batches[first : first + cores()]
                for part, vectors in zip(group, _pool().map(self._encode, group), strict=True):
                    self._array[part], self._ready[part] = vectors, True
                self._speed.note(float(self._lengths[np.concatenate(group)].sum()), deadline.now() - began)
        return self._array[rows].astype(np.float32)

    def _batches(self, rows: Rows) -> list[Rows]:
        """Rows of like length together, so many that a batch has about BATCH_CHARACTERS."""
        rows = rows[np.argsort(self._lengths[rows], kind="stable")]
        before = np.cumsum(self._lengths[rows]) - self._lengths[rows]
        number = np.maximum(before // BATCH_CHARACTERS, 0)
        cuts = np.flatnonzero(np.diff(number)) + 1
        out = []
        for part in np.split(rows, cuts):
            out += [part[at : at + BATCH_TEXTS] for at in range(0, len(part), BATCH_TEXTS)]
        return [part for part in out if len(part)]

    def _encode(self, rows: Rows) -> Floats:
        """(len(rows), features): the mean over a text's windows."""
        encoder, excerpt = self._encoder, self._excerpt
        most, windows, owners = excerpt.pieces, [], []
        for place, row in enumerate(rows):
            text = self._texts[row][: most * PIECE_CHARACTERS]
            numbers = encoder.vocabulary.encode(text, most)
            parts = max(1, -(-len(numbers) // min(excerpt.window, encoder.longest)))
            for piece in np.array_split(np.asarray(numbers, np.int64), parts):
                windows.append(piece.tolist())
                owners.append(place)
        found = np.concatenate([encoder.encode(windows[at : at + 32]) for at in range(0, len(windows), 32)])
        starts = np.searchsorted(owners, np.arange(len(rows)))
        total: Floats = np.add.reduceat(found, starts, axis=0)
        return total / np.bincount(owners, minlength=len(rows)).astype(np.float32)[:, None]


class EncodingSpeed:
    """How fast an encoder reads on this machine: a moving mean."""

    def __init__(self) -> None:
        self.seconds_a_character = 0.0

    def note(self, characters: float, seconds: float) -> None:
        """Count what was just read."""
        new = seconds / max(1.0, characters)
        self.seconds_a_character = 0.7 * self.seconds_a_character + 0.3 * new if self.seconds_a_character else new


def text_vectors(data: Examples, name: str, encoder: TextEncoder, excerpt: TextExcerpt) -> TextVectors:
    """The vectors of the whole split of `data`, which all learners of a run share."""
    key = f"vectors@{name}:{excerpt.pieces}:{excerpt.window}"
    store = data.store
    speed = store.kept("train", f"speed of {key}", EncodingSpeed)
    return store.kept(data.split, key, lambda: TextVectors(store.texts(data.split), encoder, excerpt, speed))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="encode")
