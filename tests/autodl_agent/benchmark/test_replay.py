"""A table of recorded slices, played by `autodl benchmark --replay`."""

import json

import pytest
from click.testing import CliRunner

from autodl_agent.benchmark.replay import replay_table
from autodl_agent.benchmark.results import read_results
from autodl_agent.commands.group import cli
from autodl_agent.engine.policy import planner
from autodl_agent.system.errors import UsageError


def lines_of(name, domain, **learners):
    """learners: learner -> (seconds, NAUC) of its slices."""
    yield {
        "kind": "set", "set": name, "domain": domain, "n_train": 900, "n_test": 100, "classes": 3, "multilabel": False,
        "shape": [1, 1, 5, 1], "folds": 4, "ready_s": 0.5, "worker_ready_s": 4.0,
    }  # fmt: skip
    for learner, slices in learners.items():
        for k, (seconds, nauc) in enumerate(slices, 1):
            more = k < len(slices)
            one = {"kind": "slice", "learner": learner.replace("_", "-"), "nauc": nauc, "seconds": seconds}
            yield {**one, "set": name, "more": more}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "slices.jsonl"
    tabular = lines_of("numbers", "tabular", quick_table=[(0.5, 0.4)], extra_trees=[(2, 0.6), (3, 0.7)])
    text = lines_of("words", "text", hashed_bayes=[(0.5, 0.5)], text_network=[(9, 0.8)])
    path.write_text("\n".join(json.dumps(line) for line in (*tabular, *text)))
    return path


def call(*arguments):
    return CliRunner().invoke(cli, ["benchmark", *map(str, arguments)])


def test_every_set_has_a_result_like_that_of_a_run(table):
    results, exhausted = replay_table(table, "ladder", 20.0)
    assert [(one.job.name, one.job.budget, one.job.policy) for one in results] == [
        ("numbers", 20.0, "ladder"), ("words", 20.0, "ladder"),
    ]  # fmt: skip
    assert results[0].first == 1.0 and 0.7 <= results[0].nauc < 0.8 and results[0].alc < results[0].nauc
    assert results[1].wall == 13.0 and exhausted == {}


def test_the_policy_of_a_run_is_what_is_played(table, monkeypatch):
    asked = []

    def choose(history, candidates, task, *rest):
        asked.append((task.name, len(history)))
        return

    monkeypatch.setattr(planner, "choose", choose)
    results, _ = replay_table(table, "policy", 20.0)
    assert asked[0] == ("numbers", 0) and {name for name, _ in asked} == {"numbers", "words"}
    assert [(one.alc, one.nauc, one.first) for one in results] == [(0.0, 0.0, None)] * 2


def test_only_the_learners_asked_for_play(table):
    results, _ = replay_table(table, "policy", 20.0, ("extra-trees", "text-network"))
    assert [one.predictions for one in results] == [2, 1]
    assert [one.job.name for one in replay_table(table, "policy", 20.0, ("extra-trees",))[0]] == ["numbers"]
    with pytest.raises(UsageError, match="recorded learners are extra-trees, hashed-bayes, .*none of them is in whisp"):
        replay_table(table, "policy", 20.0, ("whisper-sound",))


def test_the_command_prints_the_table_and_writes_results_to_compare(table, tmp_path):
    files = []
    for policy in ("policy", "ladder"):
        files.append(tmp_path / f"{policy}.jsonl")
        found = call("--replay", table, "--policy", policy, "--budget", 20, "-o", files[-1])
        assert found.exit_code == 0, found.output
        assert all(word in found.output for word in ("numbers", "words", "mean over sets"))
    assert {record.job.policy for record in read_results(files[1])} == {"ladder"}
    compared = call("--compare", *files)
    assert compared.exit_code == 0 and "average rank over 2 data sets" in compared.output
    assert "a new file expected" in call("--replay", table, "-o", files[0]).output


def test_what_a_replay_cannot_do_is_said(table):
    assert "leave out SUITE" in call(table, "--replay", table).output
    assert "leave out --seeds" in call("--replay", table, "--seeds", 2).output
    assert "leave out --ray" in call("--replay", table, "--ray", "local").output
    assert "Missing argument 'SUITE...'" in call("--budget", 5).output


def test_a_broken_table_gives_one_line(table):
    table.write_text(table.read_text() + "\n{}\n")
    found = call("--replay", table)
    assert found.exit_code != 0
    assert str(found.exception).startswith(f"{table}, line 8: expected a recorded set, slice or ensemble")
