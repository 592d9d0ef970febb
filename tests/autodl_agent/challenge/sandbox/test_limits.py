from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.sandbox.limits import check_prediction, doing, exited, failed, finished, overrun
from autodl_agent.challenge.sandbox.outcome import IngestionResult, Outcome, read_result, write_result


def test_a_good_prediction_comes_back_as_it_is(rng: np.random.Generator) -> None:
    for kind in (np.float32, np.float64):
        array = rng.normal(size=(3, 2)).astype(kind)
        found = check_prediction(0, {"shape": [3, 2], "dtype": array.dtype.name}, array.tobytes(), (3, 2))
        assert isinstance(found, np.ndarray)
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("shape", "dtype", "payload"),
    [([3, 2], "float32", b""), ([3, 2], "object", b"x" * 24), ([3, 2], "float64", b"x" * 24)],
)
def test_numbers_that_are_not_all_there(shape: list[int], dtype: str, payload: bytes) -> None:
    found = check_prediction(4, {"shape": shape, "dtype": dtype}, payload, (3, 2))
    assert isinstance(found, Outcome)
    assert (found.status, found.message.partition(":")[0]) == ("internal", "prediction 4")


def test_overruns() -> None:
    """The main challenge counts one as a failure; in the sibling challenges the last call is cut short."""
    assert overrun("train", 60, [1.0], cut_short=False).status == "overrun"
    assert overrun("train", 60, [], cut_short=True).status == "overrun"
    assert overrun("test", 60, [1.0], cut_short=True) == Outcome(
        "ok", "1 prediction; test did not return by the end of the budget of 60 s"
    )


def test_ends() -> None:
    assert finished("budget", [1.0, 2.5]).message == "2 predictions in 2.50 s (the budget is used)"
    assert finished("none", [1.0]).message == "1 prediction in 1.00 s (test returned None)"
    assert {finished(reason, []).message for reason in ("none", "budget", "done_training")} == {
        "test returned None at the first call",
        "the first prediction came after the end of the budget",
        "done_training was true from the beginning",
    }
    assert exited(-64, "train").message == "killed by SIGRTMAX in train"
    assert exited(-99, "train").message == "killed by signal 99 in train"
    assert failed({"stage": "between", "message": "x"}) == Outcome("raised", f"{doing('between')} raised x")


def test_results_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    result = IngestionResult("name", "overrun", "…", (0.5, 1.25), 3.0, 60.0, 2, ("start.txt",))
    write_result(result, file)
    assert read_result(file) == result
    assert result.line() == (
        "overrun: …; 2 processes left behind and killed; "
        "it tampered with the output folder (start.txt), which was put right"
    )
