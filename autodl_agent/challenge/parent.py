"""The parent program of a challenge with several data sets: one `scores.txt` and one page from those of the sets.

`python -m autodl_agent.challenge.parent --input_dir=D --output_dir=O` reads the score folders `res_2`, `res_3`, … of
D, where `res_(i+1)` belongs to set i. Every set keeps its number whatever happens to the others; one without a
readable score gets the challenge's value for "nothing".
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autodl_agent.challenge.live_scoring.html_page import PAGE_NAME, SetFacts, inline_png, write_sets_page
from autodl_agent.challenge.live_scoring.scores_txt import SCORES_NAME, read_score, yaml_float
from autodl_agent.runs.report.curve_png import draw_curve
from autodl_agent.scoring.alc import LearningCurve
from data_format.atomic import write_atomic
from data_format.errors import DataError

MISSING_SCORE = -0.999999
DEFAULT_SETS = 5
_CHILD = re.compile(r"res_(?P<number>\d+)")
_DEFAULT_BUDGET_S = 1200.0


@dataclass(frozen=True, slots=True)
class SetResult:
    """What a score folder says. score: MISSING_SCORE where it says nothing; problem: why, None for a good one.

    plot: path of its learning curve, None where there is none.
    """

    score: float
    plot: Path | None
    problem: str | None = None


def read_results(input_dir: Path, sets: int | None = None) -> dict[int, SetResult]:
    """Results by set, 1 … n. sets: n; None takes the highest folder there is, and at least the challenge's five.

    Raises DataError where `input_dir` cannot be read.
    """
    try:
        found = {
            int(match["number"]) - 1: path
            for path in input_dir.iterdir()
            if (match := _CHILD.fullmatch(path.name)) and path.is_dir()
        }
    except OSError as error:
        raise DataError(f"{input_dir}: cannot be read ({error.strerror or error})") from None
    n = max(DEFAULT_SETS, *found, 0) if sets is None else sets
    return {i: read_result(found.get(i, input_dir / f"res_{i + 1}")) for i in range(1, n + 1)}


def read_result(folder: Path) -> SetResult:
    """The result of one score folder; never raises."""
    try:
        plots = sorted(path for path in folder.glob("learning-curve-*.png") if path.is_file())
    except OSError:
        plots = []
    plot = plots[0] if plots else None
    try:
        return SetResult(read_score(folder / SCORES_NAME), plot)
    except DataError as error:
        return SetResult(MISSING_SCORE, plot, str(error))


def write_parent(output_dir: Path, results: Mapping[int, SetResult]) -> None:
    """Write `scores.txt` (`set{i}_score` lines), the page and a plot for sets without one into a folder.

    Raises OSError as the file system gives it, and ImportError, with `scores.txt` written, where matplotlib or jinja2
    is not installed.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    # The empty score is the challenge's: its leaderboard computes the mean rank.
    lines = ["score:", *(f"set{i}_score: {yaml_float(result.score)}" for i, result in sorted(results.items()))]
    write_atomic(output_dir / SCORES_NAME, ("\n".join(lines) + "\n").encode())
    facts = [
        SetFacts(i, result.score, result.problem is not None, inline_png(_plot(output_dir, i, result)))
        for i, result in sorted(results.items())
    ]
    write_sets_page(output_dir, facts)


def _plot(output_dir: Path, i: int, result: SetResult) -> bytes:
    """The set's own plot, else an empty one, drawn into the output folder."""
    if result.plot is not None:
        try:
            return result.plot.read_bytes()
        except OSError:
            pass
    path = output_dir / f"learning-curve-dataset-{i}.png"
    draw_curve(path, LearningCurve((), (), _DEFAULT_BUDGET_S), f"dataset {i}", note="no result")
    return path.read_bytes()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 also where sets have no score, 2 where the folders cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m autodl_agent.challenge.parent",
        description="Put together the scores of several data sets.",
        allow_abbrev=False,
    )
    parser.add_argument("--input_dir", "-input_dir", type=Path, default=Path("test_input"), help="[test_input]")
    parser.add_argument("--output_dir", "-output_dir", type=Path, default=Path("test_output"), help="[test_output]")
    parser.add_argument("--sets", "-sets", type=int, help="number of data sets [as many as there are, at least 5]")
    found = parser.parse_args(arguments)
    if found.sets is not None and found.sets < 1:
        parser.error(f"--sets: expected 1 or more, found {found.sets}")
    try:
        results = read_results(found.input_dir, found.sets)
        write_parent(found.output_dir, results)
    except (DataError, OSError) as error:
        print(f"parent: {error}".replace("\n", " "), file=sys.stderr)
        return 2
    except ImportError as error:  # the scores are there, and count
        print(f"parent: {PAGE_NAME} is not written: {error}".replace("\n", " "), file=sys.stderr)
    for i, result in sorted(results.items()):
        if result.problem is not None:
            print(f"parent: set {i}: {result.problem}".replace("\n", " "), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
