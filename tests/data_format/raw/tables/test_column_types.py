import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.raw.tables.column_types import MISSING, column_kind, is_missing, is_number, learn, numbers, words


@pytest.mark.parametrize("cell", ["1", "-2.5", "1e3", "inf", "-inf", " 7 ", "1e39", "1e300"])
def test_numbers_are_numbers(cell):
    assert is_number(cell)


@pytest.mark.parametrize("cell", ["", "?", "NA", "nan", "x", "1_000", "1,5", "2020-01-01"])
def test_other_cells_are_not(cell):
    assert not is_number(cell)


def test_missing_words_with_blanks_around():
    assert all(is_missing(f" {word} ") for word in MISSING)
    assert not is_missing("0")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "3"], "number"),
        (["1", "?", "NA", ""], "number"),
        (["", "", ""], "number"),
        (["inf", "-inf", "1e39", ""], "number"),
        (["1_000", "2_000"], "word"),
        (["a", "b", "1"], "word"),
        # One code word beside many different numbers is a missing value; beside five it is a level of its own.
        ([str(i) for i in range(60)] + ["n.d."] * 10, "number"),
        (["0", "1", "2", "3", "4"] * 9 + ["x"] * 7, "word"),
        # Different odd words are tolerated up to 2 % only.
        ([str(i) for i in range(99)] + ["oops"], "number"),
        ([str(i) for i in range(90)] + ["one", "two", "three", "four"], "word"),
        (["2020-01-05", "2020-02-05", "n.d.", "", "2020-03-01", "2020-03-02"], "date"),
        (["3/14/2020", "1/2/2021"], "date"),
        (["14/3/2020", "1/2/2021"], "date, day first"),
        (["1.2.2020", "3.4.2020"], "date, day first"),
        (["2020-13-45", "2020-00-00"], "word"),
        (["10.0.0.1", "10.0.0.2"], "word"),
    ],
)
def test_kind_of_a_column(cells, kind):
    assert column_kind(cells, comma_decimals=False) == kind
    assert learn(cells, comma_decimals=False)[0] == kind


def test_decimal_commas_only_where_the_comma_separates_nothing():
    assert column_kind(["1,5", "2,5"], comma_decimals=True) == "decimal comma"
    assert column_kind(["1,5", "2,5"], comma_decimals=False) == "word"
    assert numbers(["1,5", "", "-2,25", "1.000,5"], "decimal comma")[0].tolist()[::2] == [1.5, -2.25]


def test_infinity_and_huge_values_survive_in_float64():
    values, odd = numbers(["inf", "-inf", "1e39", "1e300", ""], "number")
    assert values.dtype == np.float64
    assert values.tolist()[:4] == [np.inf, -np.inf, 1e39, 1e300]
    assert np.isnan(values[4])
    assert odd == 0


def test_test_cells_that_do_not_fit_are_missing_and_counted():
    values, odd = numbers(["3", "text!", "text!", "?"], "number")
    assert values[0] == 3
    assert np.isnan(values[1:]).all()
    assert odd == 2


def test_dates_are_days_since_1970_with_the_time_as_a_fraction():
    values, odd = numbers(
        ["1970-01-01", "1970-01-02T12:00", "1970/1/3", "n.d.", "", "1970-01-04 06:00:00+00:00"], "date"
    )
    assert values[:3].tolist() == [0, 1.5, 2]
    assert values[5] == 3.25
    assert odd == 1


def test_order_of_day_and_month():
    assert numbers(["2/1/1970"], "date")[0][0] == 31
    assert numbers(["2/1/1970"], "date, day first")[0][0] == 1


def test_words_are_stripped_and_missing_ones_empty():
    assert words([" Private", "?", "", "NA", "x y "]).tolist() == ["Private", "", "", "", "x y"]
    assert words(["a"]).dtype == object


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_written_floats_come_back_bit_for_bit(values):
    kind, array, odd = learn([repr(value) for value in values], comma_decimals=False)
    assert (kind, odd) == ("number", 0)
    assert array.tolist() == values


@given(st.lists(st.text(max_size=6), min_size=1, max_size=20))
@settings(max_examples=80, deadline=None)
def test_any_cells_give_one_value_each(cells):
    kind, values, odd = learn(cells, comma_decimals=True)
    assert len(values) == len(cells)
    assert 0 <= odd <= len(cells)
    assert (values.dtype == object) == (kind == "word")
