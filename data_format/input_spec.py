"""What new inputs must look like to be read as the training inputs were: columns, their kinds, a vocabulary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from data_format.dataset import Dataset
from data_format.examples import Table


@dataclass(frozen=True)
class Inputs:
    """What a model keeps of its training inputs.

    columns: (name, kind) of a table's columns in file order. numbers, words: their names as a `Table` has them.
    sparse_columns: width of a sparse table, 0 for any other. text_columns: the columns that texts were joined from.
    vocabulary: token number -> token of integer-token texts.
    """

    columns: tuple[tuple[str, str], ...] = ()
    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    sparse_columns: int = 0
    text_columns: tuple[str, ...] = ()
    vocabulary: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: Dataset, table: Callable[[], Table] | None = None) -> Self:
        """The inputs of a data set; table: returns its training rows where it is a table."""
        vocabulary = dict(dataset.vocabulary)
        if table is None:
            return cls(text_columns=dataset.train.source.columns, vocabulary=vocabulary)
        rows = table()
        columns = rows.kinds or (
            *((name, "number") for name in rows.number_names),
            *((name, "word") for name in rows.string_names),
        )
        sparse = rows.sparse.n_columns if rows.sparse is not None else 0
        return cls(tuple(columns), rows.number_names, rows.string_names, sparse, vocabulary=vocabulary)

    def facts(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "columns": [list(column) for column in self.columns],
            "numbers": list(self.numbers),
            "words": list(self.words),
            "sparse_columns": self.sparse_columns,
            "text_columns": list(self.text_columns),
            # Pairs: the keys of a JSON object would become strings.
            "vocabulary": [[number, token] for number, token in self.vocabulary.items()],
        }

    @classmethod
    def restore(cls, facts: dict[str, Any]) -> Self:
        """The inverse of `facts`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            tuple((str(name), str(kind)) for name, kind in facts["columns"]),
            tuple(map(str, facts["numbers"])),
            tuple(map(str, facts["words"])),
            int(facts["sparse_columns"]),
            tuple(map(str, facts["text_columns"])),
            {int(number): str(token) for number, token in facts["vocabulary"]},
        )
