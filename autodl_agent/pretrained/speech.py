"""Google's speech_embedding through LiteRT: 96 numbers every 80 ms of sound, pooled over a clip.

Two files: one hears (16 kHz samples to 32 mel bands every 10 ms), one looks at 76 frames at a time. Both run at any
length. Source: Lin et al. 2020, "Training Keyword Spotters with Limited and Synthesized Speech Data".
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.pretrained.serving import InterpreterError, allocate, interpreter_class

Floats = NDArray[np.float32]
RATE = 16_000
BANDS, CHANNELS = 32, 96
FRAMES = 76  # that one look takes in
FEWEST = 12_640  # samples of one look
SCALE = 32767.0  # the files hear 16-bit numbers
POOLED = 3 * CHANNELS


class SpeechEmbedder:
    """Sounds to vectors; one interpreter a thread. Raises InterpreterError, ImportError (where LiteRT is missing)."""

    def __init__(self, mel: Path, embedding: Path) -> None:
        self._paths = mel, embedding
        self._own = threading.local()
        self._interpreters()

    def pooled(self, wave: Floats) -> Floats:
        """(288,) mean, standard deviation and maximum over time, of 16 kHz samples (n,) in [-1, 1]."""
        seen = self.seen(wave)
        return np.concatenate([seen.mean(0), seen.std(0), seen.max(0)])

    def seen(self, wave: Floats) -> Floats:
        """(looks, 96) what is seen every 80 ms of 16 kHz samples (n,) in [-1, 1]; one look at least."""
        short = max(0, FEWEST - len(wave))
        wave = np.pad(wave * np.float32(SCALE), (short // 2, short - short // 2))
        hear, see = self._interpreters()
        mel = _run(hear, wave[None]).reshape(-1, BANDS) / 10 + 2
        if len(mel) < FRAMES:
            mel = np.pad(mel, ((0, FRAMES - len(mel)), (0, 0)), mode="edge")
        return _run(see, mel[None, :, :, None]).reshape(-1, CHANNELS)

    def _interpreters(self) -> tuple[Any, Any]:
        if not hasattr(self._own, "both"):
            try:
                both = tuple(interpreter_class()(str(path), num_threads=1) for path in self._paths)
                for one, shape in zip(both, ([1, FEWEST], [1, FRAMES, BANDS, 1]), strict=True):
                    # The shapes written in the files are stand-ins, with which nothing can be allocated.
                    one.resize_tensor_input(one.get_input_details()[0]["index"], shape)
                    allocate(one)
                self._own.both = both
            except (ValueError, RuntimeError, OSError) as error:
                raise InterpreterError(f"{self._paths}: LiteRT files expected: {error}") from error
        found: tuple[Any, Any] = self._own.both
        return found


def _run(interpreter: Any, x: NDArray[np.floating]) -> Floats:
    """Output of an interpreter set to the shape of its input."""
    place = interpreter.get_input_details()[0]
    if tuple(place["shape"]) != x.shape:
        interpreter.resize_tensor_input(place["index"], list(x.shape))
    interpreter.allocate_tensors()
    interpreter.set_tensor(place["index"], np.asarray(x, np.float32))
    interpreter.invoke()
    found: Floats = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found
