"""What stands in run.json."""

import json

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.engine.rounds import Round
from autodl_agent.learners.testing.contract import FakeClock, memory_dataset
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.manifest import run_manifest
from autodl_agent.system.environment import environment, package_version
from data_format.dataset import Problem

PLAYED = [
    Round(0, "prior", 0.12345, 0.2, prediction=np.zeros((20, 3), np.float32)),
    Round(1, "linear", 0.2, 2.0, 0.8, 0.8, np.zeros((20, 3), np.float32), {"linear": 1.0}, "", True, 3.14159),
    Round(2, "forest", 2.0, 7.0, error="ValueError: no"),
]
NEXT = Round(3, "forest", 7.0, 9.0, weights={"linear": 0.5, "forest": 0.5})


def described(played: list[Round]) -> dict:
    dataset, _ = memory_dataset("text", multilabel=True)
    dataset.problems.extend(Problem(str(i), "damaged" if i else "empty") for i in range(3))
    clock = FakeClock()
    budget = clock.budget(60)
    clock.at += 7.00049
    return run_manifest(make_task(dataset), dataset, RunConfig(seed=5), budget, played, "done")


def test_facts_are_json_and_hold_no_prediction() -> None:
    facts = described(PLAYED)
    assert json.loads(json.dumps(facts)) == facts
    assert [(r["learner"], r["predicted"], r["error"]) for r in facts["rounds"]] == [
        ("prior", True, ""), ("linear", True, ""), ("forest", False, "ValueError: no"),
    ]  # fmt: skip
    assert facts["rounds"][0]["started_s"] == 0.123
    assert [(r["more"], r["next_s"]) for r in facts["rounds"]] == [(False, None), (True, 3.142), (False, None)]
    assert (facts["seed"], facts["seconds_used"], facts["ended_because"]) == (5, 7.0, "done")
    assert facts["learners"] == ["forest", "linear", "prior"]
    assert (facts["multilabel"], facts["n_train"], facts["classes"]) == (True, 60, 3)


@pytest.mark.parametrize(
    ("played", "weights"),
    [(PLAYED, {"linear": 1.0}), ([*PLAYED, NEXT], {"linear": 0.5, "forest": 0.5}), (PLAYED[:1], {}), ([], {})],
)
def test_the_ensemble_is_the_last_one_known(played: list[Round], weights: dict[str, float]) -> None:
    assert described(played)["ensemble"] == weights


def test_versions_of_what_is_installed() -> None:
    assert package_version("numpy") == np.__version__
    assert package_version("no-such-package-here") is None
    found = environment()
    assert found["versions"]["numpy"] == np.__version__ and found["machine"]["cores"] >= 1
