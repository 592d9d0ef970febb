"""Files beside the code are installed with it and go into a submission: the lists of both name every kind there is."""

import tomllib
from pathlib import Path

from autodl_agent.challenge.submission.bundle import KEPT

ROOT = Path(__file__).resolve().parent.parent
NOT_INSTALLED = {".md", ".pyc"}


def beside_the_code(package: str) -> set[str]:
    """Paths, relative to the package, of its files that are no modules."""
    files = (path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix != ".py")
    return {str(path.relative_to(ROOT / package)) for path in files if path.suffix not in NOT_INSTALLED}


def test_every_file_beside_the_code_is_installed() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package, patterns in declared.items():
        installed = {
            str(path.relative_to(ROOT / package)) for pattern in patterns for path in (ROOT / package).glob(pattern)
        }
        assert beside_the_code(package) - installed == set()


def test_every_file_beside_the_code_is_in_a_submission() -> None:
    for package in ("autodl_agent", "data_format"):
        assert [name for name in beside_the_code(package) if not name.endswith(KEPT)] == []
