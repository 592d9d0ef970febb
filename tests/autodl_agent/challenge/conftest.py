"""Small data sets and submissions on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

GOOD = """
import numpy as np
class Model:
    def __init__(self, metadata):
        self.metadata, self.done_training, self.k = metadata, False, 0
    def train(self, data, remaining_time_budget=None):
        self.k += 1
        self.done_training = self.k == 3
    def test(self, data, remaining_time_budget=None):
        return np.full((6, 2), self.k / 8, np.float32)
"""


@pytest.fixture
def nlp(tmp_path: Path) -> Path:
    """A folder with one AutoNLP task `tiny.docs.data`: 4 training and 6 test lines, 2 classes."""
    folder = tmp_path / "input" / "tiny.docs.data"
    folder.mkdir(parents=True)
    meta = {"class_num": 2, "train_num": 4, "test_num": 6, "language": "EN", "time_budget": 30}
    (folder / "meta.json").write_text(json.dumps(meta))
    (folder / "train.data").write_text("a river\na road\x0bwith a tab\n\nbread and salt\n")
    (folder / "train.solution").write_text("1 0\n0 1\n1 0\n0 1\n")
    (folder / "test.data").write_text("one\ntwo\nthree\nfour\nfive\nsix")
    (folder.parent / "tiny.docs.solution").write_text("1 0\n0 1\n" * 3)
    return folder.parent


@pytest.fixture
def submission(tmp_path: Path) -> Callable[..., Path]:
    """Write a submission folder: `submission(code)`, or a good one with parts of it replaced."""

    def write(code: str | None = None, name: str = "code", **parts: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        text = GOOD if code is None else code
        for method, body in parts.items():
            text += f"    def {method}(self, *args, **kwargs):\n"
            text += "".join(f"        {line}\n" for line in body.strip().splitlines())
        (folder / "model.py").write_text(text)
        return folder

    return write


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
