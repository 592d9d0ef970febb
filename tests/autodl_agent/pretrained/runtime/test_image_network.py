"""Converting and running: the graph writer against plain numpy, EfficientNet-Lite with made-up weights."""

import subprocess
import sys
import threading
from importlib.util import find_spec

import numpy as np
import pytest

from autodl_agent.learners.vision.frozen_features import normalised
from autodl_agent.pretrained.formats.pytorch import TorchFileError
from autodl_agent.pretrained.formats.tflite_conv_float import FloatGraph
from autodl_agent.pretrained.formats.tflite_conv_int8 import ByteGraph
from autodl_agent.pretrained.models.efficientnet import Block, blocks, convert, scaled_channels
from autodl_agent.pretrained.networks import can_train, tensors_of
from autodl_agent.pretrained.runtime import interpreter
from autodl_agent.pretrained.runtime.image_network import LiteNetwork, batch_size
from autodl_agent.pretrained.runtime.interpreter import InterpreterError

needs_interpreter = pytest.mark.skipif(not interpreter.interpreter_found(), reason="no LiteRT interpreter installed")


def convolved(x, weights, bias, stride, depthwise):
    """What LiteRT's "same" convolution gives, by the definition. weights: (out or 1, rows, columns, channels)."""
    side, size = weights.shape[1], x.shape[1]
    out_size = -(-size // stride)
    pad = max((out_size - 1) * stride + side - size, 0)
    x = np.pad(x, ((0, 0), (pad // 2, pad - pad // 2), (pad // 2, pad - pad // 2), (0, 0)))
    out = np.zeros((len(x), out_size, out_size, len(bias)), np.float32)
    for i in range(out_size):
        for j in range(out_size):
            window = x[:, i * stride : i * stride + side, j * stride : j * stride + side]
            if depthwise:
                out[:, i, j] = np.einsum("nrcd,rcd->nd", window, weights[0])
            else:
                out[:, i, j] = np.einsum("nrcd,ercd->ne", window, weights)
    return out + bias


def small_graph(rng):
    """A graph with every operator, and the same in numpy."""
    w1, b1 = rng.normal(size=(4, 3, 3, 3)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    w2, b2 = rng.normal(size=(1, 5, 5, 4)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    graph = FloatGraph(3)
    x = graph.conv(graph.input, w1, b1, stride=2, relu6=True)
    y = graph.depthwise(x, w2, b2, relu6=False)
    blob = graph.finish([graph.mean(graph.add(x, y))])

    def plain(pictures):
        x = convolved(pictures, w1, b1, 2, False).clip(0, 6)
        return (x + convolved(x, w2, b2, 1, True)).mean((1, 2))

    return blob, plain


@needs_interpreter
@pytest.mark.parametrize("side", [8, 11])
def test_a_written_graph_computes_what_it_says(side, tmp_path):
    rng = np.random.default_rng(0)
    blob, plain = small_graph(rng)
    (tmp_path / "a.tflite").write_bytes(blob)
    network = LiteNetwork(tmp_path / "a.tflite", workers=2)
    pictures = rng.normal(size=(70, side, side, 3)).astype(np.float32)
    found = network.run(pictures, lambda part: part)
    assert network.features == 4
    assert np.allclose(found, plain(pictures), atol=1e-4)


def normed_layer(rng, shape, inputs_deviation, taps):
    """Random weights whose outputs deviate from their random bias by about one, and that spread."""
    weights = (rng.normal(size=shape) / (inputs_deviation * np.sqrt(taps))).astype(np.float32)
    bias = rng.normal(size=shape[0] if shape[0] > 1 else shape[3]).astype(np.float32)
    return weights, bias, (bias, np.ones_like(bias))


@needs_interpreter
def test_a_graph_in_bytes_computes_nearly_what_it_says(tmp_path):
    rng = np.random.default_rng(4)
    stem, filters = normed_layer(rng, (8, 3, 3, 3), 0.5, 27), normed_layer(rng, (1, 3, 3, 8), 1.0, 9)
    narrow, middle = normed_layer(rng, (8, 1, 1, 8), 1.0, 8), normed_layer(rng, (8, 1, 1, 8), 1.5, 8)
    graph = ByteGraph(3)
    x = graph.conv(graph.depthwise(graph.conv(graph.input, *stem, stride=2, relu6=True), *filters, relu6=True), *narrow)
    blob = graph.finish([graph.mean(graph.add(x, graph.conv(x, *middle)))])
    (tmp_path / "a.tflite").write_bytes(blob)
    pictures = (rng.normal(0, 0.5, size=(40, 12, 12, 3)).clip(-1, 1) * 128).round().astype(np.float32) / 128
    found = LiteNetwork(tmp_path / "a.tflite", workers=1).run(pictures, lambda part: part)
    x = convolved(pictures, *stem[:2], 2, False).clip(0, 6)
    x = convolved(convolved(x, *filters[:2], 1, True).clip(0, 6), *narrow[:2], 1, False)
    expected = (x + convolved(x, *middle[:2], 1, False)).mean((1, 2))
    assert np.abs(found - expected).max() < 0.1 * expected.std()
    assert np.std(found - expected) < 0.2 * expected.std(0).mean()


@needs_interpreter
def test_a_channel_without_weights_keeps_its_bias_in_bytes(tmp_path):
    graph, bias = ByteGraph(3), np.array([3.0, -1.0], np.float32)
    x = graph.conv(graph.input, np.zeros((2, 1, 1, 3), np.float32), bias, (bias, np.zeros(2, np.float32)))
    (tmp_path / "a.tflite").write_bytes(graph.finish([graph.mean(x)]))
    found = LiteNetwork(tmp_path / "a.tflite", workers=1).run(np.zeros((2, 4, 4, 3), np.float32), lambda part: part)
    assert np.allclose(found, bias, atol=0.02)


@needs_interpreter
def test_a_layer_in_bytes_asks_for_its_spread():
    graph = ByteGraph(3)
    with pytest.raises(ValueError, match="spread"):
        graph.conv(graph.input, np.ones((2, 1, 1, 3), np.float32), np.zeros(2, np.float32))


@needs_interpreter
def test_sizes_may_change_and_threads_may_share(tmp_path):
    rng = np.random.default_rng(1)
    blob, plain = small_graph(rng)
    (tmp_path / "a.tflite").write_bytes(blob)
    network = LiteNetwork(tmp_path / "a.tflite")
    made = [rng.normal(size=(5, side, side, 3)).astype(np.float32) for side in (6, 9, 6, 12)]
    found = [None] * len(made)

    def work(k):
        found[k] = network.run(made[k], lambda part: part)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(made))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.allclose(f, plain(m), atol=1e-4) for f, m in zip(found, made, strict=True))
    assert network.run(made[0][:0], lambda part: part).shape == (0, 4)


@needs_interpreter
def test_what_is_no_network_is_said_so(tmp_path):
    for blob in (b"hello" * 100, small_graph(np.random.default_rng(0))[0][:200]):
        (tmp_path / "a.tflite").write_bytes(blob)
        with pytest.raises(InterpreterError, match="a LiteRT file expected"):
            LiteNetwork(tmp_path / "a.tflite")


def test_batches_get_smaller_as_pictures_get_larger():
    assert [batch_size(side * side) for side in (8, 64, 160, 4000)] == [32, 32, 5, 1]


def test_variants_have_their_published_blocks():
    assert [scaled_channels(c, 1.1) for c in (16, 24, 40, 320)] == [16, 24, 48, 352]
    assert [len(list(blocks(name))) for name in ("lite0", "lite1", "lite2")] == [16, 21, 21]
    assert list(blocks("lite0"))[:3] == [
        Block(False, 1, False, 16),
        Block(True, 2, False, 24),
        Block(True, 1, True, 24),
    ]


def in_numpy(tensors, variant, pictures):
    """The same network from the unfolded tensors, by the definition."""

    def norm(x, name):
        factor = tensors[f"{name}.weight"] / np.sqrt(tensors[f"{name}.running_var"] + 1e-3)
        return (x - tensors[f"{name}.running_mean"]) * factor + tensors[f"{name}.bias"]

    def conv(x, name, stride=1, depthwise=False):
        weights = tensors[f"{name}.weight"]
        weights = weights.transpose(1, 2, 3, 0) if depthwise else weights.transpose(0, 2, 3, 1)
        channels = weights.shape[3] if depthwise else len(weights)
        return convolved(x, weights, np.zeros(channels, np.float32), stride, depthwise)

    x = norm(conv(pictures, "_conv_stem", 2), "_bn0").clip(0, 6)
    for number, block in enumerate(blocks(variant)):
        name, inner = f"_blocks.{number}", x
        if block.expand:
            inner = norm(conv(inner, f"{name}._expand_conv"), f"{name}._bn0").clip(0, 6)
        inner = norm(conv(inner, f"{name}._depthwise_conv", block.stride, True), f"{name}._bn1").clip(0, 6)
        out = norm(conv(inner, f"{name}._project_conv"), f"{name}._bn2")
        x = x + out if block.residual else out
    return norm(conv(x, "_conv_head"), "_bn1").clip(0, 6).mean((1, 2))


@needs_interpreter
@pytest.mark.parametrize("variant", ["lite0", "lite2"])
def test_converted_networks_compute_what_the_tensors_say(variant, tmp_path, made_up):
    rng = np.random.default_rng(2)
    tensors = made_up(variant, rng)
    (tmp_path / "a.tflite").write_bytes(convert(variant, tensors | {"_fc.weight": np.zeros((10, 1280))}))
    pictures = rng.uniform(-1, 1, size=(2, 32, 32, 3)).astype(np.float32)
    found = LiteNetwork(tmp_path / "a.tflite", workers=1).run(pictures, lambda part: part)
    expected = in_numpy(tensors, variant, pictures)
    assert expected.std() > 0.01
    assert np.allclose(found, expected, atol=2e-3)


@pytest.mark.skipif(not can_train("efficientnet-lite0"), reason="needs the weights extra")
def test_the_real_network_in_bytes_gives_nearly_the_same_features(tmp_path):
    rng, tensors = np.random.default_rng(5), tensors_of("efficientnet-lite0")
    coarse = rng.uniform(0, 255, (12, 8, 8, 3)).repeat(12, 1).repeat(12, 2)
    pictures = (coarse + rng.normal(0, 20, coarse.shape)).clip(0, 255).round()
    found = []
    for in_bytes in (False, True):
        (tmp_path / "a.tflite").write_bytes(convert("lite0", tensors, in_bytes=in_bytes))
        found.append(LiteNetwork(tmp_path / "a.tflite", 1).run(pictures, normalised))
    exact, rough = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in found)
    assert (exact * rough).sum(1).min() > 0.97


@needs_interpreter
def test_missing_and_surplus_tensors_are_named(made_up):
    tensors = made_up("lite0", np.random.default_rng(3))
    with pytest.raises(TorchFileError, match="_se_reduce"):
        convert("lite0", tensors | {"_blocks.0._se_reduce.weight": np.zeros(3)})
    del tensors["_blocks.4._bn2.bias"]
    with pytest.raises(TorchFileError, match=r"_blocks\.4\._bn2\.bias"):
        convert("lite0", tensors)


NEWS = """
import os, sys
from pathlib import Path
from autodl_agent.pretrained.runtime import interpreter
from autodl_agent.pretrained.runtime.image_network import LiteNetwork
real = interpreter.interpreter_class

class Loud:
    def __init__(self, path, num_threads):
        self.own = real()(path, num_threads=num_threads)
    def allocate_tensors(self):
        os.write(2, b"ERROR: this one counts\\n")
        self.own.allocate_tensors()
    def __getattr__(self, name):
        return getattr(self.own, name)

if sys.argv[2] == "loud":
    interpreter.interpreter_class = lambda: Loud
import numpy as np
network = LiteNetwork(Path(sys.argv[1]), workers=1)
network.run(np.zeros((2, 8, 8, 3), np.float32), lambda part: part)
os.write(2, b"the stream is back\\n")
"""


@pytest.mark.skipif(find_spec("ai_edge_litert") is None, reason="a process of its own needs the package")
@pytest.mark.parametrize(("how", "says"), [("plain", ""), ("loud", "ERROR: this one counts\n")])
def test_news_of_the_interpreter_are_left_out_and_errors_are_not(tmp_path, how, says):
    (tmp_path / "a.tflite").write_bytes(small_graph(np.random.default_rng(0))[0])
    command = [sys.executable, "-c", NEWS, str(tmp_path / "a.tflite"), how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == f"{says}the stream is back\n"
