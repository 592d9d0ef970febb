"""Encoders in bytes against the same in numpy: made-up weights, and the real ones where they are installed."""

import logging
import threading

import numpy as np
import pytest

from autodl_agent.pretrained import encoders, networks
from autodl_agent.pretrained.catalog import known
from autodl_agent.pretrained.models import whisper, whisper_tflite
from autodl_agent.pretrained.models.e5 import E5_LAYERS, E5Encoder
from autodl_agent.pretrained.models.e5_tflite import E5Lite, convert
from autodl_agent.pretrained.models.use import BRANCHES, FEATURES, PARTS, WIDTH, UseEncoder
from autodl_agent.pretrained.models.use_tflite import UseLite
from autodl_agent.pretrained.models.use_tflite import converted as converted_use
from autodl_agent.pretrained.networks import MissingWeightsError
from autodl_agent.pretrained.runtime.interpreter import LiteFunction, interpreter_found

pytestmark = pytest.mark.skipif(not interpreter_found(), reason="no LiteRT interpreter installed")
real = pytest.mark.skipif(
    not encoders.can_load("e5-small", "use-multilingual", "whisper-tiny-en"), reason="weights not installed"
)
TEXTS = [[5, 9, 3], list(range(3, 40)), [], [7], list(range(60, 3, -1)), [4, 4, 4, 4], [8] * 9]


def likeness(found, wanted):
    """Least cosine of two rows that stand for the same input."""
    assert found.shape == wanted.shape
    return ((found * wanted).sum(-1) / np.linalg.norm(found, axis=-1) / np.linalg.norm(wanted, axis=-1)).min()


class MadeUp:
    """What `E5File` gives, of random weights."""

    width, layers, heads, inner, eps, begin, end = 32, 3, 4, 64, 1e-12, 0, 2

    def __init__(self):
        self.rng = np.random.default_rng(1)
        self.kept = {}

    def drawn(self, name, *shape):
        if name not in self.kept:
            self.kept[name] = self.rng.normal(size=shape).astype(np.float32)
        return self.kept[name]

    def matrix(self, name, columns):
        rows = self.inner if ".fi" in name else self.width
        return self.drawn(name, columns, rows) / np.float32(np.sqrt(columns))

    def vector(self, name):
        size = self.inner if ".fi" in name else self.width
        made = self.drawn(name, size) * np.float32(0.1)
        return made + 1 if name.endswith("ln.w") else made

    def vectors(self, numbers):
        return self.drawn("table", 100, self.width)[numbers]

    def places(self):
        return self.drawn("places", 70, self.width)


def test_e5_of_made_up_weights(tmp_path):
    file, layers = MadeUp(), (1, 3)
    (tmp_path / "e5.tflite").write_bytes(convert(file, layers))
    fast = E5Lite(file, LiteFunction(tmp_path / "e5.tflite"))
    wanted = E5Encoder(file).encode(TEXTS, layers).reshape(len(TEXTS), -1)
    found = fast.encode(TEXTS)
    assert likeness(found, wanted) > 0.998
    assert np.abs(fast.encode(TEXTS[:1]) - found[:1]).max() < 0.02 * wanted.std()  # whatever stands beside it


@pytest.fixture
def use_weights(tmp_path):
    rng = np.random.default_rng(2)
    drawn = {f"q{part + 1}": rng.integers(0, 64, (6, FEATURES)).astype(np.uint8) for part in range(PARTS)}
    drawn |= {"scale": np.full(PARTS, 0.03), "lo": np.full(PARTS, -1.0), "eps": np.array(1e-6)}
    for width, _ in BRANCHES:
        drawn |= {f"proj{width}": rng.normal(size=(FEATURES, WIDTH)) / 20, f"proj_b{width}": rng.normal(size=WIDTH)}
        drawn |= {f"ln_g{width}": rng.normal(1, 0.1, WIDTH), f"ln_b{width}": rng.normal(size=WIDTH) / 10}
        for layer in "12":
            drawn[f"w{layer}_{width}"] = rng.normal(size=(width * WIDTH, WIDTH)) / np.sqrt(width * WIDTH)
            drawn[f"b{layer}_{width}"] = rng.normal(size=WIDTH) / 10
    wide = FEATURES + len(BRANCHES) * WIDTH
    drawn |= {"ln_g": rng.normal(1, 0.1, wide), "ln_b": rng.normal(size=wide) / 10}
    shapes = {"cnn_W": (wide, 512), "cnn_b": (512,), "d0": (512, 320), "d1": (320, 320), "p1": (512, 320)}
    shapes |= {"d2": (320, 512), "p3": (320, 512), "d3": (512, 512)}
    drawn |= {name: rng.normal(size=shape) / np.sqrt(shape[0]) for name, shape in shapes.items()}
    kept = {k: v if v.dtype == np.uint8 or k == "eps" else v.astype(np.float32) for k, v in drawn.items()}
    np.savez(tmp_path / "weights.npz", **kept)
    return tmp_path / "weights.npz"


def test_use_of_made_up_weights(use_weights, tmp_path):
    (tmp_path / "use.tflite").write_bytes(converted_use(use_weights))
    exact = UseEncoder(use_weights)
    fast = UseLite(exact, LiteFunction(tmp_path / "use.tflite"))
    assert likeness(fast.encode(TEXTS), exact.encode(TEXTS)) > 0.998
    assert fast.encode([]).shape == (0, FEATURES)


@real
def test_a_damaged_table_of_pieces_is_made_anew(monkeypatch, tmp_path, caplog):
    kept = tmp_path / networks.unpacked_path(known("use-multilingual")).name
    monkeypatch.setattr("autodl_agent.pretrained.networks.cache_dir", lambda: tmp_path)
    monkeypatch.setattr("autodl_agent.pretrained.cache.cache_dir", lambda: tmp_path)
    said, vectors = [[5, 9, 3]], []
    for state in ("none", "whole", "cut", "gone"):
        if state == "cut":
            kept.write_bytes(kept.read_bytes()[:1000])
        monkeypatch.setattr(encoders, "_loaded", {})
        vectors.append(encoders.text_encoder("use-multilingual").encode(said))
        assert kept.is_file() == (state != "cut")
        assert ("damaged" in caplog.text) == (state in ("cut", "gone"))
    assert all(np.array_equal(one, vectors[0]) for one in vectors)


def whisper_weights():
    rng, width = np.random.default_rng(3), whisper.WIDTH
    drawn = {"position_encodings/encodings": rng.normal(size=(1500, width)) / 10}
    for number, bands in ((1, whisper.BANDS), (2, width)):
        drawn[f"conv{number}/weight"] = rng.normal(size=(width, bands, 3)) / np.sqrt(3 * bands)
        drawn[f"conv{number}/bias"] = rng.normal(size=width) / 10
    norms = ["layer_norm"]
    for k in range(whisper.LAYERS):
        sizes = {"self_attention/linear_0": (3 * width, width), "self_attention/linear_1": (width, width)}
        sizes |= {"ffn/linear_0": (4 * width, width), "ffn/linear_1": (width, 4 * width)}
        for name, (out, inputs) in sizes.items():
            drawn[f"layer_{k}/{name}/weight"] = rng.normal(size=(out, inputs)) / np.sqrt(inputs)
            drawn[f"layer_{k}/{name}/bias"] = rng.normal(size=out) / 10
        norms += [f"layer_{k}/self_attention/layer_norm", f"layer_{k}/ffn/layer_norm"]
    for name in norms:
        drawn |= {f"{name}/gamma": rng.normal(1, 0.1, width), f"{name}/beta": rng.normal(size=width) / 10}
    return {name: value.astype(np.float32) for name, value in drawn.items()}


def read_made_up(path, prefix):
    """In place of `read_floats`."""
    inner = prefix.removeprefix("encoder/")
    return {name.removeprefix(inner): v for name, v in whisper_weights().items() if name.startswith(inner)}


@pytest.mark.parametrize("seconds", [0.0, 0.31, 1.0])
def test_whisper_of_made_up_weights(monkeypatch, tmp_path, seconds):
    monkeypatch.setattr(whisper, "read_floats", read_made_up)
    monkeypatch.setattr(whisper_tflite, "read_floats", read_made_up)
    (tmp_path / "w.tflite").write_bytes(whisper_tflite.converted(tmp_path))
    fast = whisper_tflite.WhisperLite(tmp_path, LiteFunction(tmp_path / "w.tflite"))
    wave = np.random.default_rng(4).normal(0, 0.1, int(seconds * whisper.RATE)).astype(np.float32)
    wanted = whisper.WhisperEncoder(tmp_path).moments(wave)
    assert likeness(fast.moments(wave), wanted) > 0.99


@real
def test_the_real_encoders_in_bytes_and_in_numpy(monkeypatch):
    fast = {name: encoders.text_encoder(name) for name in ("e5-small", "use-multilingual")}
    told, wave = encoders.whisper(), np.random.default_rng(5).normal(0, 0.1, 20_000).astype(np.float32)
    assert isinstance(told, whisper_tflite.WhisperLite)
    monkeypatch.setattr(encoders, "_loaded", {})
    monkeypatch.setattr(encoders, "interpreter_found", lambda: False)
    said = ["The cat sat on the mat.", "Der Hund schläft.", "股票今天上涨", "", "x " * 200]
    for name, encoder in fast.items():
        pieces = [encoder.vocabulary.encode(text, 64) for text in said]
        plain = encoders.text_encoder(name)
        assert plain.encode is not encoder.encode and plain.features == encoder.features
        assert likeness(encoder.encode(pieces), plain.encode(pieces)) > 0.995
    assert likeness(told.moments(wave), encoders.whisper().moments(wave)) > 0.99


@real
def test_threads_may_share_an_encoder():
    encoder = encoders.text_encoder("e5-small")
    pieces = [encoder.vocabulary.encode(text, 64) for text in ("one", "two words", "and now a longer one " * 3)]
    wanted, found = encoder.encode(pieces), [None] * 4
    assert wanted.shape == (3, encoder.features) and encoder.features == len(E5_LAYERS) * 384

    def work(k):
        found[k] = encoder.encode(pieces)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, wanted) for one in found)


@real
def test_an_encoder_that_cannot_be_converted_is_computed_in_numpy(monkeypatch, caplog):
    def refuse(name):
        raise MissingWeightsError(f"{name} cannot be converted: a full disk")

    monkeypatch.setattr(encoders, "_loaded", {})
    monkeypatch.setattr(encoders, "function", refuse)
    with caplog.at_level(logging.WARNING):
        found = encoders.whisper()
    assert isinstance(found, whisper.WhisperEncoder)
    assert "a full disk" in caplog.text
