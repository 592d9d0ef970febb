"""One run of one peer in its own environment: `peer.py NAME DATASET LIMIT OUT.npy`; needs nothing of this project.

Writes (n_test, classes) probabilities, and the class names in their order beside them as JSON.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")


def label_columns(frame: "pd.DataFrame") -> list[str]:
    """`label`, or the columns at the end that hold nothing but 0 and 1."""
    if "label" in frame:
        return ["label"]
    found: list[str] = []
    for name in reversed(list(frame.columns)):
        if not set(frame[name].unique()) <= {0, 1}:
            break
        found.insert(0, name)
    if not found:
        raise SystemExit("a column `label` or 0/1 columns at the end are expected")
    return found


def scores(
    name: str, train: "pd.DataFrame", test: "pd.DataFrame", y: "pd.Series", limit: float
) -> tuple[list, np.ndarray]:
    """Class names and (n, classes) of one target."""
    return {"autogluon": autogluon, "flaml": flaml, "lightgbm": lightgbm, "svm": svm}[name](train, test, y, limit)


def autogluon(train, test, y, limit):
    from autogluon.tabular import TabularPredictor

    metric = "roc_auc" if y.nunique() == 2 else "roc_auc_ovr_macro"
    predictor = TabularPredictor("_target", eval_metric=metric, verbosity=0)
    predictor.fit(train.assign(_target=y.to_numpy()), time_limit=limit)
    shares = predictor.predict_proba(test)
    return list(shares.columns), shares.to_numpy()


def flaml(train, test, y, limit):
    from flaml import AutoML

    model = AutoML()
    classes, codes = np.unique(y, return_inverse=True)
    inputs, others = encoded(train, test, keep=True)
    metric = "roc_auc" if len(classes) == 2 else "roc_auc_ovr"
    model.fit(inputs, codes, task="classification", time_budget=limit, metric=metric, verbose=0, seed=0)
    return classes.tolist(), model.predict_proba(others)


def lightgbm(train, test, y, limit):
    from lightgbm import LGBMClassifier

    inputs, others = encoded(train, test, keep=True)
    model = LGBMClassifier(n_estimators=200, verbosity=-1).fit(inputs, y)
    return model.classes_.tolist(), model.predict_proba(others)


def svm(train, test, y, limit):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    texts = text_column(train)
    if texts is None:
        raise SystemExit("TF-IDF + SVM is for texts")
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LinearSVC().fit(words.fit_transform(train[texts]), y)
    margins = model.decision_function(words.transform(test[texts]))
    margins = np.stack([-margins, margins], 1) if margins.ndim == 1 else margins
    return model.classes_.tolist(), 1 / (1 + np.exp(-margins))


def text_column(frame):
    """The one column of words, where there is nothing else."""
    return frame.columns[0] if frame.shape[1] == 1 and not pd.api.types.is_numeric_dtype(frame.iloc[:, 0]) else None


def encoded(train, test, keep):
    """Words as categories of the training rows; a lone text column as TF-IDF."""
    texts = text_column(train)
    if texts is not None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        return words.fit_transform(train[texts]), words.transform(test[texts])
    train, test = train.copy(), test.copy()
    for name in train.columns:
        if not pd.api.types.is_numeric_dtype(train[name]):
            levels = pd.CategoricalDtype(sorted(train[name].dropna().astype(str).unique()))
            train[name], test[name] = train[name].astype(str).astype(levels), test[name].astype(str).astype(levels)
    return train, test


def main() -> None:
    name, dataset, limit, out = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    train, test = pd.read_csv(dataset / "train.csv"), pd.read_csv(dataset / "test.csv")
    labels = label_columns(train)
    inputs = [column for column in train.columns if column not in labels]
    if labels == ["label"]:
        found, values = scores(name, train[inputs], test[inputs], train["label"], limit)
        names = [str(value) for value in found]
    else:
        # One model a label, the time shared evenly: none of the peers knows several labels at once.
        names, columns = [label.removeprefix("label:") for label in labels], []
        for label in labels:
            if train[label].nunique() < 2:
                columns.append(np.full(len(test), float(train[label].iloc[0])))
                continue
            found, values = scores(name, train[inputs], test[inputs], train[label], limit / len(labels))
            columns.append(values[:, [str(value) for value in found].index("1")])
        values = np.stack(columns, 1)
    np.save(out, np.asarray(values, np.float64), allow_pickle=False)
    out.with_suffix(".json").write_text(json.dumps(names))


if __name__ == "__main__":
    main()
