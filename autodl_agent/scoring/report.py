"""Score a folder of predictions against the truth: the whole learning curve, its area, and what to doubt about it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.scoring.alc import T0_S, LearningCurve
from autodl_agent.scoring.bootstrap import ErrorBar, alc_error_bar
from autodl_agent.scoring.scorer import Judged, PredictionScorer
from data_format.errors import DataError
from data_format.predictions import Start, list_predictions, read_start


@dataclass(frozen=True, slots=True)
class PredictionScore:
    """One prediction on the curve.

    file: its name. seconds: since the start of the run. nauc: in [-1, 1]. accuracy: soft accuracy, None unless every
    row of the truth has exactly one class. late: after the budget, so it does not count.
    """

    file: str
    seconds: float
    nauc: float
    accuracy: float | None
    late: bool


@dataclass(frozen=True)
class ScoreReport:
    """What a run is worth.

    predictions: sorted by time. class_names, class_aucs: one a column, of the last prediction in time; NaN for the
    classes that cannot be scored. left_out: names of these. nauc, alc: 0.0 without a prediction in time.
    nauc_error, alc_error: bootstrap bars, None where there is nothing to resample. problems: one line each, with the
    file's name.
    """

    budget: float
    t0: float
    predictions: tuple[PredictionScore, ...]
    class_names: tuple[str, ...]
    class_aucs: NDArray[np.float64]
    left_out: tuple[str, ...]
    nauc: float
    alc: float
    nauc_error: ErrorBar | None
    alc_error: ErrorBar | None
    problems: tuple[str, ...]

    @property
    def curve(self) -> LearningCurve:
        """The learning curve, late predictions included (they do not change its area)."""
        return LearningCurve.of([p.seconds for p in self.predictions], [p.nauc for p in self.predictions], self.budget)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values; a class that cannot be scored has the AUC null."""
        facts = asdict(self)
        aucs = [None if np.isnan(auc) else float(auc) for auc in self.class_aucs]
        facts["class_aucs"] = dict(zip(self.class_names, aucs, strict=True))
        del facts["class_names"]
        return facts


def score_folder(
    prediction_dir: Path, solution: Path, budget: float | None = None, t0: float = T0_S, seed: int = 0
) -> ScoreReport:
    """Score NAME.predict_0, 1, … of a folder with start.txt against a NAME.solution file (or the folder of one).

    budget: seconds; None takes the time budget of start.txt. Files that are missing, damaged or of another shape are
    named in `problems` and left out. Raises DataError where start.txt or the solution cannot be read, or where there
    are predictions but none can be scored.
    """
    judge = PredictionScorer(find_solution(solution), seed)
    start = read_start(prediction_dir)
    problems: list[str] = []
    files = find_predictions(prediction_dir, judge.task, start.timestamps, problems)
    judged: dict[int, Judged] = {}
    for k in sorted(files.keys() & start.timestamps.keys()):
        try:
            judged[k] = judge.judge(files[k])
        except DataError as error:
            problems.append(describe(error, files[k]))
    if files and not judged:
        raise DataError(f"none of {len(files)} predictions in {prediction_dir} can be scored: {problems[-1]}")
    return make_report(judge, judged, start, class_names(prediction_dir, judge.truth.shape[1]), budget, t0, problems)


def find_solution(path: Path) -> Path:
    """The file itself, or the only *.solution of a folder. Raises DataError where there is not exactly one."""
    if not path.is_dir():
        return path
    found = sorted(p for p in path.iterdir() if p.suffix == ".solution")
    if len(found) != 1:
        raise DataError(f"{path}: expected 1 file NAME.solution, found {len(found)}")
    return found[0]


def find_predictions(folder: Path, name: str, numbers: Iterable[int], problems: list[str]) -> dict[int, Path]:
    """Prediction files by number; those of another task only where the solution's `name` has none.

    numbers: the predictions that start.txt knows; what is missing here or there is added to `problems`. Raises
    DataError where the folder holds several tasks and none of them is `name`.
    """
    found = list_predictions(folder)
    tasks = sorted({path.name.rpartition(".predict_")[0] for _, path in found})
    if len(tasks) > 1 and name not in tasks:
        raise DataError(f"{folder} holds predictions of {len(tasks)} tasks ({', '.join(tasks)}), none named {name}")
    task = tasks[0] if tasks and name not in tasks else name
    files = dict(list_predictions(folder, task))
    known = set(numbers)
    for k in sorted(known - files.keys()):
        problems.append(f"{task}.predict_{k}: start.txt has its time, but the file is missing")
    for k in sorted(files.keys() - known):
        problems.append(f"{files[k].name}: start.txt has no time for it")
    if not files and not known:
        problems.append(f"{folder}: no predictions")
    return files


def describe(error: DataError, path: Path) -> str:
    """One line about a prediction that cannot be scored, with the file's name in it once."""
    return str(error) if path.name in str(error) else f"{path.name}: {error}"


def make_report(
    judge: PredictionScorer,
    judged: Mapping[int, Judged],
    start: Start,
    names: tuple[str, ...],
    budget: float | None = None,
    t0: float = T0_S,
    problems: Sequence[str] = (),
    bars: bool = True,
) -> ScoreReport:
    """The report on what is judged so far, by number; `start` gives the moments. bars: with error bars (slower).

    budget: seconds; None takes the time budget of `start`. Raises DataError for a budget or t0 that is not positive.
    """
    total = start.time_budget if budget is None else budget
    found = list(problems)
    points: list[tuple[PredictionScore, Judged]] = []
    for k, one in sorted(judged.items()):
        seconds = seconds_of(start, k)
        if math.isfinite(seconds):
            late = seconds > total
            points.append((PredictionScore(one.path.name, seconds, one.nauc, one.accuracy, late), one))
        else:
            found.append(f"{one.path.name}: start.txt has no time for it that is a finite number")
    points.sort(key=lambda point: point[0].seconds)
    in_time = [point for point in points if not point[0].late]
    late_files = [score.file for score, _ in points if score.late]
    if late_files:
        n = len(late_files)
        found.append(f"{late_files[0]}: later than the budget of {total:g} s, {n} such predictions do not count")
    last = in_time[-1][1] if in_time else None
    times = [score.seconds for score, _ in in_time]
    nauc_error, alc_error = _bars(judge, [one for _, one in in_time], times, total, t0) if bars else (None, None)
    return ScoreReport(
        budget=total,
        t0=t0,
        predictions=tuple(score for score, _ in points),
        class_names=names,
        class_aucs=last.aucs if last else np.full(judge.truth.shape[1], np.nan),
        left_out=tuple(n for n, unusable in zip(names, judge.unusable, strict=True) if unusable),
        nauc=last.nauc if last else 0.0,
        alc=LearningCurve.of(times, [score.nauc for score, _ in in_time], total).get_alc(t0),
        nauc_error=nauc_error,
        alc_error=alc_error,
        problems=tuple(found),
    )


def seconds_of(start: Start, k: int) -> float:
    """When prediction `k` was made, in seconds since the start of the run; NaN where start.txt does not say.

    AutoDL writes moments since 1970; AutoNLP and AutoSpeech write the seconds used, beside a start since 1970.
    """
    stamp = start.timestamps.get(k, math.nan)
    return stamp if 0 <= stamp < start.start_time / 2 else stamp - start.start_time


def _bars(
    judge: PredictionScorer, in_time: Sequence[Judged], times: Sequence[float], budget: float, t0: float
) -> tuple[ErrorBar | None, ErrorBar | None]:
    """Error bars of the last NAUC and of the ALC of predictions sorted by time."""
    if not in_time:
        return None, None
    alc_error = alc_error_bar(np.stack([one.resampled for one in in_time]), times, budget, t0)
    try:
        return judge.nauc_bar(in_time[-1].path), alc_error
    except DataError:  # the file was there when it was scored; its score stands without a bar
        return None, alc_error


def class_names(prediction_dir: Path, n: int) -> tuple[str, ...]:
    """Names from the classes.txt of the run that the folder belongs to, else column numbers."""
    for folder in (prediction_dir, prediction_dir.absolute().parent):
        try:
            # Not `splitlines`, which would cut a name at U+2028 and the like.
            names = (folder / "classes.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError):
            continue
        if len(names) == n:
            return tuple(names)
    return tuple(str(i) for i in range(n))
