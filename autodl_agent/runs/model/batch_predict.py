"""Predict new inputs with a saved model, a chunk at a time: memory does not grow with the number of rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.learners.base import Examples
from autodl_agent.runs.model.load import SavedModel
from autodl_agent.system.clock import Budget, Deadline
from data_format.dataset import Dataset, Problem, Source, Split
from data_format.memory_source import MemorySource
from data_format.raw.new_data import Chunk

MEMORY_BYTES = 256 << 20  # for the decoded examples of one chunk; beyond it they go to a temporary file
FOREVER_S = 1e9


@dataclass(frozen=True)
class Forecast:
    """ids and (n, classes) probabilities of some rows, in their order."""

    ids: list[str]
    probabilities: Probabilities


def forecasts(model: SavedModel, chunks: Iterable[Chunk], problems: list[Problem]) -> Iterator[Forecast]:
    """Probabilities of every chunk; rows that cannot be read get the class frequencies and go to `problems`."""
    for chunk in chunks:
        if chunk.ids:
            yield Forecast(chunk.ids, predict_source(model, chunk.source, chunk.ids, problems))


def predict_source(model: SavedModel, source: Source, ids: list[str], problems: list[Problem]) -> Probabilities:
    """(n, classes) probabilities of all examples of a source, which come in the form of the training inputs."""
    task = model.task
    labels = np.zeros((len(ids), task.n_classes), np.float32)
    train = Split([], labels[:0], MemorySource())
    dataset = Dataset(
        task.name,
        Path(),
        task.class_names,
        task.shape,
        train,
        Split(ids, labels, source),
        (task.domain.value, task.domain_reason),
        model.inputs.vocabulary,
        problems=problems,
    )
    budget = Budget.from_now(FOREVER_S)
    store = TensorStore(dataset, task, Deadline(budget.started + FOREVER_S, budget.now), MEMORY_BYTES)
    try:
        return model.snapshot.predict(Examples(store, "test", np.arange(len(ids)), labels))
    finally:
        store.close()
