"""Results as JSON lines, one a run: appended whole, read back although the last one may be torn."""

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from autodl_agent.benchmark.environment import commit
from autodl_agent.benchmark.jobs import Job
from data_format.errors import DataError


@dataclass(frozen=True)
class BenchmarkResult:
    """What came of one job; times in seconds from launch, sizes in MiB, None where it is not known.

    first: when the first prediction came that is not the same for all rows. nauc: of the last prediction in time.
    drop: largest fall along the curve. peak_mb: memory of all processes together, shared pages counted once (PSS);
    peak_rss_mb: counted in each process. failure: one line, or empty. benched: learner -> why. environment: machine,
    versions, commit.
    """

    job: Job
    exit: int = 0
    wall: float = 0.0
    first: float | None = None
    predictions: int = 0
    nauc: float | None = None
    alc: float | None = None
    drop: float | None = None
    peak_mb: float | None = None
    peak_rss_mb: float | None = None
    failure: str = ""
    processes_left: int = 0
    files_left: int = 0
    ended_because: str = ""
    benched: dict[str, str] = field(default_factory=dict)
    curve: tuple[tuple[float, float], ...] = ()
    started: str = ""
    environment: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Any, ...]:
        """That of the job."""
        return self.job.key

    @property
    def overrun(self) -> float:
        """Seconds beyond the budget until the process was gone; negative when it ended early."""
        return self.wall - self.job.budget

    def as_json(self) -> dict[str, Any]:
        """JSON values: the job, the measurements, the environment, on one level."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("job", "environment")}
        return {**self.job.as_json(), **own, "overrun": round(self.overrun, 3), **self.environment}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "BenchmarkResult":
        """The inverse of `as_json`; unknown keys are the environment.

        Raises KeyError, TypeError or ValueError for values that make no record.
        """
        job = Job.from_json(values)
        own = {f.name: values[f.name] for f in fields(cls) if f.name in values and f.name not in ("job", "environment")}
        own["curve"] = tuple((float(t), float(s)) for t, s in own.get("curve", ()))
        rest = {key: value for key, value in values.items() if key not in own and key not in job.as_json()}
        rest.pop("overrun", None)
        record = cls(job=job, **own, environment=rest)
        for name in ("wall", "first", "nauc", "alc", "drop", "peak_mb"):
            if not isinstance(value := getattr(record, name), int | float | None):
                raise TypeError(f"{name}: expected a number, found {value!r}")
        return record


def read_results(path: Path) -> list[BenchmarkResult]:
    """The results in a file; of two with one key the later counts. A torn last line is left out.

    Raises DataError naming the file and the line for anything else that is not a result, OSError where the file
    cannot be read.
    """
    data = path.read_bytes()
    lines = data.decode("utf-8", "replace").split("\n")
    found: dict[tuple[Any, ...], BenchmarkResult] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = BenchmarkResult.from_json(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == len(lines):  # no line break behind it: the write was cut short
                continue
            raise DataError(f"{path}, line {number}: expected a result of `autodl benchmark`, found {line[:60]!r} "
                            f"({type(error).__name__}: {error})") from None  # fmt: skip
        found[record.key] = record
    return list(found.values())


class ResultFile:
    """A file that results are added to. Raises DataError where it holds something else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.found: list[BenchmarkResult] = []
        if path.exists():
            self.found = read_results(path)
            _mend(path)
        self.done = {record.key for record in self.found}

    def of_other_commits(self) -> int:
        """How many results were there before that another state of the code gave."""
        return sum(record.environment.get("commit") != commit() for record in self.found)

    def add(self, record: BenchmarkResult) -> None:
        """Write one line, as a whole and to the disk."""
        line = json.dumps(record.as_json(), ensure_ascii=False, allow_nan=False) + "\n"
        with self.path.open("ab", buffering=0) as file:
            file.write(line.encode("utf-8", "backslashreplace"))
            os.fsync(file.fileno())
        self.done.add(record.key)


def _mend(path: Path) -> None:
    """Cut off a torn last line, or close a whole one that lacks its line break."""
    data = path.read_bytes()
    if not data or data.endswith(b"\n"):
        return
    start = data.rfind(b"\n") + 1
    try:
        BenchmarkResult.from_json(json.loads(data[start:]))
    except (ValueError, KeyError, TypeError, AttributeError):
        with path.open("rb+") as file:
            file.truncate(start)
    else:
        with path.open("ab") as file:
            file.write(b"\n")
