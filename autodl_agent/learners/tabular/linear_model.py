"""A linear model of table rows from cells to probabilities: encoder, features and solved weights in one record."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import Examples
from autodl_agent.learners.heads.config import LogisticRidgeConfig
from autodl_agent.learners.heads.logistic_ridge import Linear, fit_logistic_ridge
from autodl_agent.learners.heads.selection import climb
from autodl_agent.learners.serialization import grouped
from autodl_agent.learners.tabular.config import QuickSettings
from autodl_agent.learners.tabular.encoding import Encoded, TableEncoder
from autodl_agent.learners.tabular.features import LinearView
from autodl_agent.learners.trees.targets import Targets
from autodl_agent.scoring.links import sigmoid
from autodl_agent.system.clock import Deadline
from autodl_agent.system.resources import cores
from data_format.examples import Table

Floats = NDArray[np.float32]
CHUNK_FLOATS = 4_000_000  # feature cells at a time while predicting: 16 MB a thread


@dataclass(frozen=True)
class TableModel:
    """Fitted; immutable. `margins` are log-odds of the solved columns of `Targets`."""

    encoder: TableEncoder
    view: LinearView
    linear: Linear

    def margins(self, data: Examples) -> Floats:
        """(n, solved classes) log-odds of any rows, in chunks."""
        step = max(64, CHUNK_FLOATS // max(1, self.view.width + self.linear.weights.shape[1]))
        whole = data.table()  # read before the threads begin
        if len(data) <= step:
            parts = [self._margins(whole)]
        else:
            with ThreadPoolExecutor(cores(), thread_name_prefix="margins") as pool:
                parts = list(pool.map(lambda rows: self._margins(data.take(rows).table()), portions(len(data), step)))
        return np.concatenate([np.zeros((0, self.linear.weights.shape[1]), np.float32), *parts])

    def facts(self) -> dict[str, Any]:
        """JSON part of the state."""
        return {"encoder": self.encoder.facts(), "merit": self.linear.auc, "penalty": self.linear.penalty}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Array part of the state."""
        linear = {k: getattr(self.linear, k) for k in ("weights", "intercept", "slope", "offset")}
        groups = {"encoder": self.encoder.arrays(), "view": self.view.arrays(), "linear": linear}
        return {f"{group}.{name}": array for group, arrays in groups.items() for name, array in arrays.items()}

    @classmethod
    def restore(cls, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The inverse of `facts` and `arrays`."""
        linear = Linear(**grouped(arrays, "linear"), auc=facts["merit"], penalty=facts["penalty"])
        encoder = TableEncoder.restore(facts["encoder"], grouped(arrays, "encoder"))
        return cls(encoder, LinearView.restore(grouped(arrays, "view")), linear)

    def _margins(self, table: Table) -> Floats:
        return self.linear.margins(self.view.matrix(self.encoder.transform(table)))


@dataclass(frozen=True)
class Shape:
    """What an earlier model found good: kernel width (times the typical distance) and number of the penalty."""

    width: float = 1.0
    penalty: int | None = None


def fit_model(
    data: Examples, targets: Targets, waves: int, shape: Shape, seed: int, settings: QuickSettings, deadline: Deadline
) -> TableModel:
    """Fit on all rows of `data`, which come in random order."""
    encoder, view, rows = _view(data, settings)
    if waves and view.base_width <= settings.wide:
        view = view.with_waves(view.base(rows), waves, shape.width, seed)
    x, y = view.matrix(rows), targets.solved(data.labels)
    config = LogisticRidgeConfig(settings.penalties, settings.polish, settings.check_rows)
    linear = fit_logistic_ridge(x, y, config, deadline, shape.penalty)
    return TableModel(encoder, view, linear)


def best_shape(
    data: Examples, targets: Targets, shape: Shape, seed: int, settings: QuickSettings, deadline: Deadline
) -> Shape:
    """Climb along the kernel widths from `shape` by the leave-one-out AUC of small models on `data`, a sample.

    Wide kernels make nearly additive, smooth models, narrow ones local models: no width suits all tables.
    """
    _, view, rows = _view(data, settings)
    if view.base_width > settings.wide:
        return shape
    base, y = view.base(rows), targets.solved(data.labels)

    config = LogisticRidgeConfig(settings.penalties, 0, settings.check_rows)
    before, took = deadline.now(), 0.0

    def trial(number: int, best: Linear | None) -> Linear:
        nonlocal took
        x = view.with_waves(base, settings.waves[0], settings.widths[number], seed).matrix(rows)
        found = fit_logistic_ridge(x, y, config, deadline, best.penalty if best else shape.penalty)
        took = took or deadline.now() - before  # of the first trial
        return found

    start = settings.widths.index(shape.width)
    in_time = lambda: deadline.remaining() > took  # noqa: E731
    best, at = climb(trial, lambda linear: linear.auc, start, len(settings.widths), in_time)
    return Shape(settings.widths[at], best.penalty)


def _view(data: Examples, settings: QuickSettings) -> tuple[TableEncoder, LinearView, Encoded]:
    table = data.table()
    encoder = TableEncoder.fit(table)
    rows = encoder.transform(table)
    return encoder, LinearView.fit(rows, settings), rows


def portions(n: int, step: int) -> list[NDArray[np.int64]]:
    """Row numbers 0..n-1 in runs of at most `step`."""
    return [np.arange(at, min(at + step, n)) for at in range(0, n, step)]


def probabilities(margins: Floats) -> Floats:
    """Log-odds to probabilities, finite."""
    return sigmoid(np.nan_to_num(margins.clip(-30, 30)))
