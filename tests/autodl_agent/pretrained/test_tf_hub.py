"""TensorFlow Hub handles: folders and the cache without a network, downloads only where they are asked for."""

import hashlib
import json
import logging
import socket
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from autodl_agent.commands.weights import weights
from autodl_agent.pretrained import tf_hub
from autodl_agent.pretrained.networks import MissingWeightsError
from autodl_agent.pretrained.tf_hub import IMAGE_VARIABLE, can_serve, local_folder, module, resolve, tensorflow_hub

HANDLE = "https://tfhub.dev/some/model/1"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of tensorflow_hub."""
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    return tmp_path / "hub"


def placed(cache: Path, handle: str) -> Path:
    """A folder that the cache takes for the module of this handle."""
    folder = cache / hashlib.sha1(handle.encode()).hexdigest()
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"")
    return folder


def test_a_handle_is_a_folder_or_a_warm_cache(tmp_path, cache):
    model = tmp_path / "model"
    assert local_folder(str(model)) is None
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"")
    assert local_folder(str(model)) == model == resolve(str(model))
    assert local_folder(HANDLE) is None
    warm = placed(cache, HANDLE)
    assert local_folder(HANDLE) == warm == resolve(HANDLE)


def test_no_network_is_noticed_without_tensorflow(cache):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(MissingWeightsError, match="does not answer"):
            resolve(f"http://127.0.0.1:{taken.getsockname()[1]}/model/1")
    with pytest.raises(MissingWeightsError, match="does not answer"):
        resolve("https:///no/host")
    with pytest.raises(MissingWeightsError, match="no folder"):
        resolve("/no/such/folder")


def test_a_failing_download_says_why(cache, monkeypatch):
    def fail(handle):
        raise OSError("disk full")

    monkeypatch.setattr(tf_hub, "tensorflow_hub", lambda: types.SimpleNamespace(resolve=fail))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(MissingWeightsError, match="OSError: disk full"),
    ):
        resolve(f"http://127.0.0.1:{server.getsockname()[1]}/model/1")


def test_a_handle_that_is_not_there_is_one_line_and_asks_no_network(cache, monkeypatch, caplog):
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: pytest.fail("a run asks no network"))
    caplog.set_level(logging.INFO)
    assert not can_serve("") and caplog.text == ""
    handle = "https://tfhub.dev/nobody/nothing/1"
    assert not can_serve(handle) and not can_serve(handle)
    (line,) = caplog.messages
    assert handle in line and "autodl weights prepare" in line
    with pytest.raises(MissingWeightsError, match="not in the cache"):
        module(handle)


def test_the_list_of_weights_has_a_row_for_it(cache, monkeypatch):
    monkeypatch.setattr("autodl_agent.commands.weights.WEIGHTS", ())
    monkeypatch.delenv(IMAGE_VARIABLE, raising=False)
    assert json.loads(CliRunner().invoke(weights, ["list", "--json"]).output) == []
    monkeypatch.setenv(IMAGE_VARIABLE, HANDLE)
    assert "missing" in CliRunner().invoke(weights, ["list"]).output
    placed(cache, HANDLE)
    (row,) = json.loads(CliRunner().invoke(weights, ["list", "--json"]).output)
    assert row["state"] == "ready" and HANDLE in row["purpose"]
    assert "ready in" in CliRunner().invoke(weights, ["prepare"]).output
    monkeypatch.setenv(IMAGE_VARIABLE, "/no/folder")
    found = CliRunner().invoke(weights, ["prepare"])
    assert found.exit_code != 0 and "no folder with a SavedModel" in found.output


def made_module(folder: Path, width: int, signed: bool) -> None:
    """A feature vector module: means of the four quarters of 16-pixel pictures, tiled; `signed` ones less a half."""
    import tensorflow as tf

    class Quarters(tf.Module):
        def __init__(self):
            super().__init__()
            self.offset = tf.Variable(0.5 if signed else 0.0)

        @tf.function(input_signature=[tf.TensorSpec((None, 16, 16, 3), tf.float32)])
        def __call__(self, images):
            quarters = tf.reshape(tf.nn.avg_pool2d(images, 8, 8, "VALID"), (-1, 12))
            return tf.tile(quarters, (1, width // 12)) - self.offset

    tf.saved_model.save(Quarters(), str(folder))


@pytest.mark.parametrize("signed", [False, True])
def test_features_from_the_warm_cache(cache, monkeypatch, signed):
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: pytest.fail("a warm cache needs no network"))
    handle = f"https://tfhub.dev/quarters/{signed}/1"
    folder = cache / hashlib.sha1(handle.encode()).hexdigest()
    made_module(folder, 24, signed)
    (cache / f"{folder.name}.descriptor.txt").write_text(f"Module: {handle}\n")
    hub = module(handle)
    assert "pkg_resources" not in sys.modules or sys.modules["pkg_resources"].__file__
    assert (hub.rows, hub.columns, hub.features) == (16, 16, 48 if signed else 24)
    pictures = np.zeros((40, 16, 16, 3), np.uint8)
    pictures[:, :8, :8] = 255
    found = hub.run(pictures)
    first = found[:, :3]  # the upper left quarter
    assert np.allclose(first, 0.5 if signed else 1.0, atol=1e-6)
    assert np.allclose(found[:, 3:12], 0.0, atol=1e-6)
    if signed:
        assert np.allclose(found[:, 24:27], 0.0) and np.allclose(found[:, 27:36], 0.5)
    assert module(handle) is hub
    assert tensorflow_hub().load(handle) is not None  # the library finds it in the same place


def test_what_is_no_picture_module_is_refused_with_the_reason(tmp_path):
    import tensorflow as tf

    class Words(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
        def __call__(self, texts):
            return tf.strings.length(texts)

    tf.saved_model.save(Words(), str(tmp_path / "words"))
    with pytest.raises(MissingWeightsError, match="pictures .* expected"):
        module(str(tmp_path / "words"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(MissingWeightsError, match="broken"):
        module(str(tmp_path / "broken"))


def test_a_model_without_a_call_is_used_by_its_signature(tmp_path):
    import tensorflow as tf

    class Means(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])
        def features(self, images):
            return {"extra": images, "default": tf.reduce_mean(images, (1, 2), keepdims=True)}

    model = Means()
    tf.saved_model.save(model, str(tmp_path / "means"), signatures={"serving_default": model.features})
    hub = module(str(tmp_path / "means"))
    assert (hub.rows, hub.columns, hub.features) == (224, 224, 3)
    assert np.allclose(hub.run(np.full((2, 224, 224, 3), 51, np.uint8)), 0.2, atol=1e-3)
