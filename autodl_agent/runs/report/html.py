"""Text that came from data, made safe for HTML and SVG, and the few elements that every part of the page is made of."""

from collections.abc import Iterable, Sequence
from html import escape

LONGEST = 80  # signs of a name in a table; the whole name stands in its title


def plain(text: str) -> str:
    """Text as HTML: escaped, without signs that HTML forbids (control characters, halves of surrogate pairs)."""
    kept = "".join(char if char.isprintable() or char in " \n\t" or _joins(char) else "\ufffd" for char in text)
    return escape(kept, quote=True)


def name(text: str, most: int = LONGEST) -> str:
    """A name from the data, isolated from the direction of the text around it, shortened, whole in its title."""
    if not text.strip():
        return f'<bdi class="empty">({"empty" if not text else "blank"})</bdi>'
    if len(text) <= most:
        return f"<bdi>{plain(text)}</bdi>"
    return f'<bdi title="{plain(text[:1000])}">{plain(text[: most - 1])}…</bdi>'


def number(value: float | None, digits: int = 4) -> str:
    """A number, or a dash where there is none (None or NaN), with a minus sign that is one."""
    if value is None or value != value:
        return '<span class="none" title="not known">–</span>'
    return f"{value:.{digits}f}".replace("-", "\u2212")


def percent(share: float | None) -> str:
    """A share in whole percent; what is neither none nor all never reads as 0 % or 100 %."""
    if share is None or share != share:
        return number(None)
    if 0 < share < 0.01:
        return "&lt;\u202f1\u202f%"
    if 0.99 < share < 1:
        return "&gt;\u202f99\u202f%"
    return f"{share * 100:.0f}\u202f%"


def seconds(value: float) -> str:
    """A duration that is easy to read: 0.42 s, 12.3 s, 4 min 05 s, 2 h 03 min."""
    if value < 10:
        return f"{value:.2f}\u202fs"
    if value < 120:
        return f"{value:.1f}\u202fs"
    minutes, rest = divmod(round(value), 60)
    if minutes < 120:
        return f"{minutes}\u202fmin {rest:02d}\u202fs"
    return f"{minutes // 60}\u202fh {minutes % 60:02d}\u202fmin"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, first_is_text: int = 1) -> str:
    """A table that scrolls sideways where it is too wide. Cells are HTML; the first one of a row is its heading.

    first_is_text: how many columns hold words and are set left; the others hold numbers.
    """
    top = "".join(f'<th scope="col"{_words(i < first_is_text)}>{cell}</th>' for i, cell in enumerate(head))
    body = []
    for row in rows:
        first = f'<th scope="row">{row[0]}</th>'
        body.append(first + "".join(f"<td{_words(i < first_is_text)}>{c}</td>" for i, c in enumerate(row[1:], 1)))
    lines = "".join(f"<tr>{line}</tr>\n" for line in body)
    return scrolling(
        f"<table><caption>{caption}</caption>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{lines}</tbody></table>", caption
    )


def scrolling(inner: str, label: str) -> str:
    """A part that scrolls sideways by itself, by keyboard too. label: HTML without tags."""
    return f'<div class="wide" role="region" tabindex="0" aria-label="{label}">{inner}</div>'


def folded(summary: str, inner: str) -> str:
    """A part that the reader opens."""
    return f"<details><summary>{summary}</summary>\n{inner}\n</details>"


def _words(yes: bool) -> str:
    return ' class="word"' if yes else ""


def _joins(char: str) -> bool:
    """Signs that are not printable by themselves, but without which emoji (flags: tags) and some scripts fall apart."""
    return char in "\u00a0\u00ad\u200c\u200d\u200e\u200f\u202f\u3000" or "\U000e0020" <= char <= "\U000e007f"
