"""MLflow is asked for, never needed: one line where it is missing, and a whole run where it is there."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.runs.report import mlflow
from autodl_agent.runs.report.mlflow import check_mlflow, track
from autodl_agent.system.errors import UsageError


def test_a_missing_mlflow_is_reported_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(mlflow, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'autodl-agent\[mlflow\]'"):
        check_mlflow()
    code = "import sys; sys.modules['mlflow'] = None; from autodl_agent.commands import main; main()"
    (tmp_path / "t.csv").write_text("a,label\n" + "".join(f"{i},{i % 2}\n" for i in range(20)))
    command = [sys.executable, "-c", code, "run", str(tmp_path / "t.csv"), "-o", str(tmp_path / "out"), "--mlflow"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--mlflow needs MLflow" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed")
@pytest.mark.filterwarnings("default")
def test_a_run_is_there_with_curve_and_files(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    facts = {
        "dataset": "x" * 900, "domain": "text", "classes": 2, "multilabel": False, "n_train": 5, "n_test": 3, "seed": 0,
        "budget_s": 60.0, "seconds_used": 9.5, "peak_memory_bytes": 1 << 20,
    }  # fmt: skip
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts))
    (tmp_path / "run" / "report.html").write_text("<p>")
    curve = [{"time": 0.5, "held_out_nauc": None}, {"time": 2.0, "held_out_nauc": 0.5, "test_nauc": 0.25}]
    number = track(tmp_path / "run", curve, FakeClock().budget(60))
    import mlflow

    client = mlflow.MlflowClient()
    found = client.get_run(number)
    assert found.data.metrics["held_out_nauc"] == 0.5 and found.data.metrics["test_nauc"] == 0.25
    (point,) = client.get_metric_history(number, "held_out_nauc")
    assert (point.step, point.timestamp) == (1, int((1.7e9 + 2) * 1000))
    assert found.data.params["domain"] == "text" and len(found.data.params["dataset"]) == 500
    assert {file.path for file in client.list_artifacts(number)} == {"report.html", "run.json"}
