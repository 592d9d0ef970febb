"""`TunedText`: the Keras layers are the encoder, training begins at its head, and the contract without a card."""

from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners import registry
from autodl_agent.learners.networks.keras_model import engine
from autodl_agent.learners.testing.contract import check_learner, examples_of, memory_dataset
from autodl_agent.learners.text.config import TunedTextConfig
from autodl_agent.learners.text.finetuned import TunedText, WordPieceInputs
from autodl_agent.learners.text.token_batches import TextPieces
from autodl_agent.pretrained import encoders
from autodl_agent.pretrained.models.e5 import E5Encoder
from autodl_agent.pretrained.models.e5_keras import E5Layers
from autodl_agent.system.clock import Budget, Deadline
from autodl_agent.system.resources import has_gpu
from data_format.examples import Text

pytestmark = pytest.mark.skipif(not encoders.can_load("e5-small"), reason="weights not installed")

TEXTS = (
    "A short sentence.",
    "",
    "这是一部很好的电影,我非常喜欢它的音乐。",
    "Привет, как дела? Сегодня хорошая погода.",
    "Der Vertrag wurde gestern unterschrieben; die Lieferung folgt in zwei Wochen, sofern nichts dazwischenkommt.",
)


def soon(seconds=120.0):
    return Budget.from_now(seconds).deadline(seconds)


@pytest.fixture
def quick(monkeypatch):
    """Two layers, short texts and few samples: on two cores all twelve take seconds a step."""
    monkeypatch.setattr(encoders, "E5_LAYERS", (1, 2))
    monkeypatch.setattr(encoders, "_in_bytes", lambda name: None)  # its graph has the usual layers
    monkeypatch.setattr(encoders, "_loaded", {})
    config = TunedTextConfig()
    training = replace(config.training, first_samples=64, first_epochs=4, batch_rows=16, average_every=2, rate=1e-3)
    monkeypatch.setattr(
        WordPieceInputs, "config", replace(config, needs_gpu=False, lengths=(16, 24), training=training)
    )


@pytest.mark.parametrize("length", [48, 64])
def test_the_layers_are_the_encoder(length):
    import keras
    from keras import layers

    file, vocabulary = encoders.e5_file(), encoders.text_encoder("e5-small").vocabulary
    pieces = TextPieces(TEXTS, vocabulary, file, length - 2)
    rows = np.arange(len(TEXTS))
    pieces.read(rows, soon())
    made = E5Layers(file)
    inputs = {
        "pieces": layers.Input((None, 384), dtype="float16", name="pieces"),
        "there": layers.Input((None,), dtype="float32", name="there"),
    }
    model = keras.Model(inputs, made(inputs["pieces"], inputs["there"], (4, 12)))
    made.pour()
    found = model.predict_on_batch(pieces.inputs(rows, length))
    numbers = [vocabulary.encode(text, length - 2) for text in TEXTS]
    wanted = E5Encoder(file).encode(numbers, (4, 12)).reshape(len(TEXTS), -1)
    assert np.abs(wanted).max() > 0.5 and np.allclose(found, wanted, atol=4e-3)


def test_what_is_beyond_the_length_is_cut_before_the_mark_of_the_end(quick):
    file, vocabulary = encoders.e5_file(), encoders.text_encoder("e5-small").vocabulary
    pieces = TextPieces(TEXTS, vocabulary, file, 30)
    pieces.read(np.arange(5), soon())
    found = pieces.inputs(np.array([4, 1]), 8)
    assert found["there"].tolist() == [[1] * 8, [1, 1] + [0] * 6]
    ends = file.vectors(np.array([file.end]))[0] + file.places()[[7, 1]]
    assert np.allclose(found["pieces"][[0, 1], [7, 1]], ends, atol=1e-3)
    with pytest.raises(OutOfTimeError):
        TextPieces(TEXTS, vocabulary, file, 30).read(np.arange(5), Deadline(-1.0, lambda: 0.0))


def test_the_contract(quick):
    spec = next(spec for spec in registry.LEARNERS_BY_DOMAIN[Domain.TEXT] if spec.name == "tuned-text")
    check_learner(replace(spec, fits=lambda task: True), Domain.TEXT)


def test_it_needs_a_card(quick, monkeypatch):
    train, _ = examples_of(memory_dataset("text", n_train=6)[0])
    for found in (False, True):
        monkeypatch.setattr(registry, "has_gpu", lambda found=found: found)
        spec = next(spec for spec in registry.LEARNERS_BY_DOMAIN[Domain.TEXT] if spec.name == "tuned-text")
        assert spec.fits(train.task) == found


@pytest.mark.skipif(has_gpu(), reason="there is an accelerator")
def test_a_card_that_keras_cannot_use_is_none():
    train, test = examples_of(memory_dataset("text", n_train=12)[0])
    learner = TunedText(train.task, 0)
    assert learner.fit(train, soon()) is False
    assert np.allclose(learner.predict(test), learner.body.shares)


def test_more_increments_lower_the_loss_and_open_layers(quick):
    train, _ = examples_of(memory_dataset("text", n_train=60)[0])
    learner, losses = TunedText(train.task, 0), []
    for _ in range(3):
        learner.fit(train, soon())
        losses.append(-float(np.log(learner.predict(train).clip(1e-6)[train.labels > 0]).mean()))
    assert losses[2] < losses[0]
    motor = engine(learner.body.network.blueprint)
    fresh = motor.fresh(0, {}).average
    moved = [not np.array_equal(a, b) for a, b in zip(fresh, learner.body.network.shown.average, strict=True)]
    assert all(moved)


def test_it_starts_from_the_ridge_head(quick):
    train, _ = examples_of(memory_dataset("text", n_train=60)[0])
    adapter = WordPieceInputs(train.task, 0)
    head = adapter.first_weights(train, 16, soon())
    assert head["head/kernel"].shape == (2 * 384, 3)
    assert adapter.first_weights(train.take(np.arange(5)), 16, soon()) == {}
    pieces = adapter.pieces(train)
    pieces.read(train.rows, soon())
    motor = engine(adapter.blueprint(16))
    motor.predict_with(motor.fresh(0, head))
    raw = motor.predict(pieces.inputs(train.rows, 16))
    assert (raw.argmax(1) == train.labels.argmax(1)).mean() > 0.9


def test_lengths_grow_where_texts_are_long(quick):
    train, _ = examples_of(memory_dataset("text", n_train=6)[0])
    adapter = WordPieceInputs(train.task, 0)
    long, short = np.full(20, 40), np.full(20, 9)
    assert adapter.first_spec(train, soon()) == adapter.next_spec(train, 16, 0, soon()) == 16
    assert adapter.next_length(16, short) == 16 and adapter.next_length(16, long) == 24
    assert adapter.next_length(24, long) == 24


def test_empty_texts_and_a_late_deadline(quick):
    dataset, _ = memory_dataset("text", n_train=60, multilabel=True)
    dataset.test.source.examples[3] = Text("")
    dataset.train.source.examples[5] = Text(" \n")
    train, test = examples_of(dataset)
    learner = TunedText(train.task, 0)
    learner.fit(train, soon())
    twin, before = learner.snapshot(), learner.predict(test)
    assert np.isfinite(before).all()
    with pytest.raises(OutOfTimeError):
        learner.fit(train, Deadline(-1.0, lambda: 0.0))
    assert np.array_equal(learner.predict(test), before)
    learner.fit(train, soon())
    assert np.array_equal(twin.predict(test), before) and not np.array_equal(learner.predict(test), before)
