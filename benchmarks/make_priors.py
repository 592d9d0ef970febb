"""The policy's priors, learned from finished runs: writes autodl_agent/engine/policy/priors.json.

    python benchmarks/make_priors.py RUN… [--out FILE] [--keep]

RUN is an output folder of `autodl run`, or a folder that holds such folders at any depth; only `run.json` is read. For
each domain and learner the table holds means and medians over the runs that played it: the share of the ensemble's
headroom that its first slice, its second, each later one and all its slices closed, slices a run, growth of their
seconds, the exponent of its own learning curve, and the seconds of its first slice over the LearnerSpec's guess.
Learners of fewer than three runs are left out. --keep: learners that these runs do not have stay as they are.
"""

import argparse
import json
import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from autodl_agent.data.splits import CROSS_FIT_UP_TO, FOLDS
from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.policy.costs import guess_s
from autodl_agent.engine.policy.priors import LIMITS, TABLE, VERSION, Prior, load_priors
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN

WEIGHT = 2.0  # of the neutral value, in runs: one lucky run makes no prior
NEUTRAL = Prior(first=0.05, last=0.1)
LATER = 0.02  # neutral share of a slice after the first
LEAST_RUNS = 3  # with a share to tell; learners of fewer are judged by their LearnerSpec
LEAST_ROOM = 0.002
FASTEST_RATE = 1.0
DIGITS = 4


@dataclass(frozen=True)
class Slice:
    """One slice of a run. closed: share of the ensemble's headroom that it closed, None where there was none left."""

    seconds: float
    nauc: float | None
    closed: float | None


def slices_of(rounds: list[dict[str, Any]]) -> dict[str, list[Slice]]:
    """learner -> its slices, from the `rounds` of a run.json; benched slices are left out.

    The very first slice yields two rounds that begin together, the second with the judgement: they are one slice.
    What slices without a result took counts for the learner's first one with a result.
    """
    out: dict[str, list[Slice]] = defaultdict(list)
    best = 0.0
    # learner -> start of a round -> its seconds; of two that begin together the later, longer one stays
    waiting: dict[str, dict[float, float]] = defaultdict(dict)
    for played in sorted(rounds, key=lambda one: float(one["ended_s"])):
        learner, seconds = played["learner"], played["ended_s"] - played["started_s"]
        if learner == "prior" or played.get("error"):
            continue
        ensemble = played["ensemble_nauc"]
        waiting[learner][played["started_s"]] = seconds
        if ensemble is None:
            continue
        room = 1 - best
        closed = min(max(0.0, ensemble - best) / room, 1.0) if room > LEAST_ROOM else None
        spent = seconds if out[learner] else sum(waiting[learner].values())
        out[learner].append(Slice(spent, played["member_nauc"], closed))
        best = max(best, ensemble)
    return out


def rate_of(slices: list[Slice]) -> float | None:
    """Exponent of the learner's own curve, None where it has a single point."""
    spent, first, above, below = 0.0, None, 0.0, 0.0
    for one in slices:
        spent += one.seconds
        if one.nauc is None:
            continue
        error = max(1 - one.nauc, 1e-6)
        if first is None:
            first = (max(spent, 1e-3), error)
            continue
        x, y = math.log(max(spent, 1e-3) / first[0]), math.log(first[1] / error)
        above, below = above + x * y, below + x * x
    return max(above / below, 0.0) if below > 0 else None


def guess_of(run: dict[str, Any], learner: str) -> float:
    """What the ladder would have guessed for the seconds of the first slice of this run."""
    domain = Domain(run["domain"])
    spec = next(spec for spec in LEARNERS_BY_DOMAIN[domain] if spec.name == learner)
    n_train, n_test = run["n_train"], run["n_test"]
    task = Task("", domain, "", ("a", "b"), n_train, n_test, (1, 1, 1, 1), False, (1, 1))
    return guess_s(spec.when_loaded(), task, FOLDS if n_train <= CROSS_FIT_UP_TO else 1)


def shrunk(values: list[float], neutral: float, low: float, high: float) -> float:
    """Mean of the values and WEIGHT times the neutral one."""
    return min(max((WEIGHT * neutral + sum(values)) / (WEIGHT + len(values)), low), high)


def prior_of(found: list[tuple[dict[str, Any], list[Slice]]], learner: str) -> Prior | None:
    """What these runs say together about one learner; None where they are too few."""
    told = [[one.closed for one in slices if one.closed is not None] for _, slices in found]
    told = [closed for closed, (_, slices) in zip(told, found, strict=True) if slices[0].closed is not None]
    if len(told) < LEAST_RUNS:
        return None
    firsts = [closed[0] for closed in told]
    seconds = [closed[1] for closed in told if len(closed) > 1]
    laters = [mean(closed[2:]) for closed in told if len(closed) > 2]
    lasts = [1 - math.prod(1 - share for share in closed) for closed in told]
    growths = [
        math.log(max(b.seconds, 1e-3) / max(a.seconds, 1e-3))
        for _, slices in found
        for a, b in zip(slices, slices[1:], strict=False)
    ]
    rates = [rate for _, slices in found if (rate := rate_of(slices)) is not None]
    costs = [math.log(max(slices[0].seconds, 1e-3) / max(guess_of(run, learner), 1e-3)) for run, slices in found]
    middle = [median(growths)] * min(len(growths), 8) if growths else []
    first = shrunk(firsts, NEUTRAL.first, *LIMITS["first"])
    return Prior(
        first=first,
        last=max(first, shrunk(lasts, NEUTRAL.last, *LIMITS["last"])),
        slices=mean(len(slices) for _, slices in found),
        growth=math.exp(shrunk(middle, math.log(NEUTRAL.growth), math.log(1.0), math.log(6.0))),
        rate=shrunk(rates, NEUTRAL.rate, 0.0, FASTEST_RATE),
        cost=math.exp(shrunk([median(costs)] * len(costs), 0.0, math.log(0.02), math.log(50))),
        second=shrunk(seconds, LATER, *LIMITS["second"]) if seconds else None,
        later=shrunk(laters, LATER, *LIMITS["later"]) if laters else None,
    )


def make(runs: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """domain -> learner -> fields of a Prior."""
    played: dict[tuple[str, str], list[tuple[dict[str, Any], list[Slice]]]] = defaultdict(list)
    for run in runs:
        for learner, slices in slices_of(run["rounds"]).items():
            played[(run["domain"], learner)].append((run, slices))
    out: dict[str, dict[str, dict[str, float]]] = {}
    for (domain, learner), found in sorted(played.items()):
        if learner not in {spec.name for spec in LEARNERS_BY_DOMAIN[Domain(domain)]}:
            continue  # gone from the ladder, or a copy that was refitted on all rows
        prior = prior_of(found, learner)
        if prior is not None:
            rounded = {name: round(value, DIGITS) for name, value in asdict(prior).items() if value is not None}
            out.setdefault(domain, {})[learner] = rounded
    return out


def runs_below(folder: Path) -> list[dict[str, Any]]:
    """Every readable run.json at or below the folder that has rounds."""
    out = []
    for path in sorted(folder.rglob("run.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("rounds"):
            out.append(content)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    runs = [run for folder in options.runs for run in runs_below(folder)]
    if not runs:
        parser.error(f"no run.json with rounds below {', '.join(map(str, options.runs))}")
    domains = make(runs)
    if options.keep and options.out.exists():
        for (domain, learner), prior in load_priors(options.out).items():
            entry = {name: value for name, value in asdict(prior).items() if value is not None}
            domains.setdefault(domain, {}).setdefault(learner, entry)
    text = json.dumps({"version": VERSION, "runs": len(runs), "domains": domains}, indent=1, sort_keys=True)
    options.out.write_text(text + "\n", encoding="utf-8")
    load_priors.cache_clear()
    print(f"{options.out}: {len(load_priors(options.out))} learners from {len(runs)} runs")


if __name__ == "__main__":
    main()
