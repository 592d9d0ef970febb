"""What an ensemble is worth: recorded values where they are known, errors in parallel elsewhere."""

import pytest

from autodl_agent.benchmark.ensemble_model import DEFAULT_EXPONENT, EnsembleModel
from autodl_agent.benchmark.slice_table import EnsembleState


def parallel(members, exponent, factor=1.0):
    return 1 - factor * sum((1 - nauc) ** -exponent for nauc in members.values()) ** (-1 / exponent)


MEMBERS = [{"a": 0.5}, {"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.5, "c": 0.3}, {"a": 0.8, "b": 0.5, "c": 0.75}]


def test_the_exponent_and_the_surplus_of_the_record_are_found():
    model = EnsembleModel.fit([EnsembleState(one, parallel(one, 3.0, 0.9)) for one in MEMBERS])
    assert model.exponent == 3.0
    new = {"b": 0.7, "c": 0.72}
    assert model.nauc(new) == pytest.approx(parallel(new, 3.0, 0.9))


def test_an_ensemble_that_was_recorded_has_its_recorded_value():
    """Though the others follow a rule that it breaks."""
    states = [EnsembleState(one, parallel(one, 2.0)) for one in MEMBERS]
    odd = EnsembleState({"a": 0.9, "c": 0.2}, 0.97)
    model = EnsembleModel.fit([*states, odd])
    rule = EnsembleModel.fit(states).nauc(odd.members)
    assert abs(model.nauc(odd.members) - odd.nauc) < 0.2 * abs(rule - odd.nauc)


def test_without_a_record_the_rule_has_its_usual_exponent():
    members = {"a": 0.5, "b": 0.6}
    assert EnsembleModel.fit([]).nauc(members) == pytest.approx(parallel(members, DEFAULT_EXPONENT))


def test_a_member_far_behind_or_perfect_breaks_nothing():
    model = EnsembleModel.fit([EnsembleState(one, parallel(one, 2.0)) for one in MEMBERS])
    assert model.nauc({"a": 0.8, "z": -0.4}) == pytest.approx(0.8, abs=0.02)
    assert 0.99 < model.nauc({"a": 1.0, "b": 1.0}) <= 1.0
