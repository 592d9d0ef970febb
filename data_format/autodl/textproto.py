"""Protocol-buffer text format -> a message, by `google.protobuf.text_format`; large maps by one regular expression.

That parser takes 0.03 ms an entry of a map, and vocabularies have hundreds of thousands of them. What it takes from us:
strings come to it with their escapes resolved by the language's rules (its own differ in some), nesting is bounded, and
each error becomes one line with file, line, what was expected and what was found.
Grammar: the "Text Format Language Specification" of protocol buffers (version 2 and 3).
"""

import re
from operator import length_hint
from typing import Any, NoReturn

from data_format.errors import DataError

Maps = dict[str, dict[str, int]]

_MAX_DEPTH = 64  # of nested messages and lists; the parser recurses
_SHOWN = 20  # characters of what was found
_WORTH_KEEPING = 10_000  # characters of maps that are kept for the next file

_STRING = r"""'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\\n]*(?:\\.[^"\\\n]*)*\""""
_PLAIN_ESCAPE = r"""\\(?:[0-7]{1,3}|x[0-9a-fA-F]{1,2}|[abfnrtv?\\'"])"""
_PLAIN_STRING = rf"""'[^'\\\n]*+(?:{_PLAIN_ESCAPE}[^'\\\n]*+)*+'|"[^"\\\n]*+(?:{_PLAIN_ESCAPE}[^"\\\n]*+)*+\""""
# A map entry in its usual form, which needs no check: its string and its number cannot be wrong.
_ENTRY = re.compile(
    rf"\s*(?P<name>\w+_to_index_map)\s*:?\s*\{{\s*key\s*:\s*(?P<key>{_PLAIN_STRING})\s*[,;]?\s*"
    rf"value\s*:\s*(?P<value>0|-?[1-9]\d{{,8}})\s*[,;]?\s*\}}\s*(?:[,;]\s*)?"
)
_TOKEN = re.compile(
    rf"\#[^\n]*|(?P<string>{_STRING})|(?P<open>[{{<\[])|(?P<close>[}}>\]])|(?P<map>\b\w+_to_index_map\b)"
)
# The parser copies a whole line for each token that is not what it tries, so it is given lines in short parts.
_CUT = "\f"
_BETWEEN = re.compile(r"[ ,;]")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_SIMPLE = dict(zip(b"abfnrtv?\\'\"", b"\a\b\f\n\r\t\v?\\'\"", strict=True))
# The commonest escapes, three octal digits, are looked up: vocabularies of other scripts consist of them.
_OCTAL = {b"%03o" % byte: bytes([byte]) for byte in range(256)}
_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_NAMED = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x22: '\\"', 0x5C: "\\\\"}
_SPELLING = {byte: _NAMED.get(byte, f"\\{byte:03o}") for byte in range(256) if not _PLAIN.fullmatch(chr(byte))}

# Train and test describe the same maps and differ only before them: the newest ones, with the text they came from.
_newest: list[tuple[str, Maps]] = []


def parse_message(text: str, message: Any, where: str) -> Maps:
    """Merge a text into `message`, unknown fields left out; gives the entries of `*_to_index_map` in their usual form.

    message: has such maps as repeated entries of a bytes `key` and an int32 `value`; it gets the entries in any other
    form (parts turned round, comments between). where: the file, for errors. Raises DataError with file and line.
    """
    from google.protobuf import text_format  # 10 ms

    maps: Maps = {}
    for end, known in _newest:
        if text.endswith(end):
            text, maps = text[: -len(end)], {name: dict(entries) for name, entries in known.items()}
    lines = _without_entries(text, maps, where).split("\n")
    parts = [(number, part) for number, line in enumerate(lines, 1) for part in line.split(_CUT)]
    unread = iter(parts)
    try:
        text_format.MergeLines(
            (part for _, part in unread), message, allow_unknown_extension=True, allow_unknown_field=True
        )
    except text_format.ParseError as error:
        at = (error.GetLine() or len(parts) - length_hint(unread)) - 1  # some errors do not say where
        line = parts[at][0]
        rest = "".join(part for number, part in parts[at : at + _SHOWN] if number == line)
        found = rest[(error.GetColumn() or 1) - 1 :].strip()
        _fail(where, line, f"text of a protobuf message ({_reason(error)})", found)
    return maps


def _without_entries(text: str, maps: Maps, where: str) -> str:
    """The text without map entries in their usual form, which are added to `maps`, and without comments.

    Strings are in plain ASCII, escapes resolved; lines keep their numbers, and have marks where they may be cut.
    """
    pieces: list[str] = []
    at = depth = 0
    while token := _TOKEN.search(text, at):
        start, kind = token.start(), token.lastgroup
        pieces.append(_BETWEEN.sub(rf"\g<0>{_CUT}", text[at:start]))
        at = token.end()
        if kind == "string":
            pieces += _canonical(token.group(), text, start, where), _CUT
        elif kind == "map" and not depth and (end := _read_entries(text, start, maps)):
            at = end
            if end < len(text):
                pieces.append("\n" * text.count("\n", start, end))
        elif kind is not None:
            pieces += token.group(), _CUT
            depth += (kind == "open") - (kind == "close")
        if depth > _MAX_DEPTH:
            _fail(where, _line_of(text, start), f"at most {_MAX_DEPTH} nested messages", text[start:at])
    return "".join((*pieces, _BETWEEN.sub(rf"\g<0>{_CUT}", text[at:])))


def _read_entries(text: str, start: int, maps: Maps) -> int:
    """Add the map entries in a row from `start`; gives where they end, 0 where there is none."""
    first, end, last, into = not maps, start, "", {}
    match_entry = _ENTRY.match
    while entry := match_entry(text, end):
        name, key, value = entry.groups()
        if name != last:
            into, last = maps.setdefault(name, {}), name
        into[unquote(key)] = int(value)
        end = entry.end()
    if end == start:
        return 0
    # Only what all entries of the text came from says the same about the next text, and only from a line's start.
    if first and end - start > _WORTH_KEEPING and text[start - 1 : start] == "\n" and end == len(text):
        _newest[:] = [(text[start - 1 :], {name: dict(entries) for name, entries in maps.items()})]
    return end


def _canonical(token: str, text: str, start: int, where: str) -> str:
    if _PLAIN.fullmatch(token[1:-1]):
        return token
    try:
        return _quoted(_unquoted(token))
    except ValueError as error:
        _fail(where, _line_of(text, start), f"a string ({error})", token)


def _reason(error: Exception) -> str:
    """What the parser says, without its place and line, which may be long."""
    text = re.sub(r"\A\d+:\d+ : ('.*': )?", "", str(error), flags=re.DOTALL)
    return repr(text[: _SHOWN * 4])[1:-1]


def _fail(where: str, line: int, expected: str, found: str) -> NoReturn:
    end = "" if found else " (end of file)"
    raise DataError(f"{where}, line {line}: expected {expected}, found {found[:_SHOWN]!r}{end}")


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def unquote(token: str) -> str:
    r"""Text of a quoted string; escapes stand for bytes of UTF-8 (`caf\303\251` is café).

    Bytes that are not UTF-8 come back as `\xNN`. Raises ValueError for an unknown escape.
    """
    return token[1:-1] if "\\" not in token else text_of(_unquoted(token))


def text_of(data: bytes) -> str:
    r"""Bytes of a string as text; what is not UTF-8 becomes `\xNN`."""
    return data.decode("utf-8", "backslashreplace")


def quote(text: str) -> str:
    r"""A quoted string in pure ASCII, other bytes as octal escapes, so that any reader's locale can take it."""
    return f'"{text}"' if _PLAIN.fullmatch(text) else _quoted(text.encode("utf-8", "backslashreplace"))


def _quoted(data: bytes) -> str:
    # Latin-1 gives each byte one character, so that `translate` can spell it.
    return f'"{data.decode("latin-1").translate(_SPELLING)}"'


def _unquoted(token: str) -> bytes:
    return _ESCAPE.sub(_unescape, token[1:-1].encode("utf-8", "surrogatepass"))


def _unescape(match: re.Match[bytes]) -> bytes:
    """Bytes that one escape stands for."""
    code = match.group(1)
    if code in _OCTAL:
        return _OCTAL[code]
    head = code[:1]
    if head.isdigit() and head < b"8":
        # Three octal digits reach 511; an escape stands for one byte.
        return bytes([int(code, 8) & 0xFF])
    if head in b"xX" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if head in b"uU" and len(code) > 1 and int(code[1:], 16) < 0x110000:
        return chr(int(code[1:], 16)).encode("utf-8", "surrogatepass")
    if code[0] in _SIMPLE and len(code) == 1:
        return bytes([_SIMPLE[code[0]]])
    raise ValueError(f"unknown escape \\{code.decode('utf-8', 'replace')}")
