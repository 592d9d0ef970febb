"""The page as one self-contained HTML text: facts in, markup out."""

import base64
import hashlib
from functools import cache
from importlib import resources

from autodl_agent.runs.report.html_templates import template_environment
from autodl_agent.runs.report.page_facts import PageFacts

_PACKAGE = "autodl_agent.runs.report"


def render(facts: PageFacts) -> str:
    """The page. Raises ImportError where jinja2 is not installed."""
    from markupsafe import Markup

    # Files of ours, constant, and without an end tag; nothing else becomes markup without being escaped.
    style, script = Markup(read_asset("report.css")), Markup(read_asset("report.js"))
    template = template_environment(_PACKAGE).get_template("report.html.j2")
    return template.render(facts=facts, style=style, script=script, policy=content_security_policy())


def load_templates() -> None:
    """Compile all of them, so that pages are drawn at the same speed from the first one on."""
    environment = template_environment(_PACKAGE)
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)


@cache
def read_asset(name: str) -> str:
    """A file of the `templates` folder, as it is."""
    return (resources.files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")


@cache
def content_security_policy() -> str:
    """Nothing is loaded from anywhere, and no script but the page's own runs, whatever the data contain."""
    digest = base64.b64encode(hashlib.sha256(read_asset("report.js").encode()).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        f"script-src 'sha256-{digest}'"
    )
