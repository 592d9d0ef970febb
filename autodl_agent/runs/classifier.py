"""The agent as a scikit-learn style estimator, for notebooks, scripts and threads.

    model = AutoDLClassifier(budget_s=60).fit(X, y)
    model.predict(X_new)

X is whatever `data_format.raw.arrays.dataset` takes (arrays, data frames, lists of texts, paths or arrays) or the
path of a data set. scikit-learn is imported on the first use of something that needs it, and inherited from never:
importing this module costs nothing.
"""

import csv
import inspect
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Probabilities
from autodl_agent.data.inspection.task_warnings import problem_summary
from autodl_agent.runs.agent import run as run_agent
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.model.batch_predict import forecasts
from autodl_agent.runs.model.load import SavedModel, load_model
from autodl_agent.runs.result import RunResult
from autodl_agent.system.errors import UsageError
from data_format import open_dataset
from data_format.dataset import Dataset, Problem
from data_format.errors import DataError
from data_format.memory_source import MemorySource
from data_format.new_data import fit_numbers, new_chunks
from data_format.raw.arrays.dataset import dataset_from_arrays
from data_format.raw.arrays.tables import read_frame, sparse_table
from data_format.raw.new_data import Chunk, fit_table, fit_texts, picked_chunks, report_columns


class AutoDLClassifier:
    """Any-time classification of tables, texts, images, sounds and videos under a time budget.

    budget_s: seconds that `fit` may take; more time, better models. seed: of every random choice.
    memory: bytes that decoded data may take, None for a quarter of what is there. output: a folder that keeps all that
    a run leaves (each `fit` replaces the run in it); None keeps nothing but the fitted model.

    After `fit`: classes_ (labels in the order of the columns), learning_curve_ (k, 2) of seconds and held-out NAUC of
    each prediction (NaN where unknown), model_ (the saved model), problems_ (what was skipped or repaired), and for
    tables n_features_in_ and, for data frames, feature_names_in_.
    """

    def __init__(
        self,
        budget_s: float = 60.0,
        seed: int = 0,
        memory: int | None = None,
        output: str | Path | None = None,
    ) -> None:
        self.budget_s, self.seed, self.memory, self.output = budget_s, seed, memory, output

    def fit(self, X: Any, y: Any = None, budget_s: float | None = None) -> Self:
        """Learn from X and y within the budget (budget_s overrides the estimator's).

        y: (n,) labels of any kind, (n, classes) 0/1 for rows with several classes, or a list of label collections.
        X: a path of a data set takes its labels from there, y stays None. Raises ValueError for what does not fit.
        """
        seconds = self.budget_s if budget_s is None else budget_s
        if not seconds > 0:
            raise ValueError(f"budget_s: expected seconds above 0, found {seconds!r}")
        try:
            dataset = self._dataset(X, y)
            result, model, curve = self._run(dataset, float(seconds))
        except (DataError, UsageError) as error:
            raise ValueError(str(error)) from error
        self.model_: SavedModel = model
        self.learning_curve_: NDArray[np.float64] = curve
        self.problems_: list[Problem] = list(result.problems)
        return self

    def predict_proba(self, X: Any) -> Probabilities:
        """(n, classes) calibrated probabilities; rows sum to 1 where every row has exactly one class.

        Inputs that cannot be read get the class frequencies and are counted in a warning. Raises NotFittedError before
        `fit`, ValueError for inputs that do not fit those of `fit`.
        """
        model = self._fitted()
        problems: list[Problem] = []
        try:
            parts = [f.probabilities for f in forecasts(model, self._chunks(X, problems), problems)]
        except (DataError, UsageError) as error:
            raise ValueError(str(error)) from error
        if problems:
            warnings.warn(problem_summary(problems), UserWarning, stacklevel=2)
        out = np.concatenate([np.zeros((0, model.task.n_classes), np.float32), *parts])
        if not model.task.multilabel and self._kind != "matrix":
            out = out / np.maximum(out.sum(1, keepdims=True), np.finfo(np.float32).tiny)
        return np.asarray(out, np.float32)

    def predict(self, X: Any) -> Any:
        """Labels in the form of y: (n,) labels, an (n, classes) matrix of 0 and 1, or a list of tuples of labels."""
        model = self._fitted()
        probabilities = self.predict_proba(X)
        if self._kind == "labels" and not model.task.multilabel:
            return self.classes_[probabilities.argmax(1)]
        decided = model.decide(probabilities)
        if self._kind == "matrix":
            return decided.astype(np.int64)
        return [tuple(self.classes_[row].tolist()) for row in decided]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of rows that are predicted exactly."""
        from sklearn.metrics import accuracy_score

        found = self.predict(X)
        if self._kind == "sets":
            found, y = ([set(row) for row in rows] for rows in (found, y))
            return float(np.average([a == b for a, b in zip(found, y, strict=True)], weights=sample_weight))
        return float(accuracy_score(y, found, sample_weight=sample_weight))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Change arguments of the constructor. Raises ValueError for one that it does not have."""
        for name, value in params.items():
            if name not in inspect.signature(type(self)).parameters:
                known = sorted(inspect.signature(type(self)).parameters)
                raise ValueError(f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {known!r}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = {k: p.default for k, p in inspect.signature(type(self)).parameters.items()}
        changed = [f"{k}={v!r}" for k, v in self.get_params().items() if v is not defaults[k] and v != defaults[k]]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True, one_d_labels=False, two_d_labels=False),
            classifier_tags=ClassifierTags(multi_class=True, multi_label=True),
            input_tags=InputTags(two_d_array=True, sparse=True, allow_nan=True, string=True),
            non_deterministic=True,  # what is learned depends on the time that it takes
        )

    def _fitted(self) -> SavedModel:
        if not hasattr(self, "model_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet. Call 'fit' first.")
        return self.model_

    def _dataset(self, X: Any, y: Any) -> Dataset:
        """The training data, after what scikit-learn asks of arrays was checked."""
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if isinstance(X, str | Path) and y is None:
            dataset = open_dataset(Path(X))
            self.classes_: NDArray[Any] = np.array(dataset.class_names)
            self._kind = "labels"
            return dataset
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None (it may be left out where X "
                "is the path of a data set)"
            )
        if _is_table(X):
            checked = self._checked(X, reset=True)
            X = X if hasattr(X, "columns") else checked
        labels, self.classes_, self._kind = _labels(y)
        if len(labels) != _length(X):
            from sklearn.utils.validation import check_consistent_length

            check_consistent_length(np.zeros(_length(X)), labels)
        names = np.array([str(label) for label in self.classes_])
        # A single column of a matrix would be taken for class values.
        told: Any = names[labels.argmax(1)] if self._kind == "labels" else labels
        if self._kind == "sets":
            told = [names[row > 0].tolist() for row in labels]
        return dataset_from_arrays(X, told, class_names=names.tolist(), domain="tabular" if _is_numbers(X) else None)

    def _checked(self, X: Any, reset: bool) -> Any:
        """X as an array or sparse matrix; reset: whether it says what later inputs must look like."""
        from sklearn.utils.validation import validate_data

        options = {"accept_sparse": "csr", "dtype": None, "ensure_all_finite": False}
        return _plain(validate_data(self, X, y="no_validation", reset=reset, **options))

    def _run(self, dataset: Dataset, seconds: float) -> tuple[RunResult, SavedModel, NDArray[np.float64]]:
        config = RunConfig(seconds, self.seed, self.memory, overwrite=True, needs_model=True)
        if self.output is not None:
            return _run_in(dataset, Path(self.output), config)
        with tempfile.TemporaryDirectory(prefix="autodl-") as folder:
            return _run_in(dataset, Path(folder) / "run", config)

    def _chunks(self, X: Any, problems: list[Problem]) -> Iterator[Chunk]:
        """New inputs in the form of the training inputs."""
        model = self._fitted()
        domain, inputs = model.task.domain.value, model.inputs
        if isinstance(X, str | Path):
            return new_chunks(Path(X), model.task.domain.value, inputs, problems)
        if _is_table(X):
            if domain not in ("tabular", "text"):
                raise ValueError(f"X: expected inputs of the kind {domain} as in fit, found rows of a table")
            if hasattr(self, "n_features_in_") and not hasattr(X, "columns"):
                X = self._checked(X, reset=False)
            n = int(X.shape[0]) if hasattr(X, "shape") else len(X)
            if hasattr(X, "tocsr"):
                source: Any = MemorySource(table=fit_numbers(sparse_table(X), inputs, "X"))
            elif domain == "text":
                source = fit_texts(read_frame(X), inputs, "X")
            else:
                frame = read_frame(X)
                report_columns("X", frame.names, [name for name, _ in inputs.columns], problems)
                source = MemorySource(table=fit_table(frame, inputs, "X", problems))
            return iter([Chunk([str(row) for row in range(n)], source)])
        if not _length(X):
            raise ValueError("X: expected examples, found 0")
        asked = None if domain in ("text", "tabular") else domain
        found = dataset_from_arrays(X, None, domain=asked)
        if found.domain is None or found.domain[0] != domain:
            kind = found.domain[1] if found.domain else type(X).__name__
            raise ValueError(f"X: expected inputs of the kind {domain} as in fit, found {kind}")
        return picked_chunks(found.train.source, found.train.ids)


def _run_in(dataset: Dataset, folder: Path, config: RunConfig) -> tuple[RunResult, SavedModel, NDArray[np.float64]]:
    result = run_agent(dataset, folder, config)
    with (folder / "learning_curve.csv").open(newline="", encoding="utf-8") as file:
        rows = [(float(row["time"]), float(row["held_out_nauc"] or "nan")) for row in csv.DictReader(file)]
    return result, load_model(folder), np.array(rows, np.float64).reshape(-1, 2)


def _is_table(X: Any) -> bool:
    """Whether X is a 2-D array, a data frame, a sparse matrix or a list of rows of single values."""
    if hasattr(X, "columns") or hasattr(X, "tocsr") or hasattr(X, "__array__"):
        return not hasattr(X, "ndim") or X.ndim <= 2 and not _holds_examples(X)
    return isinstance(X, list | tuple) and bool(X) and isinstance(X[0], list | tuple | int | float | complex)


def _holds_examples(X: Any) -> bool:
    """Whether a 1-D array or series holds texts, paths or arrays: one whole example an element."""
    return X.ndim == 1 and len(X) > 0 and isinstance(np.asarray(X).ravel()[0], str | Path | np.ndarray | list)


def _is_numbers(X: Any) -> bool:
    return isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "biuf"


def _plain(X: Any) -> Any:
    """A checked array without the dtype of numbers that it was given as objects."""
    if isinstance(X, np.ndarray) and X.dtype.kind == "O":
        try:
            return X.astype(np.float64)
        except (TypeError, ValueError):
            return X
    return X


def _length(X: Any) -> int:
    shape = getattr(X, "shape", None)
    return int(shape[0]) if shape else len(X)


def _labels(y: Any) -> tuple[Labels, NDArray[Any], str]:
    """(n, classes) 0/1, the classes, and the form of y: labels, matrix or sets."""
    from sklearn.utils import column_or_1d
    from sklearn.utils.multiclass import check_classification_targets

    if isinstance(y, Sequence) and y and isinstance(y[0], list | tuple | set | frozenset) and not _is_matrix(y):
        classes = np.array(sorted({label for row in y for label in row}))
        place = {label: column for column, label in enumerate(classes.tolist())}
        labels = np.zeros((len(y), len(classes)), np.float32)
        for number, row in enumerate(y):
            labels[number, [place[label] for label in row]] = 1
        return labels, classes, "sets"
    y = y.toarray() if hasattr(y, "toarray") else y
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] > 1:
        matrix = values.astype(np.float32)
        if not np.isin(matrix, (0, 1)).all():
            raise ValueError("y: expected 0 and 1 in a matrix of classes, found other values")
        return matrix, np.arange(matrix.shape[1]), "matrix"
    values = column_or_1d(values, warn=True)
    check_classification_targets(values)
    classes, codes = np.unique(values, return_inverse=True)
    return np.eye(len(classes), dtype=np.float32)[codes], classes, "labels"


def _is_matrix(y: Sequence[Any]) -> bool:
    """Whether the rows are those of a matrix of numbers rather than collections of labels."""
    alike = len({len(row) for row in y}) == 1 and not any(isinstance(row, set | frozenset) for row in y)
    return alike and all(isinstance(label, int | float | np.number) for row in y for label in row)
