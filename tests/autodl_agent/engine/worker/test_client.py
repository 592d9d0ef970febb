"""Learners in the worker: their results join the ensemble, and whatever they do to their process harms nothing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain, Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.members import mean_logits
from autodl_agent.engine.policy.planner import Slice, SliceRecord
from autodl_agent.engine.rounds import Round, rounds
from autodl_agent.engine.snapshot import Snapshot
from autodl_agent.engine.worker.client import WorkerClient
from autodl_agent.learners.base import Examples
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, LearnerSpec
from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.learners.testing.faults import faults
from autodl_agent.system.clock import Budget
from autodl_agent.system.process_identity import identify
from autodl_agent.system.processes import TaggedProcesses, wait_until_gone

QUICK = LEARNERS_BY_DOMAIN[Domain.TABULAR][0]
REMOTE = LearnerSpec("remote", QUICK.where, expected=0.9, worker=True, libraries=())
SECONDS = 30.0


class Run:
    """Rounds with a lane on a small table."""

    def __init__(self, *heavy: LearnerSpec, memory_bytes: int = 1 << 30, seed: int = 0, slice_s: float = 2.0) -> None:
        self.dataset, self.truth = memory_dataset("tabular", 60, 20)
        self.budget = Budget.from_now(SECONDS)
        task = make_task(self.dataset, seed)
        self.lane = WorkerClient(heavy, self.budget, memory_bytes, libraries=())
        self.store = TensorStore(self.dataset, task, self.budget.deadline(SECONDS), share=self.lane.share)
        self.slice_s = slice_s
        self.snapshots: list[Snapshot] = []

    def play(self) -> list[Round]:
        try:
            return list(self.rounds())
        finally:
            self.lane.close()
            self.store.close()

    def rounds(self) -> Iterator[Round]:
        candidates = (QUICK, *self.lane.specs)
        return rounds(self.store, candidates, self.budget, self._choose, self.snapshots.append, self.lane)

    def _choose(
        self,
        history: list[SliceRecord],
        candidates: tuple[LearnerSpec, ...],
        task: Task,
        gone: float,
        total: float,
        folds: int,
    ) -> Slice | None:
        """Every learner until it has no more or three slices."""
        for spec in candidates:
            past = [record for record in history if record.learner == spec.name]
            if len(past) < 3 and not (past and (past[-1].failed or not past[-1].more)):
                return Slice(spec, self.slice_s, 0.1)
        return None


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> TaggedProcesses:
    """All processes that are started while the test runs."""
    marked = TaggedProcesses("AUTODL_TEST")
    for name, value in marked.environment.items():
        monkeypatch.setenv(name, value)
    return marked


def errors(played: list[Round]) -> dict[str, str]:
    return {one.learner: one.error for one in played if one.error}


def test_a_learner_in_the_worker_predicts_what_it_predicts_here() -> None:
    run = Run(REMOTE)
    played = run.play()
    assert {one.learner for one in played} == {"prior", QUICK.name, "remote"}
    assert not errors(played)
    nauc = {one.learner: one.member_nauc for one in played if one.member_nauc is not None}
    assert nauc["remote"] == pytest.approx(nauc[QUICK.name], abs=1e-6)


def test_its_models_can_be_saved_and_loaded(tmp_path: Path) -> None:
    run = Run(REMOTE)
    candidates = (REMOTE,)
    found = None
    try:
        for one in rounds(run.store, candidates, run.budget, run._choose, run.snapshots.append, run.lane):
            if one.prediction is not None and run.snapshots[-1].parts:
                found = one
                (part,) = run.snapshots[-1].parts
                assert part.name == "remote"
                for fold, model in enumerate(part.models):
                    (tmp_path / str(fold)).mkdir()
                    model.save(tmp_path / str(fold))
                test = Examples(run.store, "test", np.arange(20), run.dataset.test.labels)
                again = run.snapshots[-1].combine([mean_logits(part.models, test, part.name)])
                assert np.allclose(again, one.prediction, atol=1e-5)
                kind = type(QUICK.create(run.store.task, 0))
                loaded = kind.load(tmp_path / "0", run.store.task)
                assert np.allclose(loaded.predict(test), part.models[0].predict(test), atol=1e-5)
                break
    finally:
        run.lane.close()
        run.store.close()
    assert found is not None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raise-fit", "ValueError: scripted failure"),
        ("raise-init", "ImportError"),
        ("raise-save", "OSError: scripted failure"),
        ("nan", "not finite"),
        ("shape", "shape"),
        ("range", "[0, 1]"),
        ("none", "AttributeError"),
        ("memory-error", "MemoryError"),
        ("exit", "worker: it exited with code"),
        ("segfault", "worker: it was ended by SIGSEGV"),
        ("abort", "worker: it was ended by SIGABRT"),
        ("sleep-fit", "worker: it did not answer in time"),
        ("hold-interpreter", "worker: it did not answer in time"),
        ("flood", ""),
        ("spawn", ""),
        ("threads", ""),
        ("close-files", "worker: "),
    ],
)
def test_a_fault_costs_its_learner_and_nothing_else(name: str, said: str, family: TaggedProcesses) -> None:
    run = Run(*faults(name), REMOTE, slice_s=0.6)
    played = run.play()
    title = f"fault-{name}"
    assert said in errors(played).get(title, "")
    assert set(errors(played)) <= {title}
    assert max(one.member_nauc or 0 for one in played if one.learner == "remote") > 0.5
    assert all(np.isfinite(one.prediction).all() for one in played if one.prediction is not None)
    assert not wait_until_gone(family, 1.0)


def test_what_a_dead_worker_had_started_is_found_and_ended(family: TaggedProcesses) -> None:
    run = Run(*faults("spawn", "kill"), REMOTE, slice_s=1.0)
    run.play()
    assert not wait_until_gone(family, 1.0)


def test_the_worker_has_a_group_of_its_own_in_the_session_of_the_run() -> None:
    run = Run(REMOTE)
    try:
        assert run.lane._process is not None
        pid = run.lane._process.pid
        assert os.getpgid(pid) == pid != os.getpgid(0)  # Ctrl-C at a terminal does not reach it
        assert os.getsid(pid) == os.getsid(0)  # and its niceness counts against the coordinator
    finally:
        run.lane.close()
        run.store.close()


def test_work_delivered_before_a_crash_is_kept() -> None:
    run = Run(*faults("segfault"), seed=1, slice_s=1.0)  # the fault comes in the second slice
    played = run.play()
    judged = [one for one in played if one.learner == "fault-segfault" and one.member_nauc is not None]
    assert judged
    assert errors(played)["fault-segfault"].endswith("SIGSEGV")
    assert run.snapshots[-1].nauc is not None


def test_too_much_memory_ends_the_worker() -> None:
    played = Run(*faults("leak"), memory_bytes=300 << 20, slice_s=8.0).play()
    assert "MB of memory" in errors(played)["fault-leak"]


def test_a_worker_ended_from_outside_is_replaced_and_its_learner_tried_again() -> None:
    run = Run(REMOTE, slice_s=3.0)
    killed = False
    learners = []
    for one in run.rounds():
        learners.append(one.learner)
        if one.learner == "remote" and not killed:
            killed = True
            os.kill(run.lane._process.pid, signal.SIGKILL)
    run.lane.close()
    assert learners.count("remote") >= 1
    assert not run.lane.reason


def test_a_worker_lost_again_and_again_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    run = Run(*faults("exit", "segfault", "abort", "kill"), REMOTE, slice_s=1.0)
    played = run.play()
    assert run.lane.reason.startswith("it was lost")
    assert "no heavy learners" in caplog.text
    assert played[-1].ensemble_nauc is None or played[-1].ensemble_nauc > 0


def test_a_worker_whose_line_is_cut_ends_and_leaves_the_files_to_a_coordinator_that_lives() -> None:
    run = Run(REMOTE)
    process = run.lane._process
    assert process is not None
    until = time.monotonic() + 20
    while not run.lane._ready and time.monotonic() < until:
        time.sleep(0.05)
    process._closed.set()  # its end closes, and nobody says a word
    process._channel._connection._end.shutdown(2)
    while identify(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert identify(process.pid) is None
    assert run.lane.folder.exists()
    run.lane.close()
    run.store.close()
    assert not run.lane.folder.exists()


def test_a_folder_that_cannot_be_written_to_ends_the_heavy_learners_and_not_the_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run, played = Run(REMOTE, slice_s=3.0), []
    for one in run.rounds():
        played.append(one.learner)
        if one.learner == "remote":
            shutil.rmtree(run.lane.folder)
    run.lane.close()
    run.store.close()
    assert "its folder cannot be written to" in caplog.text
    assert played.count("remote") <= 2 and played.count(QUICK.name) >= 2


def test_libraries_that_are_missing_are_told() -> None:
    dataset, _ = memory_dataset("tabular", 60, 20)
    budget = Budget.from_now(20)
    lane = WorkerClient((REMOTE,), budget, 1 << 30, libraries=("no_such_library",))
    assert lane.wait_loaded(20)
    assert "no_such_library: ModuleNotFoundError" in lane.reason
    store = TensorStore(dataset, make_task(dataset, 0), budget.deadline(20), share=lane.share)
    played = list(rounds(store, (QUICK, REMOTE), budget, worker=lane))
    lane.close()
    store.close()
    assert {one.learner for one in played} == {"prior", QUICK.name}


def test_models_of_old_slices_are_removed_and_those_in_use_are_not(tmp_path: Path) -> None:
    lane = WorkerClient((REMOTE,), Budget.from_now(20), 1 << 30, folder=tmp_path, libraries=())
    for number in range(1, 9):
        (tmp_path / f"slice-{number}" / "models" / "0").mkdir(parents=True)
    lane._number = 8
    lane.tidy([tmp_path / "slice-2" / "models" / "0", Path("/elsewhere")])
    assert sorted(folder.name for folder in tmp_path.glob("slice-*")) == [f"slice-{k}" for k in (2, 4, 5, 6, 7, 8)]
    lane.close()


def test_the_program_trains_a_network_in_its_worker(tmp_path: Path) -> None:
    """The one test with all that a run has: Keras in the worker, its results in the ensemble, the model saved."""
    sample = Path(__file__).resolve().parents[4] / "sample_data" / "wine"
    command = [sys.executable, str(sample.parents[1] / "cli.py"), "run", str(sample), "-o", str(tmp_path / "out")]
    options = ["--budget", "40", "--learners", "quick-table,table-network"]
    done = subprocess.run(
        [*command, *options], env={**os.environ, "AUTODL_WORKER": "on"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "the worker has loaded its libraries" in log
    assert "learner=table-network" in log
    assert "WARNING" not in log
