from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.tensor_store import CHUNK, OutOfTimeError, Recipe, RowPace, TensorStore
from autodl_agent.learners.testing.contract import FakeClock, memory_dataset
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import cores
from data_format.errors import Unreadable
from data_format.examples import Dense, Text
from data_format.memory_source import MemorySource


def open_store(memory_bytes=1 << 30, spill=None, domain="image", end=None):
    dataset, _ = memory_dataset(domain, n_train=100, n_test=10)
    end = end or Budget.from_now(60).deadline(60)
    return TensorStore(dataset, make_task(dataset), end, memory_bytes, spill)


def counting_recipe():
    calls = []

    def decode(example):
        calls.append(1)
        return example.array[0]

    return Recipe("plain", (24, 24, 3), "float32", decode), calls


def test_rows_are_decoded_once():
    store, (recipe, calls) = open_store(), counting_recipe()
    first = store.rows("train", recipe, np.array([3, 5, 3]))
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[1], store.dataset.train.source.example(5).array[0])
    store.rows("train", recipe, np.array([5, 3, 4]))
    assert len(calls) == 3


def test_features_are_computed_from_another_recipe():
    store, (recipe, calls) = open_store(), counting_recipe()
    mean = Recipe("mean", (3,), "float32", source=recipe, batch=lambda x: x.mean((1, 2)))
    found = store.rows("train", mean, np.arange(4))
    assert np.allclose(found, store.rows("train", recipe, np.arange(4)).mean((1, 2)))
    assert len(calls) == 4


@pytest.mark.parametrize("limit", [0, 100_000])
def test_beyond_the_memory_limit_arrays_go_to_files_that_no_folder_shows(tmp_path, limit):
    """A run that ends in whatever way leaves none behind."""
    store, (recipe, calls) = open_store(limit, tmp_path), counting_recipe()
    expected = open_store().rows("train", recipe, np.arange(100))
    calls.clear()
    for _ in range(2):
        assert np.array_equal(store.rows("train", recipe, np.arange(100)), expected)
    assert len(calls) == 100
    assert store.affordable_rows("train", recipe) == 100
    assert not list(tmp_path.iterdir())
    store.close()
    assert np.array_equal(store.rows("train", recipe, np.arange(100)), expected)


@pytest.mark.parametrize("disk", [True, False])
def test_memory_that_is_not_there_although_it_was_hoped_for_is_no_error(tmp_path, monkeypatch, disk):
    """As under `ulimit -v`: to a file then, and computed anew where that cannot be mapped either."""
    store, (recipe, calls) = open_store(1 << 30, tmp_path), counting_recipe()
    expected = open_store().rows("train", recipe, np.arange(5))

    def too_little(*arguments, **settings):
        raise MemoryError

    monkeypatch.setattr(TensorStore, "_in_memory", too_little)
    if not disk:
        monkeypatch.setattr(np, "memmap", too_little)
    calls.clear()
    for _ in range(2):
        assert np.array_equal(store.rows("train", recipe, np.arange(5)), expected)
    assert len(calls) == (5 if disk else 10)
    # Without a file: of rows that are not kept, half as many as did not fit.
    assert store.affordable_rows("train", recipe) == (100 if disk else 50)
    store.close()


def test_without_room_on_disk_rows_are_computed_each_time_and_few_are_affordable(tmp_path):
    store, (recipe, calls) = open_store(50_000, tmp_path / "missing"), counting_recipe()
    assert len(store.rows("train", recipe, np.arange(5))) == 5
    store.rows("train", recipe, np.arange(5))
    assert len(calls) == 10
    assert store.affordable_rows("train", recipe) == 50_000 // (24 * 24 * 3 * 4)


@pytest.mark.parametrize("error", [Unreadable("broken"), ValueError("from a library")])
def test_a_bad_row_is_zero_marked_and_named_once(error):
    store = open_store()

    def decode(example):
        if decode.count == 2:
            decode.count += 1
            raise error
        decode.count += 1
        return example.array[0]

    decode.count = 0
    recipe = Recipe("picky", (24, 24, 3), "float32", decode)
    found = store.rows("test", recipe, np.arange(10))
    (row,) = np.flatnonzero(store.bad["test"])
    assert not found[row].any()
    store.mark_bad("test", int(row), "again")
    (problem,) = store.dataset.problems
    assert problem.where == store.dataset.test.ids[row]
    assert str(error) in problem.reason


def test_the_deadline_interrupts_and_keeps_what_is_done():
    clock = FakeClock()
    store = open_store(end=clock.budget(100).deadline(100))

    def decode(example):
        clock.at += 1
        return example.array[0]

    recipe = Recipe("slow", (24, 24, 3), "float32", decode)
    with pytest.raises(OutOfTimeError):
        store.rows("train", recipe, np.arange(100), clock.budget(30).deadline(30))
    store.rows("train", recipe, np.arange(10), clock.budget(1000).deadline(1000))


def test_whole_split_results_are_kept_per_split():
    store, calls = open_store(), []
    for _ in range(2):
        assert store.kept("train", "key", lambda: calls.append(1) or "value") == "value"
    store.kept("test", "key", lambda: calls.append(2))
    assert calls == [1, 2]


def test_tokens_become_text_through_the_vocabulary():
    dataset, _ = memory_dataset("text", n_train=12, n_test=3)
    tokens = [Dense(np.array([0, 2, 1], np.float32)[:, None, None, None])] * 12
    for vocabulary, text in (({0: "a", 1: "b", 2: "c"}, "a c b"), ({0: "我", 1: "们", 2: "好"}, "我好们")):
        changed = replace(dataset, vocabulary=vocabulary, train=replace(dataset.train, source=MemorySource(tokens)))
        store = TensorStore(changed, make_task(changed), Budget.from_now(9).deadline(9))
        assert store.texts("train")[0] == text


def test_a_token_outside_the_vocabulary_is_its_number():
    dataset, _ = memory_dataset("text", n_train=12, n_test=3)
    source = MemorySource([Dense(np.array([7], np.float32)[:, None, None, None])] * 12)
    changed = replace(dataset, vocabulary={0: "a"}, train=replace(dataset.train, source=source))
    assert TensorStore(changed, make_task(changed), Budget.from_now(9).deadline(9)).text("train", 0) == "7"


def test_an_unreadable_text_is_empty_and_marked():
    dataset, _ = memory_dataset("text", n_train=12, n_test=3)

    class Broken(MemorySource):
        def example(self, index):
            if index == 1:
                raise Unreadable("cut short")
            return Text("fine")

    changed = replace(dataset, test=replace(dataset.test, source=Broken([Text("")] * 3)))
    store = TensorStore(changed, make_task(changed), Budget.from_now(9).deadline(9))
    assert store.texts("test") == ["fine", "", "fine"]
    assert list(store.bad["test"]) == [False, True, False]


def test_what_is_not_kept_is_decoded_anew():
    store, (recipe, calls) = open_store(), counting_recipe()
    passing = replace(recipe, keep=False)
    mean = Recipe("mean", (), "float32", source=passing, batch=lambda x: x.mean((1, 2, 3)))
    for _ in range(2):
        store.rows("train", mean, np.arange(4))
    assert len(calls) == 4
    store.rows("train", passing, np.arange(4))
    assert len(calls) == 8


def test_who_computes_when_the_store_is_closed_is_out_of_time():
    dataset, _ = memory_dataset("image", 300, 4)
    store = TensorStore(dataset, make_task(dataset, 0), Budget.from_now(60).deadline(60))
    recipe = Recipe("closing", (1,), "float32", lambda example: store.close() or np.zeros(1, np.float32))
    with pytest.raises(OutOfTimeError):
        store.rows("train", recipe, np.arange(300))


def test_a_few_dear_rows_at_the_end_do_not_tell_the_cost_of_the_others():
    dataset, _ = memory_dataset("image", n_train=300)
    clock = FakeClock()
    store = TensorStore(dataset, make_task(dataset), clock.budget(1000).deadline(1000))

    def padded(x):  # a batch takes as long with one row as with all
        clock.at += 1.0
        return np.ones((len(x), 2))

    pixels = Recipe("pixels", (4,), "uint8", lambda example: np.zeros(4, np.uint8), keep=False)
    recipe = Recipe("features", (2,), "float32", source=pixels, batch=padded)
    chunk = CHUNK * cores()
    store.rows("train", recipe, np.arange(chunk + 1))
    assert store.cost_s("train", recipe, np.arange(chunk + 1, 300)) < 0.1 * (299 - chunk)


def test_the_first_rows_do_not_count_once_others_have_come():
    pace = RowPace()
    assert pace.row_s == 0
    pace.add(10.0, 100)
    assert pace.row_s == pytest.approx(0.1)
    pace.add(0.5, 2)  # too few to replace them
    assert pace.row_s == pytest.approx(0.1, rel=0.1)
    pace.add(1.0, 100)
    assert pace.row_s == pytest.approx(0.01)
    pace.add(1.0, 50)
    assert pace.row_s == pytest.approx(1.9 / 140)


def test_the_cost_of_rows_is_told_by_those_before():
    dataset, _ = memory_dataset("image", n_train=40)
    clock = FakeClock()
    store = TensorStore(dataset, make_task(dataset), clock.budget(1000).deadline(1000))

    def decode(example):
        clock.at += 0.5
        return np.zeros((4, 4, 3), np.uint8)

    def features(pixels, width):
        clock.at += 0.1 * pixels.size / (4 * 4 * 3)
        return np.ones((len(pixels), width))

    def recipe(name, side):
        pixels = Recipe(f"pixels@{side}", (side, side, 3), "uint8", lambda e: np.resize(decode(e), (side, side, 3)))
        return Recipe(name, (2,), "float32", source=replace(pixels, keep=False), batch=partial(features, width=2))

    small, large, rows = recipe("small", 4), recipe("large", 8), np.arange(40)
    assert store.cost_s("train", small, rows) is None
    store.rows("train", small, rows[:10])
    assert store.cost_s("train", small, rows[:10]) == 0
    assert store.cost_s("train", small, rows) == pytest.approx(30 * 0.6, rel=0.1)
    assert store.cost_s("train", large, rows) == pytest.approx(40 * (0.5 + 0.4), rel=0.1)
    assert store.cost_s("train", replace(large, key="dear", effort=3), rows) == pytest.approx(40 * (0.5 + 1.2), rel=0.1)
    other = replace(large, key="other", batch=lambda x: np.ones((len(x), 2)))
    assert store.cost_s("train", other, rows) is None
