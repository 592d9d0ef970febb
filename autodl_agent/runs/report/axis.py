"""The frame that the drawings of the page share: the challenge's log time from left to right, in SVG units."""

from dataclasses import dataclass

from autodl_agent.scoring.alc import transformed_time

_MOMENTS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 259200, 604800)
_GAP = 44.0  # SVG units between two labels


@dataclass(frozen=True)
class PlotArea:
    """Where things lie in a drawing of `width` × `height` units; the plot is what the margins leave."""

    width: int
    height: int
    budget_s: float
    left: int = 38
    right: int = 10
    top: int = 10
    bottom: int = 36

    def x(self, seconds: float) -> float:
        """Place of a moment; those beyond the budget lie at its end."""
        place = float(transformed_time(min(max(seconds, 0.0), self.budget_s), self.budget_s))
        return self.left + place * (self.width - self.left - self.right)

    @property
    def floor(self) -> int:
        """Lower edge of the plot."""
        return self.height - self.bottom

    def time_axis(self) -> str:
        """Grid lines and labels of the moments, the budget's end always among them, and the axis's name."""
        parts = []
        free = float("inf")
        for moment in sorted({0.0, self.budget_s, *(float(m) for m in _MOMENTS if m < self.budget_s)}, reverse=True):
            place = self.x(moment)
            if place > free - _GAP or (moment == 0 and free - place < _GAP):
                continue
            free = place
            anchor = "end" if moment == self.budget_s else "middle"
            parts.append(f'<path class="grid" d="M{place:.1f} {self.top}V{self.floor}"/>')
            parts.append(f'<text x="{place:.1f}" y="{self.floor + 14}" text-anchor="{anchor}">{_label(moment)}</text>')
        middle = (self.left + self.width - self.right) / 2
        parts.append(
            f'<text class="axis" x="{middle:.1f}" y="{self.height - 5}" text-anchor="middle">time (log scale)</text>'
        )
        return "".join(parts)


def svg(frame: PlotArea, kind: str, title: str, description: str, inner: str) -> str:
    """A drawing with its text alternative. kind: "narrow" or "roomy", of which the page shows one by its width.

    title, description: plain words of ours, without signs that HTML reserves.
    """
    key = f"{title.lower().replace(' ', '-')}-{kind}"
    return (
        f'<svg class="{kind}" viewBox="0 0 {frame.width} {frame.height}" role="img" '
        f'aria-labelledby="{key}-t {key}-d"><title id="{key}-t">{title}</title>'
        f'<desc id="{key}-d">{description}</desc>\n{inner}</svg>'
    )


def _label(moment: float) -> str:
    """0, 10 s, 5 min, 2 h; seconds where nothing shorter is exact."""
    for unit, size in (("h", 3600), ("min", 60)):
        if moment >= size and moment % size == 0:
            return f"{moment / size:g} {unit}"
    return f"{moment:g} s" if moment else "0"
