"""Which rows a run will ask a learner for, so that a dear one can count their cost before it begins."""

from collections.abc import Iterable

import numpy as np

from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples


def rows_to_predict(data: Examples) -> tuple[Examples, Examples]:
    """All test rows, and the readable training rows that are not in `data` (held out); their labels mean nothing."""
    store, classes = data.store, data.task.n_classes
    test = np.arange(len(store.split("test")))
    others = np.setdiff1d(np.arange(len(store.split("train"))), data.rows)
    others = others[~store.bad["train"][others]]
    blank = np.broadcast_to(np.float32(0), (len(test) + len(others), classes))
    return Examples(store, "test", test, blank[: len(test)]), Examples(store, "train", others, blank[: len(others)])


def recipes_cost_s(data: Examples, sample: Examples, recipes: Iterable[Recipe]) -> float | None:
    """Seconds that these arrays take for `sample` of `data` and for the rows to be predicted; None where unknown."""
    wanted = (sample, *rows_to_predict(data))
    costs = [data.store.cost_s(part.split, recipe, part.rows) for recipe in recipes for part in wanted]
    return None if None in costs else sum(cost for cost in costs if cost)
