"""The HTML templates of a package: escaping is always on, and a name that a template does not know is an error.

Whatever text a template prints also passes `visible_text`, so that no page can forget it. jinja2 is imported on first
use, which is never before the first prediction of a run.
"""

from functools import cache
from typing import TYPE_CHECKING

from autodl_agent.runs.report.formatting import decimal, duration, is_known, percent, shorten

if TYPE_CHECKING:
    from jinja2 import Environment

_REPLACEMENT = "\ufffd"
# Not printable by themselves, but without them emoji (flags: tags) and some scripts fall apart.
_JOINERS = frozenset(" \n\t\u00a0\u00ad\u200c\u200d\u200e\u200f\u202f\u3000") | {
    chr(c) for c in range(0xE0020, 0xE0080)
}


@cache
def template_environment(package: str) -> "Environment":
    """Templates in the `templates` folder of a package. package: dotted name, such as "autodl_agent.runs.report".

    Raises ImportError where jinja2 is not installed.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(decimal=decimal, duration=duration, percent=percent, shorten=shorten)
    environment.tests["known"] = is_known
    return environment


def visible_text(text: str) -> str:
    """Text with a box for every character that HTML forbids or that turns the direction of what follows.

    These are control characters, halves of surrogate pairs and overrides of the writing direction.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _JOINERS else _REPLACEMENT for char in text)


def _finalize(value: object) -> object:
    """What every expression of a template passes before it is escaped; markup has passed it already."""
    return visible_text(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
