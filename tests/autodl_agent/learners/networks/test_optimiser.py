"""Groups of layers: closed ones stand still, open ones learn the more slowly the further from the output they are."""

import numpy as np

from autodl_agent.learners.networks.config import TrainingConfig
from autodl_agent.learners.networks.keras_model import Blueprint, Engine
from autodl_agent.learners.networks.output_layer import output


def build(facts):
    """Three layers; the group stands in the name."""
    import keras
    from keras import layers

    inputs = layers.Input((4,))
    x = layers.Dense(4, name="group2")(inputs)
    x = layers.Dense(4, name="group1")(x)
    return keras.Model(inputs, output(x, 3))


def rank(path):
    return int(path[5]) if path.startswith("group") else 0


def moved(increment):
    """Largest change of a kernel in one step of Adam, by group; its first step is the rate for every weight."""
    training = TrainingConfig(rate=0.01, decay=0.0, layer_decay=0.5, opening=2)
    motor = Engine(Blueprint.of(build, {}, True, training, rank))
    state = motor.fresh(0, {"head/bias": np.float32([1, 2, 3])})
    motor.train_with(state, increment)
    names = [variable.path for variable in motor.model.variables]
    rng = np.random.default_rng(0)
    motor.step((rng.normal(size=(8, 4)).astype(np.float32), np.eye(3, dtype=np.float32)[np.arange(8) % 3]), 0.01)
    after = motor.variables()
    found = {}
    for place, name in enumerate(names):
        if name.endswith("kernel"):
            found[rank(name)] = float(np.abs(after[place] - state.variables[place]).max())
    return found, dict(zip(names, state.variables, strict=False))


def test_groups_open_from_the_output_down_and_learn_at_falling_rates():
    first, start = moved(0)
    assert np.allclose([first[0], first[1], first[2]], [0.01, 0.005, 0.0], rtol=0.05)
    assert np.array_equal(start["head/bias"], np.float32([1, 2, 3]))
    second, _ = moved(1)
    assert np.allclose([second[0], second[1], second[2]], [0.01, 0.005, 0.0025], rtol=0.05)
