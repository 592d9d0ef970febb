"""When a page may be drawn while the run goes on, so that all drawing together takes a small share of the time gone."""

import math

from autodl_agent.system.clock import Budget

SHARE = 0.03  # of the time gone that drawing may take
FIRST_GUESS_S = 0.15  # of the first page, imports and templates included, on one core
SHORTEST_S, LONGEST_S = 2.0, 30.0  # between two pages
GROWTH = 0.04  # of the time gone that lies between two pages at least
QUIET_END_S = 1.0  # before the end of the budget nothing is drawn
_READY_S = 0.1  # a page that is due in less is drawn now


class Schedule:
    """What the pages of one run have cost so far. cost_s: expected of the next one. spent_s: in all.

    decoding_s, an argument of the methods: seconds spent on examples beside the pages.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.cost_s, self.spent_s = FIRST_GUESS_S, 0.0
        self._last_s = 0.0

    def pause_s(self, decoding_s: float) -> float:
        """Seconds until to ask again, between 0.1 and 1."""
        return min(1.0, max(_READY_S, self._due_s(decoding_s) - self.budget.elapsed()))

    def may_draw(self, decoding_s: float) -> bool:
        """Whether a page is due, affordable, and done well before the end of the budget."""
        in_time = self.budget.remaining() >= QUIET_END_S + 4 * self.cost_s
        return in_time and self.pause_s(decoding_s) <= _READY_S

    def record_page(self, cost_s: float) -> None:
        """A page has just been drawn, or failed to be; the next one will cost as much."""
        self.cost_s = cost_s
        self.record_loading(cost_s)

    def record_loading(self, cost_s: float) -> None:
        """Something was imported or compiled, once for all pages."""
        self.spent_s += cost_s
        self._last_s = self.budget.elapsed()

    def spare_s(self, decoding_s: float) -> float:
        """Seconds that something beside the next page may take; negative where none are left."""
        return SHARE * self.budget.elapsed() - self.spent_s - decoding_s - self.cost_s

    def refresh_s(self) -> int:
        """Whole seconds after which the next page is worth a look."""
        usual = max(self.cost_s / SHARE, GROWTH * self.budget.elapsed())
        return math.ceil(max(SHORTEST_S, min(LONGEST_S, usual)))

    def _due_s(self, decoding_s: float) -> float:
        """Seconds since the budget's zero at which the next page is due and affordable."""
        affordable = (self.spent_s + decoding_s + self.cost_s) / SHARE
        return max(affordable, self._last_s + min(LONGEST_S, max(SHORTEST_S, GROWTH * self._last_s)))
