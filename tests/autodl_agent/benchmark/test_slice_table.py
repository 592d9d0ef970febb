"""The table of recorded slices is read whole, or one line says where it is broken."""

import json

import pytest

from autodl_agent.benchmark.slice_table import EnsembleState, RecordedSlice, read_slice_table
from autodl_agent.data.task import Domain
from data_format.errors import DataError

SET = {
    "kind": "set", "set": "a", "domain": "tabular", "n_train": 900, "n_test": 100, "classes": 3, "multilabel": False,
    "shape": [1, 1, 5, 1], "folds": 4, "ready_s": 0.5, "worker_ready_s": None,
}  # fmt: skip
SLICE = {"kind": "slice", "set": "a", "learner": "quick-table", "seconds": 1.5, "nauc": 0.5, "more": True}
ENSEMBLE = {"kind": "ensemble", "set": "a", "members": {"quick-table": 0.5}, "nauc": 0.55}


def write(path, *lines):
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def test_what_is_written_is_read(tmp_path):
    late = {**SLICE, "seconds": 3, "nauc": None, "timed_out": True}
    other = {**SET, "set": "b", "domain": "image", "worker_ready_s": 6}
    one, two = read_slice_table(write(tmp_path / "t", SET, SLICE, "", other, late, ENSEMBLE))
    assert (one.name, one.task.domain, one.task.n_train, one.task.n_classes) == ("a", Domain.TABULAR, 900, 3)
    assert (one.folds, one.ready_s, one.worker_ready_s) == (4, 0.5, None)
    assert one.slices == {
        "quick-table": [RecordedSlice(1.5, 0.5, True), RecordedSlice(3.0, None, True, timed_out=True)]
    }
    assert one.states == [EnsembleState({"quick-table": 0.5}, 0.55)]
    assert (two.name, two.worker_ready_s, two.slices) == ("b", 6.0, {})


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('{"kind": "sl', "line 3"),
        ("[1, 2]", "line 3"),
        ({**SLICE, "kind": "slide"}, "kind 'slide'"),
        ({**SLICE, "set": "b"}, "the line of set 'b' must come before"),
        ({**SLICE, "seconds": -1.0}, "seconds: expected seconds of at least 0, found -1.0"),
        ({**SLICE, "nauc": "high"}, "nauc: expected a number, found 'high'"),
        ({**SLICE, "nauc": float("nan")}, "nauc: expected a finite number"),
        ({key: value for key, value in SLICE.items() if key != "more"}, "no 'more'"),
        ({**SET, "set": "b", "domain": "smell"}, "'smell' is not a valid Domain"),
        ({**SET, "set": "b", "shape": [1, 2]}, "line 3"),
        ({**ENSEMBLE, "members": {"quick-table": None}}, "quick-table: expected a number, found None"),
    ],
)
def test_a_broken_line_is_named(tmp_path, broken, reason):
    path = write(tmp_path / "t.jsonl", SET, SLICE, broken)
    with pytest.raises(DataError) as found:
        read_slice_table(path)
    message = str(found.value)
    assert message.startswith(f"{path}, line 3: expected a recorded set, slice or ensemble") and reason in message
    assert "\n" not in message


def test_a_table_without_a_set_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected recorded slices, one JSON object a line, found none"):
        read_slice_table(write(tmp_path / "t", ""))
