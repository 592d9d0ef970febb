"""Numbers, shares and durations read well."""

import pytest

from autodl_agent.runs.report.formatting import decimal, duration, is_known, percent, shorten


def test_numbers_have_digits_and_a_real_minus():
    assert decimal(0.12345) == "0.1235" and decimal(-0.5, 2) == "\u22120.50"


def test_none_and_nan_are_not_known():
    assert [is_known(value) for value in (None, float("nan"), 0.0, 1)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0\u202f%"),
        (0.001, "<\u202f1\u202f%"),
        (0.5, "50\u202f%"),
        (0.999, ">\u202f99\u202f%"),
        (1.0, "100\u202f%"),
    ],
)
def test_what_is_neither_none_nor_all_never_reads_so(share, text):
    assert percent(share) == text


def test_durations():
    assert [duration(s) for s in (0.42, 12.34, 245, 7380)] == [
        "0.42\u202fs", "12.3\u202fs", "4\u202fmin 05\u202fs", "2\u202fh 03\u202fmin",
    ]  # fmt: skip


def test_only_long_text_is_shortened():
    assert shorten("abcde", 5) == "abcde" and shorten("abcdef", 5) == "abcd…"
