"""A tiny Keras model under the shared training: restarts, copies, saving, deadlines, halved batches."""

import copy

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.networks import keras_model as engines
from autodl_agent.learners.networks.config import TrainingConfig
from autodl_agent.learners.networks.device import Device, device, out_of_memory, seeded
from autodl_agent.learners.networks.keras_model import Blueprint, engine
from autodl_agent.learners.networks.output_layer import members_output, output
from autodl_agent.learners.networks.trainer import Held, Network
from autodl_agent.system.clock import Budget, Deadline

TRAINING = TrainingConfig(batch_rows=16, first_samples=320, first_epochs=100, rate=0.02, decay=0.0)


def build(facts):
    """One hidden layer with dropout; members where there are any."""
    import keras
    from keras import layers

    inputs = layers.Input((4,))
    x = layers.Dropout(0.1)(layers.Dense(8, activation="relu")(inputs))
    if facts["members"]:
        x = layers.RepeatVector(facts["members"])(x)
        return keras.Model(inputs, members_output(x, facts["members"], facts["classes"]))
    return keras.Model(inputs, output(x, facts["classes"]))


def blueprint(softmax=True, members=0, training=TRAINING):
    return Blueprint.of(build, {"classes": 3, "members": members}, softmax, training)


def rows(n=90, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.eye(3, dtype=np.float32)[np.arange(n) % 3]
    return (labels @ rng.normal(size=(3, 4)) * 2 + rng.normal(size=(n, 4)) * 0.5).astype(np.float32), labels


def increment(network, x, y, deadline=None, held=None):
    return network.increment(y, lambda p, rng: (x[p], y[p]), deadline or soon(), held)


def answer(network, x):
    return network.predict(len(x), lambda positions: x[positions], soon().now)


def soon(seconds=60.0):
    return Budget.from_now(seconds).deadline(seconds)


class Ticking:
    """A clock that moves by `step` seconds at every look."""

    def __init__(self, step):
        self.at, self.step = 0.0, step

    def __call__(self):
        self.at += self.step
        return self.at


@pytest.mark.parametrize(("softmax", "members"), [(True, 0), (False, 0), (True, 3), (False, 3)])
def test_it_learns(softmax, members):
    x, y = rows()
    network = Network(blueprint(softmax, members), 0)
    more = [increment(network, x, y) for _ in range(2)]
    found = answer(network, x)
    assert more == [True, True] and network.samples == 320 + 512
    assert found.shape == (90, 3) and (found.argmax(1) == y.argmax(1)).mean() > 0.9
    assert softmax == np.allclose(found.sum(1), 1, atol=1e-5)


def test_same_seed_same_answer_though_the_model_is_shared():
    x, y = rows()
    first, second, other = (Network(blueprint(), seed) for seed in (5, 5, 6))
    for _ in range(2):
        for network in (first, second, other):
            increment(network, x, y)
    assert np.allclose(answer(first, x), answer(second, x), atol=1e-6)
    assert not np.allclose(answer(first, x), answer(other, x), atol=1e-4)


def test_a_copy_keeps_its_answer_while_the_original_learns():
    x, y = rows()
    network = Network(blueprint(), 0)
    increment(network, x, y)
    twin, before = copy.copy(network), answer(network, x)
    increment(network, x, y)
    assert np.array_equal(answer(twin, x), before) and not np.allclose(answer(network, x), before, atol=1e-5)


def test_saved_arrays_predict_the_same_and_train_anew():
    x, y = rows()
    network = Network(blueprint(), 0)
    increment(network, x, y)
    restored = Network(blueprint(), 0)
    restored.restore(network.arrays())
    assert np.allclose(answer(restored, x), answer(network, x), atol=1e-6)
    assert increment(restored, x, y) and np.allclose(answer(restored, x), answer(network, x), atol=1e-6)


def test_a_deadline_cuts_an_increment_short_and_what_was_learnt_counts():
    x, y = rows()
    network = Network(blueprint(), 0)
    clock = Ticking(0.5)  # two looks a step
    assert increment(network, x, y, Deadline(12.0, clock))
    assert 0 < network.state.steps < 20 and network.samples == network.state.steps * 16
    assert clock.at <= 12.5


def test_no_time_for_one_step_is_out_of_time_and_changes_nothing():
    x, y = rows()
    network = Network(blueprint(), 0)
    increment(network, x, y)
    state = network.state
    with pytest.raises(OutOfTimeError):
        increment(network, x, y, Deadline(-1.0, lambda: 0.0))
    assert network.state is state


def test_training_ends_after_enough_passes():
    x, y = rows(24)
    network = Network(blueprint(training=TrainingConfig(first_samples=48, max_epochs=4)), 0)
    more = [increment(network, x, y) for _ in range(2)]
    assert more == [True, False]


def test_held_rows_keep_the_best_state():
    x, y = rows()
    network = Network(blueprint(), 0)
    increment(network, x, y, held=Held(x, y))
    best, answered = network.shown, answer(network, x)
    wrong = np.roll(y, 1, axis=1)  # from now on it is taught nonsense
    more = [network.increment(y, lambda p, rng: (x[p], wrong[p]), soon(), Held(x, y)) for _ in range(2)]
    assert network.shown is best and more == [True, False]
    assert np.array_equal(answer(network, x), answered)


def test_what_diverges_is_thrown_away_and_tried_more_calmly():
    x, y = rows()
    network = Network(blueprint(), 0)
    broken = np.full_like(x, np.nan)
    more = [network.increment(y, lambda p, rng: (broken[p], y[p]), soon()) for _ in range(4)]
    assert network.shown is None and more == [True, True, True, False]
    assert network.calm < 0.01


def test_a_batch_that_does_not_fit_is_halved(monkeypatch):
    x, y = rows(64)
    motor, sizes = engine(blueprint()), []
    motor.train_with(motor.fresh(0, {}))

    class Crowded:
        """A stand-in for a model on a card with room for 20 rows."""

        output_shape = (None, 3)
        optimizer = motor.model.optimizer
        weights = motor.model.weights

        def train_on_batch(self, inputs, wanted):
            sizes.append(len(inputs))
            if len(inputs) > 20:
                raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate")
            return 0.5

        predict_on_batch = staticmethod(lambda inputs: inputs[:, :3] if len(inputs) <= 64 else fail())

    def fail():
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(motor, "model", Crowded())
    assert motor.step((x, y), 0.01) == 0.5
    assert sizes == [64, 32, 16, 16, 32, 16, 16]
    wide = np.tile(x, (3, 1))
    assert np.array_equal(motor.predict(wide), wide[:, :3])


def test_other_errors_are_not_swallowed(monkeypatch):
    motor = engine(blueprint())

    class Broken:
        output_shape = (None, 3)
        optimizer = motor.model.optimizer

        def train_on_batch(self, inputs, wanted):
            raise RuntimeError("shapes differ")

    monkeypatch.setattr(motor, "model", Broken())
    with pytest.raises(RuntimeError, match="shapes differ"):
        motor.step(rows(32), 0.01)


def test_engines_are_shared_and_the_oldest_goes(monkeypatch):
    monkeypatch.setattr(engines, "_engines", type(engines._engines)())
    monkeypatch.setattr(engines, "MOST_ENGINES", 2)
    made = [engine(blueprint(training=TrainingConfig(rate=rate))) for rate in (0.1, 0.2)]
    assert engine(blueprint(training=TrainingConfig(rate=0.1))) is made[0]
    engine(blueprint(training=TrainingConfig(rate=0.3)))
    assert engine(blueprint(training=TrainingConfig(rate=0.1))) is made[0]
    assert engine(blueprint(training=TrainingConfig(rate=0.2))) is not made[1]


def test_seeds_leave_the_random_state_of_others_alone():
    np.random.seed(3)
    expected = np.random.default_rng(0).random(), np.random.random()
    np.random.seed(3)
    with seeded(7):
        first = np.random.random()
    with seeded(7):
        assert np.random.random() == first
    np.random.seed(3)
    with seeded(8):
        pass
    assert np.random.random() == expected[1]


def test_batches_fit_the_set_and_the_device():
    plain = Device(0, False)
    assert [plain.batch_rows(64, n) for n in (3, 200, 600, 100_000)] == [16, 16, 32, 64]
    assert Device(1, True).batch_rows(64, 100_000) == 256
    assert device().replicas == 1 and device() is device()


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (RuntimeError("CUDA out of memory. Tried"), True),
        (ValueError("RESOURCE_EXHAUSTED"), True),
        (KeyError("x"), False),
    ],
)
def test_out_of_memory_is_told_from_other_errors(error, found):
    assert out_of_memory(error) is found
