from pathlib import Path

from benchmarks import worker_cost

WINE = Path(__file__).resolve().parents[2] / "sample_data" / "wine"


def test_times_of_the_first_real_predictions():
    times = worker_cost.first_times(WINE, budget=2.0, worker=False)
    assert 1 <= len(times) <= worker_cost.LOOKED_AT
    assert times == sorted(times)
    assert 0 < times[0] < 12


def test_a_heavy_learner_without_time_for_a_worker_is_told_as_never():
    heavy, ended_s, started_s = worker_cost.first_of_worker(WINE, budget=1.0)
    assert heavy == "table-network"
    assert ended_s == started_s == worker_cost.NEVER_S
