import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.combining_marks import JOINERS, is_mark
from autodl_agent.learners.tabular.cells import (
    MARKED_BLOCKS,
    common_format,
    dates,
    factorise,
    frequent_words,
    numbers,
    words,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=4), max_size=30))
def test_factorise_gives_back_the_column(values):
    column = np.array(values, object)
    levels, places = factorise(column)
    assert [levels[place] for place in places] == values
    assert len(set(levels)) == len(levels)


def test_numbers_read_money_percent_and_thousands():
    found = numbers(["1.5", "$1,200", "7%", "-3e2", "x", ""])
    assert np.allclose(found[:4], [1.5, 1200, 7, -300])
    assert np.isnan(found[4:]).all()


@pytest.mark.parametrize(
    ("levels", "days"),
    [
        (["1970-01-02", "1970-01-03T12:00:00"], [1, 2.5]),
        (["1970/01/02", "1970/02/01"], [1, 31]),
        (["31.01.1970", "02.01.1970"], [30, 1]),
        (["31/01/1970", "02/01/1970"], [30, 1]),
        (["01/31/1970", "01/02/1970"], [30, 1]),
        (["02 Jan 1970", "03 Jan 1970"], [1, 2]),
        (["January 2, 1970", "January 3, 1970"], [1, 2]),
        (["1970-01-02T00:00:00+00:00", "1970-01-02T12:00:00Z"], [1, 1.5]),
    ],
)
def test_common_date_formats(levels, days):
    form = common_format(levels)
    assert form is not None
    assert np.allclose(dates(levels, form)[:, 0], days)


def test_words_and_numbers_are_no_dates():
    assert common_format(["red", "green", "n.d."]) is None
    assert common_format(["3", "14"]) is None


def test_a_bad_date_is_missing_not_an_error():
    found = dates(["2020-02-30", "n.d.", "", "2020-02-28"], "iso")
    assert np.isnan(found[:3]).all()
    assert found[3, 1:].tolist() == [2, 4, 0]


def test_words_split_letters_digits_and_unspaced_scripts():
    assert words("Mr. A52-b", 10) == ["mr", "a", "52", "b"]
    assert words("好看", 10) == ["好", "看", "好看"]
    assert words("a b c d", 2) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("नमस्ते दुनिया, Café_Vie\u0323t 7", ["नमस्ते", "दुनिया", "café", "vie\u0323t", "7"]),
        ("ශ්\u200dරී\u200d ලංකා \u0301x", ["ශ්\u200dරී", "ලංකා", "x"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี", "สวั", "วัส", "สดี"]),
        ("ខ្ញុំ", ["ខ្", "ញុំ", "ខ្ញុំ"]),
        ("❤\ufe0f好", ["好"]),
    ],
)
def test_marks_go_with_their_letter(text, expected):
    assert words(text, 10) == expected


def test_no_mark_stands_outside_the_blocks_looked_at():
    signs = [chr(code) for code in range(sys.maxunicode + 1)]
    assert all(MARKED_BLOCKS.match(sign) for sign in signs if is_mark(sign) or sign in JOINERS)


def test_rules_of_before_see_no_marks():
    assert words("नमस्ते", 10, marks=False) == ["नमस", "त"]
    assert words("สวัส ຂ້ອຍ", 10, marks=False) == ["ส", "ว", "สว", "ส", "ຂ", "ອຍ"]


def test_frequent_words_count_rows_not_levels():
    assert frequent_words(["red car", "blue car", "tree"], [3, 1, 2], 10, 10) == ["car", "red"]
    assert frequent_words(["same x", "same y"], [5, 5], 10, 10) == ["x", "y"]  # what every row has says nothing
