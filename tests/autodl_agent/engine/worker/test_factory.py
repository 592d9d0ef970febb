"""When a run gets a worker, and what the log says when it does not."""

import logging
from dataclasses import replace

import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.worker import factory
from autodl_agent.engine.worker.factory import launch_worker, libraries_found, start_worker
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, LearnerSpec
from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.system.clock import Budget

QUICK = LEARNERS_BY_DOMAIN[Domain.TABULAR][0]
HEAVY = LearnerSpec("heavy", QUICK.where, start_s=6.0, worker=True, libraries=("json",))


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests run without a worker; its libraries take seconds to load."""
    monkeypatch.delenv("AUTODL_WORKER")
    monkeypatch.setattr(factory, "cores", lambda: 4)


def test_it_can_be_switched_off(task: Task, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("AUTODL_WORKER", "off")
    with caplog.at_level(logging.INFO, "autodl_agent"):
        assert start_worker(task, [QUICK, HEAVY], Budget.from_now(600)) is None
    assert "AUTODL_WORKER is off" in caplog.text


def test_few_cores_need_more_time_left(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "cores", lambda: 2)
    assert start_worker(task, [QUICK, HEAVY], Budget.from_now(25)) is None


@pytest.fixture(scope="module")
def task() -> Task:
    return make_task(memory_dataset("tabular")[0])


def test_a_ladder_without_heavy_learners_needs_none(task: Task) -> None:
    assert start_worker(task, [QUICK], Budget.from_now(600)) is None


@pytest.mark.parametrize(
    ("spec", "budget_s", "memory", "said"),
    [
        (HEAVY, 11.0, None, "need a budget of 12 s"),
        (HEAVY, 60.0, 1 << 30, "need 2048 MB of memory, 1024 are allowed"),
        (replace(HEAVY, libraries=("no_such_library",)), 60.0, None, "not installed"),
        (replace(HEAVY, fits=lambda task: False), 60.0, None, ""),
    ],
)
def test_no_worker_where_it_cannot_help(
    spec: LearnerSpec, budget_s: float, memory: int | None, said: str, task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "autodl_agent"):
        assert start_worker(task, [QUICK, spec], Budget.from_now(budget_s), memory) is None
    assert said in caplog.text
    assert len(caplog.records) == (1 if said else 0)


@pytest.mark.parametrize("memory", [None, 8 << 30])
def test_too_little_address_space_for_the_worker_is_one_line(
    memory: int | None, task: Task, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """TensorFlow reserves far more of it than it uses; a worker that cannot even load it would only be lost."""
    monkeypatch.setattr(factory, "address_limit_bytes", lambda: 3 << 30)
    with caplog.at_level(logging.INFO, "autodl_agent"):
        assert start_worker(task, [QUICK, HEAVY], Budget.from_now(60), memory) is None
    assert [record.getMessage() for record in caplog.records] == [
        "heavy learners are left out: they need 4096 MB of address space (ulimit -v), 3072 are allowed"
    ]


def test_a_worker_for_the_learners_that_fit(task: Task) -> None:
    other = replace(HEAVY, name="other", fits=lambda task: False)
    lane = start_worker(task, [QUICK, HEAVY, other], Budget.from_now(60), 3 << 30)
    assert lane is not None
    assert [spec.name for spec in lane.specs] == ["heavy"]
    assert lane.memory_bytes == (3 << 30) - (800 << 20)
    assert lane.wait_loaded(30)
    assert [spec.start_s for spec in lane.free] == []  # no task was handed over yet
    lane.close()
    assert not lane.folder.exists()


def test_a_worker_started_beforehand_is_used_or_closed(task: Task) -> None:
    budget = Budget.from_now(60)
    started = launch_worker([HEAVY], Budget.from_now(5))
    lane = start_worker(task, [QUICK, HEAVY], budget, started=started)
    assert lane is started
    assert lane.budget is budget
    assert start_worker(task, [QUICK], budget, started=started) is None
    assert not started.folder.exists()


def test_libraries_are_looked_for_without_being_imported() -> None:
    assert libraries_found([HEAVY])
    assert not libraries_found([HEAVY, replace(HEAVY, libraries=("no_such_library",))])
