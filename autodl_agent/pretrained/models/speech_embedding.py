"""Google's speech_embedding through LiteRT: 96 numbers every 80 ms of sound.

Two files: one makes 32 mel bands every 10 ms of 16 kHz samples, one embeds 76 frames at a time. Both run at any length.
Source: Lin et al. 2020, "Training Keyword Spotters with Limited and Synthesized Speech Data".
"""

from pathlib import Path

import numpy as np

from autodl_agent.pretrained.runtime.interpreter import Floats, LiteFunction

RATE = 16_000
BANDS, CHANNELS = 32, 96
FRAMES = 76  # of one embedding
FEWEST = 12_640  # samples of one embedding
SCALE = 32767.0  # the files take 16-bit numbers


class SpeechEmbedder:
    """Sounds to vectors; one interpreter a thread. Raises InterpreterError, ImportError (where LiteRT is missing)."""

    def __init__(self, mel: Path, embedding: Path) -> None:
        self._mel, self._embed = LiteFunction(mel), LiteFunction(embedding)

    def embeddings(self, wave: Floats) -> Floats:
        """(steps, 96) every 80 ms of 16 kHz samples (n,) in [-1, 1]; one at least."""
        short = max(0, FEWEST - len(wave))
        wave = np.pad(wave * np.float32(SCALE), (short // 2, short - short // 2))
        mel = self._mel(np.asarray(wave[None], np.float32)).reshape(-1, BANDS) / 10 + 2
        if len(mel) < FRAMES:
            mel = np.pad(mel, ((0, FRAMES - len(mel)), (0, 0)), mode="edge")
        return self._embed(np.asarray(mel[None, :, :, None], np.float32)).reshape(-1, CHANNELS)
