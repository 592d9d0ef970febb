import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads import cost
from autodl_agent.learners.heads.cost import Speed
from autodl_agent.system.clock import Deadline


def test_speed_learns_from_long_steps_only():
    speed = Speed(per_s=1e9)
    speed.learn(1e6, 1.0)
    assert speed.per_s == 1e9
    speed.learn(9e9, 1.0)
    assert speed.per_s == 5e9


def test_measured_work_is_learned_from_and_refused_where_it_would_end_too_late():
    times = iter([0.0, 0.0, 2.0])
    speed = Speed(per_s=1e9)
    with speed.measured(6e9, Deadline(10.0, lambda: next(times))):
        pass
    assert speed.per_s == 2e9
    with pytest.raises(OutOfTimeError, match="operations"), speed.measured(6e9, Deadline(1.0, lambda: 0.0)):
        pass


@pytest.mark.parametrize(
    ("estimate", "sizes"),
    [
        (cost.eigen_ridge, (1000, 500, 10, 8)),
        (cost.batched_ridge, (500, 5)),
        (cost.gaussian_ridge, (5000, 1000, 500, 100)),
        (cost.ridge_s, (1000, 500)),
        (cost.multi_kernel_s, (500, 2000, 700)),
        (cost.logistic_ridge_s, (1000, 500, 10)),
    ],
)
def test_cost_grows_with_every_side(estimate, sizes):
    for place in range(len(sizes)):
        larger = np.array(sizes)
        larger[place] = 2 * larger[place] - 1
        assert estimate(*larger.tolist()) > estimate(*sizes)


def test_more_rows_than_anchors_cost_more_than_all_of_them_being_anchors():
    assert (
        cost.multi_kernel_s(100, 100, 700) < cost.multi_kernel_s(1000, 1000, 700) < cost.multi_kernel_s(1000, 9000, 700)
    )
