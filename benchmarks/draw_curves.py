"""Draw learning curves from what `autodl benchmark` wrote: python benchmarks/draw_curves.py RESULTS.jsonl OUT.png"""

import argparse
from pathlib import Path

from autodl_agent.benchmark.results import read_results
from autodl_agent.scoring.alc import alc, transformed_time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", default=Path("runs/bench.jsonl"))
    parser.add_argument("out", type=Path, nargs="?", default=Path("runs/bench.png"))
    options = parser.parse_args()
    records = [record for record in read_results(options.results) if record.curve]
    if not records:
        parser.error(f"{options.results} holds no run with a curve")
    first_of_each = {record.job.name: record for record in reversed(records)}
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    budget = max(record.job.budget for record in first_of_each.values())
    figure, axes = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
    for name in sorted(first_of_each):
        curve = [(t, v) for t, v in first_of_each[name].curve if t <= budget]
        times, values = [t for t, _ in curve], [v for _, v in curve]
        x = [0.0, *(transformed_time(t, budget) for t in times), 1.0]
        area = alc(times, values, budget)
        axes.plot(x, [0.0, *values, values[-1]], drawstyle="steps-post", label=f"{name}  ALC {area:.3f}")
    ticks = [t for t in (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200) if t <= budget]
    axes.set_xticks([transformed_time(t, budget) for t in ticks], [f"{t:g}" for t in ticks])
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("seconds since the launch of the program (log time)")
    axes.set_ylabel("NAUC on the test rows")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(options.out, dpi=110)


if __name__ == "__main__":
    main()
