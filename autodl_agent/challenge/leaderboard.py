"""The challenge's final order: per data set the participants are ranked by score, and the mean rank decides."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

from autodl_agent.scoring.ranks import average_ranks, score_table
from data_format.atomic import write_atomic

AVERAGE, NAME = "ave_score", "submission"


def write_leaderboard(path: Path, scores: Mapping[str, Mapping[str, float]]) -> None:
    """Write the leaderboard as CSV, best first: submission, mean rank, the score on every data set (empty if missing).

    Raises OSError as the file system gives it.
    """
    ranks = average_ranks(scores)
    sets = score_table(scores)[1]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([NAME, AVERAGE, *sets])
    for name, rank in ranks.items():
        values = [scores[name].get(task, math.nan) for task in sets]
        writer.writerow([name, repr(rank), *("" if math.isnan(value) else repr(float(value)) for value in values)])
    write_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))
