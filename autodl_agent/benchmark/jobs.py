"""What to run: one job for each data set and seed, in an order that shows every set early."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autodl_agent.system.errors import UsageError
from data_format.autodl.reader import is_autodl

# Names by which the readers know a data set; a folder of class folders has none of them.
_MARKS = ("labels_train.*", "*labels*.csv", "train.*", "train", "*_train.data")


@dataclass(frozen=True)
class Job:
    """One run. name: of the data set, unlike any other of the plan. memory: as `autodl run` takes it, or empty."""

    path: str
    name: str
    budget: float
    seed: int
    learners: tuple[str, ...] = ()
    policy: str = "policy"
    memory: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two runs the same one: everything but where the data lie."""
        return (self.name, self.budget, self.seed, *self.variant)

    @property
    def variant(self) -> tuple[Any, ...]:
        """The settings whose effect a comparison may be about."""
        return (self.learners, self.policy, self.memory)

    @property
    def variant_name(self) -> str:
        """The settings that are not the usual ones, in words; empty where all are usual."""
        parts = ["+".join(self.learners), self.policy if self.policy != "policy" else "", self.memory]
        return ", ".join(part for part in parts if part)

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        values = asdict(self)
        return {"set": values.pop("name"), **values, "learners": list(self.learners)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Job":
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError for values that make no job."""
        return cls(
            str(values.get("path", "")),
            str(values["set"]),
            float(values["budget"]),
            int(values["seed"]),
            tuple(map(str, values.get("learners", ()))),
            str(values.get("policy", "policy")),
            str(values.get("memory", "")),
        )


def plan(
    suite: Sequence[Path],
    budget: float,
    seeds: Iterable[int],
    learners: tuple[str, ...] = (),
    policy: str = "policy",
    memory: str = "",
) -> list[Job]:
    """Jobs seed by seed, so that a benchmark that was stopped has seen every set. Raises UsageError as `sets_in`."""
    sets = _named(sets_in(suite))
    return [
        Job(str(path), name, budget, seed, learners, policy, memory) for seed in seeds for name, path in sets.items()
    ]


def sets_in(suite: Sequence[Path]) -> list[Path]:
    """The data sets: each path itself, or what is in it where it is a folder of data sets.

    Raises UsageError for a path where there is nothing.
    """
    found: list[Path] = []
    for path in suite:
        if not path.exists():
            raise UsageError(f"{path}: expected a data set or a folder of data sets, found nothing there")
        found += _children(path) or [path]
    return list(dict.fromkeys(path.resolve() for path in found))


def _children(path: Path) -> list[Path]:
    if not path.is_dir() or _looks_like_a_set(path):
        return []
    return sorted(child for child in path.iterdir() if child.is_dir() and _looks_like_a_set(child))


def _looks_like_a_set(folder: Path) -> bool:
    return is_autodl(folder) or any(next(folder.glob(mark), None) is not None for mark in _MARKS)


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Paths by their last name, or by as much of the path's end as tells them apart."""
    names: dict[str, Path] = {}
    for path in paths:
        short = _short(path)
        alike = sum(_short(other) == short for other in paths)
        names[f"{path.parent.name}/{short}" if alike > 1 and path.parent.name else short] = path
    if len(names) < len(paths):
        twice = next(path for path in paths if path not in names.values())
        raise UsageError(f"{twice}: another data set of the suite has the same name and the same folder name")
    return names


def _short(path: Path) -> str:
    return path.name.removesuffix(".data") or str(path)
