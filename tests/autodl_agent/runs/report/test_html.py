"""Whatever stands in the data, the page shows it as text."""

from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.runs.report.html import name, number, percent, plain, seconds, table


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_text_makes_a_tag_or_leaves_an_attribute(text):
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append((tag, attrs))
    parser.feed(f'<p title="{plain(text)}">{plain(text)}</p>')
    parser.close()
    assert [tag for tag, _ in found] == ["p"] and [key for key, _ in found[0][1]] == ["title"]
    plain(text).encode("utf-8")


@pytest.mark.parametrize(
    "text",
    ["a & b <c>", "👩‍👩‍👧‍👦", "🏴\U000e0067\U000e0062\U000e007f", "مرحبا", "‏שלום", "नमस्ते‌", "日本　語", "e\u0301"],
)
def test_scripts_and_emoji_keep_their_signs(text):
    assert unescape(plain(text)) == text


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ud800", "\u202e", "\x7f"])
def test_signs_that_html_forbids_or_that_turn_the_line_are_boxes(text):
    assert plain(text)[0] == "\ufffd"


def test_a_long_name_is_cut_and_whole_in_its_title():
    shown = name("x" * 500, 20)
    assert f">{'x' * 19}…<" in shown and f'title="{"x" * 500}"' in shown
    assert name("short") == "<bdi>short</bdi>"


def test_names_without_signs_are_told():
    assert "(empty)" in name("") and "(blank)" in name("  ")


def test_numbers_read_well():
    assert number(0.12345) == "0.1235" and number(-0.5, 2) == "\u22120.50"
    assert "–" in number(None) and "–" in number(float("nan")) and "–" in percent(None)
    assert percent(1.0) == "100\u202f%" and percent(0.0) == "0\u202f%"
    assert percent(0.999) == "&gt;\u202f99\u202f%" and percent(0.001) == "&lt;\u202f1\u202f%"
    assert [seconds(s) for s in (0.42, 12.34, 245, 7380)] == [
        "0.42\u202fs", "12.3\u202fs", "4\u202fmin 05\u202fs", "2\u202fh 03\u202fmin",
    ]  # fmt: skip


def test_a_table_has_headings_for_rows_and_columns(parse):
    page = parse(table(["a", "b"], [["x", "1"], ["y", "2"]], "Things"))
    assert [th["scope"] for th in page.all("th")] == ["col", "col", "row", "row"]
    assert page.all("div")[0]["tabindex"] == "0" and page.all("div")[0]["aria-label"] == "Things"
