"""Protocol-buffer text format: strings, marks, map entries in their usual and in any other form, errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_format.autodl.schema import message_class
from data_format.autodl.textproto import parse_message, quote, text_of, unquote
from data_format.errors import DataError

TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@given(TEXT)
def test_unquote_is_the_inverse_of_quote(text: str) -> None:
    quoted = quote(text)
    assert unquote(quoted) == text
    assert quoted.isascii() and "\n" not in quoted


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
        ("'a \f b'", "a \f b"),
        ("'# {'", "# {"),
        ("''", ""),
    ],
)
@pytest.mark.parametrize("usual", [True, False])
def test_strings(quoted: str, text: str, usual: bool) -> None:
    assert unquote(quoted) == text
    entry = f"key: {quoted} value: 3" if usual else f"value: 3 key: {quoted}"
    assert entries(f"label_to_index_map {{ {entry} }} output_dim: 4") == {text: 3}


def parsed(text: str):
    message = message_class("DataSpecification")()
    return message, parse_message(text, message, "here")


def entries(text: str) -> dict[str, int]:
    message, maps = parsed(text)
    return maps.get("label_to_index_map", {}) | {text_of(one.key): one.value for one in message.label_to_index_map}


@given(TEXT, TEXT)
def test_strings_hold_marks_and_comments_of_their_own(first: str, second: str) -> None:
    text = (
        f"label_to_index_map {{ value: 1 key: {quote(first)} }} # {'}'}\nlabel_to_index_map {{ key: {quote(second)} }}"
    )
    assert entries(text) == {first: 1} | {second: 0}


@pytest.mark.parametrize("quoted", [r"'\q'", r"'\x'", r"'\u12'", r"'\U00110000'", r"'\8'", "'\\é'"])
def test_unknown_escapes_are_refused(quoted: str) -> None:
    with pytest.raises(ValueError, match="unknown escape"):
        unquote(quoted)
    with pytest.raises(DataError, match=r"here, line 2: expected a string \(unknown escape"):
        parsed(f"\nlabel_to_index_map {{ key: {quoted} value: 0 }}")


@pytest.mark.parametrize(
    "text",
    [
        "sample_count: 1 matrix_spec { row_count: 2 } matrix_spec < row_count: 3 >",
        "sample_count: 1; matrix_spec: { row_count: 2 }, matrix_spec: < row_count: 3 >;",
        "# first\nsample_count: 1 # one\nmatrix_spec {\n# inside\nrow_count: 2\n}\nmatrix_spec < row_count: 3 >",
        "sample_count:1,matrix_spec{row_count:2}matrix_spec<row_count:3>",
        "sample_count: 0x1 matrix_spec: [{ row_count: 02 }, { row_count: 3 }]",
    ],
)
def test_marks_separators_and_comments_are_free(text: str) -> None:
    message, maps = parsed(text)
    assert message.sample_count == 1
    assert [spec.row_count for spec in message.matrix_spec] == [2, 3]
    assert maps == {}


@pytest.mark.parametrize(
    "entry",
    [
        "label_to_index_map { key: 'k' value: 7 }",
        "label_to_index_map: {key:'k',value:7};",
        "label_to_index_map { key : 'k' ; value : 7 , }",
    ],
)
def test_map_entries_in_their_usual_form_are_read_apart(entry: str) -> None:
    other = entry.replace("'k'", "'l'")
    message, maps = parsed(f"sample_count: 1\n{entry}\n{other} output_dim: 2")
    assert (message.sample_count, message.output_dim, len(message.label_to_index_map)) == (1, 2, 0)
    assert list(maps["label_to_index_map"].values()) == [7, 7]


@pytest.mark.parametrize("value", ["07", "0x7", "2147483647", "-2147483648"])
def test_numbers_in_any_other_spelling_are_left_to_the_parser(value: str) -> None:
    message, maps = parsed(f"label_to_index_map {{ key: 'k' value: {value} }}")
    assert maps == {} and message.label_to_index_map[0].value == int(value, 8 if value == "07" else 0)


def test_entries_within_an_unknown_message_or_a_comment_are_none_of_ours() -> None:
    entry = "label_to_index_map { key: 'k' value: 7 }"
    assert entries(f'unknown {{\n{entry}\n}} # {entry}\n# {entry}\nnote: "{entry}"') == {}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("output_dim: 1\nsample_count: ", 2, "found '' (end of file)"),
        ("matrix_spec {\n row_count: 1\n", 2, 'Expected "}"'),
        ("output_dim 1", 1, "found '1'"),
        ("output_dim: }", 1, "found '}'"),
        ("unknown: 'open\nb: 1", 1, "found"),
        ("unknown: }", 1, "found '}'"),
        ("\n[never.closed { a: 1 }", 2, "found '{ a: 1 }'"),
        ("unknown: [1, 2", 1, "found '' (end of file)"),
        ("a {" * 66, 1, "at most 64 nested messages"),
        ("a: " + "[" * 70, 1, "at most 64 nested messages"),
        ("a { b: 1 >", 1, "found '>'"),
        ("label_to_index_map { key: 'k' value: 1 }\n" * 20 + "\n7", 22, "found '' (end of file)"),
    ],
)
def test_errors_name_file_line_and_what_was_found(text: str, line: int, says: str) -> None:
    with pytest.raises(DataError) as caught:
        parsed(text)
    assert str(caught.value).startswith(f"here, line {line}: expected ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a {" * 30_000,
        "}" * 30_000,
        "a: " + "9" * 30_000 + "}",
        "a: '" + "\\3" * 30_000,
        "a" * 30_000,
        "\x00\x1b[0m\r\u2028",
    ],
)
def test_errors_of_hostile_texts_are_one_short_line(text: str) -> None:
    with pytest.raises(DataError) as caught:
        parsed(f"output_dim: 1 {text}")
    message = str(caught.value)
    assert len(message) < 300 and message.isprintable()


def test_a_long_line_of_unknown_fields_is_passed() -> None:
    message, _ = parsed("unknown: 1 " * 3_000 + "output_dim: 3")
    assert message.output_dim == 3


def test_an_empty_text_has_no_fields() -> None:
    message, maps = parsed(" \n # nothing\n")
    assert message.ByteSize() == 0 and maps == {}
