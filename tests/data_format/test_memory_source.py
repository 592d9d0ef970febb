import numpy as np
import pytest

from data_format.errors import DataError
from data_format.examples import Table, Text
from data_format.memory_source import MemorySource


def test_examples():
    source = MemorySource([Text("a"), Text("b")])
    assert len(source) == 2
    assert source.example(1) == Text("b")
    with pytest.raises(DataError, match="2 examples"):
        source.table()


def test_rows_of_a_table():
    table = Table(np.arange(6.0).reshape(2, 3), ("a", "b", "c"), np.empty((2, 0), object), ())
    source = MemorySource(table=table)
    assert len(source) == 2
    assert source.table() is table
    assert source.example(1).array.ravel().tolist() == [3, 4, 5]
    assert source.example(1).array.shape == (1, 1, 3, 1)
