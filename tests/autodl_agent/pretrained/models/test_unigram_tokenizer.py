"""Pieces of words: the best way through a word, against trying every way."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodl_agent.pretrained.models import unigram_tokenizer
from autodl_agent.pretrained.models.unigram_tokenizer import BLANK, LONGEST_WORD, UNKNOWN_COST, Unigram, words

PIECES = ("<unk>", BLANK, "a", "b", "ab", "abc", BLANK + "a", "ba", "", BLANK + "abab")
SCORES = (0.0, -2.0, -3.0, -3.5, -4.0, -9.0, -3.2, -4.5, 0.0, -5.0)


def best_score(word: str) -> float:
    """Of every way to cut the word into pieces and unknown characters."""
    known = dict(zip(PIECES, SCORES, strict=True))
    unknown = min(SCORES) - UNKNOWN_COST

    @cache
    def best(start: int) -> float:
        if start == len(word):
            return 0.0
        ways = [
            best(end) + known[word[start:end]] for end in range(start + 1, len(word) + 1) if word[start:end] in known
        ]
        if word[start] not in known:
            ways.append(best(start + 1) + unknown)
        return max(ways)

    return best(0)


@given(st.text("abcé", max_size=9))
def test_a_word_is_cut_the_best_way(word: str) -> None:
    found = Unigram(PIECES, SCORES, 0)._word(BLANK + word)
    unknown = min(SCORES) - UNKNOWN_COST
    assert sum(unknown if number == 0 else SCORES[number] for number in found) == pytest.approx(
        best_score(BLANK + word)
    )
    known = "".join(PIECES[number] for number in found if number)
    assert len(known) + found.count(0) == len(BLANK + word)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", []),
        (" \n\t", []),
        ("abab", [9]),
        ("a b", [6, 1, 3]),
        ("é", [1, 0]),
        ("\uff41", [6]),
        ("<unk>", [1, 0, 0, 0, 0, 0]),
    ],
)
def test_texts(text: str, numbers: list[int]) -> None:
    assert Unigram(PIECES, SCORES, 0).encode(text, 99) == numbers


@given(st.lists(st.text("abé", min_size=1, max_size=4), max_size=5), st.integers(0, 12))
def test_a_shorter_reading_is_the_beginning_of_a_longer_one(parts: list[str], most: int) -> None:
    vocabulary = Unigram(PIECES, SCORES, 0)
    assert vocabulary.encode(" ".join(parts), most) == vocabulary.encode(" ".join(parts), 999)[:most]


def test_remembered_words_are_bounded_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unigram_tokenizer, "MOST_REMEMBERED", 3)
    vocabulary = Unigram(PIECES, SCORES, 0)
    first = [vocabulary.encode("ab" * n, 99) for n in range(1, 9)]
    assert len(vocabulary._remembered) <= 3
    assert [vocabulary.encode("ab" * n, 99) for n in range(1, 9)] == first


@pytest.mark.parametrize(("texts", "share"), [([], 0.0), (["a"], 0.0), (["é"], 0.5), (["é", "a"], 1 / 3)])
def test_the_share_of_unknown_characters(texts: list[str], share: float) -> None:
    assert Unigram(PIECES, SCORES, 0).unknown_share(texts, 99) == pytest.approx(share)


def test_overlong_words_are_cut() -> None:
    long = "x" * (2 * LONGEST_WORD + 1)
    assert [len(word) for word in words(f"a {long} b")] == [1, LONGEST_WORD, LONGEST_WORD, 1, 1]
