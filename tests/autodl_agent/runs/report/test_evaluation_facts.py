"""Classes, confusions and mistakes as the page shows them."""

import math
from dataclasses import replace

import numpy as np

from autodl_agent.engine.snapshot import HeldOut, Part, Snapshot
from autodl_agent.runs.report.evaluation import evaluate
from autodl_agent.runs.report.evaluation_facts import evaluation_facts
from autodl_agent.runs.report.thumbnails import Message, Thumbnails


def facts_on(data, snapshot=None):
    found = evaluate(snapshot or data.snapshot, data.task.multilabel)
    return evaluation_facts(data, found, Thumbnails(data.store, data.budget.now))


def test_every_class_has_its_row(make_data):
    facts = facts_on(make_data())
    assert [row.name for row in facts.classes] == ["first", "second", "third"] and facts.n_classes == 3
    assert sum(row.held_out for row in facts.classes) == facts.rows == facts.of_rows == 30
    assert [row.training for row in facts.classes] == list(make_data().task.class_counts)
    assert min(row.precision for row in facts.classes) < 1 and facts.accuracy == 28 / 30


def test_the_matrix_has_shares_of_the_true_class(make_data):
    facts = facts_on(make_data())
    for i, row in enumerate(facts.matrix):
        assert math.isclose(sum(cell.share for cell in row.cells), 1.0)
        assert [cell.kind == "hit" for cell in row.cells] == [i == j for j in range(3)]
    assert facts.upright and not facts_on(make_data(classes=("a", "b", "c"))).upright


def test_of_several_labels_nothing_is_a_miss(make_data):
    facts = facts_on(make_data(multilabel=True))
    assert {cell.kind for row in facts.matrix for cell in row.cells} == {"hit"} and facts.accuracy is None


def test_mistakes_have_their_labels_and_place(make_data):
    data = make_data(ended="done")
    facts = facts_on(data)
    assert {card.place for card in facts.mistakes} == {str(data.dataset.train.ids[row]) for row in (1, 4)}
    for card in facts.mistakes:
        ((labelled, low),), ((predicted, high),) = card.labelled.pairs, card.predicted.pairs
        assert labelled != predicted and low < high and card.labelled.more == 0
        assert card.thumbnail == Message("not shown")


def test_many_labels_of_one_row_are_cut(make_data):
    data = make_data(multilabel=True)
    data.store.task = replace(data.task, class_names=tuple("abcdefghijkl"), class_counts=(5,) * 12)
    labels = np.ones((30, 12), np.float32)
    labels[::2] = np.eye(12, dtype=np.float32)[np.arange(15) % 12]
    known = HeldOut((-6 * labels + 3,), labels, np.arange(30))
    cards = facts_on(data, Snapshot((Part("a", 1.0, ()),), held_out=known)).mistakes
    listed = [part for card in cards for part in (card.labelled, card.predicted)]
    assert max(len(part.pairs) for part in listed) == 6 and max(part.more for part in listed) > 0
