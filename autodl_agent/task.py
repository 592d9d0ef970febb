"""All that the data description and one peek can tell, in one frozen record handed to every learner."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


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
    value_range: lowest and highest finite value seen in a peek at dense examples; (0, 0) for other payloads.
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
    value_range: tuple[float, float] = (0.0, 0.0)
    seed: int = 0

    @property
    def n_classes(self) -> int:
        """Number of columns of every prediction."""
        return len(self.class_names)

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict` after a way through JSON. Raises KeyError, TypeError, ValueError."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}
        return cls(**{**values, "domain": Domain(values["domain"])})
