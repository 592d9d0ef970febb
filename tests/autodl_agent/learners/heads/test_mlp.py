import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads.config import HeadConfig
from autodl_agent.learners.heads.mlp import Heads, NetHead, fit_heads, fit_net, seconds_of_net
from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.scoring.auc import nauc

CONFIG = HeadConfig(hidden=32)
PENALTIES = (10.0, 100.0, 1000.0)


def soon(seconds=1000.0):
    return FakeClock().budget(seconds).deadline(seconds)


def rings(n=900, seed=0):
    """Classes by distance from the middle: no regression can tell them apart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    far = np.linalg.norm(x, axis=1)
    return x, np.eye(3, dtype=np.float32)[np.digitize(far, (1.2, 1.9))]


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_network_learns_what_a_regression_cannot(exclusive):
    x, y = rings()
    fresh, truth = rings(seed=1)
    heads = fit_heads(x, y, exclusive, HeadConfig(hidden=64, most_epochs=60, most_steps=4000), PENALTIES, 0, soon())
    assert heads.net is not None
    found = heads.net.probabilities(fresh)
    assert nauc(truth, found) > 0.55
    assert nauc(truth, heads.ridge.probabilities(fresh)) < 0.25
    assert np.allclose(found.sum(1), 1, atol=1e-4) == exclusive


def test_few_rows_or_little_time_leave_the_regression_alone():
    x, y = rings()
    assert fit_heads(x[:50], y[:50], True, CONFIG, PENALTIES, 0, soon()).net is None
    short = seconds_of_net(len(x), 3, 3, CONFIG) * 0.9
    assert fit_heads(x, y, True, CONFIG, PENALTIES, 0, soon(short)).net is None
    with pytest.raises(OutOfTimeError):
        fit_heads(x, y, True, CONFIG, PENALTIES, 0, soon(-1.0))


def test_a_deadline_ends_the_training():
    clock = FakeClock()
    deadline = clock.budget(10).deadline(10)
    clock.at += 11
    with pytest.raises(OutOfTimeError, match="step 0"):
        fit_net(*rings(), True, CONFIG, 0, deadline)


def test_what_was_saved_predicts_the_same_values():
    x, y = rings()
    heads = fit_heads(x, y, True, CONFIG, PENALTIES, 0, soon())
    again = Heads.restore(heads.arrays())
    assert isinstance(again.net, NetHead)
    assert np.array_equal(heads.probabilities(x), again.probabilities(x))
    alone = Heads(heads.ridge)
    assert Heads.restore(alone.arrays()).net is None


def test_the_seed_decides_and_constant_features_do_no_harm():
    x, y = rings()
    x[:, 1] = 7
    first, second = (fit_net(x, y, True, CONFIG, 3, soon()) for _ in range(2))
    assert np.array_equal(first.probabilities(x), second.probabilities(x))
    assert np.isfinite(first.probabilities(x * 1e3)).all()


def test_rows_without_a_label_are_left_out_of_a_softmax():
    x, y = rings()
    y[::3] = 0
    found = fit_net(x, y, True, CONFIG, 0, soon()).probabilities(x)
    assert np.isfinite(found).all()
    assert nauc(y[y.any(1)], found[y.any(1)]) > 0
