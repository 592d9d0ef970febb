"""What was tried when: one lane a learner, one bar a round, over the same log time as the learning curve."""

from autodl_agent.engine.rounds import Round
from autodl_agent.runs.report.axis import PlotArea, svg
from autodl_agent.runs.report.html import folded, number, plain, seconds, table
from autodl_agent.runs.report.report_data import ReportData

_LANE = 34
_BAR = 14
_MOST_LANES = 24
_MOST_BARS = 600  # rounds may be thousands, and each is two elements of the page
_MOST_ROWS = 300
_SIZES = (("narrow", 360), ("roomy", 760))


def timeline_section(scene: ReportData) -> str:
    """Figure, legend and table of the rounds."""
    lanes = list(dict.fromkeys(played.learner for played in scene.rounds))[:_MOST_LANES]
    if not lanes:
        return '<p class="quiet">No round has ended yet.</p>'
    words = plain(_in_words(scene.rounds))
    drawings = []
    for kind, width in _SIZES:
        frame = PlotArea(width, 10 + _LANE * len(lanes) + 36, scene.budget.total_s, left=10)
        drawings.append(svg(frame, kind, "Rounds", words, _draw(frame, scene, lanes)))
    keys = (("gain", "made a better prediction"), ("idle", "brought nothing new"), ("failed", "× failed"))
    legend = " ".join(f'<span class="key {kind}-key">{text}</span>' for kind, text in keys)
    return f"<figure>{''.join(drawings)}<figcaption>{legend}</figcaption></figure>{_numbers(scene.rounds)}"


def outcome(played: Round) -> str:
    """ "gain", "idle" or "failed"."""
    if played.error:
        return "failed"
    return "gain" if played.prediction is not None else "idle"


def _draw(frame: PlotArea, scene: ReportData, lanes: list[str]) -> str:
    parts = [frame.time_axis()]
    place = {learner: 10 + _LANE * i for i, learner in enumerate(lanes)}
    for learner, top in place.items():
        parts.append(f'<text class="lane" x="{frame.left}" y="{top + 11}">{plain(learner)}</text>')
    for played in scene.rounds[-_MOST_BARS:]:
        if played.learner not in place:
            continue
        top, kind = place[played.learner] + 15, outcome(played)
        left = frame.x(played.started_s)
        width = max(2.0, frame.x(played.ended_s) - left)
        parts.append(
            f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="2">'
            f"<title>{plain(_told(played))}</title></rect>"
        )
        if kind == "failed":
            parts.append(f'<text class="cross" x="{left + width / 2:.1f}" y="{top + 11}">×</text>')
    if scene.running:
        now = frame.x(scene.elapsed_s)
        parts.append(f'<path class="now" d="M{now:.1f} {frame.top}V{frame.floor}"/>')
    return "".join(parts)


def _told(played: Round) -> str:
    what = {"gain": "better prediction", "idle": "nothing new", "failed": f"failed: {played.error[:200]}"}
    when = f"{played.started_s:.2f} to {played.ended_s:.2f} s"
    return f"round {played.number}, {played.learner}, {when}: {what[outcome(played)]}"


def _in_words(rounds: tuple[Round, ...]) -> str:
    parts = []
    for learner in dict.fromkeys(played.learner for played in rounds):
        own = [played for played in rounds if played.learner == learner]
        kinds = [outcome(played) for played in own]
        counts = f"{len(own)} round{'s' * (len(own) > 1)}, {kinds.count('gain')} better"
        failed = f", {kinds.count('failed')} failed" if "failed" in kinds else ""
        parts.append(f"{learner}: {counts}{failed}, from {own[0].started_s:.1f} s to {own[-1].ended_s:.1f} s")
    return "; ".join(parts[:40])


def _numbers(rounds: tuple[Round, ...]) -> str:
    head = ["round", "learner", "start", "took", "own NAUC", "NAUC of the ensemble", "result"]
    rows = []
    for played in rounds[-_MOST_ROWS:]:
        result = {"gain": "better prediction", "idle": "nothing new", "failed": f"failed: {plain(played.error[:300])}"}
        rows.append([
            str(played.number), plain(played.learner), seconds(played.started_s),
            seconds(max(0.0, played.ended_s - played.started_s)), number(played.member_nauc),
            number(played.ensemble_nauc), result[outcome(played)],
        ])  # fmt: skip
    return folded("The rounds as a table", table(head, rows, "Rounds, in the order of time", 2))
