"""Findings of `autodl inspect` reach the last page, and never hold it up."""

import threading
from dataclasses import replace

import numpy as np

from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.runs.report.data_checks import Checks
from autodl_agent.runs.report.sections import data_section
from data_format.dataset import Split
from data_format.errors import Unreadable
from data_format.examples import Table
from data_format.memory_source import MemorySource


def test_leaks_and_rows_that_stand_twice_are_found(make_scene):
    dataset, _ = memory_dataset("tabular")
    labels = dataset.train.labels
    told = Table(labels.argmax(1)[:, None] * 1.0, ("<answer>",), np.empty((60, 0), object), ())
    dataset = replace(dataset, train=Split(dataset.train.ids, labels, MemorySource(table=told)))
    dataset = replace(dataset, test=replace(dataset.test, source=MemorySource(table=Table(
        told.numbers[:20], told.number_names, told.strings[:20], ()
    ))))  # fmt: skip
    notes = Checks(dataset).wait(20)
    assert any("'<answer>' that equal the label" in note for note in notes)
    assert any("20 test rows also stand in training" in note for note in notes)
    html = data_section(replace(make_scene(), checks=notes))
    assert "&lt;answer&gt;" in html and "<answer>" not in html and "autodl inspect" not in html


def test_what_takes_long_or_breaks_leaves_the_page_without_it(make_scene, monkeypatch):
    scene, go_on = make_scene(), threading.Event()
    monkeypatch.setattr(scene.dataset.train.source, "example", lambda row: go_on.wait(20))
    assert Checks(scene.dataset).wait(0.01) is None
    go_on.set()
    assert Checks(replace(scene.dataset, train=None)).wait(20) is None
    assert "<code>autodl inspect</code>" in data_section(scene)


def test_looking_counts_nothing_as_skipped_again(make_scene, monkeypatch):
    scene = make_scene("image")

    def broken(row):
        raise Unreadable("cut short")

    monkeypatch.setattr(scene.dataset.train.source, "example", broken)
    notes = Checks(scene.dataset).wait(20)
    assert any("cannot be read" in note for note in notes) and scene.dataset.problems == []


def test_clean_data_are_said_to_be_clean(make_scene):
    assert "Nothing noteworthy about the classes, columns and rows." in data_section(replace(make_scene(), checks=()))
