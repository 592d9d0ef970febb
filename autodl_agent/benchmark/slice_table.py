"""The table of recorded slices that policies are replayed on: JSON lines, read and checked.

A line has a `kind`:

    set       a data set: domain, rows, classes, shape, folds, when the first slice could begin (s)
    slice     one slice of one learner, in order: seconds, its NAUC, whether it could go on, …
    ensemble  what an ensemble of members with these NAUCs was worth

`benchmarks/record_slices.py` writes it. NAUCs are those on held-out rows; times are in seconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autodl_agent.data.task import Domain, Task
from data_format.errors import DataError


@dataclass(frozen=True)
class RecordedSlice:
    """What one slice took and came to.

    nauc: the learner's after it, None without a result. answer_s: seconds from its begin to a first answer, where it
    gave one before its end. The others are those of `SliceRecord`.
    """

    seconds: float
    nauc: float | None
    more: bool
    next_s: float | None = None
    timed_out: bool = False
    failed: bool = False
    answer_s: float | None = None


@dataclass(frozen=True)
class EnsembleState:
    """NAUC of each member, and of the ensemble of them."""

    members: Mapping[str, float]
    nauc: float


@dataclass
class RecordedSet:
    """One data set with all that was recorded on it.

    ready_s: when the first slice began, since the launch. worker_ready_s: when the worker process could begin its
    first, None where it never did. slices: learner -> its slices in order.
    """

    name: str
    task: Task
    folds: int
    ready_s: float
    worker_ready_s: float | None
    slices: dict[str, list[RecordedSlice]] = field(default_factory=dict)
    states: list[EnsembleState] = field(default_factory=list)


def read_slice_table(path: Path) -> list[RecordedSet]:
    """The data sets of a table, in its order.

    Raises DataError naming the file and the line for what is no such table, OSError where it cannot be read.
    """
    sets: dict[str, RecordedSet] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            _add(sets, json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(
                f"{path}, line {number}: expected a recorded set, slice or ensemble "
                f"(benchmarks/record_slices.py writes them), found {line[:60]!r} ({reason})"
            ) from None
    if not sets:
        raise DataError(f"{path}: expected recorded slices, one JSON object a line, found none")
    return list(sets.values())


def _add(sets: dict[str, RecordedSet], values: dict[str, Any]) -> None:
    kind, name = values["kind"], values["set"]
    if kind == "set":
        sets[name] = _recorded_set(name, values)
    elif kind not in ("slice", "ensemble"):
        raise ValueError(f"kind {kind!r}")
    elif name not in sets:
        raise ValueError(f"the line of set {name!r} must come before")
    elif kind == "slice":
        sets[name].slices.setdefault(str(values["learner"]), []).append(_recorded_slice(values))
    else:
        members = {str(learner): _number(values["members"], learner) for learner in values["members"]}
        sets[name].states.append(EnsembleState(members, _number(values, "nauc")))


def _recorded_set(name: str, values: dict[str, Any]) -> RecordedSet:
    time, rows, columns, channels = map(int, values["shape"])
    classes = tuple(f"class {k}" for k in range(int(values["classes"])))
    task = Task(
        name=name,
        domain=Domain(values["domain"]),
        domain_reason="recorded",
        class_names=classes,
        n_train=int(values["n_train"]),
        n_test=int(values["n_test"]),
        shape=(time, rows, columns, channels),
        multilabel=bool(values["multilabel"]),
        class_counts=(1,) * len(classes),  # not recorded: the policy does not look at them
    )
    return RecordedSet(
        name, task, int(values["folds"]), _seconds(values, "ready_s"), _optional_seconds(values, "worker_ready_s")
    )


def _recorded_slice(values: dict[str, Any]) -> RecordedSlice:
    return RecordedSlice(
        seconds=_seconds(values, "seconds"),
        nauc=None if values["nauc"] is None else _number(values, "nauc"),
        more=bool(values["more"]),
        next_s=_optional_seconds(values, "next_s"),
        timed_out=bool(values.get("timed_out", False)),
        failed=bool(values.get("failed", False)),
        answer_s=_optional_seconds(values, "answer_s"),
    )


def _number(values: Mapping[str, Any], name: str) -> float:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number, found {value!r}")
    if not -1e9 < value < 1e9:  # NaN, too, is refused
        raise ValueError(f"{name}: expected a finite number, found {value!r}")
    return float(value)


def _seconds(values: Mapping[str, Any], name: str) -> float:
    value = _number(values, name)
    if value < 0:
        raise ValueError(f"{name}: expected seconds of at least 0, found {value!r}")
    return value


def _optional_seconds(values: Mapping[str, Any], name: str) -> float | None:
    return None if values.get(name) is None else _seconds(values, name)
