"""Word pieces: a text to numbers of pieces, the likeliest under a unigram model (SentencePiece), in Python alone.

No piece reaches over a blank, so words are taken apart one by one and remembered: a text of known words costs one
look-up a word. Source: Kudo 2018, "Subword regularization" (the unigram model and its Viterbi search); blanks and
marks are written as in SentencePiece's `nmt_nfkc` rule.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain

BLANK = "\u2581"  # how a piece writes the blank before a word
MOST_REMEMBERED = 300_000  # words, about 60 MB
UNKNOWN_COST = 10.0  # below the least likely piece, as SentencePiece has it
LONGEST_WORD = 2_000  # characters searched at once: a page without a blank is cut

_SPACES = "\t\n\x0c\r\u1680\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd"
_DROPPED = [*range(1, 9), 11, *range(14, 32), 127, 143, 159, 0, *range(0xD800, 0xE000)]
_MARKS = {**{ord(mark): " " for mark in _SPACES}, **dict.fromkeys(_DROPPED, "")}


class Unigram:
    """A vocabulary of pieces with log probabilities; may be used from several threads.

    pieces: n strings, a piece's number is its place. scores: n log probabilities. unknown: number of the piece that
    stands for a character without one.
    """

    def __init__(self, pieces: Sequence[str], scores: Sequence[float], unknown: int) -> None:
        self._number = dict(zip(pieces, range(len(pieces)), strict=True))
        for special in ("", pieces[unknown]):
            self._number.pop(special, None)
        self._scores, self._unknown = scores, unknown
        self._unknown_score = min(scores) - UNKNOWN_COST
        self._longest: dict[str, int] = {}  # of the pieces that begin with these two characters
        for piece in pieces:
            head = piece[:2]
            if len(piece) > self._longest.get(head, 0):
                self._longest[head] = len(piece)
        self._remembered: dict[str, list[int]] = {}

    def encode(self, text: str, most: int) -> list[int]:
        """Numbers of the first `most` pieces of a text; none for a text of blanks."""
        found: list[int] = []
        for word in words(text):
            found += self._word(BLANK + word)
            if len(found) >= most:
                return found[:most]
        return found

    def unknown_share(self, texts: Sequence[str], most: int) -> float:
        """Share of characters without a piece among the pieces of these texts, to tell foreign scripts; 0 for none."""
        numbers = list(chain.from_iterable(self.encode(text, most) for text in texts))
        return numbers.count(self._unknown) / max(1, len(numbers))

    def _word(self, word: str) -> list[int]:
        found = self._remembered.get(word)
        if found is None:
            found = self._search(word)
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered = {}
            self._remembered[word] = found
        return found

    def _search(self, word: str) -> list[int]:
        """Viterbi: the best way to every place of the word, then back from its end."""
        n = len(word)
        best, came, piece = [0.0] + [-1e30] * n, [0] * (n + 1), [self._unknown] * (n + 1)
        number, scores, longest = self._number, self._scores, self._longest
        for start in range(n):
            here = best[start]
            stop = min(n, start + max(1, longest.get(word[start : start + 2], 1)))
            for end in range(start + 1, stop + 1):
                found = number.get(word[start:end])
                if found is None:
                    if end > start + 1:
                        continue
                    score, found = here + self._unknown_score, self._unknown
                else:
                    score = here + scores[found]
                if score > best[end]:
                    best[end], came[end], piece[end] = score, start, found
        numbers, place = [], n
        while place > 0:
            numbers.append(piece[place])
            place = came[place]
        return numbers[::-1]


def words(text: str) -> Iterator[str]:
    """The stretches between blanks, normalised (NFKC, no control characters); overlong ones cut."""
    for word in unicodedata.normalize("NFKC", text.translate(_MARKS)).split():
        if len(word) <= LONGEST_WORD:
            yield word
        else:
            yield from (word[at : at + LONGEST_WORD] for at in range(0, len(word), LONGEST_WORD))
