import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.text import features
from autodl_agent.learners.text.characters import character_bag
from autodl_agent.learners.text.features import SYMBOL, UNSEGMENTED, WORD, count, join, token_bag, tokenise

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
        ("สวัสดี", list("สวัสดี")),
        ("한국어", ["한", "국", "어"]),
        ("😀😀 ok", ["😀", "😀", "ok"]),
        ("\ud800x", ["x"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens_of(text) == expected


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
    before, features.CHUNK_CHARACTERS = features.CHUNK_CHARACTERS, 8
    try:
        pieces = token_bag(texts, longest=3)
    finally:
        features.CHUNK_CHARACTERS = before
    for name in ("indptr", "indices", "counts", "columns"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))


def test_hashes_do_not_depend_on_the_process() -> None:
    code = (
        "from autodl_agent.learners.text.features import token_bag;print(token_bag(['a fox 你好'],3).columns.tolist())"
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
