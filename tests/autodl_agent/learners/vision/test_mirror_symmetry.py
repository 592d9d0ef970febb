"""Mirror symmetry: what is even keeps its value in a mirrored picture, what is odd changes its sign."""

import numpy as np
import pytest

from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from autodl_agent.learners.vision.features import Feature, colour_feature, gradient_feature
from autodl_agent.learners.vision.mirror_symmetry import Folded, fold, widths
from data_format.examples import Dense

DATASET, _ = memory_dataset("image", n_train=6, n_test=6)
# The test side shows the training pictures in a mirror.
DATASET.test.source.examples = [Dense(e.array[:, :, ::-1]) for e in DATASET.train.source.examples]  # type: ignore[attr-defined]
TRAIN, MIRRORED = examples_of(DATASET)
FEATURES = (colour_feature(TRAIN.task, 16), gradient_feature(TRAIN.task, 16))


@pytest.mark.parametrize("features", [FEATURES, FEATURES[:1], FEATURES[1:]])
def test_even_stays_and_odd_turns_round(features: tuple) -> None:
    plain, mirrored = fold(TRAIN, features, None), fold(MIRRORED, features, None)
    assert np.allclose(plain.even, mirrored.even, atol=2e-2)
    assert np.allclose(plain.odd, -mirrored.odd, atol=2e-2)
    assert np.abs(plain.odd).max() > 0.1


def test_widths_are_those_of_the_parts() -> None:
    folded = fold(TRAIN, FEATURES, None)
    assert (folded.even.shape[1], folded.odd.shape[1]) == widths(FEATURES)
    assert sum(widths(FEATURES)) == sum(len(feature.mirror) for feature in FEATURES)


def test_the_odd_part_is_left_out_where_it_is_not_wanted() -> None:
    whole, even = fold(TRAIN, FEATURES, None), fold(TRAIN, FEATURES, None, with_odd=False)
    assert even.odd.shape == (6, 0) and np.array_equal(even.even, whole.even)
    assert np.array_equal(even.joined(False), even.even)
    assert whole.joined(True).shape == (6, sum(widths(FEATURES)))


def test_folding_loses_nothing() -> None:
    """Half the sum and difference of even and odd parts are the features and their mirrored partners."""
    (feature,) = FEATURES[:1]
    folded, values = fold(TRAIN, (feature,), None), TRAIN.array(feature.recipe).astype(np.float32)
    first = np.flatnonzero(np.arange(len(feature.mirror)) < feature.mirror)
    pairs = len(first)
    assert np.allclose((folded.even[:, :pairs] + folded.odd[:, :pairs]) / 2, values[:, first], atol=1e-4)


def test_rows_are_taken_from_both_parts() -> None:
    folded = Folded(np.arange(6.0).reshape(3, 2), np.arange(3.0)[:, None])
    part = folded.take(np.array([2, 0]))
    assert part.even.tolist() == [[4, 5], [0, 1]] and part.odd.tolist() == [[2], [0]] and len(part) == 2


def test_a_mirror_is_its_own_inverse() -> None:
    for feature in FEATURES:
        own = np.arange(len(feature.mirror))
        assert np.array_equal(feature.mirror[feature.mirror], own)
        assert np.array_equal(feature.signs * feature.signs[feature.mirror], np.ones(len(own)))


def test_widths_count_pairs_kept_and_turned_columns() -> None:
    recipe, mirror = Recipe("pairs", (8,), "float32"), np.array([1, 0, 3, 2, 5, 4, 6, 7])
    assert widths((Feature(recipe, mirror),)) == (5, 3)
    signs = np.array([1, 1, 1, 1, 1, 1, 1, -1], np.float32)
    assert widths((Feature(recipe, mirror, signs),)) == (4, 4)
