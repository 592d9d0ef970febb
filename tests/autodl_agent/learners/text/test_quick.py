"""Both text learners: contract, hard inputs (blank, one letter, emoji, Chinese, five tokens), and that they learn."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Learner
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.testing.contract import check_learner
from autodl_agent.learners.text.config import BayesConfig, LinearConfig
from autodl_agent.learners.text.quick import HashedBayes, LinearText
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Deadline

NEVER = Deadline(np.inf)
LEARNERS = (HashedBayes, LinearText)
TOPICS = (
    ("river", "boat", "water"),
    ("engine", "wheel", "road"),
    ("bread", "salt", "oven"),
    ("flute", "song", "choir"),
)


def exhaust(learner: Learner, train, most: int = 5) -> int:  # type: ignore[no-untyped-def]
    for done in range(1, most + 1):
        if not learner.fit(train, NEVER):
            return done
    raise AssertionError(f"{type(learner).__name__} never ends")


def topical(labels: np.ndarray, seed: int, filler: int = 8) -> list[str]:
    rng = np.random.default_rng(seed)
    texts = []
    for row in labels:
        words = [f"filler{w}" for w in rng.integers(0, 40, filler)]
        for c in np.flatnonzero(row):
            words += list(rng.choice(TOPICS[c], 2))
        texts.append(" ".join(rng.permutation(words)))
    return texts


@pytest.mark.parametrize("name", ["HashedBayes", "LinearText"])
def test_contract(name: str) -> None:
    check_learner(LearnerSpec(name, f"text.quick:{name}"), Domain.TEXT, slices=3)


@pytest.mark.parametrize("kind", LEARNERS)
@pytest.mark.parametrize("multilabel", [False, True])
def test_learns_topics(kind: type[Learner], multilabel: bool, make_sets: Callable) -> None:  # type: ignore[type-arg]
    rng = np.random.default_rng(5)
    if multilabel:
        labels = (rng.random((400, 4)) < 0.3).astype(np.float32)
    else:
        labels = np.eye(4, dtype=np.float32)[rng.integers(0, 4, 400)]
    texts = topical(labels, seed=6)
    task, train, test = make_sets(texts[:300], labels[:300], texts[300:])
    learner = kind(task, 0)
    exhaust(learner, train)
    found = learner.predict(test)
    assert nauc(labels[300:], found) > 0.95
    np.testing.assert_allclose(found.mean(0), labels[300:].mean(0), atol=0.12)


@pytest.mark.parametrize("kind", LEARNERS)
def test_blank_one_letter_emoji_and_stop_words(kind: type[Learner], make_sets: Callable) -> None:  # type: ignore[type-arg]
    texts = ["a", "I", "", "?", "😀😀", "the of"] * 5
    labels = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1] * 5]
    task, train, test = make_sets(texts, labels, [*texts[:6], "never seen"])
    learner = kind(task, 0)
    exhaust(learner, train)
    found = learner.predict(test)
    assert nauc(labels[:6], found[:6]) > 0.7
    assert np.isfinite(found).all()


@pytest.mark.parametrize("kind", LEARNERS)
def test_chinese_without_spaces(kind: type[Learner], make_sets: Callable) -> None:  # type: ignore[type-arg]
    texts = [f"{t}{i}" for i in range(15) for t in ("这部电影很好看我喜欢", "非常糟糕浪费时间")]
    labels = np.eye(2, dtype=np.float32)[[0, 1] * 15]
    task, train, test = make_sets(texts, labels, ["电影好看", "浪费时间啊"])
    learner = kind(task, 0)
    exhaust(learner, train)
    found = learner.predict(test)
    assert found[0, 0] > found[1, 0] and found[1, 1] > found[0, 1]


@pytest.mark.parametrize("kind", LEARNERS)
def test_five_tokens(kind: type[Learner], make_sets: Callable) -> None:  # type: ignore[type-arg]
    texts = [" ".join("abcde"[i % 5] * (1 + i % 4)) for i in range(20)]
    labels = np.eye(2, dtype=np.float32)[np.arange(20) % 5 % 2]
    task, train, test = make_sets(texts, labels, ["a", "b b", "c", "d", "e"])
    learner = kind(task, 0)
    exhaust(learner, train)
    assert nauc(np.eye(2)[[0, 1, 0, 1, 0]], learner.predict(test)) > 0.9


@pytest.mark.parametrize("kind", LEARNERS)
def test_texts_that_cannot_be_read_are_left_out(kind: type[Learner], make_sets: Callable) -> None:  # type: ignore[type-arg]
    labels = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    texts = [None if i % 10 == 0 else ("river boat", "engine road")[i % 2] for i in range(40)]
    task, train, test = make_sets(texts, labels, ["boat", None, "road"])
    learner = kind(task, 0)
    exhaust(learner, train)
    found = learner.predict(test)
    assert found.shape == (3, 2) and found[0, 0] > 0.5 > found[2, 0]
    task, train, test = make_sets([None, None], labels[:2], ["boat"])
    blind = kind(task, 0)
    exhaust(blind, train)
    np.testing.assert_allclose(blind.predict(test).sum(), 1.0, atol=1e-5)


@pytest.mark.parametrize("kind", LEARNERS)
def test_many_classes_stay_small(kind: type[Learner], make_sets: Callable) -> None:  # type: ignore[type-arg]
    n, classes = 60, 2000
    labels = np.zeros((n, classes), np.float32)
    labels[np.arange(n), np.arange(n) % 30 * 60] = 1
    texts = [f"word{i % 30} common" for i in range(n)]
    task, train, test = make_sets(texts, labels, texts[:30])
    learner = kind(task, 0)
    exhaust(learner, train)
    found = learner.predict(test)
    assert found.shape == (30, classes)
    assert (found.argmax(1) == np.arange(30) * 60).mean() > 0.8


@pytest.mark.parametrize("kind", LEARNERS)
def test_save_and_load_predict_the_same(kind: type[Learner], make_sets: Callable, tmp_path: Path) -> None:  # type: ignore[type-arg]
    labels = np.eye(4, dtype=np.float32)[np.arange(80) % 4]
    texts = topical(labels, seed=1)
    task, train, test = make_sets(texts, labels, texts[:9])
    learner = kind(task, 0)
    for step in range(3):
        folder = tmp_path / str(step)
        folder.mkdir()
        learner.save(folder)
        assert {file.name for file in folder.iterdir()} == {"state.json", "state.npz"}
        json.loads((folder / "state.json").read_text())
        np.testing.assert_array_equal(kind.load(folder, task).predict(test), learner.predict(test))
        learner.fit(train, NEVER)


@pytest.mark.parametrize("kind", LEARNERS)
@pytest.mark.parametrize("marks", [True, False])
def test_a_saved_model_reads_marks_as_it_did_in_training(
    kind: type[Learner],
    marks: bool,
    make_sets: Callable,  # type: ignore[type-arg]
    tmp_path: Path,
) -> None:
    labels = np.eye(2, dtype=np.float32)[np.arange(60) % 2]
    texts = [f"{('हिन्दी', 'दुनिया')[k % 2]} {'नमस्ते' * (k % 3)}" for k in range(60)]
    task, train, test = make_sets(texts, labels, texts[:9])
    learner = kind(task, 0)
    if isinstance(learner, HashedBayes):
        learner._reading = replace(learner._reading, marks=marks)
    else:
        learner.config = replace(learner.config, marks=marks)  # type: ignore[attr-defined]
    exhaust(learner, train)
    learner.save(tmp_path)
    facts = json.loads((tmp_path / "state.json").read_text())
    assert facts.pop("marks") is marks
    if not marks:  # as the first models were saved
        (tmp_path / "state.json").write_text(json.dumps(facts))
    found = learner.predict(test)
    assert np.ptp(found[:, 0]) > 0.2
    np.testing.assert_array_equal(kind.load(tmp_path, task).predict(test), found)


def test_bayes_samples_first_and_reads_everything_second(make_sets: Callable) -> None:  # type: ignore[type-arg]
    labels = np.eye(4, dtype=np.float32)[np.arange(200) % 4]
    texts = topical(labels, seed=2)
    task, train, test = make_sets(texts, labels, texts[:40])
    learner = HashedBayes(task, 0, BayesConfig(first_total_characters=3000, least_characters=20))
    assert learner.fit(train, NEVER)
    first = nauc(labels[:40], learner.predict(test))
    assert not learner.fit(train, NEVER)
    assert nauc(labels[:40], learner.predict(test)) >= first
    assert not HashedBayes(task, 0).fit(train, NEVER)


def test_linear_takes_a_sample_then_all_rows_then_characters(make_sets: Callable) -> None:  # type: ignore[type-arg]
    labels = np.eye(4, dtype=np.float32)[np.arange(120) % 4]
    texts = topical(labels, seed=2)
    task, train, _ = make_sets(texts, labels, texts[:9])
    assert exhaust(LinearText(task, 0), train) == 2
    assert exhaust(LinearText(task, 0, LinearConfig(first_rows=50)), train) == 3
    task, train, _ = make_sets(["你好吗", "再见了"] * 20, labels[:40], ["好"])
    assert exhaust(LinearText(task, 0), train) == 1
    assert exhaust(LinearText(task, 0, LinearConfig(first_rows=20)), train) == 2


def test_a_passed_deadline_leaves_the_last_model(make_sets: Callable) -> None:  # type: ignore[type-arg]
    labels = np.eye(4, dtype=np.float32)[np.arange(80) % 4]
    texts = topical(labels, seed=3)
    task, train, test = make_sets(texts, labels, texts[:9])
    learner = LinearText(task, 0)
    learner.fit(train, NEVER)
    before = learner.predict(test)
    with pytest.raises(OutOfTimeError):
        learner.fit(train, Deadline(-np.inf))
    np.testing.assert_array_equal(learner.predict(test), before)
    assert not learner.fit(train, NEVER)


def test_no_rows(make_sets: Callable) -> None:  # type: ignore[type-arg]
    labels = np.eye(2, dtype=np.float32)[[0, 1, 1]]
    task, train, test = make_sets(["a", "b", "c"], labels, ["a"])
    none = np.zeros(0, np.int64)
    for kind in LEARNERS:
        learner = kind(task, 0)
        assert not learner.fit(train.take(none), NEVER)
        assert learner.predict(test.take(none)).shape == (0, 2)
        assert learner.fit(train, NEVER) in (True, False)
        assert learner.predict(test.take(none)).shape == (0, 2)


def test_the_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, autodl_agent.learners.text.quick\n"
        "print([m for m in ('scipy', 'sklearn', 'pandas', 'tensorflow', 'keras') if m in sys.modules])"
    )
    root = Path(__file__).parents[4]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
