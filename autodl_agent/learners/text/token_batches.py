"""Texts as the vectors of their word pieces, of one length a batch: what the trained layers of E5 are given."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Rows
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Examples
from autodl_agent.learners.text.sentence_vectors import PIECE_CHARACTERS
from autodl_agent.pretrained.encoders import e5_file, text_encoder
from autodl_agent.pretrained.models.e5 import E5File
from autodl_agent.pretrained.models.unigram_tokenizer import Unigram
from autodl_agent.system.clock import Deadline

MARKS = 2  # before and behind the pieces of a text
TEXTS = 64  # taken apart between two looks at the clock: 20 ms of long ones


class TextPieces:
    """The word pieces of the texts of one split, `most` of each, taken apart when first asked for."""

    def __init__(self, texts: Sequence[str], vocabulary: Unigram, file: E5File, most: int) -> None:
        self._texts, self._vocabulary, self._file, self._most = texts, vocabulary, file, most
        self._place = file.places()
        self._numbers: dict[int, list[int]] = {}

    def read(self, rows: Rows, deadline: Deadline) -> None:
        """Take the texts of these rows apart. Raises OutOfTimeError; those that were ready until then are kept."""
        missing = [row for row in rows.tolist() if row not in self._numbers]
        for start in range(0, len(missing), TEXTS):
            if deadline.passed:
                raise OutOfTimeError(f"text {start + 1} of {len(missing)}")
            for row in missing[start : start + TEXTS]:
                text = self._texts[row][: self._most * PIECE_CHARACTERS]
                self._numbers[row] = self._vocabulary.encode(text, self._most)

    def lengths(self, rows: Rows) -> NDArray[np.int64]:
        """(n,) pieces of texts that were read, with their marks."""
        return np.asarray([len(self._numbers[row]) + MARKS for row in rows.tolist()], np.int64)

    def inputs(self, rows: Rows, length: int) -> dict[str, NDArray[np.floating]]:
        """pieces: (n, length, width) float16, vectors of pieces and places; there: (n, length) float32, 1 or 0.

        The rows must have been read. What goes beyond `length` is cut, so that the mark of the end still fits.
        """
        file = self._file
        numbers = np.full((len(rows), length), file.end, np.int64)
        there = np.zeros((len(rows), length), np.float32)
        numbers[:, 0] = file.begin
        for place, row in enumerate(rows.tolist()):
            own = self._numbers[row][: length - MARKS]
            numbers[place, 1 : 1 + len(own)] = own
            there[place, : len(own) + MARKS] = 1
        # A batch holds most of its pieces many times, and unpacking a piece costs more than copying it.
        unique, places = np.unique(numbers, return_inverse=True)
        found = file.vectors(unique)[places.reshape(numbers.shape)]
        found += self._place[:length]
        return {"pieces": found.astype(np.float16), "there": there}


def text_pieces(data: Examples, most: int) -> TextPieces:
    """The pieces of the whole split of `data`, by its row numbers; kept by the store. Raises MissingWeightsError."""
    store, vocabulary = data.store, text_encoder("e5-small").vocabulary
    make = lambda: TextPieces(store.texts(data.split), vocabulary, e5_file(), most)  # noqa: E731
    return store.kept(data.split, ("pieces", most), make)
