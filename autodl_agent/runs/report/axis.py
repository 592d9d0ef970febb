"""The area that the drawings of the page share: the challenge's log time from left to right, in SVG units."""

from dataclasses import dataclass

from autodl_agent.scoring.alc import transformed_time

_TICKS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 259200, 604800)
_LABEL_GAP = 44.0  # SVG units between two labels


@dataclass(frozen=True)
class TimeTick:
    """A labelled moment. x: in SVG units. anchor: the label's `text-anchor`."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True)
class PlotArea:
    """A drawing of `width` × `height` units; the plot is what the margins leave."""

    width: int
    height: int
    budget_s: float
    left: int = 38
    right: int = 10
    top: int = 10
    bottom: int = 36

    def x(self, seconds: float) -> float:
        """Where a moment lies, to a tenth of a unit; those beyond the budget lie at its end."""
        share = float(transformed_time(min(max(seconds, 0.0), self.budget_s), self.budget_s))
        return round(self.left + share * (self.width - self.left - self.right), 1)

    @property
    def floor(self) -> int:
        """Lower edge of the plot."""
        return self.height - self.bottom

    @property
    def end(self) -> int:
        """Right edge of the plot, which is the end of the budget."""
        return self.width - self.right

    @property
    def middle(self) -> float:
        """The plot's centre from left to right."""
        return (self.left + self.end) / 2

    def time_ticks(self) -> tuple[TimeTick, ...]:
        """From the end of the budget, which always has one, back to 0; none so close that labels would touch."""
        ticks: list[TimeTick] = []
        for moment in sorted({0.0, self.budget_s, *(float(t) for t in _TICKS_S if t < self.budget_s)}, reverse=True):
            x = self.x(moment)
            if not ticks or ticks[-1].x - x >= _LABEL_GAP:
                ticks.append(TimeTick(x, _label(moment), "end" if moment == self.budget_s else "middle"))
        return tuple(ticks)


def _label(moment: float) -> str:
    """0, 10 s, 5 min, 2 h; seconds where nothing shorter is exact."""
    for unit, size in (("h", 3600), ("min", 60)):
        if moment >= size and moment % size == 0:
            return f"{moment / size:g} {unit}"
    return f"{moment:g} s" if moment else "0"
