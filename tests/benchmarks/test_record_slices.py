"""Run folders become a table of slices, and the table plays their order again."""

import json
import re

import pytest

from autodl_agent.benchmark.slice_table import EnsembleState, RecordedSlice, read_slice_table
from benchmarks import record_slices


def played(learner, started, ended, nauc=None, ensemble=None, predicted=False, more=True, error="", next_s=None):
    return {
        "learner": learner, "started_s": started, "ended_s": ended, "member_nauc": nauc, "ensemble_nauc": ensemble,
        "predicted": predicted, "more": more, "error": error, "next_s": next_s,
    }  # fmt: skip


PRIOR = played("prior", 0.3, 0.3, predicted=True, more=False)
QUICK = [
    PRIOR,
    played("quick-table", 0.4, 0.6, predicted=True),
    played("quick-table", 0.4, 1.0, 0.5, 0.5, True, next_s=0.9),
    played("quick-table", 1.0, 2.0, 0.6, 0.6, True, more=False),
]
TREES = [
    PRIOR,
    played("extra-trees", 0.5, 2.5),
    played("extra-trees", 2.5, 6.5, 0.8, 0.8, True),
    played("extra-trees", 6.5, 7.0, more=False, error="MemoryError: too much"),
]
MIXED = [
    PRIOR,
    played("quick-table", 0.4, 1.4, 0.5, 0.5, True),
    played("extra-trees", 1.4, 9.4, 0.8, 0.82, True),
    played("quick-table~1", 9.4, 9.9, 0.9, 0.9, True),
]


@pytest.fixture
def runs(tmp_path):
    facts = {
        "name": "numbers", "domain": "tabular", "n_train": 2000, "n_test": 10, "classes": 2, "multilabel": False,
        "shape": [1, 1, 4, 1], "budget_s": 10.0, "machine": {"cores": 2, "python": "3.12", "system": "x"},
        "versions": {"autodl-agent": "0.1.0"},
    }  # fmt: skip
    for name, rounds in (("quick", QUICK), ("trees", TREES), ("mixed", MIXED)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({**facts, "rounds": rounds}))
    return tmp_path


def write_table(runs, path):
    lines = record_slices.table_of(record_slices.runs_below([runs]))
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_the_table_holds_each_learner_alone_and_the_ensembles_of_all_runs(runs):
    (found,) = read_slice_table(write_table(runs, runs / "t.jsonl"))
    assert (found.folds, found.ready_s, found.worker_ready_s, found.task.n_train) == (1, 0.4, None, 2000)
    assert found.slices == {
        "quick-table": [
            RecordedSlice(0.6, 0.5, True, next_s=0.9, answer_s=0.2),
            RecordedSlice(1.0, 0.6, False),
        ],
        "extra-trees": [
            RecordedSlice(2.0, None, True, timed_out=True),
            RecordedSlice(4.0, 0.8, True),
            RecordedSlice(0.5, None, False, failed=True),
        ],
    }
    assert EnsembleState({"quick-table": 0.5, "extra-trees": 0.8}, 0.82) in found.states
    assert len(found.states) == 4


def test_a_slice_recorded_twice_takes_the_time_of_the_faster_run():
    def of(seconds, nauc, **more):
        return {"seconds": seconds, "nauc": nauc, "more": True, **more}

    late = of(3.0, None, timed_out=True)
    alone = {"a": [late, of(4.0, 0.5), of(2.0, 0.6), of(9.0, 0.7), late]}
    mixed = {"a": [of(5.0, 0.5), of(1.0, 0.61), of(8.0, 0.7)], "b": [of(1.0, 0.9)] * 9}
    assert record_slices.fastest([mixed, alone], "a") == [of(5.0, 0.5), of(2.0, 0.6), of(8.0, 0.7), late]


def test_the_order_of_a_run_is_played_again(runs, capsys):
    record_slices.check(write_table(runs, runs / "t.jsonl"), record_slices.runs_below([runs / "quick"]))
    printed = capsys.readouterr().out
    assert printed.startswith("numbers") and "2 of 2 slices" in printed
    parts = re.split("modelled |, replayed ", printed)[1:3]
    modelled, replayed = (float(part.split()[0].strip(",;")) for part in parts)
    assert abs(modelled) < 0.01 and abs(replayed) < 0.01
