import importlib.util
import sys
from pathlib import Path

import pytest

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.ray_executor import on_ray, run_text
from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.system.errors import UsageError

SAMPLES = Path(__file__).resolve().parents[3] / "sample_data"
JOBS = [Job(str(SAMPLES / name), name, 2.0, 0) for name in ("wine", "digits")]


def test_without_ray_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'autodl-agent\[ray\]'"):
        next(on_ray(JOBS, 1, "auto"))


def test_a_job_travels_as_text(tmp_path):
    import json

    (tmp_path / "empty").mkdir()
    record = BenchmarkResult.from_json(
        json.loads(run_text(json.dumps(Job(str(tmp_path / "empty"), "e", 1.0, 0).as_json())))
    )
    assert record.job.name == "e" and record.exit == 2


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra `ray`")
@pytest.mark.filterwarnings("ignore")
def test_two_workers_of_a_local_ray_do_the_jobs():
    records = list(on_ray(JOBS, 2, "local"))
    assert {record.job.name for record in records} == {"wine", "digits"}
    assert all(record.exit == 0 and record.predictions > 0 for record in records)
