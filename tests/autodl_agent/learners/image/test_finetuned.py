"""`TunedImage`: better than the head it starts from, any picture, maps that follow the task."""

from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.image.finetuned import FinetunedInputs, TunedImage
from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from autodl_agent.learners.vision.frozen_features import view_recipe
from autodl_agent.pretrained.networks import can_train
from autodl_agent.scoring.auc import nauc
from autodl_agent.scoring.links import sigmoid
from autodl_agent.system.clock import Budget, Deadline
from data_format.examples import Dense

pytestmark = pytest.mark.skipif(not can_train("efficientnet-lite0"), reason="weights not installed")


@pytest.fixture
def quick(monkeypatch):
    """Few samples of small maps: what is tested here needs no more."""
    config = FinetunedInputs.config
    training = replace(config.training, first_samples=64, batch_rows=16)
    monkeypatch.setattr(FinetunedInputs, "config", replace(config, cut=15, small_px=64, training=training))


def soon(seconds=60.0):
    return Budget.from_now(seconds).deadline(seconds)


def test_it_starts_from_a_linear_head_on_the_frozen_features(quick):
    dataset, truth = memory_dataset("image", n_train=120)
    train, test = examples_of(dataset)
    adapter = FinetunedInputs(train.task, 0)
    spec = adapter.first_spec(train, soon())
    head = adapter.first_weights(train, spec, soon())
    features = test.array(view_recipe(train.task, adapter.view(spec), spec.aspect)).astype(np.float32)
    assert nauc(truth, sigmoid(features @ head["head/kernel"] + head["head/bias"])) > 0.8
    assert adapter.first_weights(train.take(np.arange(5)), spec, soon()) == {}


def test_side_and_depth_follow_originals_and_device(quick):
    train, _ = examples_of(memory_dataset("image", n_train=30)[0])
    spec = FinetunedInputs(train.task, 0).first_spec(train, soon())
    assert (spec.side_px, spec.cut, spec.flip) == (64, 15, False)
    large = [Dense(np.random.default_rng(k).random((1, 80, 90, 3)).astype(np.float32)) for k in range(30)]
    train.store.dataset.train.source.examples[:] = large
    again, _ = examples_of(train.store.dataset)
    assert FinetunedInputs(again.task, 0).first_spec(again, soon()).side_px == 128


def test_grey_and_unreadable_pictures(quick):
    dataset, _ = memory_dataset("image", n_train=60)
    for split in (dataset.train, dataset.test):
        kept = split.source.examples
        kept[:] = [Dense(one.array.mean(3, keepdims=True)) for one in kept]
    dataset.test.source.examples[3] = Dense(np.zeros((0, 0, 0, 0), np.float32))
    train, test = examples_of(dataset)
    learner = TunedImage(train.task, 0)
    learner.fit(train, soon())
    found = learner.predict(test)
    assert np.allclose(found[3], learner.body.shares) and not np.allclose(found[2], learner.body.shares)


def test_mirrored_maps_come_later_and_only_where_harmless(quick):
    train, _ = examples_of(memory_dataset("image", n_train=60)[0])
    adapter = FinetunedInputs(train.task, 0)
    spec = replace(adapter.first_spec(train, soon()), flip=True)
    assert adapter.mirrored(train, spec, 0, soon()) is None
    assert adapter.mirrored(train, replace(spec, flip=False), 1, soon()) is None
    recipe = adapter.mirrored(train, spec, 1, soon())
    plain, turned = train.array(adapter.recipe(spec)), train.array(recipe)
    assert plain.shape == turned.shape == (60, 2, 2, 192) and not np.allclose(plain, turned, atol=0.1)


def test_at_full_depth_it_learns_from_images(quick):
    train, test = examples_of(memory_dataset("image", n_train=30)[0])
    learner = TunedImage(train.task, 0)
    adapter = learner.body.adapter
    spec = replace(adapter.first_spec(train, soon()), cut=0, side_px=32)
    assert adapter.recipe(spec).dtype == "uint8" and adapter.mirrored(train, spec, 5, soon()) is None
    learner.body.spec = spec
    learner.fit(train, soon())
    assert np.isfinite(learner.predict(test)).all() and learner.body.network.samples > 0


def test_a_settled_copy_stands_still_and_a_late_deadline_changes_nothing(quick):
    train, test = examples_of(memory_dataset("image", n_train=60)[0])
    learner = TunedImage(train.task, 0)
    learner.fit(train, soon())
    twin, before = learner.snapshot(), learner.predict(test)
    with pytest.raises(OutOfTimeError):
        learner.fit(train, Deadline(-1.0, lambda: 0.0))
    assert np.array_equal(learner.predict(test), before)
    learner.fit(train, soon())
    assert np.array_equal(twin.predict(test), before) and not np.array_equal(learner.predict(test), before)
