"""Score a folder of predictions against the truth: the whole learning curve, its area, and what to doubt about it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.scoring.accuracy import is_one_hot, soft_accuracy
from autodl_agent.scoring.alc import T0_S, LearningCurve
from autodl_agent.scoring.auc import mean_nauc, weighted_class_aucs
from autodl_agent.scoring.bootstrap import (
    ALC_RESAMPLES,
    NAUC_RESAMPLES,
    ErrorBar,
    alc_error_bar,
    draw_counts,
    nauc_error_bar,
)
from data_format.errors import DataError
from data_format.predictions import list_predictions, read_prediction, read_start


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


@dataclass(frozen=True, slots=True)
class _Scored:
    """A prediction's scores before the report is made; resampled: NAUC under each resample of the rows."""

    path: Path
    score: PredictionScore
    aucs: NDArray[np.float64]
    resampled: NDArray[np.float64]


def score_folder(
    prediction_dir: Path, solution: Path, budget: float | None = None, t0: float = T0_S, seed: int = 0
) -> ScoreReport:
    """Score NAME.predict_0, 1, … of a folder with start.txt against a NAME.solution file (or the folder of one).

    budget: seconds; None takes the time budget of start.txt. Files that are missing, damaged or of another shape are
    named in `problems` and left out. Raises DataError where start.txt or the solution cannot be read, or where there
    are predictions but none can be scored.
    """
    truth_file = find_solution(solution)
    truth = read_prediction(truth_file)
    if not np.isfinite(truth).all():
        row, column = np.argwhere(~np.isfinite(truth))[0].tolist()
        raise DataError(f"{truth_file}: expected 0 or 1, found {truth[row, column]} in row {row}, class {column}")
    start = read_start(prediction_dir)
    total = start.time_budget if budget is None else budget
    seconds = {k: stamp - start.start_time for k, stamp in start.timestamps.items()}
    problems: list[str] = []
    counts = np.concatenate([np.ones((1, len(truth)), np.int64), draw_counts(truth, ALC_RESAMPLES, seed)])
    files = _numbered(prediction_dir, truth_file.name.removesuffix(".solution"), seconds, problems)
    scored = list(_scored(files, seconds, truth, counts, total, problems))
    if files and not scored:
        raise DataError(f"none of {len(files)} predictions in {prediction_dir} can be scored: {problems[-1]}")
    scored.sort(key=lambda s: s.score.seconds)
    return _report(scored, truth, _class_names(prediction_dir, truth.shape[1]), total, t0, seed, problems)


def find_solution(path: Path) -> Path:
    """The file itself, or the only *.solution of a folder. Raises DataError where there is not exactly one."""
    if not path.is_dir():
        return path
    found = sorted(p for p in path.iterdir() if p.suffix == ".solution")
    if len(found) != 1:
        raise DataError(f"{path}: expected 1 file NAME.solution, found {len(found)}")
    return found[0]


def _numbered(folder: Path, name: str, seconds: dict[int, float], problems: list[str]) -> dict[int, Path]:
    """Prediction files by number; those of another task only where the solution's name has none."""
    files = dict(list_predictions(folder, name) or list_predictions(folder))
    tasks = sorted({path.name.rpartition(".predict_")[0] for _, path in list_predictions(folder)})
    if files and len(tasks) > 1 and name not in tasks:
        raise DataError(f"{folder} holds predictions of {len(tasks)} tasks ({', '.join(tasks)}), none named {name}")
    task = tasks[0] if files and name not in tasks else name
    for k in sorted(seconds.keys() - files.keys()):
        problems.append(f"{task}.predict_{k}: start.txt has its time, but the file is missing")
    for k in sorted(files.keys() - seconds.keys()):
        problems.append(f"{files[k].name}: start.txt has no time for it")
    if not files and not seconds:
        problems.append(f"{folder}: no predictions")
    return files


def _scored(
    files: dict[int, Path],
    seconds: dict[int, float],
    truth: NDArray[np.float64],
    counts: NDArray[np.int64],
    budget: float,
    problems: list[str],
) -> Iterator[_Scored]:
    one_hot = is_one_hot(truth)
    for k in sorted(files.keys() & seconds.keys()):
        path = files[k]
        try:
            scores = _matrix(path, truth.shape)
        except DataError as error:
            problems.append(str(error) if path.name in str(error) else f"{path.name}: {error}")
            continue
        aucs = weighted_class_aucs(truth, scores, counts)
        accuracy = soft_accuracy(truth, scores) if one_hot else None
        score = PredictionScore(path.name, seconds[k], float(mean_nauc(aucs[0])), accuracy, seconds[k] > budget)
        yield _Scored(path, score, aucs[0], mean_nauc(aucs[1:]))


def _matrix(path: Path, shape: tuple[int, ...]) -> NDArray[np.float64]:
    scores = read_prediction(path)
    if scores.shape != shape:
        raise DataError(f"{path.name}: prediction has shape {scores.shape}, truth has {shape}")
    return scores


def _report(
    scored: Sequence[_Scored],
    truth: NDArray[np.float64],
    names: tuple[str, ...],
    budget: float,
    t0: float,
    seed: int,
    problems: list[str],
) -> ScoreReport:
    in_time = [s for s in scored if not s.score.late]
    late = [s.score.file for s in scored if s.score.late]
    if late:
        problems.append(f"{late[0]}: later than the budget of {budget:g} s, {len(late)} such predictions do not count")
    aucs = in_time[-1].aucs if in_time else np.full(truth.shape[1], np.nan)
    positives = (truth == 1).sum(axis=0)
    bars = np.stack([s.resampled for s in in_time]) if in_time else np.zeros((0, 0))
    times = [s.score.seconds for s in in_time]
    last = _matrix(in_time[-1].path, truth.shape) if in_time else None
    return ScoreReport(
        budget=budget,
        t0=t0,
        predictions=tuple(s.score for s in scored),
        class_names=names,
        class_aucs=aucs,
        left_out=tuple(n for n, p in zip(names, positives, strict=True) if p in (0, len(truth))),
        nauc=in_time[-1].score.nauc if in_time else 0.0,
        alc=LearningCurve.of(times, [s.score.nauc for s in in_time], budget).get_alc(t0),
        nauc_error=None if last is None else nauc_error_bar(truth, last, seed, NAUC_RESAMPLES),
        alc_error=alc_error_bar(bars, times, budget, t0),
        problems=tuple(problems),
    )


def _class_names(prediction_dir: Path, n: int) -> tuple[str, ...]:
    """Names from the classes.txt of the run that the folder belongs to, else column numbers."""
    for folder in (prediction_dir, prediction_dir.absolute().parent):
        try:
            names = (folder / "classes.txt").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        if len(names) == n:
            return tuple(names)
    return tuple(str(i) for i in range(n))
