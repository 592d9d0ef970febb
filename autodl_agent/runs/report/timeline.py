"""What was tried when, in numbers: a lane for each learner, a bar for each round, over the curve's time axis."""

from dataclasses import dataclass

from autodl_agent.engine.round import Round
from autodl_agent.runs.report.axis import PlotArea
from autodl_agent.runs.report.formatting import shorten
from autodl_agent.runs.report.report_data import ReportData

_LANE = 40  # SVG units from one lane to the next
_TOP = 10
_BAR_BELOW_NAME = 15
_NAME_BASELINE = 11
_SHORTEST_BAR = 2.0
_MOST_LANES = 24
_MOST_BARS = 600  # rounds may be thousands, and each is two elements of the page
_MOST_ROWS = 300
_MOST_DESCRIBED = 40
_LONGEST_ERROR = 300
_SIZES = (("narrow", 360), ("roomy", 760))


@dataclass(frozen=True)
class Lane:
    """A learner's name and the baseline of its text."""

    learner: str
    y: int


@dataclass(frozen=True)
class Bar:
    """A round as a rectangle. outcome: "gain", "idle" or "failed". title: the round in words."""

    outcome: str
    x: float
    y: int
    width: float
    title: str

    @property
    def middle(self) -> float:
        """Its centre from left to right."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True)
class Timeline:
    """The rounds at one size. now: x of a run that goes on."""

    kind: str
    area: PlotArea
    lanes: tuple[Lane, ...]
    bars: tuple[Bar, ...]
    now: float | None


@dataclass(frozen=True)
class RoundRow:
    """A round in the table. result: in words."""

    number: int
    learner: str
    started_s: float
    took_s: float
    member_nauc: float | None
    ensemble_nauc: float | None
    result: str


@dataclass(frozen=True)
class RoundFacts:
    """The section of the rounds. drawings: empty before the first round has ended. rows: the latest rounds."""

    drawings: tuple[Timeline, ...]
    description: str
    rows: tuple[RoundRow, ...]


def round_facts(data: ReportData) -> RoundFacts:
    """Drawings, description and table of the rounds."""
    learners = list(dict.fromkeys(done.learner for done in data.rounds))[:_MOST_LANES]
    drawings = tuple(_timeline(data, kind, width, learners) for kind, width in _SIZES) if learners else ()
    return RoundFacts(drawings, _description(data.rounds), tuple(_row(done) for done in data.rounds[-_MOST_ROWS:]))


def outcome(done: Round) -> str:
    """ "gain", "idle" or "failed"."""
    if done.error:
        return "failed"
    return "gain" if done.prediction is not None else "idle"


def _timeline(data: ReportData, kind: str, width: int, learners: list[str]) -> Timeline:
    area = PlotArea(width, _TOP + _LANE * len(learners) + PlotArea.bottom, data.budget.total_s, left=10)
    tops = {learner: _TOP + _LANE * i for i, learner in enumerate(learners)}
    return Timeline(
        kind,
        area,
        tuple(Lane(learner, top + _NAME_BASELINE) for learner, top in tops.items()),
        tuple(_bar(area, done, tops[done.learner]) for done in data.rounds[-_MOST_BARS:] if done.learner in tops),
        area.x(data.elapsed_s) if data.running else None,
    )


def _bar(area: PlotArea, done: Round, top: int) -> Bar:
    left, right = area.x(done.started_s), area.x(done.ended_s)
    when = f"{done.started_s:.2f} to {done.ended_s:.2f} s"
    title = f"round {done.number}, {done.learner}, {when}: {_result(done)}"
    return Bar(outcome(done), left, top + _BAR_BELOW_NAME, round(max(_SHORTEST_BAR, right - left), 1), title)


def _result(done: Round) -> str:
    failed = f"failed: {shorten(done.error, _LONGEST_ERROR)}"
    return {"gain": "better prediction", "idle": "nothing new", "failed": failed}[outcome(done)]


def _description(rounds: tuple[Round, ...]) -> str:
    """One clause for each learner."""
    parts = []
    for learner in dict.fromkeys(done.learner for done in rounds):
        own = [done for done in rounds if done.learner == learner]
        kinds = [outcome(done) for done in own]
        counts = f"{len(own)} round{'s' * (len(own) > 1)}, {kinds.count('gain')} better"
        failed = f", {kinds.count('failed')} failed" if "failed" in kinds else ""
        parts.append(f"{learner}: {counts}{failed}, from {own[0].started_s:.1f} s to {own[-1].ended_s:.1f} s")
    return "; ".join(parts[:_MOST_DESCRIBED])


def _row(done: Round) -> RoundRow:
    took = max(0.0, done.ended_s - done.started_s)
    return RoundRow(
        done.number, done.learner, done.started_s, took, done.member_nauc, done.ensemble_nauc, _result(done)
    )
