"""What another run on the same data left, for a run that goes on from it: its ensemble, predictions and time."""

import json
import logging
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Logits
from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.worker.remote_member import RemoteMember
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, LearnerSpec
from autodl_agent.system.errors import UsageError
from data_format.errors import DataError
from data_format.predictions import list_predictions, read_start

log = logging.getLogger(__name__)
Point = dict[str, float | None]
ROUNDING = 1e-6  # of the figures in learning_curve.csv


@dataclass(frozen=True)
class PreviousRun:
    """folder: of the run. name: of its data, in its files. seconds: it has used.

    curve: `time` and `held_out_nauc` of its predictions, in order.
    task: its facts, None where it came to no model. seed: None where that cannot be told, after a kill without a model.
    parts: the learners of its last ensemble, each with the folders of its models (copies: the run's own model is
    replaced as soon as there is a better one) and its logits. nauc: of that ensemble on the held-out rows, None where
    there are none.
    """

    folder: Path
    name: str
    seconds: float
    epoch: float
    curve: tuple[Point, ...]
    task: Task | None = None
    nauc: float | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    parts: tuple[tuple[LearnerSpec, tuple[Path, ...], Logits | None, Logits], ...] = ()
    scratch: Path | None = None
    seed: int | None = None

    @property
    def to_beat(self) -> float | None:
        """Held-out NAUC above which a prediction is better than the last one on disk; None where none is known.

        The ensemble behind that one may be lost, or newer than the model. One just as good counts as better than a
        figure that was read from a file: it brings a model.
        """
        told = [nauc for point in self.curve if (nauc := point["held_out_nauc"]) is not None]
        known = [self.nauc, told[-1] - ROUNDING if told else None]
        return max((nauc for nauc in known if nauc is not None), default=None)

    def members(self, task: Task) -> list[RemoteMember]:
        """The ensemble as members that learn no more."""
        found = []
        for spec, models, held_out, test in self.parts:
            member = RemoteMember(spec)
            member.more = False
            member.accept(held_out, test, list(models), task)
            found.append(member)
        return found

    def check(self, task: Task) -> Task:
        """The task under the name that the run's files carry; raises UsageError where its model is of other data."""
        for name in ("domain", "class_names", "n_train", "n_test", "class_counts") if self.task else ():
            was, now = getattr(self.task, name), getattr(task, name)
            if was != now:
                raise UsageError(f"{self.folder}: made from data with {name} {_short(was)}, found {_short(now)}")
        if task.name == self.name:
            return task
        log.info("the data are called %s now; the run goes on as %s", task.name, self.name)
        return replace(task, name=self.name)

    def with_levels_of(self, task: Task) -> Task:
        """The task with the levels that the run's models were taught with: they would misread pictures by others."""
        return task if self.task is None else replace(task, levels=self.task.levels)

    def close(self) -> None:
        """Remove the copies."""
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)


def read_previous_run(folder: Path) -> PreviousRun:
    """What the run in `folder` left, however it ended. Raises UsageError with one line where that is no run."""
    predictions = folder / "predictions"
    try:
        start = read_start(predictions)
        files = list_predictions(predictions)
    except (OSError, DataError) as error:
        raise UsageError(f"{folder}: expected the folder of a run to go on with ({error})") from None
    numbers = [number for number, _ in files]
    if not files or numbers != list(range(len(files))):
        raise UsageError(f"{folder}: expected predictions 0, 1, 2 …, found {numbers[:5] or 'none'}")
    names = sorted({path.name.rpartition(".predict_")[0] for _, path in files})
    if len(names) > 1:
        raise UsageError(f"{folder}: expected predictions of one data set, found those of {_short(', '.join(names))}")
    used = _seconds_used(folder)
    curve = _curve(folder / "learning_curve.csv", [path.stat().st_mtime - start.start_time for _, path in files], used)
    seconds = max(curve[-1]["time"] or 0.0, used)
    facts = _model_facts(folder / "model")
    if facts is None:
        return PreviousRun(folder, names[0], seconds, start.start_time, curve, seed=_seed(folder))
    scratch = Path(tempfile.mkdtemp(prefix="autodl-resume-"))
    try:
        shutil.copytree(folder / "model", scratch / "model")
        task = Task.from_facts(facts["task"])
        rows, parts = _parts(scratch / "model", facts, task.domain)
        nauc = facts["held_out_nauc"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        shutil.rmtree(scratch, ignore_errors=True)
        raise UsageError(f"{folder / 'model'}: cannot be read ({type(error).__name__}: {error})") from None
    return PreviousRun(folder, names[0], seconds, start.start_time, curve, task, nauc, rows, parts, scratch, task.seed)


def _curve(file: Path, stamps: list[float], used_s: float) -> tuple[Point, ...]:
    """Time and held-out NAUC of every prediction as the run wrote them down.

    For those that it could not, after a kill, the files' own times count (stamps), within what the log saw: the wall
    clock may have been set in between.
    """
    points: list[Point] = []
    with suppress(OSError, ValueError, IndexError):
        for line in file.read_text("utf-8").splitlines()[1 : len(stamps) + 1]:
            seconds, nauc = line.split(",")[:2]
            points.append({"time": float(seconds), "held_out_nauc": float(nauc) if nauc else None})
    for stamp in stamps[len(points) :]:
        before = points[-1]["time"] if points else None
        most = max(used_s, before or 0.0)
        points.append(
            {"time": min(max(stamp, before or 0.0), most) if most else max(stamp, 0.0), "held_out_nauc": None}
        )
    return tuple(points)


def _seconds_used(folder: Path) -> float:
    """From run.json where the run came to its end, else from the last line of its log."""
    try:
        return float(json.loads((folder / "run.json").read_text("utf-8"))["seconds_used"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        starts = [line.split()[0] for line in (folder / "log.txt").read_text("utf-8", "replace").splitlines() if line]
        return max((float(text) for text in starts if text.replace(".", "", 1).isdigit()), default=0.0)
    except (OSError, IndexError):
        return 0.0


def _seed(folder: Path) -> int | None:
    try:
        return int(json.loads((folder / "run.json").read_text("utf-8"))["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _model_facts(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / "model.json").read_text("utf-8", "surrogateescape"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _parts(
    folder: Path, facts: dict[str, Any], domain: Domain
) -> tuple[NDArray[np.int64], tuple[tuple[LearnerSpec, tuple[Path, ...], Logits | None, Logits], ...]]:
    """The parts with their logits; none where these were too large to be kept."""
    specs = {spec.name: spec for spec in LEARNERS_BY_DOMAIN[domain]}
    found = []
    try:
        with np.load(folder / "logits.npz", allow_pickle=False) as stored:
            logits = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        return np.zeros(0, np.int64), ()
    for number, part in enumerate(facts["parts"]):
        models = tuple(folder / "parts" / str(number) / str(fold) for fold in range(int(part["folds"])))
        found.append(
            (
                specs[str(part["learner"]).partition("~")[0]],
                models,
                logits.get(f"held_out{number}"),
                logits[f"test{number}"],
            )
        )
    return logits["rows"], tuple(found)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
