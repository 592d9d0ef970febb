"""Linear heads in closed form: ridge regression, its penalty chosen by exact leave-one-out; scores to probabilities.

Least squares on ±1-like targets ranks about as well as logistic regression and is solved for all classes and all
penalties from one eigendecomposition (numpy only). Sources: leave-one-out residuals of ridge, Golub, Heath & Wahba
1979; Platt scaling, Platt 1999.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import drawn_rows

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
LARGEST = 12.0  # log-odds; sigmoid(16) is 1 in float32
JUDGED_ROWS = 20_000  # that choose a penalty
AUC_CELLS = 1 << 15  # rows x classes ranked at once: what fits the processor's cache
PENALTIES = tuple(10.0**k for k in (-2, -1, 0, 1, 2, 3, 4, 5))
TELLING = 3  # positives (and negatives) from which a class calibrates itself
USUAL = 2.5  # log-odds per standard deviation of the scores of a well-known class
STILL = 1e-7  # spread of scores that are rounding alone
FAINT = 5.0  # positives at which signal and noise spread a class's scores alike; 3 to 10 by ridge on good features


@dataclass(frozen=True)
class RidgeHead:
    """weights: (features, classes), centre/scale: (features,), intercept: (classes,), slope/offset: (classes,)."""

    centre: Floats
    scale: Floats
    weights: Floats
    intercept: Floats
    slope: Floats
    offset: Floats

    def scores(self, features: NDArray[np.floating]) -> Floats:
        """(n, classes) raw regression scores; larger means more likely."""
        standard = (np.asarray(features, np.float32) - self.centre) * self.scale
        np.nan_to_num(standard, copy=False, posinf=0.0, neginf=0.0)
        return _f32(standard @ self.weights + self.intercept)

    def probabilities(self, features: NDArray[np.floating]) -> Floats:
        """(n, classes) calibrated probabilities, one sigmoid a class."""
        return sigmoid(self.scores(features) * self.slope + self.offset)

    def last_layer(self) -> dict[str, Floats]:
        """The same as first weights of a network's last layer on unscaled features, whose outputs are log-odds."""
        kernel = self.scale[:, None] * self.weights * self.slope
        bias = (self.intercept - (self.centre * self.scale) @ self.weights) * self.slope + self.offset
        return {"head/kernel": kernel, "head/bias": bias}

    def arrays(self) -> dict[str, Floats]:
        """For `save_state`; `RidgeHead(**arrays)` is the inverse."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def fit_ridge(
    features: NDArray[np.floating],
    labels: Floats,
    penalties: tuple[float, ...] = PENALTIES,
    standardise: bool = True,
) -> RidgeHead:
    """Fit on features (n, d) and labels (n, classes); non-finite features count as the column's mean.

    The penalty with the best mean leave-one-out AUC over the classes is taken (relative to n: the same numbers suit
    small and large sets); n or d up to about 10,000 is fine, the smaller of the two sides is decomposed.
    """
    x, centre, scale = _standardise(features, standardise)
    y = np.asarray(labels, np.float32)
    intercept = y.mean(0)
    target = y - intercept
    solve = _primal if x.shape[0] > x.shape[1] else _dual
    candidates = solve(x, target, [p * max(1.0, len(x) / 1000) for p in penalties])
    weights, left_out = _best(candidates, y)
    slope, offset = platt(left_out + intercept, y)
    return RidgeHead(centre, scale, weights.astype(np.float32), intercept.astype(np.float32), slope, offset)


def platt(
    scores: Floats, labels: Floats, everyone: Floats | None = None, faint: float = FAINT, steps: int = 12
) -> tuple[Floats, Floats]:
    """Slope and offset per class of p = sigmoid(slope·score + offset) by Newton steps on the log-loss.

    scores, labels: (n, classes). everyone: (m, classes) labels of all rows learned from, where these are a part of
    them, however chosen; the shares of the classes are theirs. Targets are smoothed as Platt proposes, so that
    separable or one-valued classes stay finite; slopes are kept positive, so that ranks never change. A class with
    fewer than TELLING positives or negatives takes what the others found: left out, a single positive looks like
    nothing at all, and the class would be mute in any mean of log-odds. faint: see `_borrowed`.
    """
    n, classes = labels.shape
    positives = labels.sum(0, dtype=np.float64)
    high, low = (positives + 1) / (positives + 2), 1 / (n - positives + 2)
    spread = scores.std(0, dtype=np.float64)
    spread = np.where(spread > STILL, spread, 1.0)  # what is said of all rows alike is no scale to blow up
    centre = scores.mean(0, dtype=np.float64)
    z = ((scores - centre) / spread).astype(np.float64)
    target = np.where(labels > 0.5, high, low)
    start = _log_odds(positives, n)
    a, b = np.ones(classes), start
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(z * a + b).clip(-30, 30)))
        w, r = p * (1 - p) + 1e-9, p - target
        saa, sab, sbb = (w * z * z).sum(0) + 1e-3, (w * z).sum(0), w.sum(0) + 1e-3
        ga, gb = (r * z).sum(0) + 1e-3 * (a - 1), r.sum(0)
        det = saa * sbb - sab * sab + 1e-12
        a = (a - (sbb * ga - sab * gb) / det).clip(0.05, 30)
        b = (b - (saa * gb - sab * ga) / det).clip(-30, 30)
    known, m = (positives, n) if everyone is None else (everyone.sum(0, dtype=np.float64), len(everyone))
    odds = _log_odds(known, m)
    a, b = _tempered(z, a, b + odds - start, odds)
    has_both_classes = np.minimum(positives, n - positives) >= TELLING
    if not has_both_classes.all():
        a, b = (
            np.where(has_both_classes, a, _borrowed(a, np.minimum(known, m - known), has_both_classes, faint)),
            np.where(has_both_classes, b, odds),
        )
        a, b = _tempered(z, a, b, odds)
    return _f32(a / spread), _f32(b - a * centre / spread)


def sigmoid(logits: NDArray[np.floating]) -> Floats:
    """1/(1+exp(-x)) without overflow, float32."""
    return _f32(0.5 * (np.tanh(0.5 * _f32(logits)) + 1))


def fast_aucs(scores: NDArray[np.floating], labels: Floats) -> NDArray[np.float64]:
    """(classes,) AUC, ties counting half; NaN for one-valued classes. For choosing, not for reporting.

    Scores that are no numbers count as the highest.
    """
    scores = np.asarray(scores, np.float32)
    if np.isnan(scores).any():
        scores = np.where(np.isnan(scores), np.float32(np.inf), scores)
    step = max(1, AUC_CELLS // max(1, len(labels)))
    blocks = [slice(at, at + step) for at in range(0, labels.shape[1], step)]
    return np.concatenate([np.zeros(0), *(_block_aucs(scores[:, some], labels[:, some] > 0.5) for some in blocks)])


def _block_aucs(scores: Floats, positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The same for a few classes. Integers that hold class, score and label sort faster than places by score do."""
    n = len(scores)
    bits = np.add(scores.T, np.float32(0), order="C").view(np.int32)  # + 0 as -0.0 has other bits
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)  # integers that rise with the score
    keys = (bits + (np.arange(len(bits)) << 32)[:, None]) << 1
    keys |= positive.T
    keys.sort(axis=1)
    told = (keys & 1).astype(np.int8)
    n1 = told.sum(1, dtype=np.float64)
    n0 = n - n1
    ranks = told @ np.arange(1.0, n + 1)
    # Where negatives and positives of one score meet, all of its pairs have counted so far, and half of them should.
    flat = keys.ravel()
    meet = np.flatnonzero((flat[1:] ^ flat[:-1]) == 1)
    if len(meet):
        below, above = np.searchsorted(flat, flat[meet]), np.searchsorted(flat, flat[meet + 1], side="right")
        ranks -= np.bincount(meet // n, (meet + 1 - below) * (above - meet - 1) / 2, len(ranks))
    with np.errstate(invalid="ignore", divide="ignore"):
        out: NDArray[np.float64] = (ranks - n1 * (n1 + 1) / 2) / (n1 * n0)
    return np.where((n1 > 0) & (n0 > 0), out, np.nan)


def _log_odds(positives: Doubles, n: int) -> Doubles:
    """(classes,) of the shares of so many positives among n rows, smoothed as the targets of `platt` are."""
    share = positives * (positives + 1) / (positives + 2) + (n - positives) / (n - positives + 2)
    rate = (share / max(n, 1)).clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(rate / (1 - rate)), np.float64)


def _borrowed(a: Doubles, known: Doubles, has_both_classes: NDArray[np.bool_], faint: float) -> Doubles:
    """Log-odds per standard deviation for classes that cannot tell their own, from the middle one of those that can.

    Scores learned from k positives are signal and noise, of variances as k to `faint`: what noise spreads says nothing.
    """
    worth = 1 / np.sqrt(1 + faint / np.maximum(known, 1))
    middle = np.median(np.append((a / worth)[has_both_classes], USUAL))  # one or two classes alone can be far off
    return np.asarray(middle * worth, np.float64)


def _tempered(z: Doubles, a: Doubles, b: Doubles, odds: Doubles) -> tuple[Doubles, Doubles]:
    """Keep log-odds where float32 probabilities still differ: separable or very rare classes send them far away.

    z: standard scores. A class whose log-odds leave [-LARGEST, LARGEST] is scaled around its mean, where they are
    those of its share; ranks never change.
    """
    low, high = z.min(0, initial=0.0), z.max(0, initial=0.0)
    far = np.maximum(np.abs(low * a + b), np.abs(high * a + b)) > LARGEST
    calm = LARGEST / 2 / np.maximum(np.maximum(high, -low), 1e-6)
    return np.where(far, np.minimum(a, calm), a), np.where(far, odds.clip(-LARGEST / 2, LARGEST / 2), b)


def _f32(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)


def _standardise(features: NDArray[np.floating], standardise: bool) -> tuple[Floats, Floats, Floats]:
    x = np.array(features, np.float32)
    finite = np.isfinite(x)
    if not finite.all():
        x[~finite] = np.nan
        with np.errstate(all="ignore"):
            centre = np.nan_to_num(np.nansum(x, 0) / np.maximum(finite.sum(0), 1)).astype(np.float32)
        x = np.where(finite, x, centre)
    else:
        centre = x.mean(0)
    x -= centre
    spread = x.std(0)
    scale = np.where(spread > 1e-7, 1 / np.maximum(spread, 1e-7), 0).astype(np.float32)
    if not standardise:
        scale = np.where(scale > 0, np.float32(1 / max(float(spread.mean()), 1e-7)), 0).astype(np.float32)
    x *= scale
    return x, centre.astype(np.float32), scale


Candidate = tuple[Floats, Floats]  # weights (d, classes), leave-one-out scores (n, classes)


def _primal(x: Floats, target: Floats, penalties: list[float]) -> list[Candidate]:
    values, vectors = np.linalg.eigh(x.T @ x)
    values = values.clip(0)
    z = x @ vectors
    projected = z.T @ target
    squares = z * z
    out = []
    for penalty in penalties:
        inverse = (1 / (values + penalty)).astype(np.float32)
        core = inverse[:, None] * projected
        fitted, leverage = z @ core, squares @ inverse
        out.append((vectors @ core, _left_out(target, fitted, leverage)))
    return out


def _dual(x: Floats, target: Floats, penalties: list[float]) -> list[Candidate]:
    """Leave-one-out residual = alpha_i / inverse_ii: nothing cancels where the fit is perfect."""
    values, vectors = np.linalg.eigh((x @ x.T).astype(np.float64))
    values = values.clip(0)
    projected = vectors.T @ target
    squares = vectors * vectors
    out = []
    for penalty in penalties:
        inverse = 1 / (values + penalty)
        alpha = vectors @ (inverse[:, None] * projected)
        # Centred rows sum to zero: the constant direction belongs to the intercept, not to the penalised part.
        room = np.maximum(squares @ inverse - 1 / (len(x) * penalty), 1e-12)
        left_out = target - alpha / room[:, None]
        out.append((x.T @ _f32(alpha), _f32(left_out)))
    return out


def _left_out(target: Floats, fitted: Floats, leverage: Floats) -> Floats:
    """Exact leave-one-out predictions from the fit and the diagonal of the hat matrix."""
    room = np.maximum(1 - leverage - 1 / len(target), 1e-3)[:, None]  # 1/n is the intercept's share
    return _f32(target - (target - fitted) / room)


def _best(candidates: list[Candidate], labels: Floats) -> Candidate:
    rows = drawn_rows(len(labels), JUDGED_ROWS, 0) if len(labels) > JUDGED_ROWS else slice(None)
    auc = [np.nan_to_num(np.nanmean(np.r_[fast_aucs(c[1][rows], labels[rows]), 0.5])) for c in candidates]
    return candidates[int(np.argmax(auc))]
