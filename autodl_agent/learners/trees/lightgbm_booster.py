"""One LightGBM booster that is grown round by round: the part of boosting that knows LightGBM.

Binary and single-label tasks use LightGBM's own losses. Multi-label tasks grow one tree per label and round in one
booster over one binned data set (a custom logistic loss), so that every label has trees from the first round on.
Source: Ke et al. 2017, LightGBM.
"""

import logging
import os
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.scoring.links import sigmoid
from autodl_agent.system.resources import cores

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TreeSettings:
    """LightGBM parameters of one booster, the ones that differ between boosters.

    level_smooth: how strongly the levels of a category are drawn to the mean; the others are named in `params`.
    """

    learning_rate: float
    leaves: int
    min_rows: int
    column_share: float
    row_share: float
    l2: float
    seed: int
    level_smooth: float = 10.0

    def params(self, n: int, columns: int) -> dict[str, Any]:
        """As LightGBM names them, for n training rows of so many columns."""
        return {
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.min_rows,
            "min_data_in_bin": 3 if n > 1000 else 1,
            "min_data_per_group": max(5, min(100, n // 100)),
            "cat_smooth": self.level_smooth,
            "cat_l2": self.level_smooth,
            "feature_fraction": self.column_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1 if self.row_share < 1 else 0,
            "lambda_l2": self.l2,
            "max_bin": 255,
            "seed": self.seed,
            "num_threads": threads(n * columns),
            "deterministic": True,
            "force_col_wise": True,
            "feature_pre_filter": False,
            "verbosity": -1,
        }


_told = threading.local()


def threads(cells: int) -> int:
    """Threads for so many cells: waking a second one for each tree of a small table costs more than it brings."""
    return cores() if cells > 1_000_000 else 1


def quiet_lightgbm() -> Any:
    """The module, imported on first use, its remarks kept off the terminal."""
    # Threads that spin while they wait make a round 20 to 60 times slower as soon as another process wants the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import lightgbm

    logger = logging.getLogger("autodl.lightgbm")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        lightgbm.register_logger(logger)
    if not getattr(_told, "quiet", False):
        # Both its logger and its level hold for one thread alone; any data set that is made sets the level.
        lightgbm.Dataset(np.zeros((2, 1)), params={"verbosity": -1}).construct()
        _told.quiet = True
    return lightgbm


class GrowingBooster:
    """A booster with its binned training data; `grow` adds one round, `margins` gives log-odds."""

    def __init__(self, x: Floats, categories: list[int], y: Floats, single: bool, settings: TreeSettings) -> None:
        """Bin x (n, columns) and start a booster for y (n, classes) of 0 and 1; single: exactly one label a row."""
        lightgbm = quiet_lightgbm()
        n, classes = y.shape
        params = settings.params(*x.shape)
        rate = (y.sum(0) + 0.5) / (n + 1)
        self.start = np.zeros(classes, np.float32)
        label: NDArray[Any]
        self._labels: Floats | None = None
        if classes == 1:
            params["objective"], label = "binary", y[:, 0].copy()
        elif single:
            params |= {"objective": "multiclass", "num_class": classes}
            label = y.argmax(1)
        else:
            params |= {"objective": "none", "num_class": classes}
            label, self._labels = y[:, 0].copy(), y
            self.start = np.log(rate / (1 - rate)).astype(np.float32)
        data = lightgbm.Dataset(x, label, categorical_feature=categories or "auto", params=params, free_raw_data=True)
        self.booster = lightgbm.Booster(params, data)
        self.rounds = 0
        self.stuck = False

    def grow(self) -> None:
        """One boosting round."""
        quiet_lightgbm()
        if self._labels is None:
            self.stuck = bool(self.booster.update())
        else:
            self.stuck = bool(self.booster.update(fobj=self._gradients))
        self.rounds += 1

    def margins(self, x: Floats, first: int = 0, rounds: int = -1) -> Floats:
        """(n, classes) raw scores of `rounds` rounds from round `first` on; the start value counts with round 0."""
        return raw_margins(self.booster, x, first, rounds) + (self.start if first == 0 else 0)

    def text(self, rounds: int) -> str:
        """LightGBM's own text format of the first `rounds` rounds."""
        return str(self.booster.model_to_string(num_iteration=rounds))

    def _gradients(self, scores: NDArray[Any], _: Any) -> tuple[Floats, Floats]:
        assert self._labels is not None
        p = sigmoid(scores.reshape(self._labels.shape) + self.start)
        return p - self._labels, np.maximum(p * (1 - p), 1e-6)


def raw_margins(booster: Any, x: Floats, first: int = 0, rounds: int = -1) -> Floats:
    """(n, classes) raw scores of a LightGBM booster, two-dimensional always."""
    if len(x) == 0:
        return np.zeros((0, booster.num_model_per_iteration()), np.float32)
    raw = booster.predict(x, raw_score=True, start_iteration=first, num_iteration=rounds, num_threads=threads(x.size))
    return np.asarray(raw, np.float32).reshape(len(x), -1)
