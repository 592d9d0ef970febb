"""Plain and live lines of a run."""

import io

import numpy as np
import pytest

from autodl_agent.commands import progress
from autodl_agent.commands.progress import LiveProgress, PlainProgress, make_progress
from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.rounds import Round
from autodl_agent.learners.testing.contract import FakeClock

TASK = Task("digits", Domain.IMAGE, "pictures", ("a", "b"), 10, 5, (1, 8, 8, 1), True, (9, 1))


def played(number: int, **more: object) -> Round:
    facts: dict[str, object] = {"number": number, "learner": "quick", "started_s": 0.5, "ended_s": 1.25}
    return Round(**{**facts, **more})  # type: ignore[arg-type]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_the_first_round_introduces_the_task(stream: io.StringIO) -> None:
    PlainProgress(FakeClock().budget(10), stream).watch(TASK, played(0), 1.2)
    first, note, last = stream.getvalue().splitlines()
    assert first == "digits: image, 2 classes (multi-label), 10 training and 5 test rows; pictures"
    assert note.startswith("note: 1 class ('b') with one training example")
    assert last.split("  ") == ["", " 1.25 s", "round 0", "quick", "prediction written"]


def test_a_round_says_what_it_brought(stream: io.StringIO) -> None:
    plain = PlainProgress(FakeClock().budget(10), stream)
    plain.watch(TASK, played(3, ensemble_nauc=0.51239), None)
    plain.watch(TASK, played(4, error="broken"), None)
    good, bad = stream.getvalue().splitlines()
    assert "held-out NAUC 0.5124" in good and "written" not in good and "failed" not in good
    assert bad.endswith("failed: broken")


def test_a_reader_that_went_away_does_not_end_the_run(stream: io.StringIO) -> None:
    stream.close()
    PlainProgress(FakeClock().budget(10), stream).watch(TASK, played(1), None)


def test_the_live_line_keeps_the_last_known_numbers() -> None:
    clock = FakeClock()
    live = LiveProgress(clock.budget(10))
    assert live._line() == "10 s left"
    live._stop.set()  # the line is asked for here; nothing is drawn
    live.watch(TASK, played(1, ensemble_nauc=0.5), 1.3)
    live.watch(TASK, played(2, learner="other"), None)
    clock.at += 4
    assert live._line() == "6 s left · round 2 other · held-out NAUC 0.5000 · last prediction at 1.3 s"
    clock.at += 40
    assert live._line().startswith("0 s left")
    live.close()


@pytest.mark.parametrize(
    ("terminal", "term", "kind"),
    [
        (True, "xterm", LiveProgress),
        (True, "dumb", PlainProgress),
        (True, "", PlainProgress),
        (False, "xterm", PlainProgress),
    ],
)
def test_a_bar_only_where_the_terminal_can_show_one(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, term: str, kind: type
) -> None:
    class Standard(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    monkeypatch.setattr(progress.sys, "stderr", Standard())
    monkeypatch.setenv("TERM", term)
    assert type(make_progress(FakeClock().budget(1))) is kind


def test_a_prediction_is_no_part_of_the_line(stream: io.StringIO) -> None:
    PlainProgress(FakeClock().budget(10), stream).watch(TASK, played(1, prediction=np.zeros((5, 2))), None)
    assert stream.getvalue().splitlines() == ["   1.25 s  round 1  quick"]
