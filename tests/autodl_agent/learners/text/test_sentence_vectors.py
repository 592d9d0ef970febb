"""Vectors of texts from an encoder: each text once, windows averaged, batches of like length, deadlines kept."""

from collections.abc import Sequence

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.testing.contract import FakeClock, examples_of, memory_dataset
from autodl_agent.learners.text import sentence_vectors
from autodl_agent.learners.text.config import TextExcerpt
from autodl_agent.learners.text.sentence_vectors import PIECE_CHARACTERS, EncodingSpeed, TextVectors, text_vectors
from autodl_agent.pretrained.encoders import TextEncoder
from autodl_agent.pretrained.models.unigram_tokenizer import Unigram
from autodl_agent.system.clock import Deadline

LETTERS = tuple("abcdefgh")
VOCABULARY = Unigram(("<unk>", "\u2581", *LETTERS), (0.0, -1.0, *[-2.0] * 8), 0)
WHOLE = TextExcerpt(50, 50)


class Counting:
    """An encoder whose vector is the mean of its pieces' numbers and their count."""

    def __init__(self, longest: int = 100) -> None:
        self.windows: list[list[int]] = []
        self.encoder = TextEncoder(VOCABULARY, longest, 2, self.encode)

    def encode(self, windows: Sequence[Sequence[int]]) -> np.ndarray:
        self.windows += [list(window) for window in windows]
        return np.array([[np.mean(window) if window else 0, len(window)] for window in windows], np.float32)


def reader(texts: Sequence[str], reading: TextExcerpt = WHOLE, longest: int = 100) -> tuple[TextVectors, Counting]:
    counting = Counting(longest)
    return TextVectors(texts, counting.encoder, reading, EncodingSpeed()), counting


def soon() -> Deadline:
    return Deadline(FakeClock().at + 100, FakeClock())


def test_every_text_is_encoded_once_whatever_is_asked_for() -> None:
    texts = ["ab", "", "a b c", "h" * 20, "ab"]
    made, counting = reader(texts)
    first = made.rows(np.array([3, 0]), soon())
    second = made.rows(np.array([0, 1, 2, 3, 4, 0]), soon())
    assert len(counting.windows) == len(texts)
    assert np.array_equal(second[[3, 0]], first) and np.array_equal(second[0], second[4])
    assert second[:, 1].tolist() == [3, 0, 6, 21, 3, 3]


@pytest.mark.parametrize(("window", "longest", "parts"), [(50, 100, [11]), (6, 100, [6, 5]), (50, 4, [4, 4, 3])])
def test_long_texts_are_read_in_even_windows_and_averaged(window: int, longest: int, parts: list[int]) -> None:
    made, counting = reader(["abcdefghab"], TextExcerpt(50, window), longest)
    found = made.rows(np.array([0]), soon())
    assert [len(piece) for piece in counting.windows] == parts
    means = [np.mean(piece) for piece in counting.windows]
    assert np.allclose(found[0], [np.mean(means), np.mean(parts)], atol=0.01)


def test_no_more_pieces_are_read_than_the_reading_says() -> None:
    made, counting = reader(["a" * 1000], TextExcerpt(5, 5))
    made.rows(np.array([0]), soon())
    assert [len(window) for window in counting.windows] == [5]


def test_batches_hold_texts_of_like_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_vectors, "BATCH_CHARACTERS", 60)
    monkeypatch.setattr(sentence_vectors, "BATCH_TEXTS", 3)
    texts = ["a" * n for n in (1, 40, 2, 39, 3, 4, 5)]
    made, _ = reader(texts)
    batches = made._batches(np.arange(7))
    assert sorted(np.concatenate(batches).tolist()) == list(range(7))
    assert all(len(batch) <= 3 for batch in batches)
    lengths = [len(texts[row]) for batch in batches for row in batch]
    assert lengths == sorted(lengths)
    assert made._batches(np.arange(0)) == []


def test_what_was_encoded_before_the_deadline_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_vectors, "BATCH_TEXTS", 1)
    monkeypatch.setattr(sentence_vectors, "cores", lambda: 1)
    clock, counting = FakeClock(), Counting()

    def encode(windows: Sequence[Sequence[int]]) -> np.ndarray:
        clock.at += 1
        return counting.encode(windows)

    made = TextVectors(["a", "b", "c"], TextEncoder(VOCABULARY, 100, 2, encode), TextExcerpt(9, 9), EncodingSpeed())
    with pytest.raises(OutOfTimeError, match="batch 3 of 3"):
        made.rows(np.arange(3), Deadline(clock.at + 2, clock))
    made.rows(np.arange(3), Deadline(clock.at + 9, clock))
    assert len(counting.windows) == 3


def test_costs_are_those_of_the_rows_still_to_do() -> None:
    made, _ = reader(["ab", "abcd" * 100])
    assert made.cost_s(np.arange(2)) == 0
    made._speed.note(100, 10)
    both = made.cost_s(np.arange(2))
    assert both == pytest.approx(0.1 * ((2 + 8) + (400 + 8)))
    made.rows(np.array([1]), soon())
    assert made.cost_s(np.array([1])) == 0


def test_a_text_costs_no_more_than_is_read_of_it() -> None:
    made, _ = reader(["a" * 10_000], TextExcerpt(5, 5))
    made._speed.note(1, 1)
    assert made.cost_s(np.array([0])) == 5 * PIECE_CHARACTERS + 8


def test_the_speed_is_a_moving_mean() -> None:
    speed = EncodingSpeed()
    speed.note(10, 1)
    assert speed.seconds_a_character == pytest.approx(0.1)
    speed.note(10, 2)
    assert speed.seconds_a_character == pytest.approx(0.7 * 0.1 + 0.3 * 0.2)
    speed.note(0, 0)
    assert np.isfinite(speed.seconds_a_character)


def test_learners_share_the_vectors_of_an_excerpt() -> None:
    train, test = examples_of(memory_dataset("text", 4, 2)[0])
    encoder = Counting().encoder
    one = text_vectors(train, "x", encoder, TextExcerpt(5, 5))
    assert text_vectors(train.take(np.array([1])), "x", encoder, TextExcerpt(5, 5)) is one
    assert text_vectors(train, "x", encoder, TextExcerpt(6, 5)) is not one
    other = text_vectors(test, "x", encoder, TextExcerpt(5, 5))
    assert other is not one and other._speed is one._speed
