"""What came of a run, and why it ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autodl_agent.engine.rounds import Round
from data_format.dataset import Problem

PERFECT = 0.99995  # held-out NAUC that a run calls 1


@dataclass
class RunResult:
    """What came of a run: its folder, the rounds played, seconds used, and why it ended.

    curve: a dict a prediction with its `time` in seconds, `held_out_nauc` and, where the truth is known, `test_nauc`.
    """

    folder: Path
    n_predictions: int = 0
    seconds: float = 0.0
    held_out_nauc: float | None = None
    reason: str = ""
    rounds: list[Round] = field(default_factory=list)
    curve: list[dict[str, float | None]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def test_curve(self) -> list[tuple[float, float]]:
        """(seconds, NAUC on the test rows) of every prediction, empty where their truth is not known."""
        scores = [(point["time"], point.get("test_nauc")) for point in self.curve]
        return [(seconds, score) for seconds, score in scores if seconds is not None and score is not None]


def last_nauc(rounds: Sequence[Round]) -> float | None:
    """Held-out NAUC of the newest ensemble, None where nothing was held out."""
    return next((one.ensemble_nauc for one in reversed(rounds) if one.ensemble_nauc is not None), None)


def reason_to_end(rounds: Sequence[Round]) -> str:
    """Why rounds that ended by themselves came to their end, in words for people."""
    nauc = last_nauc(rounds)
    if nauc is not None and nauc >= PERFECT:
        return "held-out NAUC is 1: nothing left to gain"
    latest = {one.learner: one for one in rounds}
    waiting = [name for name, one in latest.items() if one.more]
    if waiting:
        return f"nothing left to gain in the time left ({', '.join(waiting)} could go on)"
    return "nothing left to gain: every learner has done its work"
