"""Findings of `autodl inspect` reach the last page, and never hold it up."""

import threading
from dataclasses import replace

import numpy as np

from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.runs.report.data_checks import Checks
from data_format.dataset import Split
from data_format.errors import Unreadable
from data_format.examples import Table
from data_format.memory_source import MemorySource


def test_leaks_and_rows_that_stand_twice_are_found(make_data, page_of):
    dataset, _ = memory_dataset("tabular")
    labels = dataset.train.labels
    leak = Table(labels.argmax(1)[:, None] * 1.0, ("<answer>",), np.empty((60, 0), object), ())
    dataset = replace(dataset, train=Split(dataset.train.ids, labels, MemorySource(table=leak)))
    dataset = replace(dataset, test=replace(dataset.test, source=MemorySource(table=Table(
        leak.numbers[:20], leak.number_names, leak.strings[:20], ()
    ))))  # fmt: skip
    notes = Checks(dataset).wait(20)
    assert any("'<answer>' that equal the label" in note for note in notes)
    assert any("20 test rows also stand in training" in note for note in notes)
    html = page_of(replace(make_data(), checks=notes))
    assert "&lt;answer&gt;" in html and "<answer>" not in html and "autodl inspect" not in html


def test_what_takes_long_or_breaks_gives_no_notes(make_data, monkeypatch):
    data, go_on = make_data(), threading.Event()
    monkeypatch.setattr(data.dataset.train.source, "example", lambda row: go_on.wait(20))
    assert Checks(data.dataset).wait(0.01) is None
    go_on.set()
    assert Checks(replace(data.dataset, train=None)).wait(20) is None


def test_looking_counts_nothing_as_skipped_again(make_data, monkeypatch):
    data = make_data("image")

    def broken(row):
        raise Unreadable("cut short")

    monkeypatch.setattr(data.dataset.train.source, "example", broken)
    notes = Checks(data.dataset).wait(20)
    assert any("cannot be read" in note for note in notes) and data.dataset.problems == []
