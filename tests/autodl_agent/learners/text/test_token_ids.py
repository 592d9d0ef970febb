from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from autodl_agent.learners.text.cnn import TokenInputs, WindowSpec
from autodl_agent.learners.text.token_ids import PAD, TokenisationConfig, has_words, read, sequences

WORDS = TokenisationConfig(0, 1000, 50, 1000)
GRAMS = TokenisationConfig(3, 1000, 50, 1000)


def test_the_same_word_has_the_same_number_everywhere():
    found = sequences(["a river a", "", "river"], WORDS)
    assert found.lengths.tolist() == [3, 0, 1]
    a, river, again, last = found.numbers.tolist()
    assert a == again != river == last and min(a, river) > PAD


def test_long_texts_are_cut():
    found = sequences(["x y z " * 100, "x"], TokenisationConfig(0, 1000, 7, 1000))
    assert found.lengths.tolist() == [7, 1]
    assert sequences(["ab " * 100], TokenisationConfig(0, 1000, 500, 30)).lengths.tolist() == [10]


def test_grams_are_all_stretches_of_a_word_in_order():
    found = sequences(["abcabc", "bca", "ab", "xy abc"], GRAMS)
    assert found.lengths.tolist() == [4, 1, 1, 2]
    abc, bca, cab, abc2, bca2, _ab, _xy, abc3 = found.numbers.tolist()
    assert abc == abc2 == abc3 and bca == bca2 and len({abc, bca, cab}) == 3


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["the river runs", "to the sea"], True),
        (["ACGTTGCA" * 30, "TTGACCA" * 40], False),
        (["12 7 99 4", "3 3 1"], True),
        (["今天天气很好"], True),
        ([""], True),
    ],
)
def test_words_are_told_from_what_has_none(texts, words):
    assert has_words(texts, 1000) is words


def test_windows_stop_at_the_end_of_their_text():
    found = sequences(["a b c d e", "f"], WORDS)
    rows = np.array([0, 1, 0])
    seen = found.windows(rows, np.array([3, 0, 9]), 4)
    assert seen.shape == (3, 4) and seen.dtype == np.int32
    assert (seen[0, :2] == found.numbers[3:5]).all() and (seen[0, 2:] == PAD).all()
    assert seen[1].tolist() == [found.numbers[5], PAD, PAD, PAD] and (seen[2] == PAD).all()
    assert (sequences(["", ""], WORDS).windows(np.array([1]), np.array([0]), 3) == PAD).all()


def test_a_split_is_read_once():
    train, test = examples_of(memory_dataset("text")[0])
    first = read(train.take(np.arange(5)), WORDS)
    assert read(train, WORDS) is first and len(first.lengths) == len(train)
    assert read(test, WORDS) is not first


def test_the_network_reads_what_has_no_words_by_characters():
    dataset, _ = memory_dataset("text")
    train, _ = examples_of(dataset)
    adapter = TokenInputs(train.task, 0)
    assert adapter.first_spec(train, train.store.end).tokenisation.grams == 0
    train.store.texts("train")[:] = ["ACGTTGCAACGT" * 20] * len(train)
    spec = adapter.first_spec(train, train.store.end)
    assert spec.tokenisation.grams == adapter.config.grams and spec.length == 240


def test_a_saved_network_reads_marks_as_it_did_in_training():
    train, _ = examples_of(memory_dataset("text")[0])
    adapter = TokenInputs(train.task, 0)
    for marks in (True, False):
        spec = WindowSpec(replace(WORDS, marks=marks), 16)
        facts, arrays = adapter.state(spec)
        assert facts["marks"] is marks
        if not marks:  # as the first models were saved
            del facts["marks"]
        assert adapter.restored(facts, arrays) == spec
    assert sequences(["नमस्ते दुनिया"], WORDS).lengths.tolist() == [2]
    assert sequences(["नमस्ते दुनिया"], replace(WORDS, marks=False)).lengths.tolist() == [10]
