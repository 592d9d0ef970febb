"""Which of five domains a data set belongs to, and the frozen task made from its description and a look at its values.

Records follow the challenge's shape rule (one step: a 1-sized side means a table, else an image; more steps: 1×1
frames are text when there is a vocabulary, else sound; larger frames are video). Raw files say what they are.
"""

import numpy as np

from autodl_agent.data.task import Domain, Task
from autodl_agent.data.value_range import estimate_value_range
from data_format.dataset import Dataset
from data_format.media.pixels import Range

NOTHING: tuple[Range, tuple[Range, ...]] = ((0.0, 0.0), ())


def domain_of(dataset: Dataset) -> tuple[Domain, str]:
    """The domain and the reason for it, as a sentence for people."""
    if dataset.domain is not None:
        return Domain(dataset.domain[0]), dataset.domain[1]
    time, rows, columns, _ = dataset.shape
    shape = "×".join("?" if side <= 0 else str(side) for side in dataset.shape)
    if time == 1:
        if rows == 1 or columns == 1:
            return Domain.TABULAR, f"one step of shape {shape} with a side of 1 is a row of a table"
        return Domain.IMAGE, f"one step of shape {shape} is an image"
    if rows == 1 and columns == 1:
        if dataset.vocabulary:
            return Domain.TEXT, f"a sequence of tokens with a vocabulary of {len(dataset.vocabulary)} is text"
        return Domain.SPEECH, "a sequence of single values without a vocabulary is sound"
    return Domain.VIDEO, f"a sequence of frames of shape {shape} is video"


def make_task(dataset: Dataset, seed: int = 0) -> Task:
    """The facts of a run. Labels above 0 count as positives; exactly one 1 in every row means single-label."""
    domain, reason = domain_of(dataset)
    labels = dataset.train.labels
    single = bool(len(labels)) and bool(np.all((labels > 0).sum(1) == 1) and np.all(labels.max(1) == 1))
    time, rows, columns, channels = dataset.shape
    value_range, levels = estimate_value_range(dataset.train, domain) if domain is not Domain.TABULAR else NOTHING
    return Task(
        name=dataset.name,
        domain=domain,
        domain_reason=reason,
        class_names=dataset.class_names,
        n_train=len(dataset.train),
        n_test=len(dataset.test),
        shape=(time, rows, columns, max(1, channels)),
        multilabel=not single,
        class_counts=tuple(int(count) for count in (labels > 0).sum(0)),
        value_range=value_range,
        levels=levels,
        seed=seed,
    )
