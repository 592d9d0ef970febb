"""Slices of real runs as a table that `autodl benchmark --replay` plays policies on.

    python benchmarks/record_slices.py record SUITE… --runs RUNS [--alone 35] [--mixed 30] [--policies round-robin]
    python benchmarks/record_slices.py table RUNS… [--out benchmarks/results/slices.jsonl]
    python benchmarks/record_slices.py check TABLE RUNS…

record: for every data set in SUITE one run of 30 s with all learners in turn, whose rounds show what ensembles are
worth, and one of 35 s for each learner alone, whose slices do not depend on what a policy happened to prefer. Runs
follow each other; those that RUNS has already are left out. Only `run.json` of each stays.

table: writes the slices and ensembles of such runs as JSON lines (`autodl_agent/benchmark/slice_table.py`); any other
run folder of the same data sets adds the ensembles that it saw, and its times where it was faster.

check: compares the area under the learning curve of each run with what the table makes of it, on held-out rows: at the
run's own times, with its own members and modelled ensembles; and replayed, in the run's order at the table's times.
Only runs that the table was not made of say something of it.
"""

import argparse
import json
import multiprocessing
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autodl_agent.benchmark.ensemble_model import EnsembleModel
from autodl_agent.benchmark.jobs import plan
from autodl_agent.benchmark.simulator import simulate
from autodl_agent.benchmark.slice_table import RecordedSet, read_slice_table
from autodl_agent.data.domain import make_task
from autodl_agent.data.splits import CROSS_FIT_UP_TO, FOLDS
from autodl_agent.data.task import Domain
from autodl_agent.engine.policy.slices import Slice, SliceRecord
from autodl_agent.engine.round import Choose
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, LearnerSpec, learners_for
from autodl_agent.scoring.alc import alc
from data_format import open_dataset

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "benchmarks" / "results" / "slices.jsonl"
OUT_OF_TIME = "out of time"  # the error of a learner whose slices ran out of time again and again
Run = dict[str, Any]


def play(dataset: str, folder: Path, learners: tuple[str, ...], policy: str, budget_s: float) -> None:
    """One run, in a process of its own; without copies of learners, which the table does not hold."""
    from autodl_agent.engine.policy.baselines import choose_by
    from autodl_agent.runs.agent import run
    from autodl_agent.runs.config import RunConfig
    from autodl_agent.system.clock import Budget

    config = RunConfig(budget_s=budget_s, learners=learners, seed_replicas=0)
    run(Path(dataset), folder, config, Budget.from_launch(budget_s), choose_by(policy))


def record(suite: Sequence[Path], runs: Path, alone_s: float, mixed_s: float, policies: Sequence[str]) -> None:
    """Play what is missing in `runs`."""
    for job in plan(suite, alone_s, [0]):
        name = job.name.replace("/", "-")
        for policy in policies:
            _play_apart(job.path, runs / f"{name}_{policy}", (), policy, mixed_s)
        task = make_task(open_dataset(job.path))
        for spec in learners_for(task.domain):
            if spec.fits(task):
                _play_apart(job.path, runs / f"{name}_{spec.name}", (spec.name,), "policy", alone_s)


def _play_apart(dataset: str, folder: Path, learners: tuple[str, ...], policy: str, budget_s: float) -> None:
    if (folder / "run.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    scratch = folder.with_name("scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    process = multiprocessing.get_context("spawn").Process(
        target=play, args=(dataset, scratch, learners, policy, budget_s)
    )
    process.start()
    process.join()
    folder.mkdir(parents=True)
    recorded = (scratch / "run.json").exists()
    if recorded:
        shutil.move(scratch / "run.json", folder / "run.json")
    shutil.rmtree(scratch, ignore_errors=True)
    print(folder, "" if recorded else "failed", flush=True)


def table_of(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """The lines of the table, set by set."""
    for name in sorted({run["name"] for run in runs}):
        found = [run for run in runs if run["name"] == name]
        slices = [slices_of(run["rounds"]) for run in found]
        yield _set_line(found)
        for spec in LEARNERS_BY_DOMAIN[Domain(found[0]["domain"])]:
            for one in fastest([own for own in slices if spec.name in own], spec.name):
                yield {"kind": "slice", "set": name, "learner": spec.name, **one}
        for members, nauc in _unique(state for run in found for state in states_of(run["rounds"])):
            yield {"kind": "ensemble", "set": name, "members": members, "nauc": nauc}


def slices_of(rounds: Iterable[Run]) -> dict[str, list[dict[str, Any]]]:
    """learner -> its slices in order. Of two rounds that begin together the first was the first answer of the run."""
    found: dict[str, dict[float, dict[str, Any]]] = {}
    for played in rounds:
        if played["learner"] == "prior":
            continue
        slices, started = found.setdefault(played["learner"], {}), played["started_s"]
        timed_out = played["member_nauc"] is None and played["error"] in ("", OUT_OF_TIME)
        slices[started] = {
            "seconds": round(played["ended_s"] - started, 3),
            "nauc": _rounded(played["member_nauc"]),
            "more": played["more"] or (timed_out and not played["error"]),
            "next_s": played["next_s"],
            "timed_out": timed_out,
            "failed": bool(played["error"]),
            "answer_s": slices[started]["seconds"] if started in slices else None,
        }
    return {learner: [_without_defaults(one) for one in slices.values()] for learner, slices in found.items()}


def fastest(runs: Sequence[dict[str, list[dict[str, Any]]]], learner: str) -> list[dict[str, Any]]:
    """Slices of a learner by the run that had it alone, or else that has most of it; times by the fastest run.

    runs: learner -> slices of each. Where another run came to the same NAUC in less time, slices without a result
    before it included, the rest was other work on the machine.
    """
    if not runs:
        return []
    attempts = [attempts_of(own[learner]) for own in runs]
    best = max(range(len(runs)), key=lambda k: (set(runs[k]) == {learner}, len(attempts[k])))
    found = []
    for k, attempt in enumerate(attempts[best]):
        alike = [own[k] for own in attempts if k < len(own) and own[k][-1]["nauc"] == attempt[-1]["nauc"]]
        quickest = min(alike, key=lambda slices: sum(one["seconds"] for one in slices))
        found += quickest if attempt[-1]["nauc"] is not None else attempt
    return found


def attempts_of(slices: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Slices up to each with a result; the last may be without."""
    found: list[list[dict[str, Any]]] = [[]]
    for one in slices:
        found[-1].append(one)
        if not one.get("timed_out"):
            found.append([])
    return [attempt for attempt in found if attempt]


def states_of(rounds: Iterable[Run]) -> Iterator[tuple[dict[str, float], float]]:
    """NAUC of every member and of their ensemble, after each slice with a result."""
    members: dict[str, float] = {}
    for played in rounds:
        if played["member_nauc"] is not None and played["ensemble_nauc"] is not None:
            members[played["learner"]] = _rounded(played["member_nauc"])
            yield dict(members), _rounded(played["ensemble_nauc"])


def check(table: Path, runs: Sequence[Run]) -> None:
    """Print the area under the curve of each run; with modelled ensembles; and of the same order on the table."""
    sets = {one.name: one for one in read_slice_table(table)}
    for run in runs:
        curve, budget_s = curve_of(run["rounds"]), run["budget_s"]
        if run["name"] not in sets or not curve:
            continue
        real, modelled = _alc(curve, budget_s), _alc(modelled_curve(run, sets[run["name"]]), budget_s)
        order = [played["learner"] for played in run["rounds"] if played["member_nauc"] is not None]
        replayed = simulate(sets[run["name"]], in_order(order), budget_s)
        alc_again, last = replayed.curve.get_alc(), replayed.curve.get_final_score()
        print(
            f"{run['name']:14} ALC {real:.4f}, ensembles modelled {modelled - real:+.4f}, replayed "
            f"{alc_again - real:+.4f}; last NAUC {curve[-1][1]:.4f}, replayed {last:.4f}; "
            f"{len(replayed.history)} of {len(order)} slices"
        )


def modelled_curve(run: Run, recorded: RecordedSet) -> list[tuple[float, float]]:
    """The curve of a run, with its own times and members, but the ensembles' NAUC as a replay of the table has it."""
    model, members, best = EnsembleModel.fit(recorded.states), {}, 0.0
    judged = [played for played in run["rounds"] if played["member_nauc"] is not None]
    changed = []
    for played in judged:
        members[played["learner"]] = played["member_nauc"]
        best = max(best, model.nauc(members))
        changed.append({**played, "ensemble_nauc": best, "predicted": True})
    return curve_of([one for one in run["rounds"] if one["member_nauc"] is None] + changed)


def in_order(order: Sequence[str]) -> Choose:
    """A policy that plays learners in this order, each to its next result; what is not there is left out."""
    waiting = list(order)

    def choose(history: Sequence[SliceRecord], candidates: Sequence[LearnerSpec], *rest: Any) -> Slice | None:
        elapsed_s, total_s = rest[1], rest[2]
        finished = {record.learner for record in history if not record.more}
        while waiting:
            spec = next((spec for spec in candidates if spec.name == waiting[0]), None)
            if spec is not None and spec.name not in finished:
                waiting.pop(0)
                return Slice(spec, total_s - elapsed_s, 0.0)
            if spec is None and waiting[0] not in finished:
                return None  # a learner of the worker that is not there yet
            waiting.pop(0)
        return None

    return choose


def curve_of(rounds: Iterable[Run]) -> list[tuple[float, float]]:
    """(seconds, held-out NAUC) of every prediction; the first answer is not judged and gets the NAUC of the next."""
    points: list[tuple[float, float]] = []
    unjudged: list[float] = []
    for played in rounds:
        if played["learner"] == "prior" or not played["predicted"]:
            continue
        if played["ensemble_nauc"] is None:
            unjudged.append(played["ended_s"])
            continue
        points += [(t, played["ensemble_nauc"]) for t in (*unjudged, played["ended_s"])]
        unjudged = []
    return points


def _alc(curve: Sequence[tuple[float, float]], budget_s: float) -> float:
    return alc([moment for moment, _ in curve], [nauc for _, nauc in curve], budget_s)


def runs_below(folders: Iterable[Path]) -> list[Run]:
    """Every run.json at or below the folders, rounds in the order in which they ended; copies of learners left out."""
    found = []
    for path in sorted(path for folder in folders for path in folder.rglob("run.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        if not all("more" in played for played in run["rounds"]):
            raise SystemExit(f"{path}: rounds with `more` and `next_s` expected, as runs have them since this script")
        known = {"prior", *(spec.name for spec in LEARNERS_BY_DOMAIN[Domain(run["domain"])])}
        rounds = sorted(run["rounds"], key=lambda played: played["ended_s"])
        found.append({**run, "rounds": [played for played in rounds if played["learner"] in known]})
    return found


def _set_line(runs: Sequence[Run]) -> dict[str, Any]:
    first, played = runs[0], [one for run in runs for one in run["rounds"] if one["learner"] != "prior"]
    workers = {spec.name for spec in LEARNERS_BY_DOMAIN[Domain(first["domain"])] if spec.worker}
    starts = [one["started_s"] for one in played if one["learner"] in workers]
    facts = {name: first[name] for name in ("domain", "n_train", "n_test", "classes", "multilabel", "shape")}
    return {
        "kind": "set",
        "set": first["name"],
        **facts,
        "folds": FOLDS if first["n_train"] <= CROSS_FIT_UP_TO else 1,
        "ready_s": min(one["started_s"] for one in played),
        "worker_ready_s": min(starts, default=None),
        "machine": {name: first["machine"][name] for name in ("cores", "python")},
        "version": first["versions"]["autodl-agent"],
    }


def _unique(states: Iterable[tuple[dict[str, float], float]]) -> list[tuple[dict[str, float], float]]:
    return list({json.dumps(members, sort_keys=True): (members, nauc) for members, nauc in states}.values())


def _rounded(nauc: float | None) -> float | None:
    return None if nauc is None else round(nauc, 5)


def _without_defaults(values: dict[str, Any]) -> dict[str, Any]:
    needed = ("seconds", "nauc", "more")
    return {name: value for name, value in values.items() if name in needed or value not in (None, False)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("suite", nargs="+", type=Path)
    recording.add_argument("--runs", type=Path, required=True)
    recording.add_argument("--alone", type=float, default=35.0, metavar="SECONDS")
    recording.add_argument("--mixed", type=float, default=30.0, metavar="SECONDS")
    recording.add_argument("--policies", nargs="*", default=["round-robin"])
    making = commands.add_parser("table")
    making.add_argument("runs", nargs="+", type=Path)
    making.add_argument("--out", type=Path, default=TABLE)
    checking = commands.add_parser("check")
    checking.add_argument("table", type=Path)
    checking.add_argument("runs", nargs="+", type=Path)
    options = parser.parse_args()
    if options.command == "record":
        record(options.suite, options.runs, options.alone, options.mixed, options.policies)
    elif options.command == "check":
        check(options.table, runs_below(options.runs))
    else:
        lines = [json.dumps(line, ensure_ascii=False) for line in table_of(runs_below(options.runs))]
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{options.out}: {len(lines)} lines")


if __name__ == "__main__":
    main()
