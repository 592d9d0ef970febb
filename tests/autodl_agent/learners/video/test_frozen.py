"""FrozenVideo on a small stand-in for the network, and on the real one where the weights are installed."""

import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.testing.contract import check_learner, examples_of, memory_dataset
from autodl_agent.learners.video import frozen
from autodl_agent.learners.video.frozen import BLOCKS, FrozenVideo, clip_recipe, fits, pooled
from autodl_agent.pretrained.networks import can_serve
from autodl_agent.system.clock import Budget, Deadline

SPEC = LearnerSpec("frozen-video", "video.frozen:FrozenVideo", fits=fits)


@pytest.fixture
def plain(monkeypatch):
    """Frames are seen as fixed random projections of an 8×8 thumbnail, cut at zero."""
    weights = np.random.default_rng(0).normal(size=(8 * 8 * 3, 1280)).astype(np.float32) / 14

    def features(frames, name):
        rows = np.linspace(0, frames.shape[1] - 1, 8).astype(int)
        small = frames[:, rows][:, :, rows].astype(np.float32) / 128 - 1
        return np.maximum(small.reshape(len(small), -1) @ weights, 0)

    monkeypatch.setattr(frozen, "frozen_features", features)
    monkeypatch.setattr(frozen, "can_serve", lambda name: True)


def soon():
    return Budget.from_now(60).deadline(60)


def test_keeps_the_contract(plain):
    check_learner(SPEC, Domain.VIDEO, slices=4)


@pytest.mark.skipif(not can_serve("efficientnet-lite0"), reason="weights not installed")
def test_the_real_network_runs():
    train, test = examples_of(memory_dataset("video", n_train=12, n_test=4)[0])
    learner = FrozenVideo(train.task, 0)
    assert learner.fit(train, soon()) and np.isfinite(learner.predict(test)).all()


def test_steps_take_all_clips_then_more_frames(plain):
    train, test = examples_of(memory_dataset("video", n_train=260, n_test=5)[0])
    learner = FrozenVideo(train.task, 0)
    assert learner._steps(260) == [((0,), 215), ((0,), 260), ((0, 1), 260), ((0, 1, 2), 260)]
    assert learner._steps(40) == [((0,), 40), ((0, 1), 40), ((0, 1, 2), 40)]
    assert learner._steps(0) == []
    assert learner.fit(train, soon()) and learner._clips == (0,)
    before = learner.predict(test)
    assert learner.fit(train, Deadline(-1.0, lambda: 0.0)) is True
    assert np.array_equal(learner.predict(test), before)


def test_out_of_time_before_the_first_head_halves_the_sample(plain):
    train, _ = examples_of(memory_dataset("video", n_train=80)[0])
    learner = FrozenVideo(train.task, 0)
    with pytest.raises(OutOfTimeError):
        learner.fit(train, Deadline(-1.0, lambda: 0.0))
    assert learner.fit(train, soon()) and len(learner._head.head.alpha) == 40


def test_pooling_tells_order_and_change():
    frames = np.zeros((2, 6, 4), np.float32)
    frames[0, :, 0] = np.arange(6)
    frames[1, :, 0] = np.arange(6)[::-1]
    found = pooled(frames)
    assert found.shape == (2, BLOCKS, 4) and (found >= 0).all()
    assert np.allclose(found[:, :3, 0], [[2.5, np.arange(6).std(), 1]] * 2)
    assert np.allclose(found[:, 3:, 0], [[0.5, 4.5], [4.5, 0.5]])
    assert pooled(frames[:, :1])[0, 2].max() == 0


def test_features_are_kept_and_frames_are_not(plain):
    train, _ = examples_of(memory_dataset("video", n_train=10)[0])
    recipe = clip_recipe(train.task, "efficientnet-lite0", FrozenVideo.config.clips[0])
    assert train.array(recipe).shape == (10, BLOCKS, 1280)
    assert len(train.store._caches) == 1
