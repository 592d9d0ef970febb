"""The parts of the page that are tables and lists: classes, confusions, mistakes, ensemble, data, environment."""

from collections import Counter
from typing import Any

import numpy as np

from autodl_agent.data.inspection.task_warnings import task_notes
from autodl_agent.runs.report.evaluation import Evaluation, Mistake
from autodl_agent.runs.report.html import folded, name, number, percent, plain, scrolling, seconds, table
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.runs.report.thumbnails import Exhibits

_MOST_CLASSES = 200
_OPEN_CLASSES = 30
_REASONS = 20
_EXAMPLES = 3
_SHORT = 4  # signs of a name that fits over a column of the matrix


def ensemble_section(scene: ReportData) -> str:
    """Which learners the newest prediction comes from."""
    parts = scene.snapshot.parts if scene.snapshot else ()
    if not parts:
        return '<p class="quiet">The class frequencies: nothing has been learned yet.</p>'
    latest = {played.learner: played.member_nauc for played in scene.rounds if played.member_nauc is not None}
    whole = sum(part.weight for part in parts)  # 1, or the sharpness of the softmax
    rows = [
        [plain(part.name), _bar(part.weight / whole, percent(part.weight / whole)), number(latest.get(part.name))]
        for part in sorted(parts, key=lambda part: -part.weight)
    ]
    return table(["learner", "weight", "own NAUC"], rows, "Weights in the ensemble")


def classes_section(scene: ReportData, found: Evaluation) -> str:
    """NAUC, precision and recall of each class; of many classes, the worst."""
    names, counts = scene.task.class_names, scene.task.class_counts
    order = list(range(len(names)))
    caption = "Classes on held-out rows"
    if len(names) > _MOST_CLASSES:
        order = [int(c) for c in np.argsort(np.nan_to_num(found.nauc, nan=np.inf), kind="stable")[:_MOST_CLASSES]]
        caption = f"The {_MOST_CLASSES} of {len(names)} classes with the lowest NAUC on held-out rows"
    head = ["class", "NAUC", "precision", "recall", "held-out rows", "training rows"]
    rows = [
        [
            name(names[c]), _bar(float(found.nauc[c]), number(float(found.nauc[c]), 3)), percent(found.precision[c]),
            percent(found.recall[c]), str(found.positives[c]), str(counts[c]),
        ]
        for c in order
    ]  # fmt: skip
    shown = table(head, rows, caption)
    return shown if len(rows) <= _OPEN_CLASSES else folded(f"{caption} ({len(rows)})", shown)


def matrix_section(scene: ReportData, found: Evaluation) -> str:
    """True classes down, predicted classes across; the shade is the share of the row's true class.

    Where rows may have several labels, what lies off the diagonal is no mistake, and has the same colour.
    """
    names = scene.task.class_names
    what = "Co-occurrence of true and predicted labels" if scene.task.multilabel else "Confusion matrix"
    caption = f"{what}, held-out rows"
    if len(found.shown) < len(names):
        caption += f": the {len(found.shown)} of {len(names)} classes with the most mistakes"
    upright = ' class="upright"' if max(len(names[c]) for c in found.shown) > _SHORT else ""
    head = "".join(f'<th scope="col"{upright}><span>{name(names[c], 18)}</span></th>' for c in found.shown)
    lines = []
    for c, counts in zip(found.shown, found.matrix, strict=True):
        total = max(1, int(found.positives[c]))
        kinds = ["hit" if c == other or scene.task.multilabel else "miss" for other in found.shown]
        cells = "".join(
            f'<td class="{kind}" style="--a:{min(1.0, count / total):.2f}">{count}</td>'
            for kind, count in zip(kinds, counts.tolist(), strict=True)
        )
        lines.append(f'<tr><th scope="row">{name(names[c], 30)}</th>{cells}</tr>')
    grid = (
        f'<table class="matrix"><caption>{caption}</caption><thead><tr><td class="corner">true ↓ predicted →</td>{head}'
        f"</tr></thead>\n<tbody>{''.join(lines)}</tbody></table>"
    )
    return scrolling(grid, caption)


def mistakes_section(scene: ReportData, found: Evaluation, exhibits: Exhibits) -> str:
    """Cards with the examples themselves."""
    if not found.mistakes:
        return '<p class="quiet">None: every held-out row was decided as it is labelled.</p>'
    cards = "".join(_card(scene, mistake, exhibits) for mistake in found.mistakes)
    return f'<ol class="cards">{cards}</ol>'


def data_section(scene: ReportData) -> str:
    """What the data are, what is noteworthy about them, what was skipped and why."""
    task = scene.task
    shape = " × ".join("any" if size < 0 else str(size) for size in task.shape)
    facts = [
        ("data set", name(str(scene.dataset.path), 200)),
        ("domain", f"{plain(task.domain)} ({plain(task.domain_reason)})"),
        ("rows", f"{task.n_train} for training, {task.n_test} to predict"),
        ("classes", f"{task.n_classes}, {'several' if task.multilabel else 'one'} a row"),
        ("time × rows × columns × channels", shape),
    ]
    notes = task_notes(task) if scene.checks is None else scene.checks
    listed = "".join(f"<li>{plain(note)}</li>" for note in notes)
    seen = "classes" if scene.checks is None else "classes, columns and rows"
    checks = f"<ul>{listed}</ul>" if notes else f'<p class="quiet">Nothing noteworthy about the {seen}.</p>'
    if scene.checks is None:
        checks += '<p class="quiet"><code>autodl inspect</code> looks through columns and rows, too.</p>'
    return f"{_facts(facts)}<h3>Checks</h3>{checks}<h3>Skipped inputs</h3>{_skipped(scene)}"


def environment_section(scene: ReportData, environment: dict[str, Any]) -> str:
    """Machine and versions."""
    machine = environment["machine"]
    facts = [
        ("budget", f"{scene.budget.total_s:g} s"),
        ("seed", str(scene.seed)),
        ("processor cores", str(machine["cores"])),
        ("memory limit", f"{machine['memory_limit_bytes'] / 2**30:.1f} GiB"),
        ("system", plain(machine["system"])),
        ("Python", plain(machine["python"])),
        *((plain(package), plain(version)) for package, version in environment["versions"].items()),
    ]
    return _facts(facts)


def summary_section(scene: ReportData, found: Evaluation | None) -> str:
    """The few numbers to read first."""
    held_out, test = scene.learning_curve("held_out_nauc"), scene.learning_curve("test_nauc")
    tiles = [("predictions", str(len(scene.curve))), ("time used", seconds(scene.elapsed_s))]
    if test is not None:
        tiles += [("NAUC, test rows", number(test.get_final_score())), ("ALC, test rows", number(test.get_alc()))]
    if held_out is not None:
        tiles += [
            ("NAUC, held-out rows", number(held_out.get_final_score())),
            ("ALC, held-out", number(held_out.get_alc())),
        ]
    if found is not None and found.accuracy is not None:
        tiles.append(("accuracy, held-out rows", percent(found.accuracy)))
    return '<dl class="tiles">' + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in tiles) + "</dl>"


def _card(scene: ReportData, mistake: Mistake, exhibits: Exhibits) -> str:
    names = scene.task.class_names

    def listed(classes: tuple[int, ...], odds: tuple[float, ...]) -> str:
        told = [
            f'{name(names[c], 40)} <span class="none">({percent(p)})</span>'
            for c, p in zip(classes[:6], odds[:6], strict=True)
        ]
        return ", ".join(told) + (f" and {len(classes) - 6} more" if len(classes) > 6 else "") or "no class"

    return (
        f'<li class="card"><div class="exhibit">{exhibits.get(mistake.row, scene.running)}</div><dl>'
        f"<dt>labelled</dt><dd>{listed(mistake.truth, mistake.truth_p)}</dd>"
        f"<dt>predicted</dt><dd>{listed(mistake.predicted, mistake.predicted_p)}</dd></dl>"
        f'<p class="where">{name(str(scene.dataset.train.ids[mistake.row]), 60)}</p></li>'
    )


def _skipped(scene: ReportData) -> str:
    problems = list(scene.dataset.problems)
    if not problems:
        return '<p class="quiet">None: every input could be read.</p>'
    reasons = Counter(problem.reason for problem in problems)
    rows = []
    for reason, count in reasons.most_common(_REASONS):
        where = [name(problem.where, 60) for problem in problems if problem.reason == reason][:_EXAMPLES]
        rows.append([plain(reason[:300]), ", ".join(where) + (", …" if count > len(where) else ""), str(count)])
    left = len(reasons) - len(rows)
    more = f'<p class="quiet">and {left} more reason{"s" * (left > 1)}</p>' if left else ""
    link = "" if scene.running else '<p>All of them are listed in <a href="skipped.csv">skipped.csv</a>.</p>'
    return table(["reason", "such as", "inputs"], rows, f"{len(problems)} inputs skipped or repaired", 2) + more + link


def _facts(pairs: list[tuple[str, str]]) -> str:
    return '<dl class="facts">' + "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in pairs) + "</dl>"


def _bar(share: float, text: str) -> str:
    width = 0.0 if share != share else min(1.0, max(0.0, share))
    return f'<span class="bar" style="--v:{width * 100:.0f}%">{text}</span>'
