"""From scores to probabilities: Platt scaling per class, within what float32 probabilities can tell apart.

Source: Platt 1999, "Probabilistic outputs for support vector machines".
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.heads.arrays import Doubles, Floats, float32
from autodl_agent.scoring.links import logit

LARGEST = 12.0  # log-odds; sigmoid(16) is 1 in float32
LEAST_POSITIVES = 3  # positives (and negatives) from which a class calibrates itself
USUAL_SLOPE = 2.5  # log-odds per standard deviation of the scores of a well-known class
NO_SPREAD = 1e-7  # spread of scores that are rounding alone
Real = TypeVar("Real", np.float32, np.float64)
FAINT = 5.0  # positives at which signal and noise spread a class's scores alike; 3 to 10 by ridge on good features


def platt(
    scores: Floats, labels: Floats, everyone: Floats | None = None, faint: float = FAINT, steps: int = 12
) -> tuple[Floats, Floats]:
    """Slope and offset per class of p = sigmoid(slope·score + offset) by Newton steps on the log-loss.

    scores, labels: (n, classes). everyone: (m, classes) labels of all rows learned from, where these are a part of
    them, however chosen; the shares of the classes are theirs. Targets are smoothed as Platt proposes, so that
    separable or one-valued classes stay finite; slopes are kept positive, so that ranks never change. A class with
    fewer than LEAST_POSITIVES positives or negatives takes what the others found: left out, a single positive looks
    like nothing at all, and the class would be mute in any mean of log-odds. faint: see `_borrowed`.
    """
    n = len(labels)
    positives = labels.sum(0, dtype=np.float64)
    spread = scores.std(0, dtype=np.float64)
    spread = np.where(spread > NO_SPREAD, spread, 1.0)  # scores alike for all rows are no scale to blow up
    centre = scores.mean(0, dtype=np.float64)
    z = ((scores - centre) / spread).astype(np.float64)
    start = _log_odds(positives, n)
    a, b = _newton(z, labels, positives, start, steps)
    known, m = (positives, n) if everyone is None else (everyone.sum(0, dtype=np.float64), len(everyone))
    odds = _log_odds(known, m)
    near = odds.clip(-LARGEST / 2, LARGEST / 2)
    a, b = bounded(z, a, b + odds - start, near)
    has_both_classes = np.minimum(positives, n - positives) >= LEAST_POSITIVES
    if not has_both_classes.all():
        borrowed = _borrowed(a, np.minimum(known, m - known), has_both_classes, faint)
        a, b = np.where(has_both_classes, a, borrowed), np.where(has_both_classes, b, odds)
        a, b = bounded(z, a, b, near)
    return float32(a / spread), float32(b - a * centre / spread)


def bounded(
    scores: NDArray[Real], slope: NDArray[Real], offset: NDArray[Real], odds: NDArray[Real]
) -> tuple[NDArray[Real], NDArray[Real]]:
    """Slope and offset that keep log-odds where float32 probabilities still differ.

    Separable or very rare classes send them far away: a class whose log-odds leave [-LARGEST, LARGEST] is scaled
    around its mean score, where they become `odds` (classes,); ranks never change.
    """
    low, high, centre = scores.min(0), scores.max(0), scores.mean(0)
    reach = np.maximum(np.abs(low * slope + offset), np.abs(high * slope + offset))
    calm = LARGEST / 2 / np.maximum(np.maximum(high - centre, centre - low), 1e-6)
    calm = np.minimum(np.nan_to_num(slope, nan=1.0), calm)
    inside = np.isfinite(reach) & (reach <= LARGEST)
    return np.where(inside, slope, calm), np.where(inside, offset, odds - calm * centre)


def _newton(z: Doubles, labels: Floats, positives: Doubles, start: Doubles, steps: int) -> tuple[Doubles, Doubles]:
    """Slope and offset (classes,) of standard scores z, from slope 1 and offset `start`."""
    high, low = (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2)
    target = np.where(labels > 0.5, high, low)
    a, b = np.ones(len(start)), start
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(z * a + b).clip(-30, 30)))
        w, r = p * (1 - p) + 1e-9, p - target
        saa, sab, sbb = (w * z * z).sum(0) + 1e-3, (w * z).sum(0), w.sum(0) + 1e-3
        ga, gb = (r * z).sum(0) + 1e-3 * (a - 1), r.sum(0)
        det = saa * sbb - sab * sab + 1e-12
        a = (a - (sbb * ga - sab * gb) / det).clip(0.05, 30)
        b = (b - (saa * gb - sab * ga) / det).clip(-30, 30)
    return a, b


def _log_odds(positives: Doubles, n: int) -> Doubles:
    """(classes,) of the shares of so many positives among n rows, smoothed as the targets of `platt` are."""
    share = positives * (positives + 1) / (positives + 2) + (n - positives) / (n - positives + 2)
    return np.asarray(logit((share / max(n, 1)).clip(1e-6, 1 - 1e-6)), np.float64)


def _borrowed(a: Doubles, known: Doubles, has_both_classes: NDArray[np.bool_], faint: float) -> Doubles:
    """Log-odds per standard deviation for classes too rare to calibrate, from the middle one of the others.

    Scores learned from k positives are signal and noise, of variances as k to `faint`: what noise spreads says nothing.
    """
    worth = 1 / np.sqrt(1 + faint / np.maximum(known, 1))
    middle = np.median(np.append((a / worth)[has_both_classes], USUAL_SLOPE))  # one or two classes alone can be far off
    return np.asarray(middle * worth, np.float64)
