import json

import numpy as np
import pytest

from autodl_agent.learners.tabular.config import EncodingSettings
from autodl_agent.learners.tabular.encoding import TableEncoder
from data_format.examples import Csr, Table


def table(numbers=None, strings=None, n=None):
    n = n or len(numbers if numbers is not None else strings)
    numbers = np.zeros((n, 0)) if numbers is None else np.asarray(numbers, float)
    strings = np.zeros((n, 0), object) if strings is None else np.asarray(strings, object)
    names = lambda letter, array: tuple(f"{letter}{i}" for i in range(array.shape[1]))  # noqa: E731
    return Table(numbers, names("n", numbers), strings, names("s", strings))


def column(values):
    return np.array(values, object)[:, None]


def test_infinities_become_the_training_extremes_and_huge_values_too():
    train = table([[1.0], [5.0], [np.inf], [1e39], [np.nan]])
    encoder = TableEncoder.fit(train)
    found = encoder.transform(table([[np.inf], [-np.inf], [1e300], [3.0], [99.0], [np.nan]])).numbers[:, 0]
    assert found[:5].tolist() == [5, 1, 5, 3, 5]
    assert np.isnan(found[5])
    assert found.dtype == np.float32


def test_a_column_of_infinities_keeps_their_signs():
    encoder = TableEncoder.fit(table([[np.inf], [-np.inf], [np.nan]]))
    assert encoder.transform(table([[np.inf], [-np.inf]])).numbers.tolist() == [[1], [-1]]


def test_constant_and_empty_columns_are_dropped_but_one_value_with_gaps_is_kept():
    rows = [[7.0, np.nan, 5.0 if i % 3 else np.nan, i] for i in range(9)]
    encoder = TableEncoder.fit(table(rows, np.full((9, 1), "")))
    assert encoder.kept.tolist() == [2, 3]
    assert encoder.strings == ()
    filled = encoder.transform(table([[1, 3.5, np.nan, 2]], [["text!"]]))
    assert filled.numbers.shape == (1, 2)


def test_categories_know_rare_unseen_and_missing():
    values = ["a"] * 20 + ["b"] * 9 + ["c"] * 4 + [f"r{i}" for i in range(12)] + [""] * 3
    encoder = TableEncoder.fit(table(strings=column(values)))
    codes = encoder.transform(table(strings=column(["a", "b", "c", "r3", "never seen", ""]))).codes[:, 0]
    assert codes.tolist() == [0, 1, 2, 3, 3, -1]
    assert encoder.level_counts == (4,)


def test_unseen_level_is_missing_where_training_had_no_rare_ones():
    encoder = TableEncoder.fit(table(strings=column(["a", "b"] * 9)))
    assert encoder.transform(table(strings=column(["z"]))).codes.tolist() == [[-1]]


def test_dates_become_numbers_and_bad_ones_missing():
    days = [f"2020-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(60)] + ["", "n.d."]
    encoder = TableEncoder.fit(table(strings=column(days)))
    assert encoder.strings[0].kind == "date"
    found = encoder.transform(table(strings=column(["2020-01-01", "2020-01-02", "n.d."]))).numbers
    assert found[1, 0] - found[0, 0] == 1
    assert np.isnan(found[2]).all()


def test_numbers_among_text_are_numbers():
    values = [str(i) for i in range(50)] + ["x"] * 3
    encoder = TableEncoder.fit(table(strings=column(values)))
    found = encoder.transform(table(strings=column(["12", "x", "1e39"]))).numbers[:, 0]
    assert found[0] == 12
    assert np.isnan(found[1])
    assert np.isfinite(found[2])


def test_ids_leave_no_word_and_sentences_do():
    ids = [f"{i:x}q" for i in range(1000, 1060)]
    texts = [f"item {i} is {'good' if i % 2 else 'bad'}" for i in range(60)]
    encoder = TableEncoder.fit(table(strings=np.array([ids, texts], object).T))
    vocabulary = encoder.strings[1].vocabulary
    assert {"good", "bad"} <= set(vocabulary)
    assert "item" not in vocabulary
    bags = encoder.transform(table(strings=[["zz", "good good thing"]])).bags
    assert bags[0, -len(vocabulary) :].sum() == 1


def test_nothing_of_the_test_rows_reaches_the_rules():
    train, test = table([[0.0], [1.0]] * 9, column(["a", "b"] * 9)), table([[500.0]], column(["zzz"]))
    encoder = TableEncoder.fit(train)
    before = json.dumps(encoder.facts()), {k: v.tolist() for k, v in encoder.arrays().items()}
    encoder.transform(test)
    assert before == (json.dumps(encoder.facts()), {k: v.tolist() for k, v in encoder.arrays().items()})


def test_state_survives_json():
    strings = np.array([[f"2020-01-{1 + i % 28:02d}", "ab"[i % 2], f"word {i} red"] for i in range(60)], object)
    rows = table(np.arange(60)[:, None], strings)
    encoder = TableEncoder.fit(rows)
    again = TableEncoder.restore(json.loads(json.dumps(encoder.facts())), encoder.arrays())
    one, two = encoder.transform(rows), again.transform(rows)
    assert np.array_equal(one.numbers, two.numbers, equal_nan=True)
    assert np.array_equal(one.codes, two.codes)
    assert np.array_equal(one.bags, two.bags)


def test_rules_of_before_find_their_words_as_they_did():
    texts = [f"{('हिन्दी', 'दुनिया')[i % 2]} {i}" for i in range(60)]
    new = TableEncoder.fit(table(strings=column(texts)))
    assert {"हिन्दी", "दुनिया"} <= set(new.strings[0].vocabulary)
    facts = json.loads(json.dumps(new.facts()))
    assert facts.pop("marks") is True
    facts["strings"][0]["vocabulary"] = ["ह", "द"]
    old = TableEncoder.restore(facts, new.arrays())
    assert old.transform(table(strings=column(texts[:2]))).bags.tolist() == [[1, 1], [0, 1]]
    assert old.facts()["marks"] is False


def test_transform_never_edits_its_input():
    rows = table([[np.inf, 1.0], [2.0, np.nan], [1e39, 5.0]])
    before = rows.numbers.copy()
    TableEncoder.fit(rows).transform(rows)
    assert np.array_equal(before, rows.numbers, equal_nan=True)


def sparse(n, n_columns, seed=0):
    rng = np.random.default_rng(seed)
    indices = np.concatenate([np.sort(rng.choice(n_columns, 5, replace=False)) for _ in range(n)])
    csr = Csr(np.arange(n + 1) * 5, indices, rng.random(5 * n).astype(np.float32), n_columns)
    return Table(np.zeros((n, 0)), (), np.zeros((n, 0), object), (), csr)


def test_narrow_sparse_rows_are_made_dense_exactly():
    rows = sparse(30, 12)
    encoder = TableEncoder.fit(rows)
    dense = np.zeros((30, 12), np.float32)
    for i in range(30):
        dense[i, rows.sparse.indices[5 * i : 5 * i + 5]] = rows.sparse.values[5 * i : 5 * i + 5]
    assert np.allclose(encoder.transform(rows).numbers, dense)


def test_wide_sparse_rows_share_columns_within_the_limit():
    rows = sparse(200, 300)
    encoder = TableEncoder.fit(rows, EncodingSettings(max_sparse=64))
    found = encoder.transform(rows).numbers
    assert found.shape == (200, 64)
    assert (found != 0).any(1).mean() > 0.95
    assert (found[:, 48:] != 0).sum() > (found[:, :48] != 0).sum() / 2  # columns without a slot of their own count


def test_a_test_column_beyond_the_training_width_is_ignored():
    encoder = TableEncoder.fit(sparse(20, 10))
    wider = Csr(np.array([0, 1]), np.array([15]), np.ones(1, np.float32), 16)
    found = encoder.transform(Table(np.zeros((1, 0)), (), np.zeros((1, 0), object), (), wider))
    assert found.numbers.shape == (1, 10)
    assert (found.numbers == 0).all()


@pytest.mark.parametrize("n", [0, 1])
def test_tables_of_no_or_one_row(n):
    encoder = TableEncoder.fit(table(np.zeros((n, 2)), np.full((n, 1), "a"), n=n))
    assert len(encoder.transform(table(np.zeros((n, 2)), np.full((n, 1), "a"), n=n))) == n


def test_rows_may_come_sparse_or_dense_whatever_the_training_rows_were():
    rng = np.random.default_rng(0)
    numbers = np.where(rng.random((80, 9)) < 0.3, rng.integers(1, 5, (80, 9)), 0).astype(np.float32)
    dense = Table(numbers, tuple("abcdefghi"), np.zeros((80, 0), object), ())
    rows, columns = np.nonzero(numbers)
    csr = Csr(np.searchsorted(rows, np.arange(81)), columns, numbers[rows, columns], 9)
    sparse = Table(np.zeros((80, 0), np.float32), (), np.zeros((80, 0), object), (), csr)
    for fitted in (dense, sparse):
        encoder = TableEncoder.fit(fitted)
        assert np.array_equal(encoder.transform(dense).numbers, encoder.transform(sparse).numbers)
