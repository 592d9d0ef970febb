"""Models for other programs: a SavedModel where TensorFlow can compute all that the model computes, else the reason.

Only tables of numbers go: pictures, sounds, texts and words become features by this program's own code, which a graph
would repeat only nearly. Every export is compared with the model before it is called done.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.runs.model.batch_predict import predict_source
from autodl_agent.runs.model.load import SavedModel, load_model
from autodl_agent.system.errors import UsageError
from data_format.examples import Table
from data_format.memory_source import MemorySource
from data_format.raw.labels import names_text

LEARNERS = ("quick-table", "boosted-trees")  # those that `graph` knows how to write
PLAIN_KINDS = ("number", "decimal comma")
CHECK_ROWS = 200
TOLERANCE = 1e-4  # float32 sums in another order
OTHER_FORMATS = {
    "onnx": "this program writes no ONNX; `--format savedmodel` gives what the tool tf2onnx converts",
    "keras": "a .keras file holds Keras layers and this model has none; `--format savedmodel` gives what "
    "keras.layers.TFSMLayer loads",
}


def export_model(path: Path, kind: str, out: Path) -> str:
    """Write the model at `path` to the new folder `out`; returns one line about what was written.

    Raises UsageError with one line when the model or the format cannot be exported, or when `out` is taken.
    """
    model = load_model(path)
    if reasons := obstacles(model):
        raise UsageError(f"{path}: cannot be exported as {kind}: {'; '.join(reasons)}. `autodl predict` serves it")
    if kind in OTHER_FORMATS:
        raise UsageError(f"{path}: cannot be exported as {kind}: {OTHER_FORMATS[kind]}")
    if out.exists():
        raise UsageError(f"--output expects a new folder, {out} is there already")
    try:
        from autodl_agent.runs.model.tf_export import write_saved_model
    except ImportError as error:
        raise UsageError(f"{path}: cannot be exported: TensorFlow cannot be imported ({error})") from error
    try:
        served = write_saved_model(model, out)
        rows = _probe(model)
        expected = predict_source(
            model, MemorySource(table=_table(model, rows)), [str(i) for i in range(len(rows))], []
        )
        worst = float(np.abs(served(rows) - expected).max(initial=0))
    except Exception:
        shutil.rmtree(out, ignore_errors=True)
        raise
    if not worst <= TOLERANCE:
        shutil.rmtree(out, ignore_errors=True)
        raise UsageError(f"{path}: not exported: the graph differs from the model by up to {worst:.2g}")
    (out / "classes.txt").write_text("".join(f"{name}\n" for name in model.task.class_names), encoding="utf-8")
    (out / "columns.txt").write_text("".join(f"{name}\n" for name in model.inputs.numbers), encoding="utf-8")
    return (
        f"{out}: SavedModel, float64 (rows, {len(model.inputs.numbers)}) in the order of columns.txt, NaN where "
        f"missing, to probabilities (rows, {model.task.n_classes}) in the order of classes.txt; "
        f"differs by at most {worst:.1g}"
    )


def obstacles(model: SavedModel) -> list[str]:
    """Why the model cannot be written as a graph, one reason each; empty where it can."""
    if model.task.domain.value != "tabular":
        names = ", ".join(part.name for part in model.snapshot.parts) or "class frequencies"
        return [f"{names}: features of {model.task.domain} data are made by this program's own code"]
    reasons = []
    if not model.snapshot.parts:
        reasons.append("the model holds nothing but class frequencies")
    if strange := [part.name for part in model.snapshot.parts if part.name not in LEARNERS]:
        reasons.append(f"{', '.join(strange)}: models of this kind are not written as a graph")
    if odd := [name for name, kind in model.inputs.columns if kind not in PLAIN_KINDS]:
        reasons.append(f"columns that are no plain numbers are read by this program's own code: {names_text(odd)}")
    if model.inputs.sparse_columns:
        reasons.append(f"its table is sparse ({model.inputs.sparse_columns} columns)")
    return reasons


def _probe(model: SavedModel) -> NDArray[np.float64]:
    """Rows that lie in, between and beyond the values seen in training, some missing."""
    rng = np.random.default_rng(0)
    low, high = np.zeros(len(model.inputs.numbers)), np.ones(len(model.inputs.numbers))
    for part in model.snapshot.parts:
        encoder: Any = getattr(part.models[0], "encoder", None) or getattr(
            getattr(part.models[0], "model", None), "encoder", None
        )
        if encoder is not None:
            low[encoder.kept], high[encoder.kept] = encoder.low, encoder.high
    rows = low + (high - low) * rng.uniform(-0.2, 1.2, (CHECK_ROWS, len(low)))
    rows[rng.random(rows.shape) < 0.05] = np.nan
    rows[0], rows[1], rows[2] = np.nan, np.inf, -np.inf
    return rows


def _table(model: SavedModel, rows: NDArray[np.float64]) -> Table:
    return Table(rows, model.inputs.numbers, np.empty((len(rows), 0), object), ())
