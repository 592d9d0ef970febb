"""Exports that agree with the model, and reasons where there can be none."""

import numpy as np
import pytest

from autodl_agent.clock import Budget
from autodl_agent.domain import make_task
from autodl_agent.errors import UsageError
from autodl_agent.learners.registry import LADDERS
from autodl_agent.rounds import rounds
from autodl_agent.saved.export import export_model
from autodl_agent.saved.forecast import predict_source
from autodl_agent.saved.load import load_model
from autodl_agent.saved.write import save_model
from autodl_agent.snapshot import Part, Snapshot
from autodl_agent.store import TensorStore
from data_format.inputs import Inputs
from data_format.raw.arrays import dataset_from_arrays


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
    for played in rounds(store, LADDERS[task.domain], budget, keep=kept.append):
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
    for coupled in (False, True):
        both = Snapshot(parts, coupled, snapshot.calibration)
        save_model(tmp_path / "model", both, task, inputs, 1.0)
        out = tmp_path / f"export-{coupled}"
        said = export_model(tmp_path / "model", "savedmodel", out)
        assert "float64 (rows, 5)" in said
        x = dataset.test.source.table().numbers
        served = tf.saved_model.load(str(out)).signatures["serving_default"](x=tf.constant(x))["probabilities"]
        expected = predict_source(load_model(tmp_path), dataset.test.source, list(dataset.test.ids), [])
        assert np.abs(np.asarray(served) - expected).max() < 1e-5
        assert (out / "classes.txt").read_text().split() == ["0", "1", "2"]
    with pytest.raises(UsageError, match="is there already"):
        export_model(tmp_path / "model", "savedmodel", out)
