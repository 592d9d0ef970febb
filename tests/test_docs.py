"""What the documents say must be there: commands, options, targets and links."""

import re
import shlex
from pathlib import Path

import pytest

from autodl_agent.commands.group import cli

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "sample_data" / "README.md", *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


def options_of(command: str) -> set[str]:
    """Long options of a sub-command, without --help."""
    return {o for p in cli.commands[command].params for o in p.opts if o.startswith("--")} - {"--help"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_and_option_is_in_the_readme(command: str) -> None:
    assert f"autodl {command} " in README
    missing = [option for option in options_of(command) if f"`{option}" not in README and f"{option} " not in README]
    assert missing == []


def test_command_lines_of_the_readme_are_accepted() -> None:
    blocks = re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("autodl ")]
    assert len(lines) >= 4
    for line in lines:
        _, command, *arguments = shlex.split(line)
        assert command in cli.commands, line
        given = {argument for argument in arguments if argument.startswith("--")}
        assert given <= options_of(command), line


def test_make_targets_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        named = {
            word for words in re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)", text, re.MULTILINE) for word in words.split()
        }
        assert named <= targets, f"{document.name} names {named - targets}"


def test_sample_sets_in_the_readme_exist() -> None:
    named = set(re.findall(r"sample_data/[\w/.]+\w", README))
    assert named and all((ROOT / name).exists() for name in named)
