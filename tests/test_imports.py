"""Imports point downward only, and nothing heavy is imported at module level; read from the source, not run."""

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("autodl_agent", "data_format")

# The lines of docs/architecture.md, highest first.
# A module may import from its own line and the lines below it; a new module must find its line here.
LAYERS = (
    ("commands", "data_commands", "classifier", "progress", "score_view", "benchmark"),
    (
        "agent",
        "saved",
        "challenge",
        "report",
        "inspection",
        "inspect_view",
        "inspect_table",
        "inspect_examples",
        "preview",
        "reading",
        "convert",
        "output",
        "closing",
        "people",
        "facts",
        "session",
        "testing",
        "faults",
    ),
    ("rounds",),
    ("lanes", "encore"),
    ("loop",),
    ("earlier",),
    (
        "policy",
        "priors",
        "baselines",
        "ensemble",
        "stacking",
        "judging",
        "snapshot",
        "calibration",
        "worker",
        "learners",
        "members",
        "holdout",
        "pretrained",
    ),
    ("store", "sharing", "processes", "domain", "peek", "task", "clock", "machine", "config", "notes", "scoring"),
    ("errors",),
)
LEVEL = {module: -depth for depth, modules in enumerate(LAYERS) for module in modules}

HEAVY = {
    *("tensorflow", "tensorflow_hub", "tf_keras", "keras", "librosa", "lightgbm"),
    *("pandas", "matplotlib", "sklearn", "numba", "scipy.stats"),
}


def modules() -> list[Path]:
    """Every source file of the two packages."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Dotted names that import statements among `nodes` ask for; `from a import b` gives a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_module_level(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run on import: everything outside functions and `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_module_level(child)


def within(names: Iterator[str], roots: set[str]) -> list[str]:
    """The names that are one of `roots` or lie below it."""
    return [name for name in names if any(name == root or name.startswith(root + ".") for root in roots)]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def part_of(dotted: str) -> str | None:
    """Which part of autodl_agent a dotted name means: its second word; None for the package itself and for others."""
    words = dotted.split(".")
    return words[1] if words[0] == "autodl_agent" and len(words) > 1 else None


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 20


def broken(paths: Iterable[Path], fault: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """What is wrong, file by file; empty where all is well."""
    return {str(path.relative_to(ROOT)): found for path in paths if (found := fault(path))}


def test_nothing_heavy_at_module_level() -> None:
    assert broken(modules(), lambda path: within(imported(at_module_level(tree_of(path))), HEAVY)) == {}


def test_nobody_imports_the_door() -> None:
    assert broken(modules(), lambda path: within(imported(ast.walk(tree_of(path))), {"cli"})) == {}


def test_data_format_stands_alone() -> None:
    others = {"autodl_agent", "tensorflow", "pandas", "sklearn"}
    paths = (ROOT / "data_format").rglob("*.py")
    assert broken(paths, lambda path: within(imported(ast.walk(tree_of(path))), others)) == {}


def upward(path: Path) -> list[str]:
    """Imports of a file from a line of LAYERS above its own."""
    part = path.relative_to(ROOT / "autodl_agent").with_suffix("").parts[0]
    if part == "__init__":  # the package's surface is allowed to show anything below it
        return []
    assert part in LEVEL, f"autodl_agent.{part} has no line in LAYERS"
    found = [(name, other) for name in imported(ast.walk(tree_of(path))) if (other := part_of(name)) is not None]
    # `from autodl_agent import x` may also mean a name of the package itself.
    return [name for name, other in found if other not in LEVEL or LEVEL[other] > LEVEL[part]]


def test_no_arrow_points_upward() -> None:
    assert broken((ROOT / "autodl_agent").rglob("*.py"), upward) == {}


def test_scoring_sees_no_learner() -> None:
    def others(path: Path) -> list[str]:
        ours = within(imported(ast.walk(tree_of(path))), {"autodl_agent"})
        return [name for name in ours if part_of(name) != "scoring"]

    assert broken((ROOT / "autodl_agent" / "scoring").glob("*.py"), others) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circles(package: str) -> None:
    """Modules of a package import each other without circles, so any of them can be read (and loaded) first."""
    graph: dict[str, set[str]] = {}
    for path in (ROOT / package).rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found = list(imported(at_module_level(tree_of(path))))
        graph[name] = {*found, *(dotted.rpartition(".")[0] for dotted in found)} - {package, name}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail, name))
        if name in done or name not in graph:
            return
        for other in sorted(graph[name]):
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_the_checks_can_fail() -> None:
    source = "import sklearn.svm\nclass A:\n    import keras\ndef f():\n    import pandas\n"
    assert within(imported(at_module_level(ast.parse(source))), HEAVY) == ["sklearn.svm", "keras"]
    assert LEVEL["commands"] > LEVEL["agent"] > LEVEL["rounds"] > LEVEL["learners"] > LEVEL["store"] > LEVEL["errors"]
    assert part_of("autodl_agent.learners.base.Learner") == "learners"
