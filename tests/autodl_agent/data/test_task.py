"""The frozen facts of a run survive a way through JSON."""

import json
from dataclasses import FrozenInstanceError, asdict, replace

import pytest

from autodl_agent.data.task import Domain, Task

TASK = Task("é", Domain.VIDEO, "why", ("a", "b"), 3, 2, (-1, 4, 5, 3), True, (2, 1), (-0.5, 2.0), 7)


def test_facts_survive_json() -> None:
    restored = Task.from_facts(json.loads(json.dumps(asdict(TASK))))
    assert restored == TASK
    assert hash(restored) == hash(TASK)
    assert restored.domain is Domain.VIDEO


def test_levels_survive_json_and_are_told_only_where_there_are_any() -> None:
    assert "levels" not in TASK.facts()  # older programs refuse what they do not know, and need not refuse this
    assert TASK.pixel_range == TASK.value_range
    for levels in (((0.0, 4095.5),), ((0.0, 1.0), (2.0, 3.0))):
        task = replace(TASK, levels=levels)
        restored = Task.from_facts(json.loads(json.dumps(task.facts())))
        assert restored == task and hash(restored) == hash(task)
        assert task.pixel_range == (levels if len(levels) > 1 else levels[0])


@pytest.mark.parametrize(
    ("change", "error"),
    [({"domain": "smell"}, ValueError), ({"colour": 1}, TypeError)],
)
def test_other_facts_are_refused(change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        Task.from_facts(asdict(TASK) | change)


@pytest.mark.parametrize("missing", ["domain", "name", "class_counts"])
def test_missing_facts_are_refused(missing: str) -> None:
    facts = asdict(TASK)
    del facts[missing]
    with pytest.raises((KeyError, TypeError)):
        Task.from_facts(facts)


def test_a_task_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        TASK.seed = 1  # type: ignore[misc]
    assert TASK.n_classes == 2
