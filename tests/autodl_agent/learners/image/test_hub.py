"""HubImage on a small module made on the spot, alone and in a run whose worker loads it."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.policy.planner import Slice
from autodl_agent.engine.rounds import rounds
from autodl_agent.engine.worker.client import WorkerClient
from autodl_agent.learners.image.hub import HubImage
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.learners.testing.contract import check_learner, examples_of, memory_dataset
from autodl_agent.pretrained.tf_hub import IMAGE_VARIABLE
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget

ROOT = Path(__file__).resolve().parents[4]
HANDLE = "https://tfhub.dev/small/pictures/1"
(SPEC,) = (spec for spec in LEARNERS_BY_DOMAIN[Domain.IMAGE] if spec.name == "hub-image")
# In a process of its own: saving a model in this one would load TensorFlow for all tests after it.
MAKE = """
import sys
import tensorflow as tf

class Thumbnails(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 32, 32, 3), tf.float32)])
    def __call__(self, images):
        return tf.reshape(tf.nn.avg_pool2d(images, 4, 4, "VALID"), (-1, 192))

tf.saved_model.save(Thumbnails(), sys.argv[1])
"""


@pytest.fixture(scope="module")
def hub_cache(tmp_path_factory):
    """A cache of tensorflow_hub that holds the module of HANDLE, laid out as the library does."""
    cache = tmp_path_factory.mktemp("hub")
    folder = cache / hashlib.sha1(HANDLE.encode()).hexdigest()
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, capture_output=True)
    (cache / f"{folder.name}.descriptor.txt").write_text(f"Module: {HANDLE}\n")
    return cache


@pytest.fixture
def named(hub_cache, monkeypatch):
    """The user names the module."""
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(hub_cache))
    monkeypatch.setenv(IMAGE_VARIABLE, HANDLE)


def test_it_serves_only_where_a_module_is_named_and_there(monkeypatch, tmp_path):
    task = examples_of(memory_dataset("image")[0])[0].task
    monkeypatch.delenv(IMAGE_VARIABLE, raising=False)
    assert not SPEC.fits(task)
    monkeypatch.setenv(IMAGE_VARIABLE, str(tmp_path))
    assert not SPEC.fits(task)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert SPEC.fits(task)


def test_the_contract(named):
    check_learner(SPEC, Domain.IMAGE)


def test_it_learns_and_is_saved_with_its_handle(named, monkeypatch, tmp_path):
    dataset, truth = memory_dataset("image")
    train, test = examples_of(dataset)
    learner = HubImage(train.task, 0)
    assert not learner.fit(train, Budget.from_now(60).deadline(60))
    found = learner.predict(test)
    assert nauc(truth, found) > 0.9
    learner.save(tmp_path)
    monkeypatch.delenv(IMAGE_VARIABLE)
    assert np.allclose(HubImage.load(tmp_path, train.task).predict(test), found, atol=1e-6)


def test_the_worker_plays_it_in_a_run(named):
    """Without libraries loaded beforehand and with slices of minutes: a busy machine takes long to load TensorFlow."""
    dataset, _ = memory_dataset("image")
    budget = Budget.from_now(280)
    spec = replace(SPEC, libraries=())
    worker = WorkerClient((spec,), budget, 4 << 30, libraries=())
    store = TensorStore(dataset, make_task(dataset), budget.deadline(280), share=worker.share)

    def choose(history, candidates, *_):
        return None if history else Slice(spec, 240.0, 0.1)

    try:
        played = list(rounds(store, (spec,), budget, choose, worker=worker))
    finally:
        worker.close()
        store.close()
    assert [one.error for one in played if one.error] == []
    assert [one.learner for one in played] == ["prior", "hub-image"]
    assert played[-1].member_nauc > 0.8


def test_a_run_whose_module_is_nowhere_goes_on_with_one_line(hub_cache, tmp_path):
    handle = "https://tfhub.dev/nobody/nothing/1"
    environment = {**os.environ, "TFHUB_CACHE_DIR": str(hub_cache), IMAGE_VARIABLE: handle, "AUTODL_WORKER": "on"}
    command = [sys.executable, str(ROOT / "cli.py"), "run", str(ROOT / "sample_data/digits"), "--budget", "60"]
    names = ["--learners", "quick-image,hub-image", "--output", str(tmp_path / "out")]
    done = subprocess.run([*command, *names], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "log.txt").read_text().count(f"TensorFlow Hub handle {handle}") == 1
    learners = json.loads((tmp_path / "out" / "run.json").read_text())["learners"]
    assert "quick-image" in learners and "hub-image" not in learners
