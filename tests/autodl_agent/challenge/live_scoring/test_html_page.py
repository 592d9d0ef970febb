"""The page, read with a parser of HTML."""

import base64
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.live_scoring.html_page import (
    PAGE_NAME,
    SetFacts,
    inline_png,
    write_page,
    write_sets_page,
    write_waiting_page,
)
from autodl_agent.scoring.bootstrap import ErrorBar
from autodl_agent.scoring.report import PredictionScore, ScoreReport


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def refresh(self) -> list[str | None]:
        return [meta.get("content") for meta in self.all("meta") if meta.get("http-equiv") == "refresh"]


def report(n: int, accuracy: float | None = None, late: bool = False) -> ScoreReport:
    rows = [PredictionScore(f"x<y.predict_{k}", k + 0.5, k / n, accuracy, late and k == n - 1) for k in range(n)]
    bar = ErrorBar(0.5, 0.0123, 0.0002, 5)
    return ScoreReport(60, 60, tuple(rows), ("0",), np.array([0.5]), (), 0.5, 0.25, bar, None, ("a <problem>",))


def test_while_running_the_page_reloads_itself(tmp_path: Path) -> None:
    write_waiting_page(tmp_path, "toy")
    assert Page(tmp_path / "detailed_results.html").refresh == ["5"]
    write_page(tmp_path, "toy", report(2), b"png", running=True)
    page = Page(tmp_path / "detailed_results.html")
    assert page.refresh == ["5"] and "ALC (so far): 0.2500" in page.text and "Waiting" not in page.text


def test_the_last_page_stands_still_and_holds_one_plot(tmp_path: Path) -> None:
    (tmp_path / "learning-curve-other.png").write_bytes(b"not ours")
    write_page(tmp_path, "toy", report(3, 0.75, late=True), b"\x89PNG", 'a "curve"', ["it <failed>"])
    page = Page(tmp_path / "detailed_results.html")
    assert page.refresh == []
    (image,) = page.all("img")
    assert image["alt"] == 'a "curve"'
    assert base64.b64decode(str(image["src"]).removeprefix("data:image/png;base64,")) == b"\x89PNG"
    assert "x<y.predict_2 2.50 0.6667 0.7500 late, does not count" in page.text
    assert "it <failed>" in page.text and "a <problem>" in page.text and "± 0.0123" in page.text
    assert len(page.all("tr")) == 4


HOSTILE = {
    "tags": '</title></style><script>alert("x")</script>&\udcff',
    "quotes": "\"'><img src=x onerror=alert(2)> `",
    "template": "{{7*7}}{% block content %}",
    "controls": "a\x00b\x1b[31m\x7f\ud800",
    "bidi": "\u202eevil\u2066 مرحبا",
    "long": "<b>" + "x" * 10_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_names_cannot_break_the_pages(tmp_path: Path, text: str) -> None:
    def write_all(name: str) -> list[Page]:
        rows = (PredictionScore(name, 1.0, 0.5, 0.5, True),)
        scores = replace(report(1), predictions=rows, problems=(name,))
        pages = []
        write_page(tmp_path, name, scores, b"png", name, [name])
        pages.append(Page(tmp_path / PAGE_NAME))
        write_waiting_page(tmp_path, name)
        return [*pages, Page(tmp_path / PAGE_NAME)]

    kept = "".join(char if char.isprintable() else "\ufffd" for char in text)
    for page, harmless in zip(write_all(text), write_all("harmless"), strict=True):
        assert [(tag, a.keys()) for tag, a in page.tags] == [(tag, a.keys()) for tag, a in harmless.tags]
        assert page.all("script") == [] and kept[:90].strip() in page.text


def test_several_sets_have_their_scores_and_plots(tmp_path: Path) -> None:
    sets = [SetFacts(1, 0.25, False, inline_png(b"one")), SetFacts(2, -0.999999, True, inline_png(b"two"))]
    write_sets_page(tmp_path, sets)
    page = Page(tmp_path / PAGE_NAME)
    assert page.refresh == [] and "Dataset 1. score: 0.2500" in page.text and "no score: -0.999999" in page.text
    assert [image["alt"] for image in page.all("img")] == [f"Learning curve of dataset {i}" for i in (1, 2)]
    assert page.all("img")[0]["src"] == "data:image/png;base64,b25l"


def test_no_accuracy_no_column_and_no_prediction_no_table(tmp_path: Path) -> None:
    write_page(tmp_path, "toy", report(1), None)
    assert "accuracy" not in Page(tmp_path / "detailed_results.html").text
    write_page(tmp_path, "toy", report(1).__class__(60, 60, (), (), np.zeros(0), (), 0, 0, None, None, ()), None)
    page = Page(tmp_path / "detailed_results.html")
    assert page.all("table") == [] and "No prediction." in page.text


def test_thousands_of_predictions_give_a_short_page(tmp_path: Path) -> None:
    write_page(tmp_path, "toy", report(3000), None)
    page = Page(tmp_path / "detailed_results.html")
    assert len(page.all("tr")) == 502 and "… 2500 more …" in page.text
    assert "x<y.predict_0 " in page.text and "x<y.predict_2999 " in page.text
