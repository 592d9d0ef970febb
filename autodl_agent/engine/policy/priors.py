"""What benchmark runs taught about each learner: the policy's prior, a small table in the package.

`python benchmarks/make_priors.py RUN…` writes `priors.json` anew from the `rounds` of run folders. A learner that the
table lacks is judged by what its `LearnerSpec` says.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from autodl_agent.system.errors import AutoDLError

TABLE = Path(__file__).with_name("priors.json")
VERSION = 1


@dataclass(frozen=True)
class Prior:
    """Of one learner in one domain; shares are of the headroom 1 − NAUC that the ensemble had before.

    first, second: shares that these slices close; they often differ in kind, as small pictures from large ones. later:
    share that each one after these closes. last: share that all its slices close. slices: how many it plays. Where
    second or later is None, nothing is known of it, and slices are taken to close equal shares of what `last` leaves.
    growth: seconds of a slice over those of the one before. rate: b of its own learning curve, where
    1 − NAUC falls like seconds^−b. cost: seconds of its first slice over what its LearnerSpec guesses.
    """

    first: float
    last: float
    slices: float = 4.0
    growth: float = 1.6
    rate: float = 0.15
    cost: float = 1.0
    second: float | None = None
    later: float | None = None

    def share(self, played: int) -> float:
        """Share of the headroom that the next slice closes after `played` ones with a result."""
        if not played:
            return self.first
        known = self.second if played == 1 else self.later
        if known is not None:
            return known
        if self.slices <= 1 or self.last <= self.first:
            return 0.0
        return float(1 - ((1 - self.last) / (1 - self.first)) ** (1 / (self.slices - 1)))


Priors = Mapping[tuple[str, str], Prior]
LIMITS = {
    "first": (0.0, 0.999),
    "last": (0.0, 0.999),
    "second": (0.0, 0.999),
    "later": (0.0, 0.999),
    "slices": (1.0, 1000.0),
    "growth": (0.1, 10.0),
    "rate": (0.0, 3.0),
    "cost": (0.001, 1000.0),
}


@cache
def load_priors(path: Path = TABLE) -> Priors:
    """(domain, learner) -> Prior; empty without a file. Raises AutoDLError, with the entry, if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise AutoDLError(f"{path}: a JSON table of priors expected: {error}") from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        found = content.get("version") if isinstance(content, dict) else type(content).__name__
        raise AutoDLError(f"{path}: priors of version {VERSION} expected, found {found}")
    return {
        (domain, learner): _prior(entry, f"{path}: {domain}/{learner}")
        for domain, learners in content["domains"].items()
        for learner, entry in learners.items()
    }


def _prior(entry: dict[str, Any], where: str) -> Prior:
    known = {field.name for field in fields(Prior)}
    values = {name: entry[name] for name in known if entry.get(name) is not None}
    for name, value in values.items():
        low, high = LIMITS[name]
        if not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
            raise AutoDLError(f"{where}: {name} within {low:g} … {high:g} expected, found {value!r}")
    if not {"first", "last"} <= values.keys():
        raise AutoDLError(f"{where}: first and last expected, found {', '.join(sorted(values)) or 'nothing'}")
    return Prior(**values)
