"""A finished run as a run in MLflow, for those who keep their experiments there.

MLflow takes seconds to import, which no prediction may wait for: it is looked for at the start and loaded at the end.
Where the run goes is set by MLflow's own variables, MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import AutoDLError, UsageError

PARAMETERS = ("dataset", "domain", "classes", "multilabel", "n_train", "n_test", "seed", "budget_s")
METRICS = ("seconds_used", "peak_memory_bytes")
CURVES = ("held_out_nauc", "test_nauc")
FILES = ("report.html", "learning_curve.png", "learning_curve.csv", "run.json", "skipped.csv")
MOST_BATCH = 1000  # metrics that one request may carry


def check_mlflow() -> None:
    """Raises UsageError where MLflow is not installed."""
    if find_spec("mlflow") is None:
        raise UsageError("--mlflow needs MLflow, which is not installed: pip install 'autodl-agent[mlflow]'")


def track(folder: Path, curve: list[dict[str, float | None]], budget: Budget) -> str:
    """Log the run in `folder` with its curve, facts and files; returns MLflow's id of it.

    curve: one dict per prediction with `time` in seconds since the budget's zero. Raises AutoDLError with one line
    where MLflow refuses.
    """
    import mlflow
    from mlflow.entities import Metric, Param

    facts: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    ended = int((budget.epoch + facts["seconds_used"]) * 1000)
    metrics = [Metric(name, float(facts[name]), ended, 0) for name in METRICS]
    for step, point in enumerate(curve):
        at = int((budget.epoch + float(point["time"] or 0.0)) * 1000)
        metrics += [Metric(name, value, at, step) for name in CURVES if (value := point.get(name)) is not None]
    try:
        with mlflow.start_run(run_name=folder.name) as run:
            client, number = mlflow.MlflowClient(), run.info.run_id
            client.log_batch(number, params=[Param(name, str(facts[name])[:500]) for name in PARAMETERS])
            for first in range(0, len(metrics), MOST_BATCH):
                client.log_batch(number, metrics=metrics[first : first + MOST_BATCH])
            for name in FILES:
                if (folder / name).is_file():
                    client.log_artifact(number, str(folder / name))
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise AutoDLError(f"MLflow: the results are in {folder}, but could not be logged: {error}") from error
    return str(number)
