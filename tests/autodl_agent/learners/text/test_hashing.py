import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.combining_marks import JOINERS
from autodl_agent.learners.text import hashing
from autodl_agent.learners.text.char_ngrams import character_bag
from autodl_agent.learners.text.hashing import SYMBOL, UNSEGMENTED, WORD, count, join, token_bag, tokenise

words = st.lists(st.text("abcxyz", min_size=1, max_size=6), max_size=12)


def tokens_of(text: str) -> list[str]:
    found = tokenise([text])
    return ["".join(map(chr, found.codes[a:b])) for a, b in zip(found.starts, found.ends, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("I", ["i"]),
        ("Don't stop_me 42!", ["don", "'", "t", "stop_me", "42", "!"]),
        ("Écrire ÀÉÎ", ["écrire", "àéî"]),
        ("你好 world", ["你", "好", "world"]),
        ("ABC１２", ["abc12"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("ខ្ញុំ မြန်မာ ປີ", ["ខ្", "ញុំ", "မြ", "န်", "မာ", "ປີ"]),
        ("नमस्ते दुनिया!", ["नमस्ते", "दुनिया", "!"]),
        ("সুপ্রভাত বিশ্ব", ["সুপ্রভাত", "বিশ্ব"]),
        ("வணக்கம் உலகம்", ["வணக்கம்", "உலகம்"]),
        ("నమస్కారం ಪ್ರಪಂಚ ഹലോ", ["నమస్కారం", "ಪ್ರಪಂಚ", "ഹലോ"]),
        ("ગુજરાતી ਪੰਜਾਬੀ", ["ગુજરાતી", "ਪੰਜਾਬੀ"]),
        ("ශ්\u200dරී ලංකා", ["ශ්\u200dරී", "ලංකා"]),
        ("مُحَمَّد می\u200cخواهم", ["مُحَمَّد", "می\u200cخواهم"]),
        ("שָׁלוֹם", ["שָׁלוֹם"]),
        ("Vie\u0323\u0302t cafe\u0301", ["vie\u0323\u0302t", "cafe\u0301"]),
        ("İzmir", ["i\u0307zmir"]),
        ("か\u3099き", ["か\u3099", "き"]),
        # Marks with no letter before them, and joiners at the edge of a word or between other signs, join nothing.
        ("\u0301a \u0301b", ["\u0301", "a", "\u0301", "b"]),
        ("\u0e31\u0e31ก", ["\u0e31", "\u0e31", "ก"]),
        ("a\u200c \u200db", ["a", "b"]),
        ("👩\u200d👩 ❤\ufe0f", ["👩", "👩", "❤", "\ufe0f"]),
        ("葛\U000e0100a\u0e31", ["葛", "\U000e0100", "a\u0e31"]),
        ("한국어", ["한", "국", "어"]),
        ("😀😀 ok", ["😀", "😀", "ok"]),
        ("\ud800x", ["x"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens_of(text) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("aक你ก \u0301\u093f\u094d\u0e31\u17d2\u200c\u200d!❤", max_size=8), max_size=4))
def test_tokens_follow_one_another_and_hold_every_sign_but_joiners_at_the_edges(texts: list[str]) -> None:
    found = tokenise(texts)
    assert (found.starts < found.ends).all() and (found.ends[:-1] <= found.starts[1:]).all()
    assert set(found.kinds) <= {WORD, SYMBOL, UNSEGMENTED}
    tokens = ["".join(map(chr, found.codes[a:b])) for a, b in zip(found.starts, found.ends, strict=True)]
    blank = dict.fromkeys(map(ord, " " + JOINERS))
    assert "".join(tokens).translate(blank) == "".join(texts).translate(blank)
    assert not any(token.strip(JOINERS) != token for token in tokens)


def test_models_of_before_read_as_before() -> None:
    texts = ["नमस्ते สวัสดี می\u200cخواهم café", "plain words, ok"]
    assert [len(tokenise([text], marks=False).starts) for text in texts] == [13, 4]
    assert len(tokenise(texts[:1]).starts) == 7
    for made in (token_bag, lambda some, n, marks: character_bag(some, (n,), marks=marks)):
        assert not np.array_equal(made(texts[:1], 3, marks=False).columns, made(texts[:1], 3, marks=True).columns)
        assert np.array_equal(made(texts[1:], 3, marks=False).columns, made(texts[1:], 3, marks=True).columns)


def test_words_of_another_script_count_like_the_words_they_stand_for() -> None:
    """English letter by letter in Devanagari: consonants as letters, vowels as signs on them."""
    consonants, vowels = "bcdfghjklmnpqrstvwxyz", "aeiou"
    signs = dict(
        zip(map(ord, consonants + vowels), "कखगघचछजझटठडढणतथदधनपफब" + "\u093e\u093f\u0940\u0941\u0947", strict=True)
    )
    texts = ["the dog saw a big cat run", "no dog runs like the big cat", "cat dog"]
    texts = [" ".join("b" + word for word in text.split()) for text in texts]  # no word may begin with a vowel sign
    for made in (lambda some: token_bag(some, 2), lambda some: character_bag(some, (3, 5))):
        plain, other = made(texts), made([text.translate(signs) for text in texts])
        assert np.array_equal(plain.indptr, other.indptr)
        assert sorted(plain.counts) == sorted(other.counts)


def test_kinds_of_tokens() -> None:
    assert tokenise(["a 你 !"]).kinds.tolist() == [WORD, UNSEGMENTED, SYMBOL]


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=6))
def test_counts_of_words_and_pairs_match_plain_counting(documents: list[list[str]]) -> None:
    bag = token_bag([" ".join(document) for document in documents], longest=2)
    assert len(bag) == len(documents)
    for row, document in enumerate(documents):
        expected = Counter(document) + Counter(zip(document, document[1:], strict=False))
        span = slice(bag.indptr[row], bag.indptr[row + 1])
        assert sorted(bag.counts[span]) == sorted(expected.values())
        assert (np.diff(bag.indices[span]) > 0).all()


def test_same_word_has_same_column_wherever_it_stands() -> None:
    bag = token_bag(["fox", "a quick Fox jumps", "the FOX"], longest=1)
    rows = [set(bag.columns[bag.indices[a:b]]) for a, b in zip(bag.indptr[:-1], bag.indptr[1:], strict=True)]
    assert rows[0] and rows[0] <= rows[1] and rows[0] <= rows[2]


def test_no_pair_across_two_texts() -> None:
    apart, together = token_bag(["red", "fox"], longest=2), token_bag(["red fox"], longest=2)
    assert len(apart.columns) == 2
    assert len(together.columns) == 3


def test_triples_only_of_unsegmented_characters() -> None:
    assert len(token_bag(["one two three"], longest=3).columns) == 5
    assert len(token_bag(["一二三"], longest=3).columns) == 6


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=8))
def test_chunks_change_nothing(texts: list[str]) -> None:
    whole = token_bag(texts, longest=3)
    before, hashing.CHUNK_CHARACTERS = hashing.CHUNK_CHARACTERS, 8
    try:
        pieces = token_bag(texts, longest=3)
    finally:
        hashing.CHUNK_CHARACTERS = before
    for name in ("indptr", "indices", "counts", "columns"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))


def test_hashes_do_not_depend_on_the_process() -> None:
    code = (
        "from autodl_agent.learners.text.hashing import token_bag;print(token_bag(['a fox 你好'],3).columns.tolist())"
    )
    root = Path(__file__).parents[4]
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        run = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True)
        assert run.stdout.strip() == str(token_bag(["a fox 你好"], 3).columns.tolist()), run.stderr


def test_texts_are_cut() -> None:
    assert len(token_bag(["aa bb cc dd"], 1, max_characters=5).columns) == 2


def test_take_and_onto() -> None:
    bag = token_bag(["a b b", "", "c a"], longest=1)
    taken = bag.take(np.array([2, 0, 2]))
    assert np.diff(taken.indptr).tolist() == [2, 2, 2]
    only_a = taken.onto(token_bag(["a"], longest=1).columns)
    assert only_a.counts.tolist() == [1, 1, 1]
    nothing = bag.onto(np.zeros(0, np.int32))
    assert len(nothing) == 3 and len(nothing.indices) == 0


def test_join_keeps_rows_in_order() -> None:
    parts = [token_bag(["a b"], 1), token_bag(["", "b b"], 1)]
    joined = join(parts)
    assert np.diff(joined.indptr).tolist() == [2, 0, 1]
    assert joined.counts.tolist() == [1, 1, 2]
    assert len(join([])) == 0


def test_count_of_nothing() -> None:
    empty = count(np.zeros(0, np.uint64), np.zeros(0, np.int64), 4)
    assert len(empty) == 4 and len(empty.columns) == 0


@settings(max_examples=30, deadline=None)
@given(words, st.integers(2, 5))
def test_character_grams_match_plain_counting(document: list[str], n: int) -> None:
    bag = character_bag([" ".join(document)], (n,))
    expected: Counter[str] = Counter()
    for word in document:
        padded = f" {word} "
        expected.update(padded[i : i + n] for i in range(len(padded) - n + 1))
    assert sorted(bag.counts.tolist()) == sorted(expected.values())


def test_character_grams_tell_edges_from_the_middle() -> None:
    inside, edge = character_bag(["xinga"], (4,)), character_bag(["ing"], (4,))
    assert not set(inside.columns) & set(edge.columns)


def test_texts_without_words_have_no_character_grams() -> None:
    assert len(character_bag(["你好", "?!"], (3, 5)).columns) == 0
