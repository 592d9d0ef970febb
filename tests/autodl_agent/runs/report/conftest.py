"""Made-up runs as the report sees them: data of any domain, an ensemble with known logits, rounds of all kinds."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.round import Round
from autodl_agent.engine.snapshot import HeldOut, Part, Snapshot
from autodl_agent.learners.testing.contract import FakeClock, memory_dataset
from autodl_agent.runs.report.evaluation import evaluate
from autodl_agent.runs.report.page import render
from autodl_agent.runs.report.page_facts import PageFacts, page_facts
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.runs.report.thumbnails import Thumbnails
from autodl_agent.system.environment import environment

VOID = {"meta", "link", "img", "input", "br"}


def held_out(labels: np.ndarray, rows: np.ndarray, wrong: tuple[int, ...] = ()) -> HeldOut:
    """Logits that are right everywhere but at the places `wrong`, where each class's are those of the next one."""
    logits = (labels * 6 - 3).astype(np.float32)
    logits[list(wrong)] = np.roll(logits[list(wrong)], 1, axis=1) * 2
    return HeldOut((logits,), labels, rows)


@pytest.fixture(autouse=True)
def known_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """`platform.platform` starts a process where nothing has asked it before; the quick lane refuses that."""
    monkeypatch.setattr("platform.platform", lambda: "Linux of a test")


@pytest.fixture
def make_data() -> Callable[..., ReportData]:
    """make_data(domain, multilabel, classes, wrong, ended, n_test, judged): a run after 12 of 60 seconds."""

    def make(
        domain: Any = "text", multilabel: bool = False, classes: tuple[str, ...] = ("first", "second", "third"),
        wrong: tuple[int, ...] = (1, 4), ended: str = "", n_test: int = 20, judged: bool = True,
    ) -> ReportData:  # fmt: skip
        dataset, _ = memory_dataset(domain, n_test=n_test, multilabel=multilabel)
        dataset = replace(dataset, class_names=classes)
        budget = FakeClock().budget(60.0)
        store = TensorStore(dataset, make_task(dataset), budget.deadline(60), 1 << 24)
        rows = np.arange(30)
        known = held_out(dataset.train.labels[rows], rows, wrong)
        snapshot = Snapshot((Part("linear", 0.75, ()), Part("forest", 0.25, ())), held_out=known)
        snapshot = replace(snapshot, held_out=HeldOut(known.members * 2, known.labels, known.rows))
        rounds = (
            Round(0, "prior", 0.1, 0.2, prediction=np.zeros((n_test, 3), np.float32)),
            Round(1, "linear", 0.2, 2.0, 0.8, 0.8, np.zeros((n_test, 3), np.float32), {"linear": 1.0}),
            Round(2, "forest", 2.0, 7.0, 0.5, 0.8),
            Round(3, "forest", 7.0, 9.0, error="ValueError: <b>no</b>"),
        )
        curve: list[dict[str, float | None]] = [{"time": 0.2, "held_out_nauc": None}, {"time": 2.0}]
        curve[1]["held_out_nauc"] = 0.8 if judged else None
        return ReportData(store, budget, 7, 12.0, tuple(curve), rounds, snapshot if judged else Snapshot(), ended)

    return make


class Page(HTMLParser):
    """What a browser would find: tags with attributes, ids, text; raises for tags that do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> within {self._open}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def facts_of() -> Callable[[ReportData], PageFacts]:
    """The facts of a page, its examples decoded."""

    def facts(data: ReportData) -> PageFacts:
        found = evaluate(data.snapshot, data.task.multilabel)
        thumbnails = Thumbnails(data.store, data.budget.now)
        if found:
            thumbnails.prepare([mistake.row for mistake in found.mistakes], 1e9, 20)
        return page_facts(data, found, thumbnails, environment(), 4)

    return facts


@pytest.fixture
def page_of(facts_of: Callable[[ReportData], PageFacts]) -> Callable[[ReportData], str]:
    """The page."""
    return lambda data: render(facts_of(data))


@pytest.fixture
def parse() -> type[Page]:
    """Parse HTML strictly."""
    return Page
