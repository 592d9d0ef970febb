"""All that the page says, as plain values: computed here, put into words and markup by the templates."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from autodl_agent.data.inspection.task_warnings import task_notes
from autodl_agent.runs.report.curve_drawing import CurveFacts, curve_facts
from autodl_agent.runs.report.evaluation import Evaluation
from autodl_agent.runs.report.evaluation_facts import EvaluationFacts, evaluation_facts
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.runs.report.thumbnails import Thumbnails
from autodl_agent.runs.report.timeline import RoundFacts, round_facts

_MOST_REASONS = 20
_MOST_PLACES = 3
_LATE_S = 60  # after the end of the budget a page that still says "running" is that of a run that was killed


@dataclass(frozen=True)
class Member:
    """A learner of the newest prediction. weight: its share of the ensemble. nauc: its latest own one."""

    learner: str
    weight: float
    nauc: float | None


@dataclass(frozen=True)
class SkipReason:
    """Inputs that were skipped or repaired for one reason. places: the first of them."""

    reason: str
    places: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class DataFacts:
    """What the data are. shape: time, rows, columns, channels; negative where they vary.

    notes: findings, a sentence each. checked: whether columns and rows were looked through, too. skipped: inputs
    skipped or repaired in all, by the most frequent of `n_reasons`.
    """

    path: str
    domain: str
    domain_reason: str
    n_train: int
    n_test: int
    n_classes: int
    shape: tuple[int, ...]
    notes: tuple[str, ...]
    checked: bool
    skipped: int
    reasons: tuple[SkipReason, ...]
    n_reasons: int


@dataclass(frozen=True)
class MachineFacts:
    """What the run ran on. versions: of packages, by name."""

    cores: int
    memory_bytes: int
    system: str
    python: str
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PageFacts:
    """A run at one moment.

    ended: why it is over, "" while it goes on. over_at: seconds since the epoch after which it cannot go on any more.
    refresh_s: seconds between two pages. held_out_nauc, test_nauc: of the newest prediction. members: heaviest first.
    evaluation: None without held-out rows.
    """

    task: str
    multilabel: bool
    running: bool
    ended: str
    elapsed_s: float
    budget_s: float
    over_at: int
    refresh_s: int
    seed: int
    n_predictions: int
    held_out_nauc: float | None
    test_nauc: float | None
    curve: CurveFacts
    rounds: RoundFacts
    members: tuple[Member, ...]
    evaluation: EvaluationFacts | None
    data: DataFacts
    machine: MachineFacts


def page_facts(
    data: ReportData, found: Evaluation | None, thumbnails: Thumbnails, environment: dict[str, Any], refresh_s: int
) -> PageFacts:
    """All facts of one page. environment: as `runs.manifest.environment` gives it."""
    held_out, test = data.learning_curve("held_out_nauc"), data.learning_curve("test_nauc")
    return PageFacts(
        task=data.task.name,
        multilabel=data.task.multilabel,
        running=data.running,
        ended=data.ended,
        elapsed_s=data.elapsed_s,
        budget_s=data.budget.total_s,
        over_at=round(data.budget.epoch + data.budget.total_s + _LATE_S),
        refresh_s=refresh_s,
        seed=data.seed,
        n_predictions=len(data.curve),
        held_out_nauc=held_out.get_final_score() if held_out else None,
        test_nauc=test.get_final_score() if test else None,
        curve=curve_facts(data),
        rounds=round_facts(data),
        members=_members(data),
        evaluation=None if found is None else evaluation_facts(data, found, thumbnails),
        data=_data_facts(data),
        machine=_machine_facts(environment),
    )


def _members(data: ReportData) -> tuple[Member, ...]:
    parts = data.snapshot.parts if data.snapshot else ()
    latest = {done.learner: done.member_nauc for done in data.rounds if done.member_nauc is not None}
    total = sum(part.weight for part in parts)  # 1, or the sharpness of the softmax
    heaviest_first = sorted(parts, key=lambda part: -part.weight)
    return tuple(Member(part.name, part.weight / total, latest.get(part.name)) for part in heaviest_first)


def _data_facts(data: ReportData) -> DataFacts:
    task, problems = data.task, list(data.dataset.problems)
    counts = Counter(problem.reason for problem in problems)
    places: dict[str, list[str]] = {reason: [] for reason, _ in counts.most_common(_MOST_REASONS)}
    for problem in problems:
        if len(places.get(problem.reason, ())) < _MOST_PLACES and problem.reason in places:
            places[problem.reason].append(problem.where)
    return DataFacts(
        str(data.dataset.path),
        str(task.domain),
        task.domain_reason,
        task.n_train,
        task.n_test,
        task.n_classes,
        tuple(task.shape),
        tuple(task_notes(task)) if data.checks is None else data.checks,
        data.checks is not None,
        len(problems),
        tuple(SkipReason(reason, tuple(found), counts[reason]) for reason, found in places.items()),
        len(counts),
    )


def _machine_facts(environment: dict[str, Any]) -> MachineFacts:
    machine = environment["machine"]
    return MachineFacts(
        machine["cores"],
        machine["memory_limit_bytes"],
        machine["system"],
        machine["python"],
        tuple(environment["versions"].items()),
    )
