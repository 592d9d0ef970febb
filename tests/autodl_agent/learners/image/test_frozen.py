"""FrozenImage on a small stand-in for the network, and on the real one where the weights are installed."""

from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.image import frozen
from autodl_agent.learners.image.config import FrozenImageConfig
from autodl_agent.learners.image.frozen import FrozenImage, ImageStep, fits, plan
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.testing.contract import check_learner, examples_of, memory_dataset
from autodl_agent.learners.vision import frozen_features as views
from autodl_agent.learners.vision.config import ViewConfig
from autodl_agent.learners.vision.frozen_features import frozen_features, usual_aspect, view_recipe, view_shape
from autodl_agent.pretrained.networks import can_serve
from autodl_agent.system.clock import Budget, Deadline

SPEC = LearnerSpec("frozen-image", "image.frozen:FrozenImage", fits=fits)


class PlainNetwork:
    """Fixed random projections of an 8×8 thumbnail, cut at zero: as wide as the real network, in numpy."""

    def __init__(self) -> None:
        self.weights = np.random.default_rng(0).normal(size=(8 * 8 * 3, 1280)).astype(np.float32) / 14
        self.seen: list[tuple[int, ...]] = []

    def run(self, pictures, prepare):
        """(n, 1280)."""
        self.seen.append(pictures.shape)
        rows, columns = (np.linspace(0, side - 1, 8).astype(int) for side in pictures.shape[1:3])
        small = prepare(pictures[:, rows][:, :, columns])
        return np.maximum(small.reshape(len(small), -1) @ self.weights, 0)


@pytest.fixture
def plain(monkeypatch):
    """All networks are PlainNetwork."""
    network = PlainNetwork()
    monkeypatch.setattr(views, "network", lambda name: network)
    monkeypatch.setattr(views, "can_serve", lambda name: True)
    monkeypatch.setattr(frozen, "can_serve", lambda name: True)
    return network


def soon(seconds=60.0):
    return Budget.from_now(seconds).deadline(seconds)


def test_keeps_the_contract(plain):
    check_learner(SPEC, Domain.IMAGE, slices=6)


@pytest.mark.skipif(not can_serve("efficientnet-lite0"), reason="weights not installed")
def test_keeps_the_contract_with_the_real_network():
    check_learner(SPEC, Domain.IMAGE, slices=1)


def test_without_weights_it_does_not_fit(plain, monkeypatch):
    train, _ = examples_of(memory_dataset("image")[0])
    assert fits(train.task)
    assert not fits(replace(train.task, shape=(1, 24, 24, 4)))
    monkeypatch.setattr(views, "can_serve", lambda name: False)
    assert not fits(train.task)


def test_the_plan_grows_rows_and_views():
    config = FrozenImageConfig()
    small = list(dict.fromkeys(plan(config, 800, 10, 200)))
    grown = [(1, 2), (1, 2, 4), (1, 2, 4, 3), (1, 2, 4, 3, 5)]
    assert small == [ImageStep((0,), 800), ImageStep((2,), 800), *(ImageStep(views, 800) for views in grown)]
    middle = list(plan(config, 6000, 10, 10_000))
    assert middle[:3] == [ImageStep((0,), 1050), ImageStep((1,), 1050), ImageStep((1,), 6000)]
    assert middle[3:5] == [ImageStep((1, 2), 2500), ImageStep((1, 2), 6000)]
    few = list(plan(config, 6000, 10, 1000))
    assert few[1:4] == [ImageStep((2,), 1050), ImageStep((2,), 6000), ImageStep((1, 2), 6000)] and few[4:] == middle[5:]
    large = list(plan(config, 100_000, 10_000, 50_000))
    assert large[0].rows == config.most_first_rows
    assert [s.rows for s in large if s.views == (1, 2)] == [2500, 5000, 20_000, 40_000]
    assert large[-1] == ImageStep((1, 2, 4, 3, 5), 20_000)
    detailed = list(plan(config, 800, 10, 200, large=True))
    assert [step.views[-1] for step in detailed[-4:]] == [4, 3, 6, 5]


@pytest.mark.parametrize(("side", "largest"), [(300, 224), (320, 320)])
def test_only_large_originals_get_the_largest_view(plain, monkeypatch, side, largest):
    monkeypatch.setattr(frozen, "original_side_px", lambda store: side)
    train, _ = examples_of(memory_dataset("image")[0])
    learner = FrozenImage(train.task, 0)
    while learner.fit(train, soon()):
        pass
    assert max(shape[1] for shape in plain.seen) == largest


def test_each_step_looks_once_at_every_row(plain):
    train, test = examples_of(memory_dataset("image", n_train=60, n_test=20)[0])
    learner, more, steps = FrozenImage(train.task, 0), True, 0
    while more:
        more = learner.fit(train, soon())
        learner.predict(test)
        steps += 1
    assert steps == 6 and learner.fit(train, soon()) is False
    assert sum(shape[0] for shape in plain.seen) == 6 * 80


def test_views_whose_network_is_missing_are_left_out(plain, monkeypatch):
    monkeypatch.setattr(frozen, "can_serve", lambda name: name == "efficientnet-lite0")
    train, _ = examples_of(memory_dataset("image")[0])
    learner = FrozenImage(train.task, 0)
    while learner.fit(train, soon()):
        pass
    assert learner._views == (1, 2, 3, 5)


def test_out_of_time_before_the_first_head_halves_the_sample(plain):
    train, test = examples_of(memory_dataset("image", n_train=120)[0])
    learner = FrozenImage(train.task, 0)
    before = learner.predict(test)
    passed = Deadline(-1.0, lambda: 0.0)
    for halved in (1, 2, 2):
        with pytest.raises(OutOfTimeError):
            learner.fit(train, passed)
        assert learner._halved == halved
    assert np.array_equal(learner.predict(test), before)
    assert learner.fit(train, soon()) and len(learner._head.head.alpha) == 30


def test_out_of_time_later_keeps_the_head_and_goes_on(plain):
    train, test = examples_of(memory_dataset("image")[0])
    learner = FrozenImage(train.task, 0)
    learner.fit(train, soon())
    before = learner.predict(test)
    assert learner.fit(train, Deadline(-1.0, lambda: 0.0)) is True
    assert np.array_equal(learner.predict(test), before) and learner._views == (0,)
    learner.fit(train, soon())
    assert learner._views == (2,)


@pytest.mark.parametrize(
    ("view", "aspect", "expected"),
    [
        (ViewConfig("n", 64), 1.0, (64, 64, "crop")),
        (ViewConfig("n", 64), 1.5, (64, 64, "crop")),
        (ViewConfig("n", 64), 4.0, (112, 40, "squash")),
        (ViewConfig("n", 224, whole=True), 1.0, (224, 224, "squash")),
        (ViewConfig("n", 224, whole=True), 0.5, (160, 320, "squash")),
    ],
)
def test_shapes_follow_the_usual_aspect(view, aspect, expected):
    assert view_shape(view, aspect) == expected


def test_features_are_the_same_by_any_way(plain):
    train, _ = examples_of(memory_dataset("image")[0])
    assert usual_aspect(train.store) == 1.0
    recipe = view_recipe(train.task, ViewConfig("efficientnet-lite0", 32), 1.0)
    mirrored = view_recipe(train.task, ViewConfig("efficientnet-lite0", 32, mirrored=True), 1.0)
    assert recipe.key != mirrored.key and recipe.source is not None and not recipe.source.keep
    pixels = train.array(recipe.source)
    assert np.allclose(train.array(recipe), frozen_features(pixels, "x"), atol=1e-2)
    assert np.allclose(train.array(mirrored), frozen_features(pixels[:, :, ::-1], "x"), atol=1e-2)
    assert len(train.store._caches) == 2  # features are kept, pixels are not
