"""Side by side with AutoGluon-Tabular, FLAML, plain LightGBM and TF-IDF + linear SVM on tables and short texts.

    python benchmarks/peers/compare.py SET… [--peers autodl autogluon flaml lightgbm svm] [--limits 10 30 60 120]
        [--environments FOLDER] [--out results.jsonl]

SET: folders with train.csv and test.csv whose last columns are the labels (`label`, or several 0/1 columns), with the
truth in test.csv. Each peer has an environment of its own, made by this script at its first use in FOLDER
(AutoGluon takes some 3 GB). Every run is a process of its own, timed from its launch; a peer's single prediction counts
from its end. NAUC and ALC are ours for all, with T the largest limit; a prediction after T does not count. AutoGluon
gets texts as they are, FLAML and LightGBM as TF-IDF.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodl_agent.scoring.alc import alc
from autodl_agent.scoring.auc import nauc
from data_format import open_dataset
from data_format.predictions import list_predictions, read_prediction

HERE = Path(__file__).resolve().parent
PACKAGES = {
    "autogluon": ("autogluon.tabular[lightgbm,catboost,xgboost,fastai]==1.*", "pandas"),
    "flaml": ("flaml[automl]==2.*", "lightgbm", "pandas"),
    "plain": ("lightgbm", "scikit-learn", "pandas"),
}
PLAIN = {"lightgbm": "plain", "svm": "plain"}  # peers that share an environment
NO_LIMIT = ("lightgbm", "svm")  # they take the time they take
GRACE = 6  # a peer that is this many times over its limit (and a minute) is ended

Curve = list[tuple[float, NDArray[np.float32]]]


@dataclass
class Row:
    """One run: seconds to the first real prediction, area, last NAUC, wall seconds; None where there is none."""

    set: str
    peer: str
    limit: float
    first_s: float | None
    nauc: float | None
    alc: float | None
    wall_s: float
    note: str = ""


def python_of(peer: str, environments: Path) -> Path:
    """The interpreter of a peer's environment, which is made where it is missing."""
    peer = PLAIN.get(peer, peer)
    folder = environments / peer
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"{peer}: making {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[peer]], check=True)
        (folder / "ready").touch()
    return python


def run_autodl(dataset: Path, limit: float, scratch: Path) -> tuple[Curve, float, str]:
    """Our own run: every prediction with its time since launch."""
    out = scratch / "out"
    command = [str(Path(sys.executable).with_name("autodl")), "run", str(dataset), "--budget", str(limit)]
    launch = time.time()
    done = subprocess.run([*command, "--output", str(out), "--quiet"], capture_output=True, text=True, check=False)
    wall = time.time() - launch
    files = list_predictions(out / "predictions") if done.returncode == 0 else []
    return [(path.stat().st_mtime - launch, read_prediction(path)) for _, path in files], wall, done.stderr[-200:]


def run_peer(peer: str, dataset: Path, limit: float, scratch: Path, environments: Path) -> tuple[Curve, float, str]:
    """A peer's run: its one prediction at its end, columns in the order of our class names."""
    python, out = python_of(peer, environments), scratch / "prediction.npy"
    command = [str(python), str(HERE / "peer.py"), peer, str(dataset), str(limit), str(out)]
    launch = time.time()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=scratch, timeout=GRACE * limit + 60
        )
        note = done.stderr[-300:] if done.returncode else ""
    except subprocess.TimeoutExpired:
        note = f"ended after {GRACE * limit + 60:.0f} s"
    wall = time.time() - launch
    if not out.exists():
        return [], wall, note or "no prediction"
    names = json.loads(out.with_suffix(".json").read_text())
    wanted = open_dataset(dataset).class_names
    if missing := sorted(set(names).difference(wanted)):
        raise SystemExit(f"{dataset.name}: {peer} names classes {missing[:3]} that are not among {list(wanted)[:3]} …")
    found = np.load(out, allow_pickle=False)
    aligned = np.stack([found[:, names.index(n)] if n in names else np.zeros(len(found)) for n in wanted], axis=1)
    return [(wall, np.asarray(aligned, np.float32))], wall, note


def measured(peer: str, dataset: Path, limit: float, total: float, environments: Path) -> Row:
    truth = open_dataset(dataset).truth()
    if truth is None:
        raise SystemExit(f"{dataset}: the truth of the test rows is expected in it")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if peer == "autodl":
            curve, wall, note = run_autodl(dataset, limit, scratch)
        else:
            curve, wall, note = run_peer(peer, dataset, limit, scratch, environments)
    real = [(t, p) for t, p in curve if not np.allclose(p, p[0])]
    values = [nauc(truth, p) for _, p in curve]
    in_time = [(t, v) for (t, _), v in zip(curve, values, strict=True) if t <= total]
    area = alc([t for t, _ in in_time], [v for _, v in in_time], total) if in_time else None
    return Row(
        dataset.name, peer, limit, real[0][0] if real else None, values[-1] if values else None, area, wall, note
    )


def shown(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--peers", nargs="+", default=["autodl", "autogluon", "flaml", "lightgbm", "svm"])
    parser.add_argument("--limits", nargs="+", type=float, default=[10, 30, 60, 120])
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "autodl-peers")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    total = max(options.limits)
    print(f"{'set':12} {'peer':10} {'limit':>5} {'first s':>8} {'NAUC':>7} {'ALC':>7} {'wall s':>7}   (T = {total:g})")
    for dataset in options.sets:
        for peer in options.peers:
            for limit in options.limits[:1] if peer in NO_LIMIT else options.limits:
                row = measured(peer, dataset.resolve(), limit, total, options.environments)
                line = f"{row.set:12} {row.peer:10} {'-' if peer in NO_LIMIT else format(limit, 'g'):>5}"
                line += f" {shown(row.first_s, '8.1f'):>8} {shown(row.nauc, '7.4f'):>7} {shown(row.alc, '7.4f'):>7}"
                print(f"{line} {row.wall_s:7.1f}  {row.note if row.nauc is None else ''}", flush=True)
                if options.out:
                    with options.out.open("a") as file:
                        file.write(json.dumps(asdict(row)) + "\n")


if __name__ == "__main__":
    main()
