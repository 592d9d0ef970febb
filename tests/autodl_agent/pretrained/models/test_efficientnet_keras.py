"""The Keras end of EfficientNet-Lite: same features as the whole network, statistics that stand still."""

import numpy as np
import pytest

from autodl_agent.learners.networks.device import device
from autodl_agent.pretrained.models.efficientnet import convert, map_shape
from autodl_agent.pretrained.models.efficientnet_keras import TrainableBlocks, rank
from autodl_agent.pretrained.runtime import interpreter
from autodl_agent.pretrained.runtime.image_network import LiteNetwork

needs_interpreter = pytest.mark.skipif(not interpreter.interpreter_found(), reason="no LiteRT interpreter installed")
SIDE = 40


def model_of(tensors, cut):
    """The tail alone, with its weights in it."""
    import keras

    device()
    tail = TrainableBlocks("lite0", tensors, cut)
    x = keras.Input(map_shape("lite0", cut, SIDE, SIDE) if cut else (SIDE, SIDE, 3))
    model = keras.Model(x, tail(x))
    tail.pour()
    return model


def run(tmp_path, tensors, pictures, cut=None):
    path = tmp_path / f"{cut}.tflite"
    path.write_bytes(convert("lite0", tensors, cut))
    shape = () if cut is None else map_shape("lite0", cut, SIDE, SIDE)
    return LiteNetwork(path, workers=1).run(pictures, lambda part: part, shape)


@needs_interpreter
@pytest.mark.parametrize("cut", [0, 8, 11, 15])
def test_maps_and_tail_together_are_the_whole_network(cut, tmp_path, made_up):
    rng = np.random.default_rng(0)
    tensors = made_up("lite0", rng)
    pictures = rng.uniform(-1, 1, (3, SIDE, SIDE, 3)).astype(np.float32)
    expected = run(tmp_path, tensors, pictures)
    maps = run(tmp_path, tensors, pictures, cut) if cut else pictures
    found = np.asarray(model_of(tensors, cut).predict_on_batch(maps))
    assert expected.std() > 0.01 and np.allclose(found, expected, atol=1e-3)


def test_training_moves_factors_and_leaves_statistics_alone(made_up):
    rng = np.random.default_rng(1)
    model = model_of(made_up("lite0", rng), 15)
    before = {v.path: v.numpy() for v in model.variables}
    model.compile("adam", "mse")
    shape = (4, *map_shape("lite0", 15, SIDE, SIDE))
    model.train_on_batch(rng.normal(3, 5, shape).astype(np.float32), np.zeros((4, 1280), np.float32))
    moved = {v.path: not np.array_equal(v.numpy(), before[v.path]) for v in model.variables}
    assert not any(moved[path] for path in moved if "moving_" in path)
    assert all(moved[path] for path in moved if path.endswith(("gamma", "beta")))


def test_ranks_count_from_the_output(made_up):
    tensors = made_up("lite0", np.random.default_rng(2))
    ranks = {v.path.partition("/")[0]: rank(v.path) for v in model_of(tensors, 0).variables}
    assert rank("head/kernel") == 0 and ranks["group1_top"] == 1
    assert sorted(set(ranks.values())) == list(range(1, 19)) and ranks["group18_stem"] == 18
