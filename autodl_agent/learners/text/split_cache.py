"""Bags of whole splits, built once per run in pieces, so that a deadline never throws finished work away."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Examples
from autodl_agent.learners.text.char_ngrams import character_bag
from autodl_agent.learners.text.config import LinearConfig
from autodl_agent.learners.text.hashing import Bag, chunks, join, token_bag
from autodl_agent.system.clock import Deadline

LEAST = 100  # characters below which no text is shortened to save memory

MakeBag = Callable[[Sequence[str], int], Bag]  # (texts, characters of each that are read)


class GrowingBag:
    """The bag of a list of texts, a chunk of texts at a time.

    most, most_total: how many characters of one text, and of all texts together, are read.
    """

    def __init__(self, texts: Sequence[str], make: MakeBag, most: int, most_total: int) -> None:
        self._texts, self._make = texts, make
        self._limit = even_limit(texts, most, most_total)
        self._todo = chunks(texts, self._limit)
        self._parts: list[Bag] = []
        self._whole: Bag | None = None
        self._lock = threading.Lock()

    def whole(self, deadline: Deadline | None = None) -> Bag:
        """The finished bag. Raises OutOfTimeError when the deadline passes; the chunks done until then are kept."""
        with self._lock:
            while self._whole is None:
                if len(self._parts) == len(self._todo):
                    self._whole = join(self._parts)
                    self._parts = []
                    break
                if deadline is not None and deadline.passed:
                    raise OutOfTimeError(f"text chunk {len(self._parts) + 1} of {len(self._todo)}")
                first, last = self._todo[len(self._parts)]
                self._parts.append(self._make(self._texts[first:last], self._limit))
            return self._whole


def even_limit(texts: Sequence[str], most: int, most_total: int) -> int:
    """Characters per text so that all texts cut to it have at most `most_total` (but never below LEAST)."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    while most > LEAST and int(np.minimum(lengths, most).sum()) > most_total:
        most = max(LEAST, most * 3 // 4)
    return most


def split_bag(
    data: Examples, key: str, make: MakeBag, most: int, most_total: int, deadline: Deadline | None = None
) -> Bag:
    """The rows' part of the bag of their whole split, which all learners that name the same key share."""
    texts = data.store.texts(data.split)
    growing = data.store.kept(data.split, key, lambda: GrowingBag(texts, make, most, most_total))
    return growing.whole(deadline or data.store.end).take(data.rows)


def token_rows(data: Examples, config: LinearConfig, deadline: Deadline | None = None) -> Bag:
    """Token n-grams of the rows, from the bag of their whole split."""
    key = f"tokens@{config.longest_tokens}x{config.max_characters}x{config.token_total_characters}x{config.marks}"

    def make(texts: Sequence[str], limit: int) -> Bag:
        return token_bag(texts, config.longest_tokens, limit, config.marks)

    return split_bag(data, key, make, config.max_characters, config.token_total_characters, deadline)


def character_rows(data: Examples, config: LinearConfig, deadline: Deadline | None = None) -> Bag:
    """Character n-grams within words of the rows, from the bag of their whole split."""
    sizes = f"{config.character_grams}x{config.max_characters}x{config.character_total_characters}"
    key = f"characters@{sizes}x{config.marks}"

    def make(texts: Sequence[str], limit: int) -> Bag:
        return character_bag(texts, config.character_grams, limit, config.marks)

    return split_bag(data, key, make, config.max_characters, config.character_total_characters, deadline)
