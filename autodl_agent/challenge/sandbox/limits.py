"""What the supervisor says about a submission, in one line each; pure functions of what was seen from outside."""

import signal
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.challenge.sandbox.outcome import Outcome, Status

_STAGES = {
    "open": "opening the data set",
    "import": "importing model.py",
    "construct": "the constructor",
    "train": "train",
    "test": "test",
}


def doing(stage: str) -> str:
    """A stage in words."""
    return _STAGES.get(stage, "the loop between train and test")


def check_prediction(
    k: int, header: dict[str, Any], payload: bytes, shape: tuple[int, int]
) -> NDArray[np.floating] | Outcome:
    """Prediction `k` as a (rows, classes) array of finite numbers, or what is wrong with it."""
    found, dtype = header.get("shape"), str(header.get("dtype"))
    if found != list(shape):
        shown = " x ".join(map(str, found)) if isinstance(found, list) and found else "a single number"
        expected = f"{shape[0]} x {shape[1]} (test rows x classes)"
        return Outcome("wrong_shape", f"prediction {k}: expected {expected}, found {shown}")
    size = {"float32": 4, "float64": 8}.get(dtype, 0)
    if not size or len(payload) != size * shape[0] * shape[1]:
        return Outcome(
            "internal", f"prediction {k}: expected all of its numbers, found {len(payload)} bytes of {dtype}"
        )
    prediction: NDArray[np.floating] = np.frombuffer(payload, dtype).reshape(shape)
    finite = np.isfinite(prediction)
    if finite.all():
        return prediction
    row, column = np.argwhere(~finite)[0].tolist()
    count = int(finite.size - finite.sum())
    which = f"{count} numbers are not finite, the first is {prediction[row, column]} in row {row}, class {column}"
    return Outcome("not_finite", f"prediction {k}: {which}")


def failed(header: dict[str, Any]) -> Outcome:
    """An exception that came out of the submission."""
    stage, text = str(header.get("stage")), str(header.get("message"))
    if header.get("error") == "exit":
        return Outcome("exited", f"{doing(stage)} left the process: {text}")
    known: dict[str, tuple[Status, str]] = {
        "open": ("bad_data", text),
        "import": ("import_error", f"model.py cannot be imported: {text}"),
        "construct": ("init_error", f"the Model cannot be made: {text}"),
    }
    return Outcome(*known.get(stage, ("raised", f"{doing(stage)} raised {text}")))


def finished(reason: str, times: Sequence[float]) -> Outcome:
    """The end of the loop. reason: "none", "budget" or "done_training"; times: seconds of the predictions."""
    if times:
        why = {"none": "test returned None", "budget": "the budget is used"}.get(reason, "done_training is true")
        return Outcome("ok", f"{counted(len(times))} in {times[-1]:.2f} s ({why})")
    if reason == "none":
        return Outcome("no_prediction", "test returned None at the first call")
    if reason == "budget":
        return Outcome("no_prediction", "the first prediction came after the end of the budget")
    return Outcome("no_prediction", "done_training was true from the beginning")


def exited(code: int, stage: str) -> Outcome:
    """A process that ended without a word. code: its exit status, negative for a signal."""
    if code == -signal.SIGKILL:
        return Outcome("memory", f"killed by SIGKILL in {doing(stage)}, most likely by the system for its memory")
    if code < 0:
        name = signal.Signals(-code).name if -code in {s.value for s in signal.Signals} else f"signal {-code}"
        return Outcome("exited", f"killed by {name} in {doing(stage)}")
    return Outcome("exited", f"the process ended itself in {doing(stage)} with exit code {code} (os._exit)")


def overrun(stage: str, budget: float, times: Sequence[float], cut_short: bool) -> Outcome:
    """A call that still ran when the budget was used. cut_short: the rules allow for that (the sibling challenges)."""
    text = f"{doing(stage)} did not return by the end of the budget of {budget:g} s"
    if cut_short and times:
        return Outcome("ok", f"{counted(len(times))}; {text}")
    return Outcome("overrun", text)


def counted(n: int) -> str:
    """A number of predictions in words."""
    return f"{n} prediction{'' if n == 1 else 's'}"
