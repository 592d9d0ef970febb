import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.testing.contract import check_learner, examples_of
from autodl_agent.learners.video.config import ClipConfig
from autodl_agent.learners.video.quick import QuickVideo
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Deadline
from data_format.dataset import Dataset, Split
from data_format.examples import Dense, Encoded
from data_format.memory_source import MemorySource

LATER = Deadline(time.monotonic() + 3600)
STEPS = ((2, 0), (-2, 0), (0, 2), (0, -2))


@pytest.fixture(autouse=True)
def few_frames(monkeypatch):
    """As in earnest, with fewer frames in the second sampling."""
    clips = (ClipConfig(5, 32), ClipConfig(7, 32))
    monkeypatch.setattr(QuickVideo, "config", replace(QuickVideo.config, clips=clips))


def blob_dataset(n: int, encoded: bool) -> tuple[Dataset, np.ndarray]:
    """Squares of any size and place on noise; the class is the direction that they move in."""
    rng = np.random.default_rng(0)
    kind = rng.integers(4, size=n + 40)
    examples = []
    for c in kind:
        size, (top, left) = int(rng.integers(5, 9)), rng.integers(16, 26, 2)
        clip = rng.integers(0, 60, (9, 48, 48, 1)).astype(np.uint8)
        for t in range(9):
            y, x = int(top + STEPS[c][1] * (t - 4)), int(left + STEPS[c][0] * (t - 4))
            clip[t, y : y + size, x : x + size] = 230
        frames = tuple(cv2.imencode(".png", frame)[1].tobytes() for frame in clip) if encoded else ()
        examples.append(Encoded(frames) if encoded else Dense(clip.astype(np.float32) / 255))
    labels = np.eye(4, dtype=np.float32)[kind]
    ids = [str(i) for i in range(n + 40)]
    train = Split(ids[:n], labels[:n], MemorySource(examples[:n]))
    test = Split(ids[n:], np.zeros((40, 4), np.float32), MemorySource(examples[n:]))
    shape = (-1, 48, 48, 1)
    return Dataset("blobs", Path("m"), tuple("rlud"), shape, train, test, ("video", "made")), labels[n:]


def test_contract():
    check_learner(LearnerSpec("quick-video", "video.quick:QuickVideo"), Domain.VIDEO)


@pytest.mark.parametrize("encoded", [True, False])
def test_direction_of_motion_is_learnt(encoded):
    data, truth = blob_dataset(100, encoded)
    train, test = examples_of(data)
    learner = QuickVideo(train.task, 0)
    steps = 0
    while learner.fit(train, LATER):
        steps += 1
        assert steps < 6
    found = learner.predict(test)
    assert nauc(truth, found) > 0.9
    assert not learner.fit(train, LATER)
    np.testing.assert_array_equal(learner.predict(test), found)


def test_stages_take_more_clips_then_more_frames():
    data, _ = blob_dataset(110, encoded=False)
    train, _ = examples_of(data)
    learner = QuickVideo(train.task, 0)
    stages = []
    for _ in range(3):
        more = learner.fit(train, LATER)
        stages.append((learner._staged.fitted.rows, learner._clip, learner.next_s is not None))
    assert stages == [(80, 0, False), (110, 0, True), (110, 1, False)] and not more


def test_a_passed_deadline_leaves_the_state_usable(tmp_path):
    data, _ = blob_dataset(90, encoded=False)
    train, test = examples_of(data)
    learner = QuickVideo(train.task, 0)
    learner.fit(train, LATER)
    before = learner.predict(test)
    with pytest.raises(OutOfTimeError):
        learner.fit(train, Deadline(time.monotonic() - 1))
    np.testing.assert_array_equal(learner.predict(test), before)
    learner.save(tmp_path)
    np.testing.assert_array_equal(QuickVideo.load(tmp_path, train.task).predict(test), before)
