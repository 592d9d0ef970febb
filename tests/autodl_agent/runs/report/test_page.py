"""The whole page: closed tags, anchors that exist, nothing loaded, nothing of the data executed, words for figures."""

import re

import pytest

from autodl_agent.runs.report.assets import SCRIPT
from autodl_agent.runs.report.evaluation import evaluate
from autodl_agent.runs.report.page import render
from autodl_agent.runs.report.thumbnails import Exhibits
from autodl_agent.system.environment import environment
from data_format.dataset import Problem

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "مرحبا" + "x" * 300)


def page_of(scene):
    found = evaluate(scene.snapshot, scene.task.multilabel)
    exhibits = Exhibits(scene.store, scene.budget.now)
    if found:
        exhibits.prepare([m.row for m in found.mistakes], 1e9, 20)
    return render(scene, found, exhibits, environment(), 4)


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("domain", ["image", "video", "speech", "text", "tabular"])
def test_the_page_is_whole_in_every_domain(make_scene, parse, domain, multilabel):
    page = parse(page_of(make_scene(domain, multilabel)))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")} <= set(ids)
    labels = [key for _, a in page.tags for key in (a.get("aria-labelledby") or "").split()]
    assert labels and set(labels) <= set(ids)
    assert all(a.get("alt") for a in page.all("img"))
    assert all(a.get("aria-label") or a.get("aria-labelledby") for a in page.all("svg"))
    assert not [a for a in page.all("p") if a.get("class") == "quiet" and "cannot be shown" in page.text]


def test_nothing_is_loaded_from_anywhere(make_scene, parse):
    page = parse(page_of(make_scene("image", classes=HOSTILE)))
    sources = [a[key] for _, a in page.tags for key in ("src", "href") if a.get(key)]
    assert all(source.startswith(("#", "data:", "skipped.csv")) for source in sources)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy


@pytest.mark.parametrize("domain", ["text", "tabular", "image"])
def test_what_stands_in_the_data_stays_text(make_scene, parse, domain):
    scene = make_scene(domain, classes=HOSTILE)
    scene.dataset.problems.append(Problem("<b>dir</b>/\ud800.jpg", "found </td><script>"))
    html = page_of(scene)
    html.encode("utf-8")
    page = parse(html)
    assert len(page.all("script")) == 1 and html.count(SCRIPT) == 1
    assert not [a for _, a in page.tags if any(key.startswith("on") for key in a)]
    assert "<script>alert(1)</script>" in page.text and "<b>dir</b>" in page.text


def test_a_running_page_reloads_and_a_finished_one_does_not(make_scene, parse):
    running, done = page_of(make_scene()), page_of(make_scene(ended="budget used"))
    assert parse(running).all("html")[0]["data-refresh"] == "4" and 'http-equiv="refresh" content="4"' in running
    assert parse(done).all("html")[0]["data-refresh"] == "0" and 'http-equiv="refresh"' not in done
    assert "Running" in parse(running).text and "budget used" in parse(done).text
    assert parse(running).all("progress") and not parse(done).all("progress")


def test_a_page_before_anything_was_learned_says_so(make_scene, parse):
    text = parse(page_of(make_scene(judged=False))).text
    assert "nothing has been learned yet" in text and "class frequencies" in text


def test_a_thousand_classes_stay_a_small_page(make_scene, parse):
    from dataclasses import replace

    import numpy as np

    from autodl_agent.engine.snapshot import HeldOut, Part, Snapshot

    scene = make_scene()
    names = tuple(f"class {i}" for i in range(1000))
    task = replace(scene.task, class_names=names, class_counts=(3,) * 1000)
    scene.store.task = task
    labels = np.eye(1000, dtype=np.float32)[np.arange(60) * 7]
    logits = np.random.default_rng(0).normal(size=labels.shape).astype(np.float32)
    known = HeldOut((logits,), labels, np.arange(60))
    html = page_of(replace(scene, snapshot=Snapshot((Part("a", 1.0, ()),), held_out=known)))
    assert len(html) < 300_000
    text = parse(html).text
    assert "The 200 of 1000 classes with the lowest NAUC" in text and "the 12 of 1000 classes" in text


def test_problems_are_counted_by_reason(make_scene, parse):
    scene = make_scene(ended="budget used")
    assert "every input could be read" in page_of(scene)
    scene.dataset.problems.extend([*(Problem(f"{i}.jpg", "empty file") for i in range(5)), Problem("x", "no image")])
    text = re.sub(r"\s+", " ", parse(page_of(scene)).text)
    assert "6 inputs skipped or repaired" in text and "empty file0.jpg, 1.jpg, 2.jpg, …5" in text
    assert 'href="skipped.csv"' in page_of(scene)


def test_labels_together_are_no_mistakes_by_colour(make_scene):
    single, several = page_of(make_scene()), page_of(make_scene(multilabel=True))
    assert '<td class="miss"' in single and '<td class="miss"' not in several


def test_a_page_knows_when_its_run_must_be_over(make_scene, parse):
    (html,) = parse(page_of(make_scene())).all("html")
    assert int(html["data-end"]) == 1_700_000_000 + 60 + 60 and "root.dataset.end" in SCRIPT
