"""The whole page: closed tags, anchors that exist, nothing loaded, nothing of the data executed, words for figures."""

import base64
import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.engine.snapshot import HeldOut, Part, Snapshot
from autodl_agent.runs.report.page import read_asset, render
from autodl_agent.runs.report.thumbnails import Cells, Message, Snippet
from data_format.dataset import Problem

SCRIPT = read_asset("report.js")
HOSTILE = {
    "tags": "</title></style></svg></bdi><script>alert(1)</script><!-- ]]>",
    "quotes": "\"'><img src=x onerror=alert(2)> `&quot;",
    "template": "{{7*7}}{% include 'report.js' %}{# note",
    "controls": "a\x00b\x1b[31m\x7f\ud800\udcff\r\n",
    "bidi": "\u202eevil\u2066\u2069\u200f مرحبا",
    "long": "<b>" + "x" * 10_000,
}


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("domain", ["image", "video", "speech", "text", "tabular"])
def test_the_page_is_whole_in_every_domain(make_data, page_of, parse, domain, multilabel):
    page = parse(page_of(make_data(domain, multilabel)))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")} <= set(ids)
    labels = [key for _, a in page.tags for key in (a.get("aria-labelledby") or "").split()]
    assert labels and set(labels) <= set(ids)
    assert all(a.get("alt") for a in page.all("img"))
    assert all(a.get("aria-label") or a.get("aria-labelledby") for a in page.all("svg"))
    assert "cannot be shown" not in page.text


def everywhere(facts, text):
    """The facts with `text` wherever data, files, libraries or errors could have put theirs."""
    curve = replace(facts.curve, description=text)
    rounds = replace(
        facts.rounds,
        description=text,
        rows=tuple(replace(row, learner=text, result=text) for row in facts.rounds.rows),
        drawings=tuple(
            replace(
                drawn,
                lanes=tuple(replace(lane, learner=text) for lane in drawn.lanes),
                bars=tuple(replace(bar, title=text) for bar in drawn.bars),
            )
            for drawn in facts.rounds.drawings
        ),
    )
    found = facts.evaluation
    shown = (Snippet(text), Cells(((text, text),), 2), Message(text))
    listed = replace(found.mistakes[0].labelled, pairs=((text, 0.5),), more=3)
    found = replace(
        found,
        classes=tuple(replace(row, name=text) for row in found.classes),
        matrix=tuple(replace(row, name=text) for row in found.matrix),
        mistakes=tuple(replace(found.mistakes[0], thumbnail=t, labelled=listed, place=text) for t in shown),
    )
    reasons = tuple(replace(reason, reason=text, places=(text, text)) for reason in facts.data.reasons)
    data = replace(facts.data, path=text, domain=text, domain_reason=text, notes=(text, text), reasons=reasons)
    return replace(
        facts,
        task=text,
        ended=text if facts.ended else "",
        curve=curve,
        rounds=rounds,
        members=tuple(replace(member, learner=text) for member in facts.members),
        evaluation=found,
        data=data,
        machine=replace(facts.machine, system=text, python=text, versions=((text, text),)),
    )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("ended", ["", "budget used"])
def test_hostile_text_stays_text_and_the_page_whole(make_data, facts_of, parse, text, ended):
    data = make_data(ended=ended)
    data.dataset.problems.append(Problem("x.jpg", "odd"))
    facts = facts_of(data)
    html = render(everywhere(facts, text))
    page, harmless = parse(html), parse(render(everywhere(facts, "harmless")))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in harmless.tags]
    names, expected = ([sorted(a.keys() - {"title"}) for _, a in found.tags] for found in (page, harmless))
    assert names == expected
    assert html.count(SCRIPT) == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)
    assert "49" not in page.text or "{{7*7}}" not in text
    assert len(html) < 400_000
    kept = "".join(char if char.isprintable() or char in "\n\u200f" else "\ufffd" for char in text)
    assert kept[:79] in page.text


def test_names_of_the_data_reach_the_page_as_text(make_data, page_of, parse):
    data = make_data("tabular", classes=(HOSTILE["tags"], HOSTILE["quotes"], HOSTILE["long"]))
    data.dataset.problems.append(Problem("<b>dir</b>/\ud800.jpg", "found </td><script>"))
    page = parse(page_of(data))
    assert len(page.all("script")) == 1 and page.all("img") == []
    assert "<script>alert(1)</script>" in page.text and "<b>dir</b>" in page.text


def test_nothing_is_loaded_from_anywhere(make_data, page_of, parse):
    page = parse(page_of(make_data("image", classes=(HOSTILE["quotes"], "b", "c"), ended="done")))
    sources = [a[key] for _, a in page.tags for key in ("src", "href") if a.get(key)]
    assert all(source.startswith(("#", "data:", "skipped.csv")) for source in sources)
    assert any(source.startswith("data:image/jpeg;base64,") for source in sources)


def test_the_policy_allows_the_script_of_the_page_and_no_other(make_data, page_of, parse):
    html = page_of(make_data())
    policy = next(a["content"] for a in parse(html).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    (script,) = re.findall("<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy and policy.endswith(f"script-src 'sha256-{digest}'")


def test_style_and_script_cannot_end_early():
    assert "</" not in SCRIPT and "</" not in read_asset("report.css")


def test_a_running_page_reloads_and_a_finished_one_does_not(make_data, page_of, parse):
    running, done = page_of(make_data()), page_of(make_data(ended="budget used"))
    assert parse(running).all("html")[0]["data-refresh"] == "4" and 'http-equiv="refresh" content="4"' in running
    assert parse(done).all("html")[0]["data-refresh"] == "0" and 'http-equiv="refresh"' not in done
    assert "Running" in parse(running).text and "budget used" in parse(done).text
    assert parse(running).all("progress") and not parse(done).all("progress")


def test_a_page_knows_when_its_run_must_be_over(make_data, page_of, parse):
    (html,) = parse(page_of(make_data())).all("html")
    assert int(html["data-end"]) == 1_700_000_000 + 60 + 60 and "root.dataset.end" in SCRIPT


def test_a_page_before_anything_was_learned_says_so(make_data, page_of, parse):
    text = parse(page_of(replace(make_data(judged=False), rounds=()))).text
    assert "nothing has been learned yet" in text and "class frequencies" in text
    assert "No round has ended yet" in text


def test_without_held_out_rows_the_classes_say_why(make_data, page_of, parse):
    data = replace(make_data(), snapshot=Snapshot((Part("a", 1.0, ()),)))
    page = parse(page_of(data))
    assert "Too few training rows" in page.text and "Confusion" not in page.text
    assert "Classes" in [line.strip() for line in page.text.splitlines()]


def test_the_figures_have_words_and_tables(make_data, page_of, parse):
    html = page_of(make_data())
    page = parse(html)
    assert [a["class"] for a in page.all("svg")][:4] == ["narrow", "roomy"] * 2
    assert len(page.all("desc")) == 4 and "last score 0.8000 at 2.0 s" in page.text
    assert html.count('class="held-dot"') == 2 * 2 and html.count('class="now"') == 4
    assert [a["class"] for a in page.all("rect")] == ["gain", "gain", "idle", "failed"] * 2
    assert html.count('class="cross"') == 2 and "ValueError: <b>no</b>" in page.text


def test_tables_have_headings_for_rows_and_columns_and_scroll_by_keyboard(make_data, page_of, parse):
    page = parse(page_of(make_data()))
    assert {th["scope"] for th in page.all("th")} == {"col", "row"}
    wide = [div for div in page.all("div") if div.get("class") == "wide"]
    assert len(wide) == len(page.all("table")) == len(page.all("caption")) == 5
    assert all(div["tabindex"] == "0" and div["role"] == "region" and div["aria-label"] for div in wide)


def test_a_thousand_classes_stay_a_small_page(make_data, page_of, parse):
    data = make_data()
    names = tuple(f"class {i}" for i in range(1000))
    data.store.task = replace(data.task, class_names=names, class_counts=(3,) * 1000)
    labels = np.eye(1000, dtype=np.float32)[np.arange(60) * 7]
    logits = np.random.default_rng(0).normal(size=labels.shape).astype(np.float32)
    known = HeldOut((logits,), labels, np.arange(60))
    html = page_of(replace(data, snapshot=Snapshot((Part("a", 1.0, ()),), held_out=known)))
    assert len(html) < 300_000
    text = parse(html).text
    assert "The 200 of 1000 classes with the lowest NAUC" in text and "the 12 of 1000 classes" in text


def test_problems_are_counted_by_reason(make_data, page_of, parse):
    data = make_data(ended="budget used")
    assert "every input could be read" in page_of(data)
    data.dataset.problems.extend([*(Problem(f"{i}.jpg", "empty file") for i in range(5)), Problem("x", "no image")])
    text = re.sub(r"\s+", " ", parse(page_of(data)).text)
    assert "6 inputs skipped or repaired" in text and "empty file0.jpg, 1.jpg, 2.jpg, …5" in text
    assert 'href="skipped.csv"' in page_of(data)


@pytest.mark.parametrize(("checks", "words"), [(None, "autodl inspect"), ((), "the classes, columns and rows.")])
def test_data_without_findings_say_how_far_was_looked(make_data, page_of, parse, checks, words):
    assert words in parse(page_of(replace(make_data(), checks=checks))).text


def test_labels_together_are_no_mistakes_by_colour(make_data, page_of):
    single, several = page_of(make_data()), page_of(make_data(multilabel=True))
    assert '<td class="miss"' in single and '<td class="miss"' not in several
