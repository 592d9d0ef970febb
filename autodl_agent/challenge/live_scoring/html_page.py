"""`detailed_results.html`: the learning curve of one task, its numbers, and what went wrong; for a browser or CodaLab.

The page stands alone (the picture is inlined), reloads itself every five seconds while the run goes on, and is
replaced as a whole, so that a reader never meets half of it or pieces of an older run.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from autodl_agent.scoring.bootstrap import ErrorBar
from autodl_agent.scoring.report import PredictionScore, ScoreReport
from data_format.atomic import write_atomic

PAGE_NAME = "detailed_results.html"
REFRESH_S = 5
# A run of thousands of predictions still gives a page that opens at once: the first and the last ones are shown.
_SHOWN_ROWS = 500

_STYLE = """body{font-family:sans-serif;max-width:50em;margin:1.5em auto;padding:0 1em;color:#222}
img{max-width:100%;height:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.2em .9em;text-align:right;border-bottom:1px solid #ddd}th{border-bottom:2px solid #888}
.late{color:#999}.problem{color:#a00}h2{margin-top:1.5em}"""


def write_waiting_page(folder: Path, task: str) -> None:
    """The page before the run has begun. Raises OSError as the file system gives it."""
    _write(folder, task, True, ["<p>Waiting for the run to begin…</p>"])


def write_page(
    folder: Path,
    task: str,
    report: ScoreReport | None,
    picture: bytes | None,
    alternative: str = "",
    messages: Sequence[str] = (),
    running: bool = False,
) -> None:
    """Write the page of one task. Raises OSError as the file system gives it.

    report: None where nothing could be scored. picture: the PNG, None for none; alternative: its text. messages: one
    line each, shown above the problems of the report. running: whether the page reloads itself.
    """
    body = [f'<p class="problem">{escape(message)}</p>' for message in messages]
    if picture is not None:
        body.append(image_tag(picture, alternative))
    if report is not None:
        body += [_summary(report, running), *_prediction_table(report)]
        body += _problems(report.problems)
    _write(folder, task, running, body)


def image_tag(png: bytes, alternative: str) -> str:
    """An <img> that carries the picture itself."""
    data = base64.b64encode(png).decode("ascii")
    return f'<img alt="{escape(alternative)}" src="data:image/png;base64,{data}">'


def html_page(title: str, body: Iterable[str], refresh_s: int | None = None) -> str:
    """A whole HTML document. title: plain text; body: HTML."""
    refresh = "" if refresh_s is None else f'<meta http-equiv="refresh" content="{refresh_s}">\n'
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{refresh}<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _write(folder: Path, task: str, running: bool, body: Iterable[str]) -> None:
    page = html_page(f"Results of task {task}", body, REFRESH_S if running else None)
    # A file name may hold bytes that are no UTF-8; they must not keep the page from being written.
    write_atomic(folder / PAGE_NAME, page.encode("utf-8", "replace"))


def _summary(report: ScoreReport, running: bool) -> str:
    state = "so far" if running else "final"
    return (
        f"<p>ALC ({state}): <strong>{report.alc:.4f}</strong>{_bar(report.alc_error)}, "
        f"last NAUC: <strong>{report.nauc:.4f}</strong>{_bar(report.nauc_error)}, "
        f"budget T = {report.budget:g} s, t0 = {report.t0:g} s</p>"
    )


def _bar(error: ErrorBar | None) -> str:
    return "" if error is None else f" ± {error.std:.4f}"


def _prediction_table(report: ScoreReport) -> list[str]:
    """The table of predictions, in the order of time; accuracy only where it is defined."""
    rows = report.predictions
    if not rows:
        return ["<p>No prediction.</p>"]
    accurate = any(row.accuracy is not None for row in rows)
    titles = ["prediction", "seconds", "NAUC", *(["soft accuracy"] if accurate else []), ""]
    head = "".join(f"<th>{title}</th>" for title in titles)
    if len(rows) > _SHOWN_ROWS:
        half = _SHOWN_ROWS // 2
        gap = f'<tr><td colspan="{len(titles)}">… {len(rows) - 2 * half} more …</td></tr>'
        lines = [*(_row(row, accurate) for row in rows[:half]), gap, *(_row(row, accurate) for row in rows[-half:])]
    else:
        lines = [_row(row, accurate) for row in rows]
    return ["<h2>Predictions</h2>", f"<table>\n<tr>{head}</tr>", *lines, "</table>"]


def _row(row: PredictionScore, accurate: bool) -> str:
    cells = [escape(row.file), f"{row.seconds:.2f}", f"{row.nauc:.4f}"]
    if accurate:
        cells.append("" if row.accuracy is None else f"{row.accuracy:.4f}")
    cells.append("late, does not count" if row.late else "")
    kind = ' class="late"' if row.late else ""
    return f"<tr{kind}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _problems(problems: Sequence[str]) -> list[str]:
    if not problems:
        return []
    return ["<h2>Problems</h2>", "<ul>", *(f"<li>{escape(problem)}</li>" for problem in problems), "</ul>"]
