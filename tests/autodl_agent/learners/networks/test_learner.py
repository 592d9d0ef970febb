"""`NetworkBody` on a network that remembers means in place of training."""

from types import SimpleNamespace

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.networks import learner
from autodl_agent.learners.networks.adapter import InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.learner import NetworkBody, network_learner
from autodl_agent.learners.testing.contract import examples_of, memory_dataset


class MeanNetwork:
    """Answers with the mean label of its last increment."""

    def __init__(self, blueprint, seed, given=None):
        self.blueprint, self.given = blueprint, given
        self.shown, self.planned, self.row_s = None, 0.0, 0.0

    def increment(self, labels, make, deadline, held=None):
        if deadline.passed:
            raise OutOfTimeError("network")
        self.planned, self.shown = self.planned + 1, labels.mean(0)
        return False

    def predict(self, n, make, now):
        assert len(make(np.arange(n))) == n
        self.row_s = 0.5
        return np.tile(self.shown, (n, 1))

    def arrays(self):
        return {} if self.shown is None else {"weights_000": self.shown}

    def restore(self, arrays):
        self.shown = arrays["weights_000"]


class EvenRows(InputAdapter):
    """Predicts every other row, from two inputs each; the spec is a number that `stages` tells."""

    stages, serves = (0, 0, 1), True

    def __init__(self, task, seed):
        super().__init__(task, seed)
        self.looked = 0

    def usable(self, data):
        return data if self.serves else None

    def first_spec(self, data, deadline):
        self.looked += 1
        return self.stages[0]

    def next_spec(self, data, known, increments, deadline):
        return self.stages[increments]

    def sample(self, data, spec, first, deadline):
        return data.sample(10 if first else 30, self.seed)

    def first_weights(self, sample, spec, deadline):
        return {"head": np.float32(spec)}

    def training(self, sample, spec, network, deadline):
        return TrainingInputs(sample.labels, lambda positions, rng: (positions, sample.labels[positions]))

    def prediction(self, data, spec):
        rows = np.arange(0, len(data), 2)
        return PredictionInputs(rows, lambda numbers: numbers, np.full(len(rows), 2))

    def blueprint(self, spec):
        return f"model {spec}"

    def state(self, spec):
        return {"spec": spec}, {}

    def restored(self, facts, arrays):
        return facts["spec"]


@pytest.fixture(autouse=True)
def means(monkeypatch):
    monkeypatch.setattr(learner, "Network", MeanNetwork)


@pytest.fixture
def sets():
    return examples_of(memory_dataset("text")[0])


def late(train):
    return SimpleNamespace(passed=True, at=0.0, now=train.store.end.now)


@pytest.fixture
def late_deadlines(monkeypatch):
    monkeypatch.setattr(learner, "reserve_prediction_time", lambda data, deadline, row_s, held_out: deadline)


def test_windows_of_a_row_are_averaged():
    inputs = PredictionInputs(np.arange(3), lambda numbers: numbers, np.array([1, 3, 2]))
    found = np.array([[0.1], [0.2], [0.4], [0.6], [1.0], [0.5]], np.float32)
    assert len(inputs) == 6 and np.allclose(inputs.averaged(found), [[0.1], [0.4], [0.75]])
    assert PredictionInputs(np.arange(6), lambda numbers: numbers).averaged(found) is found


def test_rows_without_inputs_get_the_shares_and_time_counts_by_row(sets):
    train, test = sets
    body = NetworkBody(EvenRows(train.task, 0))
    body.fit(train, train.store.end)
    found = body.predict(test)
    assert np.allclose(found[::2], body.network.shown) and np.allclose(found[1::2], body.shares)
    assert not np.allclose(found[0], found[1], atol=1e-3)
    assert body.network.row_s == 1.0


def test_it_goes_on_while_the_sample_can_grow_and_with_the_same_network_while_the_model_stays(sets):
    train, _ = sets
    body, networks = NetworkBody(EvenRows(train.task, 0)), []
    for _ in range(3):
        assert body.fit(train, train.store.end)
        networks.append(body.network)
    assert networks[0] is networks[1] and networks[2] is not networks[1]
    assert [network.given["head"] for network in networks] == [0, 0, 1]
    assert networks[2].planned == networks[1].planned + 1
    body.adapter.can_grow = lambda data, sample, spec: False
    body.adapter.stages = (1,) * 4
    assert not body.fit(train, train.store.end)


def test_what_a_first_increment_out_of_time_found_is_kept_and_a_later_one_changes_nothing(sets, late_deadlines):
    train, test = sets
    body = NetworkBody(EvenRows(train.task, 0))
    for _ in range(2):
        with pytest.raises(OutOfTimeError):
            body.fit(train, late(train))
    assert body.adapter.looked == 1 and np.allclose(body.predict(test), body.shares)
    for _ in range(2):
        body.fit(train, train.store.end)
    before = body.predict(test)
    with pytest.raises(OutOfTimeError):
        body.fit(train, late(train))
    assert body.spec == 0 and np.array_equal(body.predict(test), before)


def test_data_that_cannot_be_served_leave_the_shares(sets, monkeypatch):
    train, test = sets
    monkeypatch.setattr(EvenRows, "serves", False)
    body = NetworkBody(EvenRows(train.task, 0))
    assert body.fit(train, train.store.end) is False and np.allclose(body.predict(test), body.shares)
    assert NetworkBody(EvenRows(train.task, 0)).fit(train.take(np.arange(0)), train.store.end) is False


def test_a_saved_learner_predicts_the_same_fitted_or_not(sets, tmp_path):
    train, test = sets
    kind = network_learner("Even", __name__, EvenRows, "")
    for name in ("fitted", "blank"):
        (tmp_path / name).mkdir()
        made = kind(train.task, 0)
        if name == "fitted":
            made.fit(train, train.store.end)
        made.save(tmp_path / name)
        loaded = kind.load(tmp_path / name, train.task)
        assert np.array_equal(loaded.predict(test), made.predict(test))
        assert (loaded.body.spec is None) == (name == "blank")
