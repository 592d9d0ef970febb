"""Saved state of learners in safe formats: one JSON file and one .npz, nothing that can run code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def save_state(folder: Path, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write `facts` (JSON values) and `arrays` (no object arrays) into `folder`."""
    (folder / "state.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    np.savez(folder / "state.npz", allow_pickle=False, **arrays)


def load_state(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The inverse of `save_state`."""
    facts: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    with np.load(folder / "state.npz", allow_pickle=False) as stored:
        return facts, dict(stored)


def grouped(arrays: dict[str, NDArray[Any]], group: str) -> dict[str, NDArray[Any]]:
    """The arrays saved as "group.name", by name."""
    return {name[len(group) + 1 :]: array for name, array in arrays.items() if name.startswith(group + ".")}
