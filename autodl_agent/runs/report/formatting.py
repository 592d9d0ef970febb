"""Numbers, shares and durations as text that is easy to read; plain text, which templates escape."""

_MINUS, _NARROW_SPACE = "\u2212", "\u202f"


def is_known(value: float | None) -> bool:
    """Whether there is a number: neither None nor NaN."""
    return value is not None and value == value


def decimal(value: float, digits: int = 4) -> str:
    """A number with a fixed count of digits and a minus sign that is one."""
    return f"{value:.{digits}f}".replace("-", _MINUS)


def percent(share: float) -> str:
    """A share in whole percent; what is neither none nor all never reads as 0 % or 100 %."""
    if 0 < share < 0.01:
        return f"<{_NARROW_SPACE}1{_NARROW_SPACE}%"
    if 0.99 < share < 1:
        return f">{_NARROW_SPACE}99{_NARROW_SPACE}%"
    return f"{share * 100:.0f}{_NARROW_SPACE}%"


def duration(seconds: float) -> str:
    """A duration: 0.42 s, 12.3 s, 4 min 05 s, 2 h 03 min."""
    if seconds < 10:
        return f"{seconds:.2f}{_NARROW_SPACE}s"
    if seconds < 120:
        return f"{seconds:.1f}{_NARROW_SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes}{_NARROW_SPACE}min {rest:02d}{_NARROW_SPACE}s"
    return f"{minutes // 60}{_NARROW_SPACE}h {minutes % 60:02d}{_NARROW_SPACE}min"


def shorten(text: str, most: int) -> str:
    """At most `most` characters; an ellipsis is the last of them where there were more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
