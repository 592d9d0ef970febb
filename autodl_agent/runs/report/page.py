"""The whole page from a scene: one HTML text that stands alone."""

from dataclasses import dataclass
from typing import Any

from autodl_agent.runs.report.assets import CONTENT_SECURITY_POLICY, SCRIPT, STYLE
from autodl_agent.runs.report.curve_svg import curve_section
from autodl_agent.runs.report.evaluation import Evaluation
from autodl_agent.runs.report.html import plain, seconds
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.runs.report.sections import (
    classes_section,
    data_section,
    ensemble_section,
    environment_section,
    matrix_section,
    mistakes_section,
    summary_section,
)
from autodl_agent.runs.report.thumbnails import Exhibits
from autodl_agent.runs.report.timeline import timeline_section


@dataclass(frozen=True)
class Section:
    """A part of the page with its anchor and heading."""

    key: str
    title: str
    body: str
    hint: str = ""


def render(
    scene: ReportData, found: Evaluation | None, exhibits: Exhibits, environment: dict[str, Any], refresh_s: int
) -> str:
    """The page. refresh_s: after how many seconds it reloads itself while the run goes on."""
    sections = _sections(scene, found, exhibits, environment)
    title = plain(scene.task.name)
    links = "".join(f'<li><a href="#{s.key}">{s.title}</a></li>' for s in sections)
    end = round(scene.budget.epoch + scene.budget.total_s + _LATE_S)
    refresh = ""
    if scene.running:
        refresh = f'<noscript><meta http-equiv="refresh" content="{refresh_s}"></noscript>\n'
    return (
        f'<!DOCTYPE html>\n<html lang="en" data-refresh="{refresh_s if scene.running else 0}" data-end="{end}">\n'
        "<head>\n"
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{refresh}'
        f'<title>{_mark(scene)}{title} · autodl</title>\n<link rel="icon" href="data:,">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#main">Skip to the results</a>\n'
        f"<header>\n<h1><bdi>{title}</bdi></h1>\n{_state(scene)}\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n</header>\n'
        f'<main id="main">\n{summary_section(scene, found)}\n'
        + "\n".join(_show(section) for section in sections)
        + f"\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _sections(
    scene: ReportData, found: Evaluation | None, exhibits: Exhibits, environment: dict[str, Any]
) -> list[Section]:
    sections = [
        Section("curve", "Learning curve", curve_section(scene), _CURVE_HINT),
        Section("rounds", "What was tried when", timeline_section(scene)),
        Section("ensemble", "Ensemble", ensemble_section(scene), "The newest prediction is their weighted mean."),
    ]
    if found is not None:
        hint = _MISTAKES_HINT if found.mistakes else ""
        together = "Labels together" if scene.task.multilabel else "Confusions"
        sections += [
            Section("classes", "Classes", classes_section(scene, found), _held_out_hint(found)),
            Section("matrix", together, matrix_section(scene, found)),
            Section("mistakes", "Most confident mistakes", mistakes_section(scene, found, exhibits), hint),
        ]
    elif scene.snapshot is not None and scene.snapshot.parts:
        sections.append(Section("classes", "Classes", f'<p class="quiet">{_NONE_HELD_OUT}</p>'))
    sections.append(Section("data", "Data", data_section(scene)))
    sections.append(Section("environment", "Environment", environment_section(scene, environment)))
    return sections


def _show(section: Section) -> str:
    hint = f'<p class="hint">{section.hint}</p>' if section.hint else ""
    return (
        f'<section id="{section.key}" aria-labelledby="{section.key}-title">'
        f'<h2 id="{section.key}-title">{section.title}</h2>{section.body}{hint}</section>'
    )


def _state(scene: ReportData) -> str:
    total = scene.budget.total_s
    if scene.running:
        gone = min(scene.elapsed_s, total)
        return (
            f'<div class="state"><span>Running: {seconds(gone)} of {seconds(total)}</span>'
            '<label hidden><input type="checkbox" id="hold"> hold this page still</label></div>'
            f'<progress max="{total:.3f}" value="{gone:.3f}" aria-label="Share of the budget used"></progress>'
        )
    told = f"Ended after {seconds(scene.elapsed_s)} of {seconds(total)}: {plain(scene.ended)}"
    return f'<div class="state"><span>{told}</span></div>'


def _mark(scene: ReportData) -> str:
    return "▶ " if scene.running else ""


def _held_out_hint(found: Evaluation) -> str:
    part = f"{found.rows} of {found.of_rows}" if found.rows < found.of_rows else f"{found.rows}"
    return (
        f"On {part} training rows held out from learning. They also chose the weights of the ensemble and its "
        "thresholds, so these numbers flatter a little. A dash: no such row, or nothing to compare."
    )


_LATE_S = 60  # after the end of the budget a page that still says "running" is that of a run that was killed
_CURVE_HINT = (
    "NAUC = 2 AUC − 1, mean over the classes: 1 is perfect, 0 is chance. ALC is the shaded area: what counts is how "
    "early a good prediction is there. Time is logarithmic, ln(1 + t/60 s)."
)
_MISTAKES_HINT = "Held-out rows on which the ensemble is surest of what is not on the label. Some labels may be wrong."
_NONE_HELD_OUT = "Too few training rows to hold some out: nothing can be said about single classes."
