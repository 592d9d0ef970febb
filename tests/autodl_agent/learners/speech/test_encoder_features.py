"""Windows of a clip, and how long encoding takes."""

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError, Recipe
from autodl_agent.learners.speech import encoder_features
from autodl_agent.learners.speech.encoder_features import (
    EMBEDDING_ENCODER,
    FACTS,
    WHISPER_ENCODER,
    EncodingPace,
    _key,
    _windows,
)
from autodl_agent.learners.testing.contract import FakeClock, examples_of, memory_dataset
from autodl_agent.pretrained.models.speech_embedding import CHANNELS
from autodl_agent.pretrained.models.whisper import RATE
from autodl_agent.system.clock import Deadline


@pytest.mark.parametrize(
    ("seconds", "window_s", "parts"), [(1.0, 2.0, 1), (2.0, 2.0, 1), (2.5, 2.0, 2), (7.0, 2.0, 4), (0.0, 2.0, 1)]
)
def test_windows_are_even_and_lose_nothing(seconds: float, window_s: float, parts: int) -> None:
    samples = np.arange(int(seconds * RATE), dtype=np.float32)
    found = _windows(samples, window_s)
    assert len(found) == parts and np.array_equal(np.concatenate(found), samples)
    assert max(map(len, found)) - min(map(len, found)) <= 1


@pytest.mark.parametrize("encoder", [WHISPER_ENCODER, EMBEDDING_ENCODER])
def test_the_blocks_lie_one_behind_the_other_and_fill_the_recipe(encoder) -> None:
    spans = list(encoder.layout.values())
    assert spans[0].start == FACTS
    assert [span.start for span in spans[1:]] == [span.stop for span in spans[:-1]]
    assert (spans[-1].stop,) == encoder.recipe(1.0, 1.0, (0, 0), "soxr").shape


def test_what_changes_the_answer_changes_the_key() -> None:
    keys = [_key(*facts) for facts in [
        ("a", 1, 2, (0, 1), "soxr"), ("b", 1, 2, (0, 1), "soxr"), ("a", 3, 2, (0, 1), "soxr"),
        ("a", 1, 3, (0, 1), "soxr"), ("a", 1, 2, (-1, 1), "soxr"), ("a", 1, 2, (0, 1), "spectrum"),
    ]]  # fmt: skip
    assert len(set(keys)) == len(keys)


class FakeEmbedder:
    """Gives every second as one row of its level."""

    def embeddings(self, part: np.ndarray) -> np.ndarray:
        levels = part.reshape(-1, RATE).mean(1)
        return np.repeat(levels[:, None], CHANNELS, 1).astype(np.float32)


def test_an_embedding_holds_moments_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_features, "speech_embedder", FakeEmbedder)
    wave = np.repeat([0.0, 0.25, 0.5, 0.75], RATE).astype(np.float32)
    monkeypatch.setattr(encoder_features, "sound", lambda example, seconds, value_range: (wave, RATE))
    recipe = EMBEDDING_ENCODER.recipe(9.0, 2.0, (0.0, 0.0), "soxr")
    assert recipe.decode is not None
    found = recipe.decode(None)  # type: ignore[arg-type]
    assert found[0] == 4.0
    block = {name: found[span] for name, span in EMBEDDING_ENCODER.layout.items()}
    assert np.allclose(block["mean"], 0.375) and np.allclose(block["maximum"], 0.75)
    assert np.allclose(block["deviation"], np.std([0, 0.25, 0.5, 0.75]))
    assert np.allclose(block["order"].reshape(4, -1)[:, 0], [0, 0.25, 0.5, 0.75])


def paced(seconds_a_row: float):
    clock = FakeClock()

    def decode(example: object) -> np.ndarray:
        clock.at += seconds_a_row
        return np.zeros(1, np.float32)

    train, test = examples_of(memory_dataset("speech", 8, 4)[0])
    return clock, Recipe("slow", (1,), "float32", decode), train, test


def test_a_pace_is_measured_once_and_asked_for_what_is_left() -> None:
    clock, recipe, train, test = paced(2.0)
    pace, deadline = EncodingPace(), Deadline(clock.at + 1000, clock)
    assert pace.cost_s(train, recipe) == 0
    pace.encode(train.take(np.arange(3)), recipe, deadline)
    assert pace.cost_s(train, recipe) == pytest.approx(2.0 * 5)
    assert pace.cost_s(test, recipe) == pytest.approx(2.0 * 4)
    before = clock.at
    pace.encode(train.take(np.arange(3)), recipe, deadline)
    assert clock.at == before and pace.cost_s(train, recipe) == pytest.approx(2.0 * 5)


def test_a_deadline_that_passes_counts_nothing_as_encoded() -> None:
    clock, recipe, train, _ = paced(2.0)
    with pytest.raises(OutOfTimeError):
        EncodingPace().encode(train, recipe, Deadline(clock.at, clock))


def test_an_unknown_pace_is_guessed_from_a_known_one() -> None:
    clock, known, train, _ = paced(1.0)
    other, pace = Recipe("other", (1,), "float32", known.decode), EncodingPace()
    pace.guess(other, known, 3.0)
    assert pace.cost_s(train, other) == 0
    pace.encode(train.take(np.arange(2)), known, Deadline(clock.at + 1000, clock))
    pace.guess(other, known, 3.0)
    pace.guess(other, known, 100.0)
    assert pace.cost_s(train, other) == pytest.approx(3.0 * 8)
