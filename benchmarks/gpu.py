"""What a card makes of the networks: training and pretrained features, images a second, share of the card's peak.

    python benchmarks/gpu.py [--batches 32,64,…] [--seconds 2] [--peak-tflops P,T] [--out gpu.json] [--smoke]

Keras runs on the backend in KERAS_BACKEND, else on the first of JAX, PyTorch, TensorFlow that is installed. Measured
are the trained network of `image/scratch.py` through the engine that learners use (batches from the host, loss read
after every step), EfficientNet-Lite0 as a Keras model, the data path alone, and both together; where the weights are
found, also the training of `video/factored.py` on clips and of `text/tuned.py` on texts. Without an accelerator, or
with --smoke, sizes are tiny: that shows that it runs, not how fast anything is.
docs: benchmarks/gpu.md.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autodl_agent.learners.image.config import ScratchImageConfig
from autodl_agent.learners.image.resnet_model import build
from autodl_agent.learners.networks.batches import Batch, Positions, epochs, prepared
from autodl_agent.learners.networks.device import device, out_of_memory
from autodl_agent.learners.networks.keras_model import Blueprint, Engine
from autodl_agent.learners.text.config import TunedTextConfig
from autodl_agent.learners.text.finetuned import ENCODER
from autodl_agent.learners.text.finetuned_model import build as build_texts
from autodl_agent.learners.video.config import FactoredConfig
from autodl_agent.learners.video.r2plus1d_model import build as build_clips
from autodl_agent.learners.vision.augment import augmented
from autodl_agent.pretrained.catalog import known
from autodl_agent.pretrained.encoders import E5_LAYERS, can_load, e5_file
from autodl_agent.pretrained.formats.pytorch import read_tensors
from autodl_agent.pretrained.lookup import look
from autodl_agent.pretrained.models.efficientnet import STAGES, Weights
from autodl_agent.pretrained.models.efficientnet_keras import rank
from autodl_agent.system.errors import AutoDLError

BACKENDS = ("jax", "torch", "tensorflow")
BATCHES = (32, 64, 128, 256, 512, 1024)
CLASSES, STORED = 10, 4096  # of the made-up training set
FEWEST_STEPS = 3
MOST_LARGE = 128  # rows of a batch of clips or texts
BACKWARD = 3.0  # a training step costs this many forward passes: one on, two back (to inputs and to weights)
# Dense tensor-core peaks in TFLOP/s (bfloat16, TF32) by what the driver calls the card; NVIDIA's data sheets.
PEAKS = (
    ("H100 PCIe", 756.0, 378.0),
    ("H100 NVL", 835.0, 417.0),
    ("H100", 989.0, 494.0),
    ("H200", 989.0, 494.0),
    ("A100", 312.0, 156.0),
    ("L40S", 362.0, 183.0),
    ("L4", 121.0, 60.0),
)


@dataclass(frozen=True)
class Sizes:
    """What is measured: training_px and features_px sides of pictures; seconds for each line of the table.

    clip: frames, rows, columns and colours of a clip. pieces: of a text.
    """

    batches: tuple[int, ...]
    training_px: tuple[int, ...]
    features_px: tuple[int, ...]
    seconds: float
    clip: tuple[int, int, int, int] = (8, 128, 128, 3)
    pieces: int = 64


@dataclass(frozen=True)
class Line:
    """One measurement; rates from the median step. share: of the card's peak, None where either is not known."""

    what: str
    px: int
    batch: int
    mixed: bool
    images_s: float | None
    step_ms: float | None
    steps: int
    tflops: float | None = None
    share: float | None = None
    note: str = ""


def choose_backend() -> str:
    """The backend that Keras is to run on, put into the environment before Keras is imported."""
    found = os.environ.get("KERAS_BACKEND") or next((name for name in BACKENDS if find_spec(name)), "")
    if not found:
        raise SystemExit(f"one of {', '.join(BACKENDS)} expected, none is installed")
    os.environ["KERAS_BACKEND"] = found
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return found


def card_name(backend: str) -> str:
    """What the driver calls the first device."""
    if backend == "jax":
        import jax  # type: ignore[import-not-found, unused-ignore]

        return str(jax.devices()[0].device_kind)
    if backend == "torch":
        import torch  # type: ignore[import-not-found, unused-ignore]

        return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else "cpu"
    import tensorflow as tf

    cards = tf.config.list_physical_devices("GPU")
    return str(tf.config.experimental.get_device_details(cards[0])["device_name"]) if cards else "cpu"


def peaks_of(name: str) -> tuple[float, float] | None:
    """TFLOP/s (bfloat16, TF32) of a card, None of one that is not in the table."""
    words = name.replace("-", " ").lower().split()
    for known_name, half, single in PEAKS:
        if set(known_name.lower().split()) <= set(words):
            return half, single
    return None


def forward_flops(model: Any, frames: int = 1) -> float:
    """Multiplications and additions for one picture, counted from kernels and output shapes; the rest is little.

    frames: of a clip, which layers of pictures take one by one.
    """
    total = 0.0
    for layer in model.layers:
        if (kernel := getattr(layer, "kernel", None)) is not None:
            shape = layer.output.shape
            places = np.prod([1, *shape[1:-1]], dtype=np.float64) * (frames if len(shape) == 4 else 1)
            total += 2.0 * float(np.prod(kernel.shape, dtype=np.float64) * places)
    return total


def text_flops(width: int, layers: int, pieces: int) -> float:
    """The same for a text in a transformer whose inner layers are four times as wide."""
    return layers * pieces * (24.0 * width * width + 4.0 * pieces * width)


def lite0(side_px: int, tensors: dict[str, NDArray[np.floating]] | None = None) -> Any:
    """EfficientNet-Lite0 as a Keras model, batch normalisation folded in; (n, side, side, 3) -> (n, 1280) float32.

    tensors: of the PyTorch file; without them the weights are random, which costs the same time.
    """
    import keras
    from keras import layers

    named: list[tuple[Any, str, str]] = []

    def convolved(x: Any, layer: Any, name: str, norm: str, cut: bool = True) -> Any:
        named.append((layer, name, norm))
        return layers.ReLU(6.0)(layer(x)) if cut else layer(x)

    pictures = layers.Input((side_px, side_px, 3))
    x = convolved(pictures, layers.Conv2D(32, 3, 2, padding="same"), "_conv_stem", "_bn0")
    for number, (stage, stride) in enumerate((s, s.stride if not r else 1) for s in STAGES for r in range(s.repeats)):
        name, inner = f"_blocks.{number}", x
        if stage.expand > 1:
            wider = layers.Conv2D(x.shape[-1] * stage.expand, 1)
            inner = convolved(inner, wider, f"{name}._expand_conv", f"{name}._bn0")
        deep = layers.DepthwiseConv2D(stage.kernel, stride, padding="same")
        inner = convolved(inner, deep, f"{name}._depthwise_conv", f"{name}._bn1")
        out = convolved(inner, layers.Conv2D(stage.channels, 1), f"{name}._project_conv", f"{name}._bn2", False)
        x = layers.Add()([x, out]) if stride == 1 and x.shape[-1] == stage.channels else out
    x = convolved(x, layers.Conv2D(1280, 1), "_conv_head", "_bn1")
    model = keras.Model(pictures, layers.GlobalAveragePooling2D(dtype="float32")(x))
    if tensors is not None:
        _pour(named, Weights(tensors))
    return model


def _pour(named: Sequence[tuple[Any, str, str]], weights: Weights) -> None:
    for layer, name, norm in named:
        if name.endswith("_depthwise_conv"):
            kernel, bias, _ = weights.depthwise(name, norm)
            layer.set_weights([kernel.transpose(1, 2, 3, 0), bias])
        else:
            kernel, bias, _ = weights.conv(name, norm)
            layer.set_weights([kernel.transpose(1, 2, 3, 0), bias])


def weights_found() -> dict[str, NDArray[np.floating]] | None:
    """The tensors that the package in the extra `weights` ships, None where it is not installed."""
    path = look(known("efficientnet-lite0")).path
    return None if path is None else read_tensors(path)


def clocked(once: Callable[[], object], seconds: float) -> list[float]:
    """Seconds of each call, after two that trace, compile and find their kernels."""
    once(), once()
    taken: list[float] = []
    while len(taken) < FEWEST_STEPS or sum(taken) < seconds:
        began = time.perf_counter()
        once()
        taken.append(time.perf_counter() - began)
    return taken


class Bench:
    """All lines for one device; mixed precision is switched before each model is built.

    peak: TFLOP/s (bfloat16, TF32), or None where they are not known.
    """

    def __init__(self, sizes: Sizes, peak: tuple[float, float] | None) -> None:
        self.sizes, self.peak = sizes, peak
        self.config, self.rng = ScratchImageConfig(), np.random.default_rng(0)
        self.tensors = weights_found()

    def lines(self) -> Iterator[Line]:
        """Every measurement, as it is made."""
        import keras

        device()  # sets a policy of its own once; from here on it is this script's
        for mixed in (False, True):
            keras.mixed_precision.set_global_policy("mixed_bfloat16" if mixed else "float32")
            for px in self.sizes.features_px:
                yield from self._features(px, mixed)
            for px in self.sizes.training_px:
                yield from self._training(px, mixed)
            if self.tensors is not None:
                yield from self._clips(mixed)
            if can_load(ENCODER):
                yield from self._texts(mixed)
        for px in self.sizes.training_px:
            for batch in self.sizes.batches:
                stream = self._stream(px, batch)
                yield self._line("data", px, batch, False, partial(next, stream), 0.0)
                stream.close()

    def _features(self, px: int, mixed: bool) -> Iterator[Line]:
        model = lite0(px, dict(self.tensors) if self.tensors else None)
        flops = forward_flops(model)
        for batch in self.sizes.batches:
            pictures = self.rng.normal(size=(batch, px, px, 3)).astype(np.float32)
            yield self._line("features", px, batch, mixed, partial(model.predict_on_batch, pictures), flops)

    def _training(self, px: int, mixed: bool) -> Iterator[Line]:
        facts = {
            "side": px, "channels": 3, "classes": CLASSES, "widths": list(self.config.widths),
            "stride": 1 if device().accelerators else 2, "dropout": self.config.dropout,
        }  # fmt: skip
        motor = Engine(Blueprint.of(build, facts, True, self.config.training))
        motor.train_with(motor.fresh(0, {}))
        flops, rate = BACKWARD * forward_flops(motor.model), self.config.training.rate
        for batch in self.sizes.batches:
            stream = self._stream(px, batch)
            yield self._line("training", px, batch, mixed, partial(motor.step, next(stream), rate), flops)
            yield self._line("with data", px, batch, mixed, partial(_step_with, motor, stream, rate), flops)
            stream.close()

    def _clips(self, mixed: bool) -> Iterator[Line]:
        clip, config = self.sizes.clip, FactoredConfig()
        facts = {"network": config.network, "shape": list(clip), "classes": CLASSES, "dropout": config.dropout}
        motor = Engine(Blueprint.of(build_clips, facts, True, config.training, rank))
        motor.train_with(motor.fresh(0, {}))
        flops = BACKWARD * forward_flops(motor.model, clip[0])
        for batch in self._few():
            inputs = self.rng.normal(size=(batch, *clip)).astype(np.float32)
            made = inputs, np.eye(CLASSES, dtype=np.float32)[np.arange(batch) % CLASSES]
            yield self._line("clips", clip[1], batch, mixed, partial(motor.step, made, config.training.rate), flops)

    def _texts(self, mixed: bool) -> Iterator[Line]:
        pieces, config = self.sizes.pieces, TunedTextConfig()
        facts = {"layers": list(E5_LAYERS), "classes": CLASSES, "dropout": config.dropout}
        motor = Engine(Blueprint.of(build_texts, facts, True, config.training, rank))
        motor.train_with(motor.fresh(0, {}))
        file = e5_file()
        flops = BACKWARD * text_flops(file.width, file.layers, pieces)
        for batch in self._few():
            vectors = self.rng.normal(size=(batch, pieces, file.width)).astype(np.float16)
            inputs = {"pieces": vectors, "there": np.ones((batch, pieces), np.float32)}
            made = inputs, np.eye(CLASSES, dtype=np.float32)[np.arange(batch) % CLASSES]
            yield self._line("texts", pieces, batch, mixed, partial(motor.step, made, config.training.rate), flops)

    def _few(self) -> list[int]:
        """Batches of examples that are large themselves."""
        return [batch for batch in self.sizes.batches if batch <= MOST_LARGE]

    def _stream(self, px: int, batch: int) -> Any:
        """Endless augmented batches as the learner makes them, the next one by a thread."""
        stored = self.rng.integers(0, 255, (STORED, px, px, 3), dtype=np.uint8)
        labels = np.eye(CLASSES, dtype=np.float32)[self.rng.integers(0, CLASSES, STORED)]

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            pictures = ((stored[positions] - np.float32(127)) / np.float32(64)).astype(np.float32)
            return augmented(pictures, labels[positions], self.config.augmentation, rng)

        return prepared(epochs(np.ones(STORED), batch, self.rng), make, np.random.default_rng(1), sys.maxsize)

    def _line(
        self, what: str, px: int, batch: int, mixed: bool, once: Callable[[], object], image_flops: float
    ) -> Line:
        """image_flops: of one picture, 0 where there is nothing to count."""
        try:
            taken = clocked(once, self.sizes.seconds)
        except Exception as error:
            if not out_of_memory(error):
                raise
            return Line(what, px, batch, mixed, None, None, 0, note="out of memory")
        step = median(taken)
        tflops = image_flops * batch / step / 1e12 if image_flops else None
        share = tflops / self.peak[0 if mixed else 1] if tflops and self.peak else None
        return Line(what, px, batch, mixed, batch / step, step * 1e3, len(taken), tflops, share)


def _step_with(motor: Engine, stream: Iterator[Batch], rate: float) -> float:
    return motor.step(next(stream), rate)


def as_text(line: Line) -> str:
    """One line of the table."""
    start = f"{line.what:10} {line.px:4} {line.batch:6} {'mixed' if line.mixed else 'float32':8}"
    if line.images_s is None or line.step_ms is None:
        return f"{start} {line.note}"
    rates = f"{line.images_s:11.0f} {1e3 / line.step_ms:9.2f} {line.step_ms:9.2f}"
    flops = f"{line.tflops:9.3f}" if line.tflops is not None else f"{'':9}"
    return f"{start} {rates} {flops} " + (f"{line.share:7.1%}" if line.share is not None else "")


def sizes_of(options: argparse.Namespace, tiny: bool) -> Sizes:
    """What is to be measured; raises SystemExit for batches that are no positive numbers."""
    batches: tuple[int, ...] = BATCHES
    if options.batches:
        words = options.batches.split(",")
        if not all(word.strip().isdigit() and int(word) for word in words):
            raise SystemExit(f"--batches: positive numbers with commas expected, found {options.batches!r}")
        batches = tuple(map(int, words))
    if tiny:
        return Sizes(batches if options.batches else (4, 8), (32,), (32,), 0.02, (2, 32, 32, 3), 8)
    return Sizes(batches, (32, 64), (96, 224), options.seconds)


def peak_of(text: str, card: str) -> tuple[float, float] | None:
    """TFLOP/s (bfloat16, TF32) as given, else of the card."""
    if not text:
        return peaks_of(card)
    try:
        half, single = (float(word) for word in text.split(","))
    except ValueError:
        raise SystemExit(f"--peak-tflops: two numbers as in 989,494 expected, found {text!r}") from None
    if min(half, single) <= 0:
        raise SystemExit(f"--peak-tflops: two numbers above 0 expected, found {text!r}")
    return half, single


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", default="", help="rows of a batch, with commas")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each line of the table")
    parser.add_argument("--peak-tflops", default="", help="bfloat16 and TF32 peak of a card that is not in the table")
    parser.add_argument("--out", type=Path, help="JSON file for all figures")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes")
    options = parser.parse_args()
    backend = choose_backend()
    import keras

    tiny = options.smoke or not device().accelerators
    sizes, card = sizes_of(options, tiny), card_name(backend)
    try:
        bench = Bench(sizes, peak_of(options.peak_tflops, card))
    except AutoDLError as error:
        raise SystemExit(str(error)) from None
    facts = {
        "card": card, "backend": backend, "keras": keras.__version__, "python": platform.python_version(),
        "cores": os.cpu_count(), "accelerators": device().accelerators, "tiny": tiny, "peak_tflops": bench.peak,
        "weights": "package" if bench.tensors else "made up",
    }  # fmt: skip
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    heads = f"{'images/s':>11} {'steps/s':>9} {'ms':>9} {'TFLOP/s':>9} share"
    print(f"{'what':10} {'px':>4} {'batch':>6} {'numbers':8} {heads}")
    lines = []
    for line in bench.lines():
        lines.append(line)
        print(as_text(line), flush=True)
        if options.out:  # after every line: a lent machine may go at any time
            options.out.write_text(json.dumps({**facts, "lines": [asdict(one) for one in lines]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
