"""The benchmark for cards, tiny and on whatever device is here: what it counts, what it builds, what it writes."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.pretrained.encoders import can_load
from autodl_agent.pretrained.models.efficientnet import convert
from autodl_agent.pretrained.networks import can_train
from autodl_agent.pretrained.runtime import image_network, interpreter
from benchmarks import gpu

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--smoke", "--batches", "2,3"]
    command += ["--peak-tflops", "2,1", "--out", str(out)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout, json.loads(out.read_text())


def test_every_part_is_measured_for_every_batch_and_precision(smoke):
    lines = smoke[1]["lines"]
    wanted = {(w, b, m) for w in ("features", "training", "with data") for b in (2, 3) for m in (False, True)}
    wanted |= {("data", b, False) for b in (2, 3)}
    if can_train("efficientnet-lite0"):
        wanted |= {("clips", b, m) for b in (2, 3) for m in (False, True)}
    if can_load("e5-small"):
        wanted |= {("texts", b, m) for b in (2, 3) for m in (False, True)}
    assert {(line["what"], line["batch"], line["mixed"]) for line in lines} == wanted
    assert all(line["steps"] >= gpu.FEWEST_STEPS and line["images_s"] > 0 and not line["note"] for line in lines)


def test_rates_and_shares_go_together(smoke):
    for line in smoke[1]["lines"]:
        assert line["images_s"] == pytest.approx(line["batch"] / line["step_ms"] * 1e3)
        if line["what"] == "data":
            assert line["tflops"] is line["share"] is None
        else:
            assert line["share"] == pytest.approx(line["tflops"] / (2 if line["mixed"] else 1))


def test_the_table_has_a_line_for_each(smoke):
    text, facts = smoke
    assert len(text.splitlines()) == 2 + len(facts["lines"])
    assert facts["tiny"] and facts["backend"] in text


def test_work_is_counted_from_shapes():
    import keras
    from keras import layers

    pictures = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, 2, padding="same")(pictures)
    x = layers.DepthwiseConv2D(5, padding="same")(x)
    x = layers.Dense(7)(layers.GlobalAveragePooling2D()(layers.Activation("relu")(x)))
    convolution, depthwise, dense = 16 * 3 * 3 * 3 * 4, 16 * 5 * 5 * 4, 4 * 7
    assert gpu.forward_flops(keras.Model(pictures, x)) == 2 * (convolution + depthwise + dense)


def test_lite0_has_the_parameters_that_its_authors_give():
    # 4,652,008 with the classifier; two numbers a channel of normalisation are one bias here.
    model = gpu.lite0(64)
    biases = sum(int(weight.shape[0]) for weight in model.weights if weight.path.endswith("bias"))
    assert model.count_params() + biases == 4_652_008 - 1000 * 1281


def test_lite0_gives_the_features_of_the_converted_network(tmp_path):
    if not interpreter.interpreter_found() or (tensors := gpu.weights_found()) is None:
        pytest.skip("extra `weights` is not installed")
    path = tmp_path / "exact.tflite"
    path.write_bytes(convert("lite0", tensors))  # in float32: what is served rounds to bytes
    exact = image_network.LiteNetwork(path, 1)
    pictures = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32)
    found = gpu.lite0(64, tensors).predict_on_batch(pictures)
    assert np.allclose(found, exact.run(pictures, lambda part: part), atol=2e-3)


@pytest.mark.parametrize(
    ("name", "half"),
    [
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L40S", 362),
        ("NVIDIA L4", 121),
    ],
)
def test_cards_are_known_by_their_drivers_name(name, half):
    peaks = gpu.peaks_of(name)
    assert peaks is not None and peaks[0] == half
    assert gpu.peaks_of("cpu") is gpu.peaks_of("NVIDIA GeForce GTX 1080") is None


def test_memory_that_runs_out_is_a_line_and_other_errors_are_not_hidden():
    bench = gpu.Bench(gpu.Sizes((2,), (32,), (32,), 0.0), None)

    def fails(text):
        raise RuntimeError(text)

    line = bench._line("features", 32, 2, False, lambda: fails("RESOURCE_EXHAUSTED: Out of memory"), 1.0)
    assert line.images_s is None and gpu.as_text(line).endswith("out of memory")
    with pytest.raises(RuntimeError, match="shape"):
        bench._line("features", 32, 2, False, lambda: fails("shape"), 1.0)


@pytest.mark.parametrize("text", ["0", "8,x", "-4", "8,"])
def test_batches_that_are_none_are_refused(text):
    with pytest.raises(SystemExit, match="positive numbers"):
        gpu.sizes_of(Namespace(batches=text, seconds=1.0), False)


@pytest.mark.parametrize("text", ["989", "a,b", "0,1"])
def test_peaks_that_are_none_are_refused(text):
    with pytest.raises(SystemExit, match="two numbers"):
        gpu.peak_of(text, "cpu")


def test_the_backend_of_the_environment_comes_first(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert gpu.choose_backend() == "torch"
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(gpu, "find_spec", lambda name: name == "tensorflow" or None)
    assert gpu.choose_backend() == "tensorflow"
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(gpu, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="none is installed"):
        gpu.choose_backend()
