"""Write a model folder: whole or not at all, the newest only."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from autodl_agent.data.task import Task
from autodl_agent.engine.snapshot import Snapshot
from autodl_agent.system.environment import PACKAGES, package_version
from data_format.input_spec import Inputs

FORMAT = 1  # raised when older programs could not read what is written
MODEL_FILE = "model.json"
LOGITS_FILE = "logits.npz"
MOST_LOGITS_BYTES = 256 << 20


class GaveUpError(Exception):
    """A save that was told to stop; nothing of it is left."""


def save_model(
    folder: Path,
    snapshot: Snapshot,
    task: Task,
    inputs: Inputs,
    seconds: float,
    gives_up: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Write `snapshot` to `folder`, replacing the model that it holds; returns what went into model.json.

    seconds: of the run when the prediction behind it was made. gives_up: asked between two files whether to stop.
    Raises OSError or GaveUpError; an older model then stays.
    """
    new, old = _beside(folder)
    discard_unfinished(folder)
    try:
        new.mkdir(parents=True)
        for number, part in enumerate(snapshot.parts):
            for fold, model in enumerate(part.models):
                place = part_folder(new, number, fold)
                place.mkdir(parents=True)
                model.save(place)
                if gives_up():
                    raise GaveUpError
        write_logits(new, snapshot)
        facts = _facts(snapshot, task, inputs, seconds)
        text = json.dumps(facts, ensure_ascii=False, indent=1)
        (new / MODEL_FILE).write_text(text + "\n", encoding="utf-8", errors="surrogateescape")
        if gives_up():
            raise GaveUpError
        # A folder cannot be replaced in one step; between these two there is none for some microseconds.
        with suppress(FileNotFoundError):
            folder.rename(old)
        new.rename(folder)
    finally:
        discard_unfinished(folder)
    return facts


def discard_unfinished(folder: Path) -> None:
    """Remove what a save of this process to `folder` has beside it; one under way then fails."""
    for left in _beside(folder):
        shutil.rmtree(left, ignore_errors=True)


def _beside(folder: Path) -> tuple[Path, Path]:
    """Where a new model grows, and where the old one waits until the new one is in its place."""
    stem = f".{folder.name}-{os.getpid()}"
    return folder.with_name(f"{stem}.new"), folder.with_name(f"{stem}.old")


def part_folder(folder: Path, number: int, fold: int) -> Path:
    """Where the model of one fold of one part lies."""
    return folder / "parts" / str(number) / str(fold)


def write_logits(folder: Path, snapshot: Snapshot) -> None:
    """What a run that goes on from here need not compute anew: the parts' logits of the rows of this one."""
    held_out = snapshot.held_out
    arrays: dict[str, Any] = {f"test{number}": logits for number, logits in enumerate(snapshot.test)}
    if held_out is not None:
        arrays |= {f"held_out{number}": logits for number, logits in enumerate(held_out.members)}
    if arrays and sum(array.nbytes for array in arrays.values()) <= MOST_LOGITS_BYTES:
        rows = held_out.rows if held_out is not None else np.zeros(0, np.int64)
        np.savez(folder / LOGITS_FILE, rows=rows, **arrays)


def exported_thresholds(snapshot: Snapshot) -> list[float] | None:
    """Thresholds as model.json has them, one a class; None where nothing was held out."""
    thresholds = snapshot.thresholds()
    return None if thresholds is None else [round(float(t), 9) for t in thresholds]


def _facts(snapshot: Snapshot, task: Task, inputs: Inputs, seconds: float) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "task": task.facts(),
        "parts": [{"learner": p.name, "weight": p.weight, "folds": len(p.models)} for p in snapshot.parts],
        "coupled": snapshot.softmax,
        "calibration": asdict(snapshot.calibration),
        "thresholds": exported_thresholds(snapshot),
        "held_out_nauc": snapshot.nauc,
        "inputs": inputs.facts(),
        "seconds": round(seconds, 3),
        "versions": {
            "python": sys.version.split()[0],
            **{name: found for name in PACKAGES if (found := package_version(name))},
        },
    }
