"""A frozen look at a run."""

from dataclasses import replace

import pytest

from autodl_agent.scoring.alc import alc


@pytest.mark.parametrize(("ended", "running"), [("", True), ("the budget is used up", False)])
def test_a_run_goes_on_until_it_says_why_not(make_data, ended, running):
    assert make_data(ended=ended).running is running


def test_predictions_that_were_not_judged_count_as_chance(make_data):
    curve = make_data().learning_curve("held_out_nauc")
    assert curve.get_alc() == pytest.approx(alc([0.2, 2.0], [0.0, 0.8], 60.0))
    assert curve.get_final_score() == 0.8


def test_a_curve_that_nothing_is_known_of_is_none(make_data):
    assert make_data().learning_curve("test_nauc") is None
    assert make_data(judged=False).learning_curve("held_out_nauc") is None
    assert replace(make_data(), curve=()).learning_curve("held_out_nauc") is None


def test_task_and_data_are_those_of_the_store(make_data):
    data = make_data("image")
    assert data.task is data.store.task and data.dataset is data.store.dataset
