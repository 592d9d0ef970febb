"""Tables of numbers in TensorFlow operations: the linear model on hats and waves, boosted trees, and their ensemble.

TensorFlow is imported here and nowhere on the way to a prediction. The operations follow `learners.tabular` step by
step in the same precision, so that probabilities agree to about 1e-6.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.engine.ensemble.selection import LIMIT
from autodl_agent.learners.tabular.boosting import BoostedTrees
from autodl_agent.learners.tabular.encoding import TableEncoder
from autodl_agent.learners.tabular.features import CLIP, LinearView
from autodl_agent.learners.tabular.linear_model import TableModel
from autodl_agent.learners.tabular.quick import QuickTable
from autodl_agent.learners.trees.boosted_model import Forest
from autodl_agent.learners.trees.targets import Targets
from autodl_agent.runs.model.load import SavedModel

Served = Callable[[NDArray[np.float64]], NDArray[np.float32]]
ZERO = 1e-35  # what LightGBM takes for zero


def write_saved_model(model: SavedModel, out: Path) -> Served:
    """Write the SavedModel and load it again; gives the loaded signature as a function of (n, columns) arrays."""
    import tensorflow as tf

    module = tf.Module()
    shape = tf.TensorSpec([None, len(model.inputs.numbers)], tf.float64, name="x")
    module.serve = tf.function(lambda x: {"probabilities": _ensemble(tf, model, x)}, input_signature=[shape])
    tf.saved_model.save(module, str(out), signatures={"serving_default": module.serve})
    loaded = tf.saved_model.load(str(out))
    return lambda rows: np.asarray(loaded.signatures["serving_default"](x=tf.constant(rows))["probabilities"])


def _ensemble(tf: Any, model: SavedModel, x: Any) -> Any:
    snapshot = model.snapshot
    mixed = 0.0
    for part in snapshot.parts:
        logits = [_logits(tf, _learner(tf, learner, x)) for learner in part.models]
        mixed += np.float32(part.weight) * tf.add_n(logits) / np.float32(len(logits))
    if snapshot.softmax:
        log_p = tf.nn.log_softmax(mixed)
        mixed = log_p - tf.math.log(-tf.math.expm1(tf.minimum(log_p, -1e-7)))
    return tf.sigmoid(np.float32(snapshot.calibration.slope) * mixed + np.float32(snapshot.calibration.offset))


def _logits(tf: Any, probabilities: Any) -> Any:
    p = tf.clip_by_value(tf.cast(probabilities, tf.float64), 1e-7, 1 - 1e-7)
    return tf.cast(tf.clip_by_value(tf.math.log(p / (1 - p)), -LIMIT, LIMIT), tf.float32)


def _learner(tf: Any, learner: Any, x: Any) -> Any:
    """(n, classes) probabilities of one learner."""
    if isinstance(learner, QuickTable):
        if learner.model is None:
            return _spread(tf, learner.targets, tf.zeros([tf.shape(x)[0], len(learner.targets.columns)]))
        return _spread(tf, learner.targets, _linear(tf, learner.model, x))
    if isinstance(learner, BoostedTrees):
        return _boosted(tf, learner, x)
    raise TypeError(f"expected a quick-table or boosted-trees learner, found {type(learner).__name__}")


def _spread(tf: Any, targets: Targets, solved: Any) -> Any:
    """`Targets.spread`: constant columns keep their shares, the second of a binary pair mirrors the first."""
    classes = len(targets.shares)
    place = np.zeros((len(targets.columns), classes), np.float32)
    place[np.arange(len(targets.columns)), targets.columns] = 1
    constant = np.where(place.any(0), 0, targets.shares).astype(np.float32)
    out = constant + tf.matmul(solved, place)
    return tf.concat([1 - solved[:, :1], out[:, 1:]], 1) if targets.mirrored else out


def _encoded(tf: Any, encoder: TableEncoder, x: Any) -> Any:
    """(n, kept) float32, clipped to the training range, NaN = missing."""
    values = tf.gather(x, encoder.kept, axis=1)
    clipped = tf.clip_by_value(values, encoder.low, encoder.high)
    return tf.cast(tf.where(tf.math.is_nan(values), values, clipped), tf.float32)


def _linear(tf: Any, model: TableModel, x: Any) -> Any:
    """(n, solved) probabilities of the linear model."""
    features = _features(tf, model.view, _encoded(tf, model.encoder, x))
    linear = model.linear
    margins = (tf.matmul(features, linear.weights) + linear.intercept) * linear.slope + linear.offset
    return tf.sigmoid(tf.clip_by_value(margins, -30.0, 30.0))


def _features(tf: Any, view: LinearView, numbers: Any) -> Any:
    """`LinearView.matrix` of a table of numbers."""
    z = (numbers - view.centre) * view.scale
    z = tf.where(view.heavy, tf.asinh(z), z)
    z = tf.clip_by_value((z - view.mean) * view.spread, -CLIP, CLIP)
    z = tf.where(tf.math.is_nan(numbers), tf.zeros_like(z), z)
    missing = tf.cast(tf.math.is_nan(tf.gather(numbers, view.flagged, axis=1)), tf.float32)
    base = tf.concat([z, missing], 1)
    parts = [base]
    for k, column in enumerate(view.hat_columns):
        knots = view.hat_knots[view.hat_starts[k] : view.hat_starts[k + 1]]
        parts.append(_hat(tf, numbers[:, int(column)], knots))
    if len(view.wave_phases):
        parts.append(tf.cos(tf.matmul(base, view.wave_weights) + view.wave_phases))
    return tf.concat(parts, 1)


def _hat(tf: Any, values: Any, knots: NDArray[np.float32]) -> Any:
    """(n, knots) weights of linear interpolation, none for a missing value."""
    known = tf.math.is_finite(values)
    x = tf.clip_by_value(tf.where(known, values, knots[0]), knots[0], knots[-1])
    left = tf.clip_by_value(tf.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    share = (x - tf.gather(knots, left)) / (tf.gather(knots, left + 1) - tf.gather(knots, left))
    size = len(knots)
    out = tf.one_hot(left, size) * (1 - share)[:, None] + tf.one_hot(left + 1, size) * share[:, None]
    return tf.where(known[:, None], out, tf.zeros_like(out))


def _boosted(tf: Any, learner: BoostedTrees, x: Any) -> Any:
    targets = learner.targets
    n = tf.shape(x)[0]
    if not learner.forests or learner.encoder is None:
        return tf.tile(targets.shares[None], [n, 1])
    numbers = _encoded(tf, learner.encoder, x)
    if not len(learner.encoder.kept):
        numbers = tf.zeros([n, 1])
    margins = tf.add_n([_forest(tf, forest, numbers) for forest in learner.forests]) / np.float32(len(learner.forests))
    grown = tf.nn.softmax(margins) if learner.softmax else tf.sigmoid(tf.clip_by_value(margins, -30.0, 30.0))
    place = np.zeros((len(learner.grown), len(targets.columns)), np.float32)
    place[np.arange(len(learner.grown)), learner.grown] = 1
    if learner.rest is not None:
        others = _linear(tf, learner.rest, x)
    else:
        others = tf.tile(targets.shares[targets.columns][None], [n, 1])
    return _spread(tf, targets, tf.where(place.any(0), tf.matmul(grown, place), others))


def _forest(tf: Any, forest: Forest, numbers: Any) -> Any:
    """(n, classes) log-odds: all trees are walked at once, one level at a time."""
    nodes = _nodes(forest)
    x = tf.cast(numbers, tf.float64)
    node = tf.tile(nodes.roots[None], [tf.shape(x)[0], 1])
    for _ in range(nodes.depth):
        value = tf.gather(x, tf.gather(nodes.feature, node), batch_dims=1)
        kind = tf.gather(nodes.missing, node)
        gone = tf.math.is_nan(value)
        filled = tf.where(gone, tf.zeros_like(value), value)
        default = ((kind == 2) & gone) | ((kind == 1) & (tf.abs(filled) <= ZERO))
        left = tf.where(default, tf.gather(nodes.default_left, node), filled <= tf.gather(nodes.threshold, node))
        node = tf.where(left, tf.gather(nodes.left, node), tf.gather(nodes.right, node))
    classes = len(forest.start)
    rounds = tf.reshape(tf.gather(nodes.value, node), [-1, len(nodes.roots) // classes, classes])
    return tf.cast(tf.reduce_sum(rounds, 1), tf.float32) + forest.start


@dataclass
class _Growing:
    """Nodes of all trees in one list each; a leaf leads to itself."""

    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    default_left: list[bool] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    depth: int = 0

    def add(self, tree: dict[str, Any], level: int = 0) -> int:
        """Take in a node of LightGBM's JSON with all below it; its number."""
        number = len(self.feature)
        leaf = "split_feature" not in tree
        if not leaf and tree["decision_type"] != "<=":
            raise ValueError(f"expected splits of numbers, found {tree['decision_type']!r}")
        self.feature.append(0 if leaf else int(tree["split_feature"]))
        self.threshold.append(0.0 if leaf else float(tree["threshold"]))
        self.missing.append(0 if leaf else ("None", "Zero", "NaN").index(tree["missing_type"]))
        self.default_left.append(True if leaf else bool(tree["default_left"]))
        self.value.append(float(tree["leaf_value"]) if leaf else 0.0)
        self.left.append(number)
        self.right.append(number)
        self.depth = max(self.depth, level)
        if not leaf:
            self.left[number] = self.add(tree["left_child"], level + 1)
            self.right[number] = self.add(tree["right_child"], level + 1)
        return number


@dataclass(frozen=True)
class _Nodes:
    """`_Growing` as arrays, with the root of every tree (round by round, class by class)."""

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    missing: NDArray[np.int32]
    default_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    depth: int


def _nodes(forest: Forest) -> _Nodes:
    growing = _Growing()
    trees = forest.booster.dump_model(num_iteration=forest.rounds)["tree_info"]
    roots = [growing.add(tree["tree_structure"]) for tree in trees]
    return _Nodes(
        np.array(roots, np.int32),
        np.array(growing.feature, np.int32),
        np.array(growing.threshold, np.float64),
        np.array(growing.missing, np.int32),
        np.array(growing.default_left, bool),
        np.array(growing.left, np.int32),
        np.array(growing.right, np.int32),
        np.array(growing.value, np.float64),
        growing.depth,
    )
