"""A loaded image feature vector module: pictures to features by TensorFlow.

What such a module takes and gives is TensorFlow Hub's "common SavedModel API for image tasks": float32 pictures
(n, rows, columns, 3) in [0, 1] to (n, features), by calling the object; files of other makers have a signature instead.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BATCH = 32
USUAL_PX = 224  # where a module takes pictures of any size
SIGNATURES = ("serving_default", "default", "image_feature_vector")


class HubModule:
    """Features of pictures; safe to call from several threads.

    rows, columns: of the pictures it takes. features: numbers for each.
    loaded: what `tensorflow_hub.load` gave. Raises ValueError where it is no such module.
    """

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded  # its variables live as long as it does
        self._call, shape = _function(loaded)
        if len(shape) != 4 or shape[0] is not None or shape[3] not in (3, None):
            raise ValueError(f"a module of pictures (n, rows, columns, 3) expected, it takes {shape}")
        self.rows, self.columns = (int(side or USUAL_PX) for side in shape[1:3])
        noise = np.random.default_rng(0).integers(0, 256, (2, self.rows, self.columns, 3))
        probe = self._pooled(noise)
        self._signed = bool((probe < 0).any())
        self.features = probe.shape[1] * (1 + self._signed)

    def run(self, pictures: NDArray[np.uint8]) -> Floats:
        """(n, features), none below 0, of (n, rows, columns, 3).

        A module with negative features gives what is above and what is below 0 apart: the head takes square roots.
        """
        out = np.empty((len(pictures), self.features), np.float32)
        for start in range(0, len(pictures), BATCH):
            found = self._pooled(pictures[start : start + BATCH])
            out[start : start + BATCH] = np.hstack([found, -found]) if self._signed else found
        return np.maximum(out, 0)

    def _pooled(self, pictures: NDArray[np.integer]) -> Floats:
        """(n, features) as the module gives them; maps are averaged over rows and columns."""
        found = self._call(pictures.astype(np.float32) / np.float32(255))
        if isinstance(found, dict):
            found = found["default"] if "default" in found else next(iter(found.values()))
        values = np.asarray(found, np.float32)
        if values.ndim == 4:
            values = values.mean((1, 2))
        if values.ndim != 2 or len(values) != len(pictures):
            raise ValueError(f"features (n, width) expected, {values.shape} found for {len(pictures)} pictures")
        return values


def _function(loaded: Any) -> tuple[Callable[[Floats], Any], list[int | None]]:
    """How to call what was loaded, and the shape (n, rows, columns, 3) it takes, None where any will do."""
    import tensorflow as tf

    signatures = getattr(loaded, "signatures", {})
    known = next((signatures[name] for name in SIGNATURES if name in signatures), None)
    if callable(loaded):
        concrete = [known] if known is not None else list(getattr(loaded.__call__, "concrete_functions", ()))
        if not concrete:
            raise ValueError("its function was saved without the shape of its input")
        return lambda x: loaded(tf.constant(x)), concrete[0].inputs[0].shape.as_list()
    if known is None:
        raise ValueError("it can neither be called nor has it one of the signatures " + ", ".join(SIGNATURES))
    name = next(iter(known.structured_input_signature[1]))
    return lambda x: known(**{name: tf.constant(x)}), known.inputs[0].shape.as_list()
