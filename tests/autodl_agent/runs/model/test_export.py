"""Exports that agree with the model, and reasons where there can be none."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.rounds import rounds
from autodl_agent.engine.snapshot import Part, Snapshot
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.runs.model.batch_predict import predict_source
from autodl_agent.runs.model.export import export_model, obstacles
from autodl_agent.runs.model.load import load_model
from autodl_agent.runs.model.save import save_model
from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import UsageError
from data_format.input_spec import Inputs
from data_format.raw.arrays.dataset import dataset_from_arrays


@pytest.fixture(scope="module")
def numbers():
    """A run's learners on numbers with gaps and heavy tails, three classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    x[:, 1] = np.exp(2 * x[:, 1])
    x[rng.random(x.shape) < 0.05] = np.nan
    y = (np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 2]) ** 2 > 0.5).astype(int) + (np.nan_to_num(x[:, 3]) > 1)
    dataset = dataset_from_arrays(x, y, x)
    budget = Budget.from_now(60)
    task = make_task(dataset)
    store = TensorStore(dataset, task, budget.deadline(60))
    best = {}
    kept = []
    candidates = [spec for spec in LEARNERS_BY_DOMAIN[task.domain] if spec.name in ("quick-table", "boosted-trees")]
    for played in rounds(store, candidates, budget, keep=kept.append):
        for part in kept[-1].parts:
            best[part.name] = part
        if len(best) == 2 or played.ended_s > 20:
            break
    inputs = Inputs.of(dataset, lambda: store.table("train"))
    return dataset, task, inputs, kept[-1], best


def test_a_graph_of_trees_and_linear_models_agrees_with_the_model(numbers, tmp_path):
    tf = pytest.importorskip("tensorflow")
    dataset, task, inputs, snapshot, best = numbers
    assert set(best) == {"quick-table", "boosted-trees"}
    parts = (
        Part("quick-table", 0.25, best["quick-table"].models),
        Part("boosted-trees", 0.75, best["boosted-trees"].models),
    )
    for softmax in (False, True):
        both = Snapshot(parts, softmax, snapshot.calibration)
        save_model(tmp_path / "model", both, task, inputs, 1.0)
        out = tmp_path / f"export-{softmax}"
        said = export_model(tmp_path / "model", "savedmodel", out)
        assert "float64 (rows, 5)" in said
        x = dataset.test.source.table().numbers
        served = tf.saved_model.load(str(out)).signatures["serving_default"](x=tf.constant(x))["probabilities"]
        expected = predict_source(load_model(tmp_path), dataset.test.source, list(dataset.test.ids), [])
        assert np.abs(np.asarray(served) - expected).max() < 1e-4
        assert (out / "classes.txt").read_text().split() == ["0", "1", "2"]
    with pytest.raises(UsageError, match="is there already"):
        export_model(tmp_path / "model", "savedmodel", out)


@pytest.fixture
def saved(numbers, tmp_path):
    _, task, inputs, _, best = numbers
    save_model(tmp_path / "model", Snapshot((replace(best["quick-table"], weight=1.0),)), task, inputs, 1.0)
    return tmp_path / "model"


@pytest.mark.parametrize(("kind", "says"), [("onnx", "tf2onnx"), ("keras", "TFSMLayer")])
def test_other_formats_say_why_not_and_what_instead(saved, kind, says):
    with pytest.raises(UsageError, match=says) as caught:
        export_model(saved, kind, saved.parent / "out")
    assert f"as {kind}" in str(caught.value) and not (saved.parent / "out").exists()


def test_a_graph_that_differs_is_not_left_behind(saved, monkeypatch):
    def wrong(model, out):
        out.mkdir()
        return lambda rows: np.zeros((len(rows), 3), np.float32)

    monkeypatch.setattr("autodl_agent.runs.model.tf_export.write_saved_model", wrong)
    with pytest.raises(UsageError, match="differs from the model by up to"):
        export_model(saved, "savedmodel", saved.parent / "out")
    assert not (saved.parent / "out").exists()


def test_every_obstacle_is_named(saved):
    model = load_model(saved)
    assert obstacles(model) == []
    words = replace(model.inputs, columns=(("when", "date"), ("size", "number"), ("colour", "word")))
    assert "'when', 'colour'" in obstacles(replace(model, inputs=words))[0]
    assert "sparse (7 columns)" in obstacles(replace(model, inputs=replace(model.inputs, sparse_columns=7)))[0]
    assert "class frequencies" in obstacles(replace(model, snapshot=Snapshot()))[0]
    strange = Snapshot((replace(model.snapshot.parts[0], name="other-table"),))
    assert "other-table" in obstacles(replace(model, snapshot=strange))[0]
    texts = replace(model, task=replace(model.task, domain=Domain.TEXT))
    assert "features of text data" in obstacles(texts)[0]


def test_the_command_line_says_it_in_one_line(saved):
    command = [sys.executable, "-m", "autodl_agent.commands", "export", saved, "--output", saved.parent / "out"]
    done = subprocess.run([*command, "--format", "onnx"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "tf2onnx" in done.stderr
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "--format" in done.stderr
