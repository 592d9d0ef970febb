"""Protocol-buffer text format: a tokenizer on one compiled regular expression, and the string escapes.

Only what a reader of unknown files needs: fields as (name, value, position), values as raw tokens, nested messages
as lists of fields. Grammar: the "Text Format Language Specification" of protocol buffers (version 2 and 3).
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from data_format.errors import DataError

# Nesting is recursion here: a file of nothing but brackets must end in an error with its line.
_MAX_DEPTH = 64

_STRING = r"""'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\\n]*(?:\\.[^"\\\n]*)*\""""
_SKIP = re.compile(r"(?:\s+|\#[^\n]*)*")
_TOKEN = re.compile(
    rf"""(?P<string>{_STRING})
       | (?P<word>[A-Za-z_][\w.\-+/]*)
       | (?P<number>-?\s*(?:\d(?:[eE][+\-]\d|[\w.])*|\.\d+(?:[eE][+\-]?\d+)?|inf|nan)[fF]?)
       | (?P<mark>[{{}}<>\[\]:,;()])""",
    re.VERBOSE,
)
# A whole map entry in its usual form is one match: vocabularies have hundreds of thousands of them.
_ENTRY = re.compile(
    rf"\s*(?P<name>[A-Za-z_]\w*)\s*:?\s*\{{\s*key\s*:\s*(?P<key>{_STRING})\s*[,;]?\s*"
    rf"value\s*:\s*(?P<value>-?\d+)\s*[,;]?\s*\}}\s*[,;]?"
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_SIMPLE = dict(zip(b"abfnrtv?\\'\"", b"\a\b\f\n\r\t\v?\\'\"", strict=True))
# The commonest escapes, three octal digits, are looked up: vocabularies of other scripts consist of them.
_OCTAL = {b"%03o" % byte: bytes([byte]) for byte in range(256)}


_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_NAMED = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x22: '\\"', 0x5C: "\\\\"}
_SPELLING = {byte: _NAMED.get(byte, f"\\{byte:03o}") for byte in range(256) if not _PLAIN.fullmatch(chr(byte))}


class Entries(NamedTuple):
    """Map entries in a row: field name, key as quoted and value as written of each; the position of each."""

    items: list[tuple[str, str, str]]
    positions: list[int]


class Field(NamedTuple):
    """One field of a message. value: raw token text, adjacent quoted strings, map entries or a nested message."""

    name: str
    value: "str | list[str] | Entries | list[Field]"
    position: int


@dataclass
class _Reader:
    """Walks over `text`; `at` is the position of the next unread character."""

    text: str
    where: str
    at: int = 0

    def fail(self, expected: str, position: int | None = None) -> NoReturn:
        """Raise DataError with file, line, what was expected and what was found."""
        position = self.at if position is None else position
        found = self.text[position : position + 20].split("\n")[0]
        raise DataError(
            f"{self.where}, line {line_of(self.text, position)}: expected {expected}, "
            f"found {found!r}" + (" (end of file)" if not found else "")
        )

    def skip(self) -> None:
        """Go past blanks and comments."""
        match = _SKIP.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def token(self, expected: str) -> tuple[str, str]:
        """Kind and text of the next token. Raises DataError at the end of the text."""
        self.skip()
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            self.fail(expected)
        self.at = match.end()
        return str(match.lastgroup), match.group()

    def take(self, marks: str) -> str:
        """Consume one of `marks` when it comes next; "" otherwise."""
        self.skip()
        char = self.text[self.at : self.at + 1]
        if char and char in marks:
            self.at += 1
            return char
        return ""


def line_of(text: str, position: int) -> int:
    """Line number, from 1, of a position in a text."""
    return text.count("\n", 0, position) + 1


def parse_fields(text: str, where: str) -> list[Field]:
    """All top-level fields of a text-format message. Raises DataError with file and line."""
    return _fields(_Reader(text, where), "", 0)


def _fields(reader: _Reader, end: str, depth: int) -> list[Field]:
    """Fields up to the closing mark `end` ("" = end of file)."""
    if depth > _MAX_DEPTH:
        reader.fail(f"at most {_MAX_DEPTH} nested messages")
    fields: list[Field] = []
    text, match_entry = reader.text, _ENTRY.match
    while True:
        start, run = reader.at, Entries([], [])
        while entry := match_entry(text, reader.at):
            run.items.append(entry.groups())  # type: ignore[arg-type]
            run.positions.append(reader.at)
            reader.at = entry.end()
        if run.items:
            fields.append(Field("", run, start))
        reader.skip()
        if end and reader.take(end):
            return fields
        if not end and reader.at == len(text):
            return fields
        fields.append(_field(reader, depth))


def _field(reader: _Reader, depth: int) -> Field:
    """One field with its separator."""
    start = reader.at
    kind, name = reader.token("a field name")
    if name == "[":  # an extension, or the type of an Any: never ours, read only to be skipped
        closing = reader.text.find("]", reader.at)
        if closing < 0:
            reader.fail("']' after an extension name", start)
        name, reader.at = reader.text[start : closing + 1], closing + 1
    elif kind != "word":
        reader.fail("a field name", start)
    colon = reader.take(":")
    value = _value(reader, depth, message_only=not colon)
    reader.take(",;")
    return Field(name, value, start)


def _value(reader: _Reader, depth: int, message_only: bool) -> "str | list[str] | list[Field]":
    """A message, a list, a string (with the strings after it) or a bare token."""
    if opening := reader.take("{<"):
        return _fields(reader, "}" if opening == "{" else ">", depth + 1)
    if opening := reader.take("["):
        return _list(reader, depth)
    if message_only:
        reader.fail("':' or '{' after a field name")
    start = reader.at
    kind, text = reader.token("a value")
    if kind == "mark":
        reader.fail("a value", start)
    if kind != "string":
        return text
    parts = [text]
    while True:
        reader.skip()
        more = _TOKEN.match(reader.text, reader.at)
        if more is None or more.lastgroup != "string":
            return parts
        parts.append(more.group())
        reader.at = more.end()


def _list(reader: _Reader, depth: int) -> list[Field]:
    """A bracketed list, as fields without a name."""
    items: list[Field] = []
    while not reader.take("]"):
        reader.skip()
        start = reader.at
        if depth > _MAX_DEPTH:
            reader.fail(f"at most {_MAX_DEPTH} nested lists")
        items.append(Field("", _value(reader, depth + 1, message_only=False), start))
        reader.take(",")
    return items


def unquote(token: str) -> str:
    r"""Text of a quoted string; escapes stand for bytes of UTF-8 (`caf\303\251` is café).

    Bytes that are not UTF-8 come back as `\xNN`. Raises ValueError for an unknown escape.
    """
    body = token[1:-1]
    if "\\" not in body:
        return body
    return _ESCAPE.sub(_unescape, body.encode("utf-8", "surrogatepass")).decode("utf-8", "backslashreplace")


def _unescape(match: re.Match[bytes]) -> bytes:
    """Bytes that one escape stands for."""
    code = match.group(1)
    if code in _OCTAL:
        return _OCTAL[code]
    head = code[0]
    if chr(head).isdigit() and head < 0x38:
        # Three octal digits reach 511; an escape stands for one byte.
        return bytes([int(code, 8) & 0xFF])
    if head in b"xX" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if head in b"uU" and len(code) > 1 and int(code[1:], 16) < 0x110000:
        return chr(int(code[1:], 16)).encode("utf-8", "surrogatepass")
    if head in _SIMPLE and len(code) == 1:
        return bytes([_SIMPLE[head]])
    raise ValueError(f"unknown escape \\{code.decode('utf-8', 'replace')}")


def quote(text: str) -> str:
    r"""A quoted string in pure ASCII, other bytes as octal escapes, so that any reader's locale can take it."""
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    # Latin-1 gives each byte one character, so that `translate` can spell it.
    return '"' + text.encode("utf-8", "backslashreplace").decode("latin-1").translate(_SPELLING) + '"'
