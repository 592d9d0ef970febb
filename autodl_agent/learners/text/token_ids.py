"""Texts as rows of token numbers for networks: hashed words, or hashed character n-grams where there are no words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import Examples
from autodl_agent.learners.text.hashing import Stretches, Tokens, chunks, mix, tokenise

LONG_WORD = 15.0  # characters of a mean token above which texts are no words (DNA, encodings): n-grams are read then
LOOK = 200  # texts that decide it
PAD = 0  # number of the empty place behind a text's end
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class TokenisationConfig:
    """How texts are read: grams: characters of an n-gram, 0 for words. buckets: token numbers, PAD not counted.

    most_tokens, most_characters: read of one text, from its beginning. marks: see `features.tokenise`.
    """

    grams: int
    buckets: int
    most_tokens: int
    most_characters: int
    marks: bool = True


@dataclass(frozen=True)
class Sequences:
    """numbers: (t,) int32 token numbers of all texts, one text after the other; starts: (n + 1,) where each begins."""

    numbers: Ints
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) tokens of every text."""
        return np.diff(self.starts)

    def windows(self, rows: NDArray[np.int64], begin: NDArray[np.int64], length: int) -> Ints:
        """(k, length) tokens of some texts from the token `begin` of each, PAD behind the end."""
        place = begin[:, None] + np.arange(length)
        inside = place < self.lengths[rows][:, None]
        index = np.where(inside, self.starts[rows][:, None] + place, 0)
        if not len(self.numbers):
            return np.full((len(rows), length), PAD, np.int32)
        return np.where(inside, self.numbers[index], np.int32(PAD)).astype(np.int32)


def read(data: Examples, reading: TokenisationConfig) -> Sequences:
    """The whole split that `data` is of, by its row numbers; computed once and kept by the store."""
    key = ("sequences", reading)
    return data.store.kept(data.split, key, lambda: sequences(data.store.texts(data.split), reading))


def sequences(texts: list[str], reading: TokenisationConfig) -> Sequences:
    """Token numbers of all texts."""
    numbers: list[Ints] = []
    lengths = [np.zeros(1, np.int64)]
    for first, last in chunks(texts, reading.most_characters):
        tokens = tokenise(texts[first:last], reading.most_characters, reading.marks)
        hashes, owners = (tokens.hashes, tokens.texts) if not reading.grams else _grams(tokens, reading.grams)
        count = np.bincount(owners, minlength=last - first)
        place = np.arange(len(owners)) - np.repeat(np.cumsum(count) - count, count)
        kept = place < reading.most_tokens
        numbers.append((1 + (hashes[kept] >> np.uint64(20)) % np.uint64(reading.buckets)).astype(np.int32))
        lengths.append(np.minimum(count, reading.most_tokens))
    return Sequences(np.concatenate([*numbers, np.zeros(0, np.int32)]), np.cumsum(np.concatenate(lengths)))


def has_words(texts: list[str], most_characters: int) -> bool:
    """Whether texts are made of words, judged by the mean length of the tokens of some of them."""
    some = texts[:: max(1, len(texts) // LOOK)]
    tokens = tokenise(some, most_characters)
    return not len(tokens.starts) or float((tokens.ends - tokens.starts).mean()) <= LONG_WORD


def _grams(tokens: Tokens, n: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of the n characters from every character on, within tokens, in order, and the text of each."""
    spans = np.maximum(tokens.ends - tokens.starts - n + 1, 1)
    first = np.repeat(tokens.starts - (np.cumsum(spans) - spans), spans) + np.arange(int(spans.sum()))
    last = np.minimum(first + n, np.repeat(tokens.ends, spans))
    return mix(Stretches(tokens.codes).hashes(first, last)), np.repeat(tokens.texts, spans)
