"""Whatever text a template is given, the page shows it as text."""

from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from autodl_agent.runs.report.html_templates import template_environment, visible_text

REPORT = template_environment("autodl_agent.runs.report")


def rendered(source, **facts):
    return REPORT.from_string(source).render(facts)


def macro(name, *arguments):
    return str(getattr(REPORT.get_template("macros.html.j2").module, name)(*arguments))


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_text_makes_a_tag_or_leaves_an_attribute(text):
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append((tag, attrs))
    html = rendered('<p title="{{ text }}">{{ text }}</p>', text=text)
    parser.feed(html)
    parser.close()
    assert [tag for tag, _ in found] == ["p"] and [key for key, _ in found[0][1]] == ["title"]
    html.encode("utf-8")


@pytest.mark.parametrize(
    "text",
    ["a & b <c>", "👩‍👩‍👧‍👦", "🏴\U000e0067\U000e0062\U000e007f", "مرحبا", "‏שלום", "नमस्ते‌", "日本　語", "e\u0301"],
)
def test_scripts_and_emoji_keep_their_characters(text):
    assert visible_text(text) == text and unescape(rendered("{{ text }}", text=text)) == text


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ud800", "\u202e", "\u2066", "\x7f"])
def test_characters_that_html_forbids_or_that_turn_the_line_are_boxes(text):
    assert rendered("{{ text }}", text=text)[0] == "\ufffd"
    assert macro("name", text)[len("<bdi>")] == "\ufffd"


def test_text_is_never_a_template():
    assert rendered("{{ text }}", text="{{7*7}}{% raw %}") == "{{7*7}}{% raw %}"


def test_an_unknown_name_is_an_error():
    with pytest.raises(UndefinedError):
        rendered("{{ fact }}", facts=1)


def test_templates_come_from_the_package_only():
    assert "report.html.j2" in REPORT.list_templates()
    assert "task.html.j2" in template_environment("autodl_agent.challenge.live_scoring").list_templates()
    for name in ("../page.py", "/etc/passwd", "task.html.j2"):
        with pytest.raises(Exception, match=name):
            REPORT.get_template(name)


def test_a_long_name_is_cut_and_longer_in_its_title():
    shown = macro("name", "x" * 500, 20)
    assert f">{'x' * 19}…<" in shown and f'title="{"x" * 500}"' in shown
    assert macro("name", "short") == "<bdi>short</bdi>"
    assert len(macro("name", "y" * 10_000)) < 1200


def test_names_without_characters_are_named():
    assert "(empty)" in macro("name", "") and "(blank)" in macro("name", "  ")


def test_unknown_numbers_are_dashes():
    assert macro("number", 0.25) == "0.2500" and "–" in macro("number", None) and "–" in macro("number", float("nan"))
    assert macro("percent", 0.001) == "&lt;\u202f1\u202f%" and "–" in macro("percent", None)


@pytest.mark.parametrize(("share", "width"), [(0.5, "50%"), (-1, "0%"), (7, "100%"), (float("nan"), "0%")])
def test_bars_stay_within_their_cell(share, width):
    assert f"--v:{width}" in macro("bar", share, "x")
