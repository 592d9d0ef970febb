"""Nothing heavy is imported at module level; read from the source, not run.

Which package may import which is said in pyproject.toml and held by `make lint` (import-linter).
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("autodl_agent", "data_format")

HEAVY = {
    *("tensorflow", "tensorflow_hub", "tf_keras", "keras", "librosa", "lightgbm"),
    *("pandas", "matplotlib", "jinja2", "sklearn", "numba", "scipy.stats"),
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


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 20


def broken(paths: Iterable[Path], fault: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """What is wrong, file by file; empty where all is well."""
    return {str(path.relative_to(ROOT)): found for path in paths if (found := fault(path))}


def test_nothing_heavy_at_module_level() -> None:
    assert broken(modules(), lambda path: within(imported(at_module_level(tree_of(path))), HEAVY)) == {}


def test_nobody_imports_the_door() -> None:
    assert broken(modules(), lambda path: within(imported(ast.walk(tree_of(path))), {"cli"})) == {}


def test_the_checks_can_fail() -> None:
    source = "import sklearn.svm\nclass A:\n    import keras\ndef f():\n    import pandas\n"
    assert within(imported(at_module_level(ast.parse(source))), HEAVY) == ["sklearn.svm", "keras"]
