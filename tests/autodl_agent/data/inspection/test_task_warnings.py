"""Sentences about a task and its problems."""

import pytest

from autodl_agent.data.inspection.task_warnings import IMBALANCE, problem_summary, task_notes
from autodl_agent.data.task import Domain, Task
from data_format.dataset import Problem


def task(*counts: int, n: int = 1000) -> Task:
    names = tuple(f"c{i}" for i in range(len(counts)))
    return Task("t", Domain.TABULAR, "", names, n, 1, (1, 1, 1, 1), False, counts)


@pytest.mark.parametrize(
    ("counts", "notes"),
    [
        ((50, 50), []),
        ((99, 0), ["1 class ('c1') without a training example"]),
        ((0, 50, 0), ["2 classes ('c0', 'c2') without a training example"]),
        ((5, 1), ["1 class ('c1') with one training example, which cannot be validated"]),
        ((1000, 500), ["all 1000 training rows have class 'c0': its prediction is constant"]),
        ((10 * IMBALANCE, 10), ["imbalanced: the largest class has 100 training examples, the smallest 10"]),
        ((10 * IMBALANCE - 1, 10), []),
        ((0, 60, 3), ["without a training example", "imbalanced: the largest class has 60"]),
    ],
)
def test_notes(counts: tuple[int, ...], notes: list[str]) -> None:
    found = task_notes(task(*counts))
    assert len(found) == len(notes)
    assert all(part in note for part, note in zip(notes, found, strict=True))


def test_only_the_first_classes_are_named() -> None:
    (note,) = task_notes(task(*[0] * 7, 50))
    assert note == "7 classes ('c0', 'c1', 'c2', 'c3', 'c4', …) without a training example"


def test_no_training_rows_are_not_all_of_one_class() -> None:
    assert task_notes(task(0, 0, n=0)) == ["2 classes ('c0', 'c1') without a training example"]


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        ("", ""),
        ("a", "1 inputs with problems: 1 × a"),
        ("abb", "3 inputs with problems: 2 × b; 1 × a"),
        ("abbcccd", "7 inputs with problems: 3 × c; 2 × b; 1 × a; 1 reasons more"),
    ],
)
def test_problems_are_counted_by_reason(reasons: str, line: str) -> None:
    assert problem_summary([Problem(f"row {i}", reason) for i, reason in enumerate(reasons)]) == line
