import json
from importlib import import_module

import pytest

from autodl_agent.data.task import Domain
from autodl_agent.learners.base import Learner
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, PRIOR, LearnerSpec, check_learner_names, learners_for
from autodl_agent.learners.testing.contract import ScriptedLearner, examples_of, memory_dataset
from autodl_agent.runs.agent import run
from autodl_agent.runs.config import RunConfig
from autodl_agent.system.errors import UsageError


def test_without_names_the_ladder_is_whole():
    assert learners_for(Domain.TEXT) == LEARNERS_BY_DOMAIN[Domain.TEXT]


def test_learners_are_final_and_subclass_the_contract_alone():
    for spec in (PRIOR, *(spec for candidates in LEARNERS_BY_DOMAIN.values() for spec in candidates)):
        module, _, name = spec.where.partition(":")
        kind = getattr(import_module(f"autodl_agent.learners.{module}"), name)
        assert kind.__final__ and kind.__bases__ == (Learner,) and kind.__name__ == name, spec.name


def test_names_choose_and_the_order_stays_that_of_the_ladder():
    names = [spec.name for spec in LEARNERS_BY_DOMAIN[Domain.IMAGE]]
    assert [spec.name for spec in learners_for(Domain.IMAGE, [names[2], names[0], "quick-table"])] == [
        names[0],
        names[2],
    ]


def test_a_ladder_without_any_of_the_names_is_refused_with_its_own():
    with pytest.raises(UsageError, match="learners for tabular data are quick-table, .*none of them is in linear-text"):
        learners_for(Domain.TABULAR, ["linear-text"])


def test_an_unknown_name_is_refused_with_all_that_there_are():
    check_learner_names(["quick-table", "linear-text"])
    with pytest.raises(UsageError, match="no learner is called 'quick-tabel'; there are .*quick-table"):
        check_learner_names(["quick-table", "quick-tabel"])


def test_a_learner_may_live_elsewhere_in_the_package():
    task = examples_of(memory_dataset("tabular")[0])[0].task
    assert isinstance(
        LearnerSpec("x", "autodl_agent.learners.testing.contract:ScriptedLearner").create(task, 0), ScriptedLearner
    )


def test_a_run_uses_the_named_learners_alone(tmp_path):
    dataset, _ = memory_dataset("tabular")
    run(dataset, tmp_path / "out", RunConfig(20, learners=("quick-table",)))
    assert json.loads((tmp_path / "out" / "run.json").read_text())["learners"] == ["prior", "quick-table"]


@pytest.mark.parametrize("name", ["linear-text", "nothing"])
def test_a_run_with_names_that_do_not_serve_is_one_clear_error(tmp_path, name):
    with pytest.raises(UsageError, match=name):
        run(memory_dataset("tabular")[0], tmp_path / "out", RunConfig(20, learners=(name,)))
