"""The sparse linear model: TF-IDF blocks side by side, ridge and naive Bayes, blended on held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels
from autodl_agent.learners.heads.calibration import FAINT, platt
from autodl_agent.learners.heads.sparse_ridge import SparseRows, ridge_path
from autodl_agent.learners.text.config import BayesConfig, LinearConfig
from autodl_agent.learners.text.hashing import Bag
from autodl_agent.learners.text.naive_bayes import (
    WORDS_FAINT,
    BayesModel,
    Floats,
    fit_bayes,
    frequent,
    held_out,
    in_time,
    inverse_frequency,
    neutral,
    softmax_odds,
    weigh,
)
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.scoring.links import sigmoid
from autodl_agent.system.clock import Deadline

PLAIN = ("weights", "intercept", "shares", "slope", "offset")  # arrays of a model that are saved under their name
FAINTS = (FAINT, WORDS_FAINT, FAINT)  # of the members, for `platt`
ROUNDS = 6  # of the greedy choice of the blend


@dataclass(frozen=True)
class Block:
    """One kind of n-grams: columns (d,) hashes with their inverse document frequencies (d,)."""

    columns: NDArray[np.int32]
    idf: Floats


@dataclass(frozen=True)
class LinearModel:
    """Everything a prediction needs.

    blocks: kinds of n-grams in the order of the bags. weights: (all columns, classes). intercept: (classes,).
    bayes: on the first bag. shares: (members,) of the blend, sum 1. slope, offset: (members, classes).
    """

    blocks: tuple[Block, ...]
    weights: Floats
    intercept: Floats
    bayes: BayesModel
    shares: Floats
    slope: Floats
    offset: Floats

    def probabilities(self, bags: Sequence[Bag], exclusive: bool, warmth: float) -> Floats:
        """(n, classes) in [0, 1] from one bag per block."""
        raw = np.asarray(matrix(bags, self.blocks) @ self.weights + self.intercept, np.float32)
        scores = members(raw, self.bayes.scores(bags[0], exclusive), exclusive, warmth)
        return sigmoid(np.einsum("m,mnc->nc", self.shares, scores * self.slope[:, None] + self.offset[:, None]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For `save_state`; `from_arrays` is the inverse."""
        plain = {name: getattr(self, name) for name in PLAIN}
        bayes = {f"bayes_{name}": array for name, array in self.bayes.arrays().items()}
        blocks = {f"{key}_{k}": getattr(b, key) for k, b in enumerate(self.blocks) for key in ("columns", "idf")}
        return plain | bayes | blocks

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], blocks: int) -> "LinearModel":
        """A model of so many blocks."""
        bayes = BayesModel(**{k.removeprefix("bayes_"): v for k, v in arrays.items() if k.startswith("bayes_")})
        kinds = tuple(Block(arrays[f"columns_{k}"], arrays[f"idf_{k}"]) for k in range(blocks))
        return cls(blocks=kinds, bayes=bayes, **{name: arrays[name] for name in PLAIN})


def fit_linear(
    bags: Sequence[Bag], labels: Labels, exclusive: bool, config: LinearConfig, deadline: Deadline, seed: int
) -> LinearModel:
    """Fit on n texts, one bag per kind of n-grams, and labels (n, classes). Raises OutOfTimeError."""
    held = _held_out(labels, config, seed)
    best, shares = _penalty_place(config), np.full(2 + exclusive, 1 / (2 + exclusive), np.float32)
    slope, offset = (np.tile(plain, (len(shares), 1)) for plain in neutral(labels))
    if held:
        tested = np.concatenate(held)
        truth = labels[tested]
        paths, bayes = zip(*(_try_out(bags, labels, rows, exclusive, config, deadline) for rows in held), strict=True)
        path = np.concatenate(paths, axis=1)
        best = int(np.argmax([mean_auc(scores, truth) for scores in path]))
        scores = members(path[best], np.concatenate(bayes), exclusive, config.warmth)
        fits = [platt(member, truth, labels, faint) for member, faint in zip(scores, FAINTS, strict=False)]
        slope, offset = map(np.stack, zip(*fits, strict=True))
        shares = blend(scores * slope[:, None] + offset[:, None], truth)
    blocks, weights, intercept = _solve(bags, labels, config, (config.penalties[best],), deadline)
    model = fit_bayes(bags[0], labels, exclusive, _bayes_config(config), calibrate=False, deadline=deadline)
    return LinearModel(blocks, weights[0], intercept, model, shares, slope, offset)


def matrix(bags: Sequence[Bag], blocks: Sequence[Block]) -> Any:
    """(n, all columns) sparse rows of length one (zero for empty texts), each block with the same say."""
    from scipy import sparse

    parts = []
    for bag, block in zip(bags, blocks, strict=True):
        known = bag.onto(block.columns)
        # So that the whole row has length one again, whatever the number of blocks.
        values = weigh(known, block.idf) / np.float32(np.sqrt(len(blocks)))
        parts.append(sparse.csr_matrix((values, known.indices, known.indptr), (len(known), len(block.columns))))
    return parts[0] if len(parts) == 1 else sparse.hstack(parts, format="csr")


def members(ridge: Floats, bayes: Floats, exclusive: bool, warmth: float) -> Floats:
    """(members, n, classes) of the blend: ridge, naive Bayes and, for one label a row, a softmax of the ridge."""
    return np.stack([ridge, bayes, softmax_odds(ridge * warmth)] if exclusive else [ridge, bayes])


def blend(logits: Floats, labels: Labels) -> Floats:
    """(members,) shares by greedy choice with replacement on the mean AUC (Caruana et al. 2004)."""
    chosen = np.zeros(len(logits), np.float32)
    total = np.zeros(logits.shape[1:], np.float32)
    for _ in range(ROUNDS):
        best = int(np.argmax([mean_auc(total + member, labels) for member in logits]))
        chosen[best] += 1
        total += logits[best]
    return np.asarray(chosen / ROUNDS, np.float32)


def _try_out(
    bags: Sequence[Bag],
    labels: Labels,
    held: NDArray[Any],
    exclusive: bool,
    config: LinearConfig,
    deadline: Deadline,
) -> tuple[Floats, Floats]:
    """Scores of held-out rows by models of the others: ridge (penalties, n, classes) and naive Bayes (n, classes)."""
    rest = np.setdiff1d(np.arange(len(labels)), held)
    inner, outer = [bag.take(rest) for bag in bags], [bag.take(held) for bag in bags]
    _, ridge, intercept = _solve(inner, labels[rest], config, config.penalties, deadline, outer)
    bayes = fit_bayes(inner[0], labels[rest], exclusive, _bayes_config(config), calibrate=False, deadline=deadline)
    return np.stack(ridge) + intercept, bayes.scores(outer[0], exclusive)


def _solve(
    bags: Sequence[Bag],
    labels: Labels,
    config: LinearConfig,
    penalties: tuple[float, ...],
    deadline: Deadline,
    outer: Sequence[Bag] | None = None,
) -> tuple[tuple[Block, ...], list[Floats], Floats]:
    """Blocks, weights (all columns, classes) for each penalty and intercepts (classes,).

    With `outer`, bags of m other texts, their scores (m, classes) without the intercept take the place of the weights.
    """
    n, classes = labels.shape
    most = max(1, config.max_weights // (max(1, classes) * len(bags)))
    min_rows = 2 if n >= config.min_rows_from else 1
    in_time(deadline, "ridge on sparse rows")
    known = [bag.onto(frequent(bag, most, min_rows)) for bag in bags]
    blocks = tuple(Block(bag.columns, inverse_frequency(bag)) for bag in known)
    rows = SparseRows(matrix(known, blocks), deadline)
    tested = matrix(outer, blocks) if outer is not None else None
    intercept = labels.mean(0)
    step = max(1, config.block_values // max(1, n))
    pieces: list[list[Floats]] = [[] for _ in penalties]
    for first in range(0, classes, step):
        targets = labels[:, first : first + step] - intercept[first : first + step]
        for piece, dual in zip(pieces, ridge_path(rows, targets, penalties, config.steps), strict=True):
            weights = rows.weights(dual)
            piece.append(weights if tested is None else np.asarray(tested @ weights, np.float32))
    return blocks, [np.concatenate(piece, axis=1) for piece in pieces], intercept


def _held_out(labels: Labels, config: LinearConfig, seed: int) -> list[NDArray[Any]]:
    n = len(labels)
    if n < config.few_rows:
        return []
    parts = held_out(labels, config.folds, seed)
    return parts if n <= config.cross_rows else parts[:1]


def _penalty_place(config: LinearConfig) -> int:
    return int(np.argmin([abs(penalty - config.plain_penalty) for penalty in config.penalties]))


def _bayes_config(config: LinearConfig) -> BayesConfig:
    return BayesConfig(max_weights=min(BayesConfig.max_weights, config.max_weights))
