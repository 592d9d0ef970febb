"""Texts to hashed n-gram counts, vectorised: no Python loop over words and no dictionary.

All texts become one array of code points. A prefix sum of codeᵢ·Bⁱ modulo 2⁶⁴ gives the hash of any stretch of
characters in constant time (Karp & Rabin 1987), so words, word n-grams and character n-grams are array arithmetic.
Languages are told apart character by character: in scripts that put no spaces between words (and Hangul, whose words
are long compounds) every character is a token, elsewhere a run of letters and digits is; emoji and punctuation are
tokens of their own. Marks go with the letter before them (see `marks`). Needs numpy only; hashes are the same on every
machine and in every process.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.combining_marks import JOINERS, is_mark

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]

SPACE, WORD, SYMBOL, UNSEGMENTED = range(4)
TAIL, MARK, JOINER = range(4, 7)  # a mark of an unsegmented script, any other mark, see `marks`; parts of tokens only
CHUNK_CHARACTERS = 1 << 21  # code points handled at once: about 100 MB of temporary arrays
BASE = 0x9E3779B97F4A7C15  # any odd number; this one is 2⁶⁴ / golden ratio
HASH_BITS = 24  # of a column: a million different n-grams leave 6 % of them sharing a column
# First and last code point of scripts written without spaces, and of Hangul.
UNSEGMENTED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3040, 0x31FF),  # kana, bopomofo, Hangul letters
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFFDC),
    (0x20000, 0x3FFFF),
)


@dataclass(frozen=True)
class Tokens:
    """Tokens of several texts, one after the other.

    hashes: (t,) uint64. kinds: (t,) uint8. texts: (t,) int64, number of the text each token stands in, rising.
    codes: (m,) uint32 code points; starts, ends: (t,) where in `codes` each token begins and ends.
    """

    hashes: Hashes
    kinds: NDArray[np.uint8]
    texts: Ints
    codes: NDArray[np.uint32]
    starts: Ints
    ends: Ints


@dataclass(frozen=True)
class Bag:
    """Counts of n-grams: compressed sparse rows over columns known by their hash.

    indptr: (n + 1,) int64. indices: (nnz,) int32 column numbers, rising in each row. counts: (nnz,) float32.
    columns: (d,) int32 hashes of HASH_BITS bits, rising.
    """

    indptr: Ints
    indices: NDArray[np.int32]
    counts: NDArray[np.float32]
    columns: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def take(self, rows: NDArray[Any]) -> "Bag":
        """The rows with these numbers; columns stay."""
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(self.indptr[rows] - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Bag(indptr, self.indices[places], self.counts[places], self.columns)

    def onto(self, columns: NDArray[np.int32]) -> "Bag":
        """The same rows over other (rising) columns; n-grams that are not among them are dropped."""
        place = np.searchsorted(columns, self.columns)
        place[place == len(columns)] = 0
        known = columns[place] == self.columns if len(columns) else np.zeros(len(place), bool)
        keep = known[self.indices]
        indptr = np.concatenate([[0], np.cumsum(keep)])[self.indptr]
        return Bag(indptr, place.astype(np.int32)[self.indices[keep]], self.counts[keep], columns)


def tokenise(texts: Sequence[str], max_characters: int | None = None, marks: bool = True) -> Tokens:
    """Lower-cased tokens of each text's first `max_characters` characters.

    marks: whether marks go with the letter before them; False for models that were trained when they did not.
    """
    cut = [text[:max_characters].lower() for text in texts]
    codes = np.frombuffer("\n".join([*cut, ""]).encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = _narrow(codes)
    kind = _kinds(codes, marks)
    padded = np.pad(kind, 1)
    word, tail = padded == WORD, padded == TAIL
    single = kind >= SYMBOL
    starts = np.flatnonzero((single & ~tail[1:-1]) | (word[1:-1] & ~word[:-2]))
    ends = np.flatnonzero((single & ~tail[2:]) | (word[1:-1] & ~word[2:])) + 1
    stops = np.cumsum(np.fromiter((len(text) + 1 for text in cut), np.int64, len(cut)))
    owner = np.searchsorted(stops, starts, side="right")
    return Tokens(mix(Stretches(codes).hashes(starts, ends)), kind[starts], owner, codes, starts, ends)


def token_grams(tokens: Tokens, longest: int) -> tuple[Hashes, Ints]:
    """Hashes of all n-grams of tokens and the text of each: words up to min(longest, 2), characters up to longest."""
    hashes, texts = [tokens.hashes], [tokens.texts]
    running, dense = tokens.hashes, tokens.kinds == UNSEGMENTED
    run = dense
    for n in range(2, longest + 1):
        with np.errstate(over="ignore"):
            running = mix(running[:-1] * np.uint64(BASE) + tokens.hashes[n - 1 :]) if len(running) else running
        run = run[:-1] & dense[n - 1 :]
        inside = tokens.texts[n - 1 :] == tokens.texts[: len(running)]
        if n > 2:
            inside = inside & run
        hashes.append(running[inside])
        texts.append(tokens.texts[n - 1 :][inside])
    return np.concatenate(hashes), np.concatenate(texts)


def token_bag(texts: Sequence[str], longest: int, max_characters: int | None = None, marks: bool = True) -> Bag:
    """Counts of token n-grams in every text."""
    parts = []
    for first, last in chunks(texts, max_characters):
        grams, owners = token_grams(tokenise(texts[first:last], max_characters, marks), longest)
        parts.append(count(grams, owners, last - first))
    return join(parts)


def count(grams: Hashes, owners: Ints, n: int) -> Bag:
    """Counts per text (n of them) of n-grams given by hash and text."""
    buckets = (grams >> np.uint64(64 - HASH_BITS)).astype(np.int32)
    present = np.zeros(1 << HASH_BITS, bool)
    present[buckets] = True
    columns = np.flatnonzero(present).astype(np.int32)
    number = np.zeros(1 << HASH_BITS, np.int32)
    number[columns] = np.arange(len(columns), dtype=np.int32)
    key = owners * max(1, len(columns)) + number[buckets]
    key.sort()
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, np.int64)
    counts = np.diff(np.concatenate([first, [len(key)]])).astype(np.float32)
    rows, indices = np.divmod(key[first], max(1, len(columns)))
    indptr = np.searchsorted(rows, np.arange(n + 1))
    return Bag(indptr.astype(np.int64), indices.astype(np.int32), counts, columns)


def join(parts: Sequence[Bag]) -> Bag:
    """Bags one below the other over the union of their columns."""
    if len(parts) == 1:
        return parts[0]
    present = np.zeros(1 << HASH_BITS, bool)
    for part in parts:
        present[part.columns] = True
    columns = np.flatnonzero(present).astype(np.int32)
    moved = [part.onto(columns) for part in parts]
    lengths = np.concatenate([np.zeros(0, np.int64), *(np.diff(part.indptr) for part in moved)])
    return Bag(
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate([np.zeros(0, np.int32), *(part.indices for part in moved)]),
        np.concatenate([np.zeros(0, np.float32), *(part.counts for part in moved)]),
        columns,
    )


def mix(values: Hashes) -> Hashes:
    """Spread every input bit over all output bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = z ^ (z >> np.uint64(31))
    return mixed


class Stretches:
    """Hash of codes[start:end] for many stretches at once."""

    def __init__(self, codes: NDArray[np.uint32]) -> None:
        powers, self.inverse = _powers(BASE, len(codes)), _powers(pow(BASE, -1, 1 << 64), len(codes))
        with np.errstate(over="ignore"):
            terms = (codes.astype(np.uint64) + np.uint64(1)) * powers
            self.sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])

    def hashes(self, starts: Ints, ends: Ints) -> Hashes:
        """One hash a stretch, not yet mixed."""
        with np.errstate(over="ignore"):
            found: Hashes = (self.sums[ends] - self.sums[starts]) * self.inverse[starts]
        return found


def _powers(base: int, n: int) -> Hashes:
    """1, base, base², … modulo 2⁶⁴."""
    powers = np.full(n, base, np.uint64)
    powers[:1] = 1
    with np.errstate(over="ignore"):
        return np.cumprod(powers, dtype=np.uint64)


def _narrow(codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Full-width Latin letters, digits and signs as their ASCII twins (and in lower case)."""
    wide = (codes >= 0xFF01) & (codes <= 0xFF5E)
    return np.where(wide, codes - 0xFEE0, codes).astype(np.uint32) if wide.any() else codes


def _kinds(codes: NDArray[np.uint32], marks: bool) -> NDArray[np.uint8]:
    present = np.zeros(0x110000, bool)
    present[codes] = True
    table = np.zeros(0x110000, np.uint8)
    different = np.flatnonzero(present)
    for code in different:
        table[code] = _kind(int(code), marks)
    kinds = table[codes]
    return _settled(kinds) if (table[different] >= TAIL).any() else kinds


def _settled(kinds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Without MARK and JOINER: inside a word they are of it, and TAIL only follows a sign of an unsegmented script."""
    before = _last(kinds, kinds < TAIL)
    kinds = np.where(kinds == MARK, np.where(before == WORD, WORD, SYMBOL), kinds)
    before = _last(kinds, kinds != TAIL)
    kinds = np.where((kinds == TAIL) & (before != UNSEGMENTED), np.where(before == WORD, WORD, UNSEGMENTED), kinds)
    inside = np.zeros(len(kinds), bool)
    inside[1:-1] = (kinds[:-2] == WORD) & (kinds[2:] == WORD)
    return np.where(kinds == JOINER, np.where(inside, WORD, SPACE), kinds).astype(np.uint8)


def _last(kinds: NDArray[np.uint8], firm: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The kind of the nearest firm character up to each; where there is none, that of the first one."""
    return kinds[np.maximum.accumulate(np.where(firm, np.arange(len(kinds)), 0))]


def _kind(code: int, marks: bool) -> int:
    character = chr(code)
    mark = marks and is_mark(character)
    if any(first <= code <= last for first, last in UNSEGMENTED_RANGES):
        return TAIL if mark else UNSEGMENTED
    if mark:
        return MARK
    if marks and character in JOINERS:
        return JOINER
    if character.isalnum() or character == "_":
        return WORD
    if character.isspace() or not character.isprintable():
        return SPACE
    return SYMBOL


def chunks(texts: Sequence[str], max_characters: int | None) -> list[tuple[int, int]]:
    """Stretches of texts of about CHUNK_CHARACTERS each."""
    limit = max_characters or sys.maxsize
    lengths = np.cumsum(np.fromiter((min(len(text), limit) + 1 for text in texts), np.int64, len(texts)))
    if not len(texts):
        return [(0, 0)]
    edges = np.searchsorted(lengths, np.arange(0, lengths[-1], CHUNK_CHARACTERS), side="left")
    edges = np.unique(np.concatenate([[0], edges, [len(texts)]]))
    return [(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
