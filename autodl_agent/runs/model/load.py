"""Read a model folder back: a `SavedModel` that predicts rows as the run did."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.ensemble.calibration import DEFAULT_THRESHOLD, Calibration
from autodl_agent.engine.snapshot import Part, Snapshot
from autodl_agent.learners.base import Learner
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, LearnerSpec
from autodl_agent.runs.model.save import FORMAT, MODEL_FILE, part_folder
from autodl_agent.system.errors import UsageError
from data_format.input_spec import Inputs


@dataclass(frozen=True)
class SavedModel:
    """An ensemble with all that it needs to know of its task and of its inputs.

    thresholds: (classes,) a class of a multi-label task is decided for at or above its own.
    versions: of the packages that wrote it.
    """

    task: Task
    snapshot: Snapshot
    inputs: Inputs
    thresholds: NDArray[np.float32]
    versions: dict[str, str]

    def decide(self, probabilities: Probabilities, threshold: float | None = None) -> NDArray[np.bool_]:
        """(n, classes) which classes each row is said to have.

        With `threshold` all classes at or above it; else the likeliest class of a single-label task, and for
        multi-label tasks the classes at or above their thresholds, at least the one that comes nearest to its own.
        """
        if threshold is not None:
            return probabilities >= threshold
        scores = probabilities
        out = np.zeros(probabilities.shape, bool)
        if self.task.multilabel:
            out = probabilities >= self.thresholds
            scores = probabilities - self.thresholds
        empty = ~out.any(1)
        out[np.flatnonzero(empty), scores[empty].argmax(1)] = True
        return out


def load_model(path: Path) -> SavedModel:
    """Read a model folder, or the one inside a run folder.

    Raises UsageError with one line when there is none, or when it cannot be read by this version.
    """
    folder = next((place for place in (path, path / "model") if (place / MODEL_FILE).is_file()), None)
    if folder is None:
        found = "nothing there" if not path.exists() else "no model.json in it"
        raise UsageError(f"{path}: expected the folder of a run or of its model, found {found}")
    facts = _read(folder / MODEL_FILE)
    try:
        task = Task.from_facts(facts["task"])
        inputs = Inputs.restore(facts["inputs"])
        parts = tuple(_part(folder, number, fact, task) for number, fact in enumerate(facts["parts"]))
        calibration = Calibration(**{key: float(value) for key, value in facts["calibration"].items()})
        snapshot = Snapshot(parts, bool(facts["coupled"]), calibration, facts["held_out_nauc"])
        thresholds = _thresholds(facts["thresholds"], task)
        return SavedModel(task, snapshot, inputs, thresholds, dict(facts["versions"]))
    except (KeyError, ValueError, TypeError, AttributeError, OSError, EOFError) as error:
        raise UsageError(f"{folder}: the model cannot be read ({type(error).__name__}: {error})") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error
    found = facts.get("format") if isinstance(facts, dict) else None
    if found != FORMAT:
        raise UsageError(f"{file}: expected a model of format {FORMAT}, found {found!r} (another version of autodl?)")
    return dict(facts)


def _thresholds(values: list[float] | None, task: Task) -> NDArray[np.float32]:
    if values is None:
        return np.full(task.n_classes, DEFAULT_THRESHOLD, np.float32)
    if len(values) != task.n_classes:
        raise ValueError(f"expected {task.n_classes} thresholds, found {len(values)}")
    return np.asarray(values, np.float32)


def _part(folder: Path, number: int, fact: dict[str, Any], task: Task) -> Part:
    """The models of one learner. Only names of the registry are taken: a file must not say what is imported."""
    name, folds = str(fact["learner"]), int(fact["folds"])
    kind = type(_spec(name, task.domain).create(task, task.seed))
    models: list[Learner] = [kind.load(part_folder(folder, number, fold), task) for fold in range(folds)]
    return Part(name, float(fact["weight"]), tuple(models))


def _spec(name: str, domain: Domain) -> LearnerSpec:
    for spec in LEARNERS_BY_DOMAIN[domain]:
        if spec.name == name.partition("~")[0]:  # a copy of it
            return spec
    known = ", ".join(spec.name for spec in LEARNERS_BY_DOMAIN[domain])
    raise ValueError(f"expected a learner among {known}, found {name!r}")
