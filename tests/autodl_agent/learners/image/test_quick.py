import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Examples
from autodl_agent.learners.image.config import BankConfig
from autodl_agent.learners.image.quick import PatchImage, QuickImage, original_side_px
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.testing.contract import check_learner, examples_of
from autodl_agent.learners.vision.staged_head import FEWEST_ROWS
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Deadline
from data_format.dataset import Dataset, Split
from data_format.errors import Unreadable
from data_format.examples import Dense, Example
from data_format.memory_source import MemorySource

LATER = Deadline(time.monotonic() + 3600)
BOTH = pytest.mark.parametrize("cls", [QuickImage, PatchImage])


@pytest.fixture(autouse=True)
def small_banks(monkeypatch):
    """The real banks take seconds of arithmetic; these take the same way."""
    banks = (BankConfig(stride_px=2, filters=24, pools=2), BankConfig(stride_px=3, filters=24, pools=3))
    never = BankConfig(side_px=64, filters=24), BankConfig(filters=24, least_rows=10_000)
    config = replace(PatchImage.config, banks=(*banks, *never), sample_rows=60, sample_patches=2000)
    monkeypatch.setattr(PatchImage, "config", config)


class Flaky(MemorySource):
    """Every fifth example cannot be read."""

    def example(self, index: int) -> Example:
        if index % 5 == 2:
            raise Unreadable("torn")
        return super().example(index)


def dataset(n: int, side: int = 28, channels: int = 1, classes: int = 2, mirrored: bool = False, source=MemorySource):
    """Bars on noise: the class is the bar's height, or with `mirrored` whether a corner opens left or right."""
    rng = np.random.default_rng(0)
    total = n + 60
    kind = rng.integers(classes, size=total)
    images = rng.random((total, 1, side, side, channels)).astype(np.float32) * 0.4
    for image, c in zip(images, kind, strict=True):
        top = int(rng.integers(3, 8)) if mirrored else 3 + c * (side - 8) // max(1, classes - 1)
        left = int(rng.integers(6, side - 12))
        image[0, top : top + 3, left : left + 8, -1] += 0.6
        if mirrored:
            image[0, top : top + 12, left + 7 * c : left + 7 * c + 2, -1] += 0.6
    labels = np.eye(classes, dtype=np.float32)[kind]
    ids = [str(i) for i in range(total)]
    train = Split(ids[:n], labels[:n], source([Dense(i) for i in images[:n]]))
    test = Split(ids[n:], np.zeros((60, classes), np.float32), MemorySource([Dense(i) for i in images[n:]]))
    names = tuple(f"c{k}" for k in range(classes))
    return Dataset("bars", Path("m"), names, (1, side, side, channels), train, test, ("image", "made")), labels[n:]


def fit_all(learner, train, most: int = 8) -> int:
    for count in range(1, most + 1):
        if not learner.fit(train, LATER):
            return count
    raise AssertionError("never exhausted")


@BOTH
def test_contract(cls):
    check_learner(LearnerSpec(cls.__name__, f"image.quick:{cls.__name__}"), Domain.IMAGE)


@BOTH
@pytest.mark.parametrize("channels", [1, 4, 6])
def test_grey_and_many_channels_are_learnt(cls, channels):
    data, truth = dataset(150, channels=channels)
    train, test = examples_of(data)
    learner = cls(train.task, 0)
    fit_all(learner, train)
    assert nauc(truth, learner.predict(test)) > 0.95
    if cls is PatchImage:
        assert len(learner._banks) == 2  # the others ask for more pixels or rows than there are
    assert not learner.fit(train, LATER)  # exhausted stays exhausted


@BOTH
def test_left_and_right_are_told_apart_where_they_matter(cls):
    data, truth = dataset(200, mirrored=True)
    train, test = examples_of(data)
    learner = cls(train.task, 0)
    fit_all(learner, train)
    assert nauc(truth, learner.predict(test)) > 0.9


@BOTH
def test_unreadable_rows_are_left_out_and_get_the_class_shares(cls):
    data, _ = dataset(100, source=Flaky)
    train, _ = examples_of(data)
    learner = cls(train.task, 0)
    learner.fit(train, LATER)
    found = learner.predict(train)
    bad = np.arange(100) % 5 == 2
    good = train.take(~bad).labels
    assert np.ptp(found[bad], axis=0).max() == 0
    np.testing.assert_allclose(found[bad][0], (good.sum(0) + 0.5) / (len(good) + 1), rtol=1e-5)
    assert nauc(good, found[~bad]) > 0.9


@BOTH
def test_a_passed_deadline_leaves_the_state_usable(cls):
    data, truth = dataset(150)
    train, test = examples_of(data)
    learner = cls(train.task, 0)
    with pytest.raises(OutOfTimeError):
        learner.fit(train, Deadline(time.monotonic() - 1))
    assert np.isfinite(learner.predict(test)).all()
    fit_all(learner, train)
    assert nauc(truth, learner.predict(test)) > 0.9


def test_a_first_head_on_fewer_rows_where_the_time_does_not_hold_all_of_them():
    data, truth = dataset(400)
    train, test = examples_of(data)
    learner = QuickImage(train.task, 0)
    learner._staged.speed.per_s = 1e6  # so that 400 rows seem to take minutes
    assert learner.fit(train, Deadline(time.monotonic() + 600))
    assert FEWEST_ROWS <= learner._staged.fitted.rows < 400
    assert nauc(truth, learner.predict(test)) > 0.8
    while learner.fit(train, LATER):
        pass
    assert learner._staged.fitted.rows == 400


@BOTH
def test_save_before_and_after_learning(cls, tmp_path):
    data, _ = dataset(80)
    train, test = examples_of(data)
    learner = cls(train.task, 0)
    for name in ("before", "after"):
        folder = tmp_path / name
        folder.mkdir()
        learner.save(folder)
        np.testing.assert_array_equal(cls.load(folder, train.task).predict(test), learner.predict(test))
        learner.fit(train, LATER)


@BOTH
def test_many_classes(cls):
    data, truth = dataset(200, classes=40)
    train, test = examples_of(data)
    learner = cls(train.task, 0)
    learner.fit(train, LATER)
    found = learner.predict(test)
    assert found.shape == (60, 40) and np.isfinite(found).all()
    assert nauc(truth, found) > 0.4


def test_rows_grow_then_pixels(monkeypatch):
    monkeypatch.setattr(QuickImage, "config", replace(QuickImage.config, first_rows=40, classes_rows=0, row_growth=3))
    data, _ = dataset(200, side=80)
    train, _ = examples_of(data)
    learner = QuickImage(train.task, 0)
    rows, columns = [], []
    for _ in range(4):
        more = learner.fit(train, LATER)
        rows.append(learner._staged.fitted.rows)
        columns.append(len(learner._staged.fitted.features))
    assert rows == [40, 120, 200, 200] and columns == [2, 2, 2, 4] and not more


def test_banks_are_shared_between_learners_and_splits():
    data, _ = dataset(100)
    train, _ = examples_of(data)
    first, second = PatchImage(train.task, 0), PatchImage(train.task, 5)
    first.fit(train.take(np.arange(60)), LATER)
    second.fit(train.take(np.arange(30, 100)), LATER)
    assert first._banks[0] is second._banks[0]


def test_original_size_is_peeked_from_headers():
    assert original_side_px(examples_of(dataset(20, side=80)[0])[0].store) == 80
    train = Examples(*(lambda e: (e.store, e.split, e.rows, e.labels))(examples_of(dataset(20, source=Flaky)[0])[0]))
    assert original_side_px(train.store) == 28
