"""The tokenizer of protocol-buffer text format and its string escapes, apart from any message that they carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_format.autodl.textproto import Entries, line_of, parse_fields, quote, unquote
from data_format.errors import DataError

TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@given(TEXT)
def test_unquote_is_the_inverse_of_quote(text: str) -> None:
    quoted = quote(text)
    assert unquote(quoted) == text
    assert quoted.isascii() and "\n" not in quoted


@given(TEXT, TEXT)
def test_a_quoted_string_is_one_token_wherever_it_stands(first: str, second: str) -> None:
    fields = parse_fields(f"a: {quote(first)}\nb: {quote(second)} # {'}'}", "here")
    assert [(field.name, [unquote(part) for part in field.value]) for field in fields] == [
        ("a", [first]),
        ("b", [second]),
    ]


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        (r'"\a\b\f\n\r\t\v\?\\\'\""', "\a\b\f\n\r\t\v?\\'\""),
        (r"'\7\07\007'", "\7\7\7"),
        (r"'\0019'", "\0019"),
        (r"'\303\251'", "é"),
        (r"'\xc3\xa9'", "é"),
        (r"'\u00e9\U0001F600'", "é\U0001f600"),
        (r"'\xff'", r"\xff"),
        (r"'\777'", r"\xff"),
        ("'plain \u2028 é'", "plain \u2028 é"),
        ("''", ""),
    ],
)
def test_escapes(quoted: str, text: str) -> None:
    assert unquote(quoted) == text


@pytest.mark.parametrize("quoted", [r"'\q'", r"'\x'", r"'\u12'", r"'\U00110000'", r"'\8'", "'\\é'"])
def test_unknown_escapes_are_refused(quoted: str) -> None:
    with pytest.raises(ValueError, match="unknown escape"):
        unquote(quoted)


def names(text: str) -> list[str]:
    return [field.name for field in parse_fields(text, "here")]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1 b { c: 2 } d < e: 3 >",
        "a: 1; b: { c: 2 }, d: < e: 3 >;",
        "# first\na: 1 # one\nb {\n# inside\nc: 2\n}\nd < e: 3 >",
        "a:1,b{c:2}d<e:3>",
        "a: 1f b { } d < c { c { } } >",
    ],
)
def test_marks_and_separators_are_free(text: str) -> None:
    assert names(text) == ["a", "b", "d"]


@pytest.mark.parametrize("value", ["1", "-1", "- 1", ".5", "1e-3", "-inf", "nan", "1.5f", "true", "VARIABLE", "0x1F"])
def test_bare_values_keep_their_spelling(value: str) -> None:
    (field,) = parse_fields(f"a: {value}", "here")
    assert field.value == value


def test_nested_messages_lists_and_adjacent_strings() -> None:
    outer, several, joined = parse_fields("a { b { c: 'x' } } d: [1, { e: 2 }, [3]] f: 'g' \"h\"\n 'i'", "here")
    assert outer.value[0].value[0].name == "c"
    assert several.value[0].value == "1"
    assert several.value[1].value[0].name == "e"
    assert several.value[2].value[0].value == "3"
    assert joined.value == ["'g'", '"h"', "'i'"]


@pytest.mark.parametrize("name", ["[type.googleapis.com/some.Type]", "[some.extension]"])
def test_extensions_are_named_and_passed(name: str) -> None:
    assert names(f"{name} {{ a: 1 }} b: 2") == [name, "b"]


@pytest.mark.parametrize("entry", ["m { key: 'k' value: 7 }", "m: {key:'k',value:7};", "m { key : 'k' ; value : 7 , }"])
def test_map_entries_in_their_usual_form_come_as_one_run(entry: str) -> None:
    text = f"a: 1\n{entry}\n{entry} b: 2"
    first, run, last = parse_fields(text, "here")
    assert isinstance(run.value, Entries)
    assert run.value.items == [("m", "'k'", "7")] * 2
    assert [line_of(text, text.index("m", position)) for position in run.value.positions] == [2, 3]
    assert (first.name, last.name) == ("a", "b")


def test_an_entry_in_another_order_is_a_message() -> None:
    (field,) = parse_fields("m { value: 7 key: 'k' }", "here")
    assert [part.name for part in field.value] == ["value", "key"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: ", 2, "a value, found '' (end of file)"),
        ("a {\n b: 1\n", 3, "a field name, found ''"),
        ("a 1", 1, "':' or '{' after a field name, found '1'"),
        ("a: }", 1, "a value, found '}'"),
        ("7: 1", 1, "a field name, found '7: 1'"),
        ("a: 'open\nb: 1", 1, "a value"),
        ("\n[never.closed { a: 1 }", 2, "']' after an extension name"),
        ("a: [1, 2", 1, "a value, found ''"),
        ("a {" * 66, 1, "at most 64 nested messages"),
        ("a: " + "[" * 70, 1, "at most 64 nested lists"),
        ("a { b: 1 >", 1, "a field name, found '>'"),
    ],
)
def test_errors_name_file_line_and_what_was_found(text: str, line: int, says: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_fields(text, "here")
    assert str(caught.value).startswith(f"here, line {line}: expected ")
    assert says in str(caught.value)


def test_an_empty_text_has_no_fields() -> None:
    assert parse_fields(" \n # nothing\n", "here") == []
