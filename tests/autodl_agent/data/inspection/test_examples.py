"""What a few examples tell, and which examples stand twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.inspection import examples
from autodl_agent.data.inspection.examples import _key, duplicate_facts, example_facts
from autodl_agent.learners.testing.contract import memory_dataset
from data_format.dataset import Dataset, Problem
from data_format.errors import Unreadable
from data_format.examples import Dense, Encoded, MediaFile, Text
from data_format.memory_source import MemorySource


def texts(train: list[str], test: list[str]) -> Dataset:
    dataset, _ = memory_dataset("text", len(train), len(test))
    dataset.train.source.examples = [Text(text) for text in train]  # type: ignore[attr-defined]
    dataset.test.source.examples = [Text(text) for text in test]  # type: ignore[attr-defined]
    return dataset


def test_rows_that_stand_twice() -> None:
    # Rows 0, 3 and 4 are equal and of the classes 0, 0 and 1, rows 2 and 5 of one class; row 1 is a test row, too.
    dataset = texts(["a", "b", "c", "a", "a", "c"], ["b", "x", "b"])
    facts = duplicate_facts(dataset, make_task(dataset))
    assert (facts["compared_train"], facts["compared_test"]) == (6, 3)
    assert (facts["test_rows_also_in_train"], facts["examples"]) == (2, ["6", "8"])
    assert (facts["train_rows_standing_twice"], facts["contradicting_groups"]) == (3, 1)


def test_test_rows_that_are_the_training_rows_are_no_leak() -> None:
    dataset = texts(["a", "b"], ["a", "b"])
    dataset.problems.append(Problem("set", "too few rows: the test rows are the training rows"))
    assert duplicate_facts(dataset, make_task(dataset))["test_rows_also_in_train"] == 0


class Broken(MemorySource):
    def example(self, index: int) -> Any:
        if index == 1:
            raise Unreadable("damaged")
        return super().example(index)


def test_rows_that_cannot_be_read_equal_nothing_and_are_counted() -> None:
    dataset = texts(["a", "b", "c c"], ["b"])
    object.__setattr__(dataset.train, "source", Broken([Text("a"), Text("b"), Text("c c")]))
    task = make_task(dataset)
    assert duplicate_facts(dataset, task)["test_rows_also_in_train"] == 0
    facts = example_facts(dataset, task)
    assert (facts["peeked_examples"], facts["unreadable"]) == (3, 1)
    assert facts["words"] == {"lowest": 1, "median": 1.5, "highest": 2}
    assert dataset.problems == [Problem("1", "damaged")]


@pytest.mark.parametrize(
    ("domain", "measures"),
    [
        ("image", {"rows": 24, "columns": 24, "channels": 3}),
        ("video", {"rows": 16, "columns": 16}),
        ("speech", {"samples_per_second": 16_000}),
    ],
)
def test_measures_of_a_domain(domain: Any, measures: dict[str, float]) -> None:
    dataset, _ = memory_dataset(domain)
    facts = example_facts(dataset, make_task(dataset))
    assert facts["peeked_examples"] == 60 and facts["unreadable"] == 0
    for name, value in measures.items():
        assert facts[name] == {"lowest": value, "median": value, "highest": value}


def test_no_rows_have_no_measures() -> None:
    dataset = texts([], ["a"])
    facts = example_facts(dataset, make_task(dataset))
    assert (facts["peeked_examples"], facts["seconds_to_decode"] >= 0) == (0, True)
    assert "words" not in facts


def test_files_are_compared_by_size_beginning_and_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "_EDGE_BYTES", 4)
    contents = {
        "a": b"headmiddletail", "same": b"headmiddletail", "inside": b"headMIDDLEtail", "end": b"headmiddleTAIL",
        "longer": b"headmiddle!tail", "start": b"Headmiddletail",
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    keys = {name: _key(MediaFile(tmp_path / name)) for name in contents}
    assert keys["a"] == keys["same"] == keys["inside"]
    assert len({keys[name] for name in ("a", "end", "longer", "start")}) == 4


def test_equal_content_has_equal_keys() -> None:
    array = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    assert _key(Dense(array)) == _key(Dense(np.asfortranarray(array))) != _key(Dense(array + 1))
    assert _key(Encoded((b"a", b"b"))) == _key(Encoded((b"a", b"b"))) != _key(Encoded((b"a",)))
