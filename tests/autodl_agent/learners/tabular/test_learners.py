import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError, TensorStore
from autodl_agent.learners.base import Examples
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.tabular.boosting import BoostedTrees
from autodl_agent.learners.tabular.quick import QuickTable
from autodl_agent.learners.tabular.random_trees import ExtraTrees
from autodl_agent.learners.testing.contract import check_learner
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget
from data_format.dataset import Dataset, Split
from data_format.examples import Table
from data_format.memory_source import MemorySource

BOTH = pytest.mark.parametrize("learner", [QuickTable, BoostedTrees, ExtraTrees])


def views(train, labels, test):
    """Training and test views of in-memory tables; labels: (n, classes)."""
    labels = np.asarray(labels, np.float32)
    classes = labels.shape[1]
    ids = [str(i) for i in range(max(len(train), len(test)))]
    dataset = Dataset(
        "t", Path("memory"), tuple(map(str, range(classes))), (1, 1, max(1, train.numbers.shape[1]), 1),
        Split(ids[: len(train)], labels, MemorySource(table=train)),
        Split(ids[: len(test)], np.zeros((len(test), classes), np.float32), MemorySource(table=test)),
        ("tabular", "made"),
    )  # fmt: skip
    task = make_task(dataset)
    store = TensorStore(dataset, task, soon())
    blank = np.zeros((len(test), classes), np.float32)
    return Examples(store, "train", np.arange(len(train)), labels), Examples(store, "test", np.arange(len(test)), blank)


def soon(seconds=60.0):
    return Budget.from_now(seconds).deadline(seconds)


def numeric(rows):
    rows = np.asarray(rows, float)
    return Table(rows, tuple(f"c{i}" for i in range(rows.shape[1])), np.zeros((len(rows), 0), object), ())


def textual(columns):
    strings = np.array(columns, object).T
    return Table(np.zeros((len(strings), 0)), (), strings, tuple(f"s{i}" for i in range(strings.shape[1])))


def trained(learner, train, test, most=12):
    """The learner after all its increments and its prediction, checked."""
    made = learner(train.task, 1)
    for _ in range(most):
        more = made.fit(train, soon())
        found = made.predict(test)
        assert found.shape == (len(test), train.task.n_classes)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert found.min(initial=0) >= 0
        assert found.max(initial=0) <= 1
        if not more:
            break
    return made, found


def one_hot(classes, k=None):
    classes = np.asarray(classes)
    return np.eye(k or classes.max() + 1, dtype=np.float32)[classes]


@pytest.mark.parametrize("where", ["quick:QuickTable", "boosting:BoostedTrees"])
def test_contract(where):
    check_learner(LearnerSpec("t", f"tabular.{where}"), Domain.TABULAR)


@BOTH
def test_extreme_imbalance_on_few_rows(learner):
    rows = [(i % 50, i % 7) for i in range(550)] + [(100 + i, 3) for i in range(5)]
    truth = one_hot([0] * 100 + [1] * 5)
    test = numeric([(i % 50, 3) for i in range(100)] + [(101, 3)] * 5)
    _, found = trained(learner, *views(numeric(rows), one_hot([0] * 550 + [1] * 5), test))
    assert nauc(truth, found) > 0.8


@BOTH
def test_infinite_huge_and_missing_numbers(learner):
    strange = (np.inf, -np.inf, 1e39, np.nan)
    rows = [(strange[i % 4] if i % 10 == 0 else i % 2 + 0.1 * (i % 3), np.nan, 7) for i in range(90)]
    test = numeric([(np.inf, 3.5, 8), (1e300, np.nan, 7), (0, 0, 0), (1, 0, 0)])
    _, found = trained(learner, *views(numeric(rows), one_hot(np.arange(90) % 2), test))
    assert found[3, 1] > found[2, 1]


@BOTH
def test_one_class_only_and_one_valued_labels(learner):
    train, test = views(numeric(np.arange(20)[:, None]), np.ones((20, 1)), numeric([[1], [2]]))
    made = learner(train.task, 0)
    assert made.fit(train, soon()) is False
    assert (made.predict(test) > 0.9).all()
    labels = np.stack([np.zeros(20), np.arange(20) % 2, np.ones(20)], 1)
    _, found = trained(learner, *views(numeric(np.arange(20)[:, None] % 2), labels, numeric([[0], [1]])))
    assert (found[:, 0] < 0.1).all()
    assert (found[:, 2] > 0.9).all()
    assert found[1, 1] > found[0, 1]


@BOTH
def test_two_labels_may_both_be_on(learner):
    kind = np.arange(120) % 3
    labels = np.stack([kind > 0, kind > 1], 1)
    _, found = trained(learner, *views(numeric(kind[:, None]), labels, numeric([[0], [1], [2]])))
    assert found[2].min() > 0.5
    assert found[0].max() < 0.5


@BOTH
@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_a_handful_of_rows(learner, n):
    trained(learner, *views(numeric(np.arange(n)[:, None]), one_hot(np.arange(n) % 2, 2), numeric([[0], [5]])))


@BOTH
def test_one_row_a_class(learner):
    trained(learner, *views(numeric([(i, 10 * i) for i in range(12)]), np.eye(12), numeric([(1, 2), (3, 4)])))


@BOTH
def test_rows_without_a_label(learner):
    labels = one_hot(np.arange(80) % 2)
    labels[::5] = 0
    _, found = trained(learner, *views(numeric(np.arange(80)[:, None] % 2), labels, numeric([[0], [1]])))
    assert found[0, 0] > found[1, 0]


@BOTH
def test_no_column_says_anything(learner):
    _, found = trained(learner, *views(numeric(np.ones((30, 2))), one_hot(np.arange(30) % 2), numeric([[1, 1]])))
    assert np.allclose(found, 0.5, atol=0.1)


@BOTH
def test_words_dates_and_categories(learner):
    n = 240
    classes = np.arange(n) % 3
    columns = [
        [("red", "green", "")[c] if i % 4 else "red" for i, c in enumerate(classes)],
        [f"{2019 + c}-03-{1 + i % 28:02d}" for i, c in enumerate(classes)],
        [f"case {i} {('alpha', 'beta', 'gamma')[c]}" for i, c in enumerate(classes)],
    ]
    train = textual([column[:180] for column in columns])
    test = textual([column[180:] for column in columns])
    _, found = trained(learner, *views(train, one_hot(classes[:180]), test), most=3)
    assert nauc(one_hot(classes[180:]), found) > 0.9


def test_very_wide_table():
    rows = np.random.default_rng(0).integers(0, 9, (30, 5_000))
    labels = one_hot(np.arange(30) % 2)
    train, test = views(numeric(rows), labels, numeric(rows[:4]))
    for learner in (QuickTable, BoostedTrees):
        made = learner(train.task, 0)
        made.fit(train, soon())
        assert made.predict(test).shape == (4, 2)


def test_many_classes_get_trees_or_a_linear_model():
    rng = np.random.default_rng(0)
    classes = np.arange(1_200) % 120
    centres = rng.normal(size=(120, 6))
    rows = centres[classes] + 0.1 * rng.normal(size=(1_200, 6))
    train, test = views(numeric(rows[:1_080]), one_hot(classes[:1_080], 120), numeric(rows[1_080:]))
    made = BoostedTrees(train.task, 0)
    for _ in range(2):
        made.fit(train, soon())
    assert len(made.grown) == 100
    found = made.predict(test)
    rest = np.setdiff1d(np.arange(120), made.grown)
    truth = one_hot(classes[1_080:], 120)
    assert nauc(truth[:, rest], found[:, rest]) > 0.9
    assert nauc(truth[:, made.grown], found[:, made.grown]) > 0.5


def test_interactions_are_learned():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(1_500, 4))
    classes = (rows[:, 0] * rows[:, 1] > 0).astype(int)
    for learner in (QuickTable, BoostedTrees):
        train, test = views(numeric(rows[:1_200]), one_hot(classes[:1_200]), numeric(rows[1_200:]))
        _, found = trained(learner, train, test, most=3)
        assert nauc(one_hot(classes[1_200:]), found) > 0.85


@BOTH
def test_saved_learner_predicts_the_same(learner, tmp_path):
    rng = np.random.default_rng(2)
    rows = numeric(rng.normal(size=(300, 3)))
    train, test = views(rows, (rng.random((300, 3)) < 0.4), numeric(rng.normal(size=(50, 3))))
    made, found = trained(learner, train, test, most=2)
    made.save(tmp_path)
    assert not list(tmp_path.glob("*.pkl"))
    assert np.array_equal(learner.load(tmp_path, train.task).predict(test), found)


@BOTH
def test_other_rows_start_afresh(learner):
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(200, 2))
    train, test = views(numeric(rows), one_hot((rows[:, 0] > 0).astype(int)), numeric(rows[:9]))
    made = learner(train.task, 0)
    made.fit(train.take(np.arange(150)), soon())
    made.fit(train, soon())
    assert made.predict(test).shape == (9, 2)


def test_quick_table_does_less_when_there_is_no_time():
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(6_000, 5))
    train, _ = views(numeric(rows), one_hot((rows[:, 0] > 0).astype(int)), numeric(rows[:2]))
    made = QuickTable(train.task, 0)
    assert made._size(6_000, 1, soon(60)) == (6_000, 600)
    assert made._size(6_000, 1, soon(0.2))[0] < 2_000


def test_nothing_heavy_is_imported_before_boosting():
    code = (
        "import sys, autodl_agent.learners.tabular.quick, autodl_agent.learners.tabular.boosting;"
        "print([m for m in ('scipy', 'sklearn', 'lightgbm', 'pandas') if m in sys.modules])"
    )
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_lightgbm_keeps_quiet(capfd):
    rows = numeric(np.ones((60, 2)) * (np.arange(60)[:, None] % 2))
    trained(BoostedTrees, *views(rows, one_hot(np.arange(60) % 2), rows), most=2)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_extra_trees_choose_a_plan_and_grow_until_they_have_enough():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 6))
    labels = np.eye(2)[(rows[:, 0] + rows[:, 1] > 0).astype(int)]
    train, test = views(numeric(rows[:300]), labels[:300], numeric(rows[300:]))
    learner = ExtraTrees(train.task, 0)
    counts = []
    while learner.fit(train, soon()):
        counts.append(len(learner.random_forest.trees))
    assert counts == sorted(counts)
    assert len(learner.random_forest.trees) == learner.settings.trees
    assert learner.plan in learner.settings.plans
    assert nauc(labels[300:].astype(np.float32), learner.predict(test)) > 0.9


def test_extra_trees_stop_where_a_tree_does_not_fit_the_time():
    rng = np.random.default_rng(0)
    train, _ = views(numeric(rng.normal(size=(300, 4))), np.eye(2)[rng.integers(0, 2, 300)], numeric(np.zeros((3, 4))))
    learner = ExtraTrees(train.task, 0)
    learner.fit(train, soon())
    before = learner.random_forest
    learner._chosen, learner._tree_s = True, 100.0
    with pytest.raises(OutOfTimeError, match="one more tree"):
        learner.fit(train, soon(5.0))
    assert learner.random_forest is before


def test_boosted_trees_are_judged_on_rows_of_every_class_of_a_sorted_table():
    kind = np.repeat(np.arange(3), 400)
    train, _ = views(numeric(np.stack([kind, kind % 2], 1)), one_hot(kind), numeric([[0, 0]]))
    learner = BoostedTrees(train.task, 0)
    learner.settings = replace(learner.settings, held_rows=30)
    learner.fit(train, soon())
    assert len(learner._run.held_y) == 30 and learner._run.held_y.sum(0).min() >= 3 and not learner._run.blind


def finished_trees(n_test=600):
    """Boosted trees of one finished forest, and test rows; they remember margins under their own store."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400 + n_test, 6))
    train, test = views(numeric(rows[:400]), one_hot((rows[:400, 0] > 0).astype(int)), numeric(rows[400:]))
    learner = BoostedTrees(train.task, 0)
    for _ in range(3):
        learner.fit(train, soon())
    learner._run = None  # what still grows is not remembered
    return learner, test


def test_boosted_trees_remember_the_margins_of_forests_in_use_only():
    learner, test = finished_trees()
    first = learner.forests[0]
    second = replace(first, number=10**9, rounds=max(1, first.rounds // 2))
    found = []
    for forests in ((first,), (first, second), (second,)):
        learner.forests = forests
        found.append(learner.predict(test))
        known = learner._remembered(test)
        assert {number for number, *_ in known} == {forest.number for forest in forests}
        assert np.array_equal(learner.predict(test), found[-1])
    assert len({each.tobytes() for each in found}) == 3
    next(iter(known.values()))[:] = 100.0
    assert learner.predict(test)[:, 1].min() > 0.9  # they are what is used


@pytest.mark.parametrize(("cells", "remembered"), [(10_000, 600), (600, 600), (599, 512), (0, 0)])
def test_boosted_trees_remember_no_more_than_their_limit_of_all_portions(monkeypatch, cells, remembered):
    monkeypatch.setattr("autodl_agent.learners.tabular.boosting.PREDICT_CELLS", 0)  # portions of 256 rows
    learner, test = finished_trees()
    learner.settings = replace(learner.settings, margin_cells=cells)
    found = learner.predict(test)
    assert sum(margins.size for margins in learner._remembered(test).values()) == remembered
    assert np.array_equal(learner.predict(test), found)


def test_boosted_trees_search_settings_and_average_the_best(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 6))
    labels = np.eye(2)[(rows[:, 0] * rows[:, 1] + 0.3 * rng.normal(size=500) > 0).astype(int)]
    train, test = views(numeric(rows[:400]), labels[:400], numeric(rows[400:]))
    learner = BoostedTrees(train.task, 0)
    learner.settings = replace(learner.settings, searches=3, bags=2)
    rounds = 0
    while learner.fit(train, soon()):
        rounds += 1
    assert rounds > 5
    assert len(learner.forests) >= 3  # the best of the search and both bags
    assert {forest.weight for forest in learner.forests} == {1.0}
    learner.save(tmp_path)
    assert np.allclose(BoostedTrees.load(tmp_path, train.task).predict(test), learner.predict(test), atol=1e-6)
