"""What `ScratchImage` decides before it trains, and pictures of odd kinds through the whole learner."""

from pathlib import Path

import numpy as np
import pytest

from autodl_agent.learners.image.resnet import PixelInputs, ScratchImage
from autodl_agent.learners.testing.contract import examples_of
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget
from data_format.dataset import Dataset, Split
from data_format.examples import Dense
from data_format.memory_source import MemorySource

SIDE = 20


def soon(seconds=60.0):
    return Budget.from_now(seconds).deadline(seconds)


def dataset(pictures, kinds, n_test=60):
    """In memory; pictures (n, side, side, channels)."""
    labels = np.eye(int(kinds.max()) + 1, dtype=np.float32)[kinds]
    parts = []
    for rows in (slice(0, -n_test), slice(-n_test, None)):
        source = MemorySource([Dense(picture[None].astype(np.float32)) for picture in pictures[rows]])
        parts.append(Split([str(k) for k in range(len(labels[rows]))], labels[rows], source))
    names = tuple("abcdefgh"[: labels.shape[1]])
    truth = labels[-n_test:]
    return Dataset("odd", Path("odd"), names, (1, *pictures.shape[1:]), *parts, ("image", "test"), truth=lambda: truth)


def turned_to(n=300):
    """A bright bar above a point to its left or right: mirroring exchanges the classes."""
    rng = np.random.default_rng(0)
    kinds = np.arange(n) % 2
    pictures = rng.random((n, SIDE, SIDE, 1)) * 0.3
    for row, kind in enumerate(kinds):
        y, x = rng.integers(4, 12), rng.integers(6, 11)
        pictures[row, y, x : x + 4] += 1
        pictures[row, y + 1 : y + 5, x + 3 * kind] += 1
    return pictures, kinds


def upright_or_flat(n=300):
    """A bar of either direction: mirroring changes nothing that matters."""
    rng = np.random.default_rng(0)
    kinds = np.arange(n) % 2
    pictures = rng.random((n, SIDE, SIDE, 1)) * 0.3
    for row, kind in enumerate(kinds):
        y, x = rng.integers(2, 10, 2)
        pictures[row, y : y + (2 if kind else 8), x : x + (8 if kind else 2)] += 1
    return pictures, kinds


def apart_in_a_channel(n=260):
    """Four channels of noise; in one class the last two rise and fall together, in the other against each other."""
    rng = np.random.default_rng(0)
    kinds = np.arange(n) % 2
    pictures = rng.normal(size=(n, SIDE, SIDE, 4))
    blobs = np.kron(rng.normal(size=(n, 5, 5)), np.ones((4, 4)))
    pictures[..., 2] = 0.3 * pictures[..., 2] + blobs
    pictures[..., 3] = 0.3 * pictures[..., 3] + blobs * np.where(kinds, 1, -1)[:, None, None]
    return pictures, kinds


def test_writing_is_not_mirrored_and_what_is_symmetric_is():
    train, _ = examples_of(dataset(*turned_to()))
    assert PixelInputs(train.task, 0).first_spec(train, soon()).flip is False
    train, _ = examples_of(dataset(*upright_or_flat()))
    assert PixelInputs(train.task, 0).first_spec(train, soon()).flip is True


def test_too_few_rows_to_tell_are_not_mirrored():
    train, _ = examples_of(dataset(*turned_to(100)))
    assert PixelInputs(train.task, 0).first_spec(train, soon()).flip is False


@pytest.mark.parametrize(("original", "side"), [(8, 28), (20, 28), (30, 32), (200, 32)])
def test_the_side_follows_the_originals(original, side):
    pictures = np.random.default_rng(0).random((70, original, original, 2))
    train, _ = examples_of(dataset(pictures, np.arange(70) % 2))
    inputs = PixelInputs(train.task, 0).first_spec(train, soon())
    assert inputs.side_px == side and inputs.mean.shape == (2,)
    standardised = inputs.standardised(np.tile(np.float32([[[inputs.mean]]]), (1, side, side, 1)))
    assert np.allclose(standardised, 0, atol=1e-5)


def test_four_channels_are_learned_and_a_settled_copy_stands_still():
    data = dataset(*apart_in_a_channel())
    train, test = examples_of(data)
    learner = ScratchImage(train.task, 0)
    learner.fit(train, soon())
    twin, before = learner.snapshot(), learner.predict(test)
    for _ in range(3):
        learner.fit(train, soon())
    assert nauc(data.truth(), learner.predict(test)) > 0.8
    assert np.array_equal(twin.predict(test), before)


def test_unreadable_pictures_get_the_class_shares():
    pictures, kinds = turned_to(120)
    data = dataset(pictures, kinds)
    data.test.source.examples[3] = Dense(np.zeros((0, 0, 0, 0), np.float32))
    train, test = examples_of(data)
    learner = ScratchImage(train.task, 0)
    learner.fit(train, soon())
    found = learner.predict(test)
    assert test.store.bad["test"].tolist() == [k == 3 for k in range(60)]
    assert np.allclose(found[3], learner.body.shares) and not np.allclose(found[2], learner.body.shares)
