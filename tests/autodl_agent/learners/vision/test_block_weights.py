import numpy as np
import pytest

from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.vision.block_weights import Choice, choose
from autodl_agent.learners.vision.features import Feature
from autodl_agent.learners.vision.mirror_symmetry import Folded

PAIRS = Feature(Recipe("pairs", (8,), "float32"), np.array([1, 0, 3, 2, 5, 4, 6, 7]))


def test_odd_features_are_taken_exactly_where_they_decide():
    rng = np.random.default_rng(0)
    even, odd = rng.normal(size=(2, 300, 8)).astype(np.float32)
    folded = Folded(even[:, :5], odd[:, :3])
    label = lambda score: np.stack([score > 0, score <= 0], 1).astype(np.float32)  # noqa: E731
    assert choose(folded, label(odd[:, 0]), (PAIRS,), ((),), 0).with_odd
    assert not choose(folded, label(even[:, 0]), (PAIRS,), ((),), 0).with_odd
    assert not choose(folded.take(np.arange(10)), label(odd[:10, 0]), (PAIRS,), ((),), 0).with_odd


def test_weights_shift_only_for_a_clear_gain():
    rng = np.random.default_rng(0)
    noise = Feature(Recipe("noise", (400,), "float32"), np.arange(400))
    signal = Feature(Recipe("signal", (2,), "float32"), np.arange(2))
    x = rng.normal(size=(200, 402)).astype(np.float32)
    y = np.stack([x[:, 400] > 0, x[:, 400] <= 0], 1).astype(np.float32)
    folded = Folded(x, np.zeros((200, 0), np.float32))
    options = ((50.0, 1.0), (0.0, 1.0))
    assert choose(folded, y, (noise, signal), options, 0).weights == (0.0, 1.0)
    y = np.stack([x[:, :400].sum(1) > 0, x[:, :400].sum(1) <= 0], 1).astype(np.float32)
    assert choose(folded, y, (noise, signal), options, 0).weights == (50.0, 1.0)


def test_multipliers_give_blocks_their_share():
    small, large = (Feature(Recipe(str(w), (w,), "float32"), np.arange(w)) for w in (4, 100))
    factors = Choice(False, (3.0, 1.0)).multipliers((small, large))
    assert np.square(factors).mean() == pytest.approx(1, rel=1e-4)
    assert np.square(factors[:4]).sum() == pytest.approx(3 * np.square(factors[4:]).sum(), rel=1e-4)
    np.testing.assert_allclose(Choice(True, ()).multipliers((PAIRS,)), np.ones(8))
