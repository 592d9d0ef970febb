"""The device that networks run on, set up once: quiet, memory that grows, mixed precision on accelerators only."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

GROUP = 16


@dataclass(frozen=True)
class Device:
    """accelerators: how many there are. strategy: how several share a step (TensorFlow only), else None.

    mixed: whether layers compute in half precision. Weights and outputs stay float32.
    """

    accelerators: int
    mixed: bool
    strategy: Any = None

    @property
    def replicas(self) -> int:
        """Parts that a batch is cut into."""
        return int(self.strategy.num_replicas_in_sync) if self.strategy is not None else 1

    @property
    def group(self) -> int:
        """Batches handed over at once: with several cards half a second goes into handing over."""
        return GROUP if self.replicas > 1 else 1

    def batch_rows(self, wanted: int, n: int) -> int:
        """Rows of one step: about a sixteenth of a small set, `wanted` of others, four times that per accelerator."""
        rows = wanted * (4 * self.accelerators if self.accelerators else 1)
        while rows > 16 and rows * 16 > n:
            rows //= 2
        return max(rows, self.replicas)


@cache
def device() -> Device:
    """Import Keras and look around; the first call takes the seconds of that import."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        count, strategy = _tensorflow()
    else:
        count, strategy = _count(backend), None
    mixed = count > 0 and _has_half(backend)
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if mixed else "float32")
    return Device(count, mixed, strategy)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """What Keras draws inside follows from the seed; NumPy's and Python's own state come back afterwards."""
    import keras

    ours, python = np.random.get_state(), random.getstate()
    keras.utils.set_random_seed(seed % (1 << 31))
    try:
        yield
    finally:
        np.random.set_state(ours)
        random.setstate(python)


def out_of_memory(error: Exception) -> bool:
    """Whether a backend's error says that a batch was too large."""
    text = f"{type(error).__name__} {error}".lower().replace("_", " ")
    return "resourceexhausted" in text or "resource exhausted" in text or "out of memory" in text


def _tensorflow() -> tuple[int, Any]:
    import tensorflow as tf

    cards = tf.config.list_physical_devices("GPU")
    for card in cards:
        try:
            tf.config.experimental.set_memory_growth(card, True)
        except RuntimeError:  # in use already: then it was set up before us
            pass
    return len(cards), tf.distribute.MirroredStrategy() if len(cards) > 1 else None


def _count(backend: str) -> int:
    if backend == "jax":
        import jax  # type: ignore[import-not-found, unused-ignore]

        return sum(card.platform != "cpu" for card in jax.devices()[:1])
    if backend == "torch":
        import torch  # type: ignore[import-not-found, unused-ignore]

        return int(torch.cuda.is_available())
    return 0


def _has_half(backend: str) -> bool:
    """bfloat16 needs a card of 2020 or later; older ones are faster in float32 than in what emulates it."""
    if backend == "tensorflow":
        import tensorflow as tf

        cards = tf.config.list_physical_devices("GPU")
        capability = tf.config.experimental.get_device_details(cards[0]).get("compute_capability", (0, 0))
        return bool(capability[0] >= 8)
    return True
