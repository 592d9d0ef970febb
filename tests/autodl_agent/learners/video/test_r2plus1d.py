"""`FactoredVideo`: starts as the mean over frames, learns what only the order of frames tells."""

from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners import registry
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.learners.testing.contract import check_learner, examples_of, memory_dataset
from autodl_agent.learners.video.config import ClipConfig
from autodl_agent.learners.video.r2plus1d import ClipInputs, FactoredVideo
from autodl_agent.learners.video.r2plus1d_model import build, steps_in_time
from autodl_agent.pretrained.models.efficientnet import convert
from autodl_agent.pretrained.networks import can_train, tensors_of
from autodl_agent.pretrained.runtime.image_network import LiteNetwork
from autodl_agent.system.clock import Budget, Deadline
from autodl_agent.system.resources import has_gpu

pytestmark = pytest.mark.skipif(not can_train("efficientnet-lite0"), reason="weights not installed")
SPEC = next(spec for spec in LEARNERS_BY_DOMAIN[Domain.VIDEO] if spec.name == "clip-network")
FACTS = {"network": "efficientnet-lite0", "shape": [4, 32, 32, 3], "classes": 3, "dropout": 0.0}


@pytest.fixture
def small(monkeypatch):
    """Few small frames, few samples."""
    config = ClipInputs.config
    training = replace(config.training, first_samples=24, first_epochs=1)
    monkeypatch.setattr(
        ClipInputs, "config", replace(config, needs_gpu=False, clip=ClipConfig(4, 32), training=training)
    )


def test_it_keeps_the_contract(small, monkeypatch):
    monkeypatch.setattr(registry, "has_gpu", lambda: True)
    check_learner(SPEC, Domain.VIDEO, slices=1)


def test_it_is_offered_only_where_there_is_an_accelerator(monkeypatch):
    task = examples_of(memory_dataset("video")[0])[0].task
    monkeypatch.setattr(registry, "has_gpu", lambda: True)
    assert SPEC.fits(task) and not SPEC.fits(replace(task, shape=(4, 8, 8, 2)))
    monkeypatch.setattr(registry, "has_gpu", lambda: False)
    assert not SPEC.fits(task)


@pytest.mark.skipif(has_gpu(), reason="there is an accelerator")
def test_a_card_that_keras_cannot_use_is_none():
    train, test = examples_of(memory_dataset("video", n_train=12)[0])
    learner = FactoredVideo(train.task, 0)
    assert learner.fit(train, Budget.from_now(60).deadline(60)) is False
    assert np.allclose(learner.predict(test), learner.body.shares)


def test_untrained_it_sees_the_mean_over_the_frames(small, tmp_path):
    train, _ = examples_of(memory_dataset("video", n_train=12)[0])
    adapter = ClipInputs(train.task, 0)
    model = build(FACTS)
    pooled = model.layers[-2].input  # before dropout and the last layer
    import keras

    clips = adapter.prediction(train, adapter.config.clip).make(np.arange(12))
    found = np.asarray(keras.Model(model.input, pooled)(clips))
    path = tmp_path / "exact.tflite"
    path.write_bytes(convert("lite0", tensors_of("efficientnet-lite0")))
    exact = LiteNetwork(path, 1).run(clips.reshape(48, 32, 32, 3), lambda frames: frames)
    assert np.allclose(found, exact.reshape(12, 4, -1).mean(1), atol=5e-3)
    backwards = np.asarray(keras.Model(model.input, pooled)(clips[:, ::-1]))
    assert np.allclose(found, backwards, atol=1e-3)


def test_steps_in_time_see_the_neighbours():
    layer = steps_in_time()()
    clips = np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1, 1)
    layer(clips)
    layer.set_weights([np.array([[1.0], [0.0], [0.0]], np.float32)])
    assert np.asarray(layer(clips)).ravel().tolist() == [0, 0, 1, 2]
    layer.set_weights([np.array([[0.0], [0.0], [1.0]], np.float32)])
    assert np.asarray(layer(clips)).ravel().tolist() == [1, 2, 3, 3]


def test_order_in_time_can_be_learned():
    """The same frames forwards or backwards: nothing that pools frames alone can tell them apart."""
    import keras

    rng = np.random.default_rng(0)
    levels = np.linspace(-0.8, 0.8, 4, dtype=np.float32)[None, :, None, None, None]
    forwards = rng.integers(0, 2, 32)
    clips = np.where(forwards[:, None, None, None, None] == 1, levels, levels[:, ::-1])
    clips = np.repeat(np.repeat(np.repeat(clips, 32, 2), 32, 3), 3, 4) + rng.normal(0, 0.05, (32, 4, 32, 32, 3))
    model = build(FACTS | {"classes": 2})
    for layer in model.layers[:-1]:  # the pretrained ones alone cannot do it
        layer.trainable = layer.name.endswith(("_steps", "_time"))
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    first = model.evaluate(clips, forwards, verbose=0)
    model.fit(clips, forwards, batch_size=8, epochs=10, verbose=0)
    assert model.evaluate(clips, forwards, verbose=0) < 0.5 * first


def test_a_late_deadline_leaves_the_shares(small):
    train, test = examples_of(memory_dataset("video", n_train=12)[0])
    learner = FactoredVideo(train.task, 0)
    with pytest.raises(OutOfTimeError):
        learner.fit(train, Deadline(-1.0, lambda: 0.0))
    assert np.allclose(learner.predict(test), learner.body.shares)


def test_all_frames_of_a_clip_are_changed_alike(small):
    train, _ = examples_of(memory_dataset("video", n_train=6)[0])
    adapter = ClipInputs(train.task, 0)
    adapter.config = replace(adapter.config, augmentation=replace(adapter.config.augmentation, mix=0.0))
    first = adapter.prediction(train, adapter.config.clip).make(np.arange(6))[:, :1]
    still = np.repeat(first, 4, 1)
    clips, _ = adapter.augmented(still, np.eye(6, dtype=np.float32), np.random.default_rng(0))
    assert np.allclose(clips, clips[:, :1], atol=1e-5) and not np.allclose(clips, still, atol=1e-2)
