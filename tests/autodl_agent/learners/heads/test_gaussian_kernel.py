"""Gaussian kernel ridge: against the definition, spanned by few anchors, poor data, time."""

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads.config import GaussianConfig
from autodl_agent.learners.heads.cost import Speed
from autodl_agent.learners.heads.gaussian_kernel import GaussianHead, fit_gaussian, kernel, unit
from autodl_agent.scoring.auc import class_aucs, nauc
from autodl_agent.system.clock import Deadline

FAR = Deadline(60.0, lambda: 0.0)


def rings(n, seed):
    """Two views of points on a ring, opposite quarters of one class, which no straight line parts; classes (n, 2)."""
    rng = np.random.default_rng(seed)
    quarter = np.arange(n) % 4
    angle = (quarter + rng.uniform(0.1, 0.9, n)) * np.pi / 2
    base = np.stack([np.cos(angle), np.sin(angle)], 1)
    first = 4 + np.concatenate([base, rng.normal(size=(n, 2)) * 0.1], 1)
    return [np.square(first), np.square(first[:, ::-1])], np.eye(2, dtype=np.float32)[quarter % 2]


def fitted(n=200, config=None, features=None, labels=None, seed=0):
    made = rings(n, seed)
    features, labels = (features or made[0]), (made[1] if labels is None else labels)
    weights = [1.0 + k for k in range(len(features))]
    return fit_gaussian(features, weights, labels, config or GaussianConfig(), 0, FAR, Speed())


def test_it_solves_the_system_it_names():
    features, labels = rings(120, 0)
    head = fitted(120, GaussianConfig(penalties=(0.3,)))
    own = kernel(head.views, features, head.sharpness)
    cosines = [unit(x, v.mean) @ unit(x, v.mean).T for x, v in zip(features, head.views, strict=True)]
    assert np.allclose(own, np.exp(1.5 * (cosines[0] / 3 + cosines[1] * 2 / 3 - 1)), atol=1e-5)
    assert np.allclose((own + 0.3 * np.eye(120)) @ head.alpha, labels - labels.mean(0), atol=1e-3)


def test_what_no_line_parts_is_learned():
    features, labels = rings(100, 9)
    assert nauc(labels, fitted(300).probabilities(features)) > 0.9


def test_few_anchors_come_close_to_all_rows():
    features, labels = rings(100, 9)
    whole = fitted(600)
    spanned = fitted(600, GaussianConfig(most_exact_rows=100, most_anchors=150))
    assert len(spanned.alpha) == 150 and len(whole.alpha) == 600
    assert nauc(labels, spanned.probabilities(features)) > nauc(labels, whole.probabilities(features)) - 0.05


def even_classes(classes, seed):
    """One view of two rows of every class, and their labels."""
    centres = np.random.default_rng(0).gamma(0.5, size=(classes, 60))
    which = np.repeat(np.arange(classes), 2)
    noise = np.random.default_rng(seed).gamma(4, 0.25, (len(which), 60))
    return [np.asarray(centres[which] * noise, np.float32)], np.eye(classes, dtype=np.float32)[which]


@pytest.mark.parametrize("most_exact_rows", [1000, 150])
def test_classes_without_a_row_in_the_sample_keep_their_ranks(most_exact_rows):
    config = GaussianConfig(penalty_rows=100, most_exact_rows=most_exact_rows, most_anchors=300)
    features, labels = even_classes(200, 1)
    head = fitted(config=config, features=features, labels=labels)
    tests, truth = even_classes(200, 2)
    raw = kernel(head.views, tests, head.sharpness) @ head.alpha + head.intercept
    found = head.probabilities(tests)
    assert np.allclose(class_aucs(truth, found), class_aucs(truth, raw))
    assert head.slope.max() < 20 * np.median(head.slope)


def test_classes_with_a_single_positive_do_not_choose_the_penalty():
    from autodl_agent.learners.heads.gaussian_kernel import _choose

    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 6))
    own = np.exp(-np.square(x[:, None] - x).sum(2) / 12).astype(np.float32)
    clear = np.eye(2, dtype=np.float32)[(x[:, 0] + 0.7 * rng.normal(size=120) > 0).astype(int)]
    single = np.eye(120, 40, dtype=np.float32)
    both, penalties = np.concatenate([clear, single], 1), GaussianConfig().penalties
    chosen, left_out = _choose(own, both - both.mean(0), both, penalties)
    assert chosen == _choose(own, clear - clear.mean(0), clear, penalties)[0]
    assert left_out.shape == both.shape
    # Alone they choose all the same.
    assert _choose(own, single - single.mean(0), single, penalties)[0] != chosen


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_poor_data_give_numbers(n):
    for labels in (
        np.zeros((n, 3), np.float32),
        np.ones((n, 3), np.float32),
        np.eye(3, dtype=np.float32)[np.arange(n) % 3],
    ):
        features = [np.abs(np.random.default_rng(n).normal(size=(n, 5)))]
        features[0][0] = (np.nan, np.inf, -1, 0, 1)
        found = fitted(features=features, labels=labels).probabilities(features)
        assert found.shape == (n, 3) and np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1


def test_rows_that_are_there_many_times_leave_it_solvable():
    features, labels = rings(40, 0)
    features = [np.repeat(x, 20, 0) for x in features]
    config = GaussianConfig(penalties=(0.03,), most_exact_rows=100, most_anchors=300)
    found = fitted(features=features, labels=np.repeat(labels, 20, 0), config=config).probabilities(features)
    assert np.isfinite(found).all()


def test_a_fit_that_would_end_too_late_is_not_begun():
    features, labels = rings(200, 0)
    with pytest.raises(OutOfTimeError, match="operations"):
        fit_gaussian(features, [1, 1], labels, GaussianConfig(), 0, Deadline(0.0, lambda: 0.0), Speed(per_s=1.0))


def test_arrays_hold_everything():
    features, _ = rings(50, 3)
    head = fitted(50)
    again = GaussianHead.from_arrays({k: np.array(v) for k, v in head.arrays().items()})
    assert np.array_equal(again.probabilities(features), head.probabilities(features))
