from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from autodl_agent.learners.tabular.time_order import time_order
from data_format.examples import Table

START = datetime(2021, 3, 1, tzinfo=UTC)


def dated(days, form="%Y-%m-%d", name="when"):
    cells = [[(START + timedelta(days=int(day))).strftime(form)] for day in days]
    return Table(np.zeros((len(cells), 0)), (), np.array(cells, object), (name,))


def stamped(days, name, unit=1.0):
    values = START.timestamp() * unit + np.asarray(days, float)[:, None] * 86_400 * unit
    return Table(values, (name,), np.zeros((len(values), 0), object), ())


DAYS = np.random.default_rng(0).permutation(200)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y %H:%M", "%b %d, %Y"])
def test_later_test_rows_are_noticed(form):
    found = time_order(dated(DAYS, form), dated(np.arange(200, 260), form))
    assert found is not None
    assert np.array_equal(np.argsort(found.keys), np.argsort(DAYS))
    assert "'when'" in found.note


def test_test_rows_among_the_training_rows_need_no_order():
    assert time_order(dated(DAYS), dated(DAYS[:60])) is None
    assert time_order(dated(DAYS + 60), dated(np.arange(60))) is None  # earlier ones neither


@pytest.mark.parametrize("unit", [1.0, 1e3])
def test_seconds_since_1970_count_where_the_name_says_time(unit):
    later = np.arange(200, 260)
    found = time_order(stamped(DAYS, "created_at", unit), stamped(later, "created_at", unit))
    assert found is not None
    assert abs(np.ptp(found.keys) - 199) < 0.01
    assert time_order(stamped(DAYS, "price", unit), stamped(later, "price", unit)) is None


def test_words_few_rows_and_few_moments_order_nothing():
    words = Table(np.zeros((80, 0)), (), np.array([["a b"], ["c"]] * 40, object), ("when",))
    assert time_order(words, words) is None
    assert time_order(dated(DAYS[:20]), dated(np.arange(200, 260))) is None
    assert time_order(dated(DAYS % 5), dated(np.arange(200, 260))) is None


def test_rows_without_a_date_have_no_key():
    train = dated(DAYS)
    train.strings[3, 0] = ""
    found = time_order(train, dated(np.arange(200, 260)))
    assert found is not None
    assert np.flatnonzero(np.isnan(found.keys)).tolist() == [3]


def test_dates_that_the_reader_turned_into_days_count_too(tmp_path):
    from data_format import open_dataset

    for name, days in (("train", DAYS), ("test", np.arange(200, 260))):
        lines = [f"{START + timedelta(days=int(day)):%Y-%m-%d},{day % 7},{day % 2}" for day in days]
        (tmp_path / f"{name}.csv").write_text("\n".join(["day,x,label", *lines]) + "\n")
    dataset = open_dataset(tmp_path)
    found = time_order(dataset.train.source.table(), dataset.test.source.table())
    assert found is not None
    assert np.array_equal(np.argsort(found.keys), np.argsort(DAYS))
