"""The estimator: what scikit-learn asks of one, and what people hand over."""

import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from autodl_agent import AutoDLClassifier
from autodl_agent.runs.classifier import AutoDLClassifier as Direct

ROOT = Path(__file__).resolve().parents[3]
# Two fits see different moments on the clock, so they need not learn exactly the same.
COMPARE_TWO_FITS = (
    "check_supervised_y_2d",
    "check_fit_idempotent",
    "check_classifier_data_not_an_array",
    "check_estimators_data_not_an_array",
)
EXPECTED_FAILURES = dict.fromkeys(COMPARE_TWO_FITS, "two fits within a time budget may differ")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    return X, np.where(X[:, 0] + X[:, 1] > 0, "up", "down")


@pytest.fixture(scope="module")
def fitted(table):
    return AutoDLClassifier(budget_s=1.5).fit(*table)


def test_the_package_shows_it():
    assert AutoDLClassifier is Direct


def test_scikit_learns_checks():
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not inherited from BaseEstimator, which would cost its import
        found = check_estimator(
            AutoDLClassifier(budget_s=0.3), expected_failed_checks=EXPECTED_FAILURES, on_fail=None, on_skip=None
        )
    assert len(found) > 40
    failed = {r["check_name"]: str(r["exception"]) for r in found if r["status"] not in ("passed", "skipped", "xfail")}
    assert {name: text for name, text in failed.items() if name not in EXPECTED_FAILURES} == {}


def test_labels_probabilities_and_facts(table, fitted):
    X, y = table
    assert fitted.classes_.tolist() == ["down", "up"] and fitted.n_features_in_ == 4
    assert fitted.score(X, y) > 0.9
    values = fitted.predict_proba(X)
    assert values.shape == (120, 2) and np.allclose(values.sum(1), 1, atol=1e-6)
    assert (fitted.predict(X) == fitted.classes_[values.argmax(1)]).all()
    curve = fitted.learning_curve_
    assert curve.shape[1] == 2 and (np.diff(curve[:, 0]) > 0).all() and curve[-1, 1] > 0.7


def test_it_survives_pickling_and_cloning(table, fitted):
    from sklearn.base import clone, is_classifier

    X, _ = table
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))  # noqa: S301
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params() and not hasattr(copy, "classes_")
    assert is_classifier(copy)
    assert repr(AutoDLClassifier(budget_s=5, seed=3)) == "AutoDLClassifier(budget_s=5, seed=3)"
    with pytest.raises(ValueError, match="Invalid parameter 'nonsense'"):
        copy.set_params(nonsense=1)


def test_a_pipeline_and_cross_validation(table):
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), AutoDLClassifier(budget_s=0.5))
    assert cross_val_score(model, *table, cv=2).mean() > 0.8


def test_matrices_and_collections_of_labels(table):
    X, _ = table
    matrix = np.stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 1], 1).astype(int)
    model = AutoDLClassifier(budget_s=1).fit(X, matrix)
    found = model.predict(X)
    assert found.shape == matrix.shape and (found[:, 0] == matrix[:, 0]).mean() > 0.8
    sets = [tuple(name for name, on in zip("abc", row, strict=True) if on) for row in matrix]
    model = AutoDLClassifier(budget_s=1).fit(X, sets)
    assert model.classes_.tolist() == ["a", "b", "c"]
    found = model.predict(X)
    assert len(found) == len(X) and set(found[0]) <= {"a", "b", "c"} and model.score(X, sets) > 0.4


def test_labels_keep_their_type(table):
    X, y = table
    for values in (np.where(y == "up", 7, -1), np.where(y == "up", 1.5, 2.0).astype(str), y == "up"):
        model = AutoDLClassifier(budget_s=0.5).fit(X, values)
        assert model.predict(X[:5]).dtype == values.dtype and set(model.predict(X)) <= set(values.tolist())


def test_texts(tmp_path):
    texts, y = ["the river and the boat", "engine, wheel and road"] * 15, [0, 1] * 15
    model = AutoDLClassifier(budget_s=1).fit(texts, y)
    assert model.model_.task.domain == "text"
    assert model.predict(["boat river", "road wheel engine"]).tolist() == [0, 1]
    assert not hasattr(model, "n_features_in_")


def test_pictures_sounds_and_paths(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(1)
    y = np.arange(40) % 2
    pictures = (rng.random((40, 16, 16, 3)) * 90 + 120 * y[:, None, None, None]).astype(np.uint8)
    assert AutoDLClassifier(budget_s=1).fit(pictures, y).score(pictures, y) > 0.9
    waves = [np.sin(np.arange(3000 + 10 * i) * (0.05 + 0.3 * c)).astype(np.float32) for i, c in enumerate(y)]
    model = AutoDLClassifier(budget_s=1.5).fit(waves, y)
    assert model.model_.task.domain == "speech" and model.score(waves, y) > 0.9
    paths = [tmp_path / f"{i}.png" for i in range(40)]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    model = AutoDLClassifier(budget_s=1).fit(paths, y)
    assert model.model_.task.domain == "image" and model.score(paths, y) > 0.9
    with pytest.warns(UserWarning, match="1 × missing file"):
        found = model.predict_proba([paths[0], tmp_path / "gone.png"])
    assert found[1] == pytest.approx([0.5, 0.5], abs=0.02)


def test_a_folder_and_what_it_leaves(tmp_path):
    wine = ROOT / "sample_data" / "wine"
    model = AutoDLClassifier(budget_s=1, output=tmp_path / "run").fit(str(wine))
    assert (tmp_path / "run" / "model" / "model.json").is_file()
    assert len(model.classes_) == 5
    assert len(model.predict(wine)) == len(model.predict_proba(str(wine)))
    model.fit(wine)  # each fit replaces the run before


def test_rows_of_cells(fitted):
    rows = [[1.0, "red"], [2.0, "blue"], [1.1, "red"], [2.2, "blue"]] * 10
    model = AutoDLClassifier(budget_s=0.5).fit(rows, ["a", "b"] * 20)
    assert model.predict([[1.0, "red"], [2.1, "blue"], [2.0, "never seen"]]).tolist()[:2] == ["a", "b"]


def test_sparse_matrices(table):
    from scipy import sparse

    X, y = table
    X = np.where(np.abs(X) > 0.5, X, 0)
    model = AutoDLClassifier(budget_s=1).fit(sparse.csr_matrix(X), y)
    assert model.score(sparse.csr_matrix(X), y) > 0.7
    assert np.allclose(model.predict_proba(sparse.csc_matrix(X)), model.predict_proba(sparse.csr_matrix(X)), atol=1e-6)


def test_data_frames():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"size": rng.normal(size=80), "colour": rng.choice(["red", "blue"], 80)})
    y = (frame["size"] > 0).map({True: "big", False: "small"})
    model = AutoDLClassifier(budget_s=1).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["size", "colour"] and model.score(frame, y) > 0.8
    assert np.allclose(model.predict_proba(frame[["colour", "size"]]), model.predict_proba(frame), atol=1e-6)
    with pytest.warns(UserWarning, match="columns missing"):
        model.predict(frame[["size"]])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((np.ones((4, 2)), None), "requires y to be passed"),
        ((np.ones((4, 2)), [0, 1]), "inconsistent"),
        (("nowhere/at/all", None), "found nothing there"),
        ((np.ones((4, 2)), [[0, 2], [1, 0], [0, 0], [1, 1.5]]), "0 and 1"),
    ],
)
def test_what_does_not_fit_is_a_value_error(arguments, says):
    with pytest.raises(ValueError, match=says):
        AutoDLClassifier(budget_s=0.2).fit(*arguments)


def test_odd_budgets_and_inputs_of_another_kind(table, fitted):
    with pytest.raises(ValueError, match="above 0, found 0"):
        AutoDLClassifier(budget_s=0).fit(*table)
    with pytest.raises(ValueError, match="4 features"):
        fitted.predict(np.ones((2, 3)))
    with pytest.raises(ValueError, match="kind tabular as in fit, found 1 text"):
        fitted.predict(["a text"])


def test_in_a_thread(table):
    done = []
    thread = threading.Thread(target=lambda: done.append(AutoDLClassifier(budget_s=0.5).fit(*table).score(*table)))
    thread.start()
    thread.join(30)
    assert done and done[0] > 0.8


def test_in_a_script_without_a_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\nfrom autodl_agent import AutoDLClassifier\n"
        "X = np.arange(80).reshape(40, 2)\n"
        "model = AutoDLClassifier(budget_s=0.5).fit(X, X[:, 0] > 40)\n"
        "print('runs', model.score(X, X[:, 0] > 40) > 0.9)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
                          env={"PYTHONPATH": str(ROOT), "PATH": ""})  # fmt: skip
    assert done.stdout == "runs True\n", done.stderr
