"""All that the data description and a look at the values can tell, in one frozen record handed to every learner."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np

from autodl_agent.data.arrays import Probabilities
from data_format.media.pixels import Range, ValueRange


class Domain(StrEnum):
    """The five kinds of data, each with its own ladder of learners."""

    IMAGE = "image"
    VIDEO = "video"
    SPEECH = "speech"
    TEXT = "text"
    TABULAR = "tabular"


@dataclass(frozen=True)
class Task:
    """Immutable facts of a run.

    shape: (time, rows, columns, channels), -1 where it varies; channels >= 1 always.
    multilabel: some training row has not exactly one label, so every class is a sigmoid of its own.
    class_counts: positives per class among the training rows.
    value_range: lowest and highest finite value seen in a look at dense examples; (0, 0) for other payloads.
    levels: where images and clips want other limits than these (see `estimate_value_range`): what becomes black and
    what white, one pair for all channels or one a channel; also of files of more than 8 bits a value.
    """

    name: str
    domain: Domain
    domain_reason: str
    class_names: tuple[str, ...]
    n_train: int
    n_test: int
    shape: tuple[int, int, int, int]
    multilabel: bool
    class_counts: tuple[int, ...]
    value_range: Range = (0.0, 0.0)
    seed: int = 0
    levels: tuple[Range, ...] = ()

    @property
    def n_classes(self) -> int:
        """Number of columns of every prediction."""
        return len(self.class_names)

    @property
    def class_priors(self) -> Probabilities:
        """(classes,) smoothed share of training rows in each class, strictly inside (0, 1)."""
        counts = np.asarray(self.class_counts, np.float32)
        return ((counts + 0.5) / (self.n_train + 1)).clip(1e-6, 1 - 1e-6).astype(np.float32)

    @property
    def pixel_range(self) -> ValueRange:
        """For decoders of pictures and clips."""
        if not self.levels:
            return self.value_range
        return self.levels if len(self.levels) > 1 else self.levels[0]

    def facts(self) -> dict[str, Any]:
        """JSON values; levels only where there are any, so that programs that know nothing of them read the others."""
        facts = asdict(self)
        return facts if self.levels else {name: value for name, value in facts.items() if name != "levels"}

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """The inverse of `facts` after a way through JSON. Raises KeyError, TypeError, ValueError."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}
        levels = tuple((float(low), float(high)) for low, high in values.get("levels", ()))
        return cls(**{**values, "domain": Domain(values["domain"]), "levels": levels})
