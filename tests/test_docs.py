"""What the documents say must hold: links, files, options, targets, packages, terms, and every example runs."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from autodl_agent.commands.group import cli

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("autodl_agent", "benchmarks", "data_format", "docs", "sample_data")
DOCUMENTS = [ROOT / "README.md", *sorted(path for name in FOLDERS for path in (ROOT / name).rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
USED_BY_EXAMPLES = ("sample_data", "autodl_agent")


def blocks_of(document: Path, language: str = "") -> list[str]:
    """The fenced blocks of a document in this language."""
    text = document.read_text(encoding="utf-8")
    return [body for found, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.M) if found == language]


def command_lines(document: Path) -> list[list[str]]:
    """The arguments of every `autodl` command line in the fenced blocks of a document."""
    lines = [line for block in blocks_of(document) for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("autodl ")]


def options_of(command: str) -> set[str]:
    """Long options of a sub-command, without --help."""
    return {o for p in cli.commands[command].params for o in p.opts if o.startswith("--")} - {"--help"}


def named(documents: list[Path]) -> list[str]:
    """Ids of parametrised documents."""
    return [str(document.relative_to(ROOT)) for document in documents]


def source_of(*packages: str) -> str:
    """All Python of these folders, as one text."""
    return "\n".join(path.read_text(encoding="utf-8") for name in packages for path in (ROOT / name).rglob("*.py"))


WITH_PYTHON = [document for document in DOCUMENTS if blocks_of(document, "python")]
WITH_COMMANDS = [document for document in DOCUMENTS if command_lines(document)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=named(DOCUMENTS))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named(DOCUMENTS))
def test_links_to_headings_lead_somewhere(document: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#]*)#([^)]+)\)", document.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        page = (document.parent / target if target else document).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
        assert heading in anchors, f"{target}#{heading}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named(DOCUMENTS))
def test_python_files_that_documents_name_exist(document: Path) -> None:
    files = [f"/{path.relative_to(ROOT).as_posix()}" for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    names = {name.removeprefix("../") for name in re.findall(r"[\w./]+\.py\b", document.read_text(encoding="utf-8"))}
    beside = {name for name in names if (document.parent / name).exists()}
    missing = [name for name in names - beside if not any(file.endswith(f"/{name.lstrip('./')}") for file in files)]
    assert missing == []


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_and_option_is_in_the_readme(command: str) -> None:
    assert f"autodl {command} " in README
    missing = [option for option in options_of(command) if f"`{option}" not in README and f"{option} " not in README]
    assert missing == []


def test_command_lines_are_accepted() -> None:
    lines = [line for document in WITH_COMMANDS for line in command_lines(document)]
    assert len(lines) >= 4
    for command, *arguments in lines:
        assert command in cli.commands
        given = {argument for argument in arguments if argument.startswith("--")}
        assert given <= options_of(command), f"autodl {command}"


def test_make_targets_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        found = re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)(?=`|\s*$|\s+#|[A-Z])", text, re.MULTILINE)
        words = {word for phrase in found for word in phrase.split()}
        assert words <= targets, f"{document.name} names {words - targets}"


def test_sample_sets_in_the_readme_exist() -> None:
    names = set(re.findall(r"sample_data/[\w/.]+\w", README))
    assert names and all((ROOT / name).exists() for name in names)


def test_the_architecture_lists_the_packages_that_there_are() -> None:
    for package in ("autodl_agent", "data_format"):
        tree = re.search(rf"^{package}/.*\n((?:  .*\n)+)", ARCHITECTURE, re.MULTILINE)
        assert tree is not None
        listed = re.findall(r"^  (\w+)/", tree[1], re.MULTILINE)
        folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert len(listed) == len(set(listed)) and set(listed) == folders


def test_the_architecture_gives_the_layers_of_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract.get("containers") == ["autodl_agent"]]
    assert " > ".join(layers) in ARCHITECTURE.splitlines()


def test_terms_of_the_glossary_are_in_the_source() -> None:
    rows = [line.split("|") for line in GLOSSARY.splitlines() if line.startswith("| ") and "---" not in line]
    names = {name for row in rows for cell in row for name in re.findall(r"`([^`]+)`", cell)}
    assert len(names) >= 30
    source = source_of("autodl_agent", "data_format")
    known = set(re.findall(r"\w+", source)) | set(re.findall(r"--[a-z-]+", source))
    words = {name: re.findall(r"--[a-z-]+|\w+", name) for name in names if not (ROOT / name).exists()}
    assert {name: missing for name, found in words.items() if (missing := set(found) - known)} == {}


def run_example(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments in a folder that has the sample data."""
    for name in USED_BY_EXAMPLES:
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("document", WITH_PYTHON, ids=named(WITH_PYTHON))
def test_python_of_documents_runs(document: Path, tmp_path: Path) -> None:
    for block in blocks_of(document, "python"):
        result = run_example(["-c", block], tmp_path)
        assert result.returncode == 0, f"{block}\n{result.stderr[-2000:]}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("document", WITH_COMMANDS, ids=named(WITH_COMMANDS))
def test_command_lines_of_documents_run(document: Path, tmp_path: Path) -> None:
    """In the order in which they stand: one may use what another left."""
    for arguments in command_lines(document):
        result = run_example([str(ROOT / "cli.py"), *arguments], tmp_path)
        assert result.returncode == 0, f"autodl {shlex.join(arguments)}\n{result.stderr[-2000:]}"
