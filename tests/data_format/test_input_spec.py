"""What is kept of the training inputs."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_format.dataset import Dataset, Split
from data_format.examples import Csr, Table, Text
from data_format.input_spec import Inputs
from data_format.memory_source import MemorySource

NAMES = st.lists(st.text(max_size=5), max_size=4).map(tuple)
INPUTS = st.builds(
    Inputs,
    st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["number", "word"])), max_size=4).map(tuple),
    NAMES,
    NAMES,
    st.integers(0, 10**6),
    NAMES,
    st.dictionaries(st.integers(0, 10**6), st.text(max_size=5), max_size=4),
)


@given(INPUTS)
def test_facts_survive_json(inputs: Inputs) -> None:
    assert Inputs.restore(json.loads(json.dumps(inputs.facts()))) == inputs


@pytest.mark.parametrize("missing", sorted(Inputs().facts()))
def test_a_missing_fact_is_a_key_error(missing: str) -> None:
    with pytest.raises(KeyError):
        Inputs.restore({key: value for key, value in Inputs().facts().items() if key != missing})


def dataset(columns: tuple[str, ...] = ()) -> Dataset:
    source = MemorySource([Text("a")], columns=columns)
    split = Split(["0"], np.ones((1, 1), np.float32), source)
    return Dataset("name", None, ("x",), (-1, 1, 1, 1), split, split, vocabulary={3: "three"})  # type: ignore[arg-type]


def test_texts_keep_their_columns_and_vocabulary() -> None:
    inputs = Inputs.of(dataset(("title", "body")))
    assert (inputs.text_columns, dict(inputs.vocabulary), inputs.columns) == (("title", "body"), {3: "three"}, ())


def table(sparse: Csr | None = None, kinds: tuple[tuple[str, str], ...] = ()) -> Table:
    return Table(np.zeros((2, 1)), ("n",), np.full((2, 1), "", object), ("w",), sparse, kinds)


@pytest.mark.parametrize(
    ("kinds", "columns"),
    [
        ((("w", "word"), ("n", "date")), (("w", "word"), ("n", "date"))),
        ((), (("n", "number"), ("w", "word"))),
    ],
)
def test_tables_keep_the_order_of_the_file_where_it_is_known(
    kinds: tuple[tuple[str, str], ...], columns: tuple[tuple[str, str], ...]
) -> None:
    inputs = Inputs.of(dataset(), lambda: table(kinds=kinds))
    assert (inputs.columns, inputs.numbers, inputs.words) == (columns, ("n",), ("w",))


def test_sparse_tables_keep_their_width() -> None:
    csr = Csr(np.zeros(3, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), 70)
    assert Inputs.of(dataset(), lambda: table(csr)).sparse_columns == 70
