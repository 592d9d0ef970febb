"""The file of predictions that `autodl predict` writes: one line a row, decisions first, probabilities on request."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from autodl_agent.runs.model.batch_predict import Forecast, forecasts
from autodl_agent.runs.model.load import SavedModel, load_model
from autodl_agent.system.errors import UsageError
from data_format.atomic import atomic_file
from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.new_data import new_chunks

SHOWN = 3  # kinds of problems in the summary; all of them are in the file


def predict_files(
    model_path: Path,
    data: Path,
    out: Path | None,
    standard: TextIO,
    proba: bool = False,
    threshold: float | None = None,
    top_k: int | None = None,
) -> str:
    """Predict `data` with the model at `model_path` and write a CSV file; returns one line about what was done.

    out: the file, which appears when it is whole; None writes to `standard`. proba: a column a class. threshold:
    decide for all classes at or above it. top_k: the k likeliest classes with their probabilities in place of the
    decision. What could not be read is listed in `OUT.skipped.csv`. Raises UsageError and DataError, one line each.
    """
    model = load_model(model_path)
    if top_k is not None and not 1 <= top_k <= model.task.n_classes:
        raise UsageError(f"--top-k: expected 1 to {model.task.n_classes} (the number of classes), found {top_k}")
    if out is not None and not out.absolute().parent.is_dir():
        raise UsageError(f"{out}: expected a folder {out.parent} to write to, found none")
    problems: list[Problem] = []
    found = forecasts(model, new_chunks(data, model.task.domain.value, model.inputs, problems), problems)
    n = 0
    with _sink(out, standard) as file:
        writer = csv.writer(file, lineterminator="\n")
        for forecast in found:
            if not n:  # only now: what cannot be read at all leaves nothing behind
                writer.writerow(_header(model, proba, top_k))
            writer.writerows(_lines(model, forecast, proba, threshold, top_k))
            n += len(forecast.ids)
        if not n:
            raise DataError(f"{data}: expected rows to predict, found none")
    listed = _list_problems(out, problems)
    return f"{n} rows predicted" + (f"; {_summary(problems)}{listed}" if problems else "")


def _header(model: SavedModel, proba: bool, top_k: int | None) -> list[str]:
    classes = list(model.task.class_names) if proba else []
    if top_k is None:
        return ["id", *classes, "prediction"]
    return ["id", *classes, *(f"{what}_{k}" for k in range(1, top_k + 1) for what in ("class", "probability"))]


def _lines(
    model: SavedModel, forecast: Forecast, proba: bool, threshold: float | None, top_k: int | None
) -> Iterator[list[str]]:
    names, values = model.task.class_names, forecast.probabilities
    joint = separator(names)
    decided = model.decide(values, threshold)
    order = np.argsort(-values, axis=1, kind="stable")[:, :top_k] if top_k else np.zeros((len(values), 0), int)
    for row, id_ in enumerate(forecast.ids):
        cells = [f"{value:.9g}" for value in values[row]] if proba else []
        if top_k is None:
            cells.append(joint.join(names[c] for c in np.flatnonzero(decided[row])))
        for c in order[row]:
            cells += [names[c], f"{values[row, c]:.9g}"]
        yield [id_, *cells]


def separator(names: Sequence[str]) -> str:
    """What stands between the class names of one cell: a space, or a bar where a name holds spaces."""
    return " " if not any(" " in name for name in names) else "|"


@contextmanager
def _sink(out: Path | None, standard: TextIO) -> Iterator[TextIO]:
    if out is None:
        yield standard
        return
    try:
        with atomic_file(out) as raw:
            # Ids may hold bytes that are no UTF-8; they go out as they came in.
            text = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="", write_through=True)
            yield text
            text.flush()
            text.detach()
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({error.strerror or error})") from error


def _list_problems(out: Path | None, problems: Sequence[Problem]) -> str:
    """Write all problems beside the predictions; where they are, for the summary."""
    if out is None or not problems:
        return ""
    path = out.with_name(f"{out.name.removesuffix('.csv')}.skipped.csv")
    with _sink(path, io.StringIO()) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["where", "reason"])
        writer.writerows((problem.where, problem.reason) for problem in problems)
    return f" (all in {path})"


def _summary(problems: Sequence[Problem]) -> str:
    kinds = Counter(problem.reason for problem in problems).most_common()
    shown = "; ".join(f"{count} × {reason}" for reason, count in kinds[:SHOWN])
    more = f"; {len(kinds) - SHOWN} kinds more" if len(kinds) > SHOWN else ""
    return f"{len(problems)} inputs with problems: {shown}{more}"
