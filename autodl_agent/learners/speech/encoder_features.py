"""One clip to what a frozen encoder makes of it: the recipes of both encoders, and how long they take here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import CHUNK, Recipe, RowPace, SplitName
from autodl_agent.learners.base import Examples
from autodl_agent.learners.speech.spectrum import Floats
from autodl_agent.pretrained.encoders import speech_embedder, whisper
from autodl_agent.pretrained.models.resampling import Resampler, resampled
from autodl_agent.pretrained.models.speech_embedding import CHANNELS
from autodl_agent.pretrained.models.whisper import LAYERS, RATE, WIDTH
from autodl_agent.system.clock import Deadline
from autodl_agent.system.resources import cores
from data_format.examples import Example
from data_format.media.sounds import sound

FACTS = 1  # the seconds decoded stand before the moments
PARTS = 4  # equal stretches of a clip, whose mean is one block of the embedding: the order of its sounds


@dataclass(frozen=True)
class EncoderSpec:
    """A frozen encoder as the learners see it.

    load: raises MissingWeightsError where it cannot be had. recipe: (seconds, window_s, value_range, resampler) ->
    FACTS numbers, then the blocks. layout: where each block lies.
    """

    name: str
    load: Callable[[], object]
    recipe: Callable[[float, float, tuple[float, float], Resampler], Recipe]
    layout: Mapping[str, slice]


def whisper_recipe(
    seconds: float, window_s: float, value_range: tuple[float, float], resampler: Resampler = "soxr"
) -> Recipe:
    """Seconds decoded, then mean and standard deviation of every layer over the first `seconds`, float32.

    Clips longer than `window_s` are encoded in windows of equal length, whose moments are averaged.
    """

    def decode(example: Example) -> Floats:
        samples, decoded_s = _samples(example, seconds, value_range, resampler)
        moments = np.mean([whisper().moments(part) for part in _windows(samples, window_s)], axis=0)
        return np.concatenate([[np.float32(decoded_s)], moments.ravel()])

    return Recipe(
        _key("whisper", seconds, window_s, value_range, resampler), (FACTS + LAYERS * 2 * WIDTH,), "float32", decode
    )


def embedding_recipe(
    seconds: float, window_s: float, value_range: tuple[float, float], resampler: Resampler = "soxr"
) -> Recipe:
    """Seconds decoded, then mean, deviation, maximum and the means of PARTS stretches of speech_embedding, float32."""

    def decode(example: Example) -> Floats:
        samples, decoded_s = _samples(example, seconds, value_range, resampler)
        found = np.concatenate([speech_embedder().embeddings(part) for part in _windows(samples, window_s)])
        order = [part.mean(0) if len(part) else found.mean(0) for part in np.array_split(found, PARTS)]
        return np.concatenate([[np.float32(decoded_s)], found.mean(0), found.std(0), found.max(0), *order])

    width = FACTS + (3 + PARTS) * CHANNELS
    return Recipe(_key("speech-embedding", seconds, window_s, value_range, resampler), (width,), "float32", decode)


def _samples(
    example: Example, seconds: float, value_range: tuple[float, float], resampler: Resampler
) -> tuple[Floats, float]:
    """16 kHz samples of the first seconds, and how many seconds were decoded."""
    wave, rate = sound(example, seconds, value_range)
    return resampled(np.asarray(wave, np.float32), rate, RATE, resampler), len(wave) / rate


def _windows(samples: Floats, window_s: float) -> list[Floats]:
    return np.array_split(samples, max(1, round(np.ceil(len(samples) / (window_s * RATE)))))


def _key(name: str, seconds: float, window_s: float, value_range: tuple[float, float], resampler: Resampler) -> str:
    low, high = value_range
    return f"{name}@{seconds:g}:{window_s:g}:{low:g}:{high:g}:{resampler}"


def _span(first: int, width: int) -> slice:
    return slice(FACTS + first, FACTS + first + width)


WHISPER_ENCODER = EncoderSpec(
    "whisper",
    whisper,
    whisper_recipe,
    {f"layer {k + 1}": _span(2 * WIDTH * k, 2 * WIDTH) for k in range(LAYERS)},
)
EMBEDDING_ENCODER = EncoderSpec(
    "speech-embedding",
    speech_embedder,
    embedding_recipe,
    {
        "mean": _span(0, CHANNELS),
        "deviation": _span(CHANNELS, CHANNELS),
        "maximum": _span(2 * CHANNELS, CHANNELS),
        "order": _span(3 * CHANNELS, PARTS * CHANNELS),
    },
)


class EncodingPace:
    """Seconds a clip takes, by recipe; kept with the store, for all learners of a run."""

    def __init__(self) -> None:
        self._paces: dict[str, RowPace] = {}
        self._encoded: dict[tuple[SplitName, str], NDArray[np.bool_]] = {}

    def encode(self, data: Examples, recipe: Recipe, deadline: Deadline) -> None:
        """Compute the rows that are not there yet. Raises OutOfTimeError; what was finished is kept and counted."""
        encoded = self._mask(data, recipe.key)
        new = data.take(~encoded[data.rows])
        step = CHUNK * cores()
        for start in range(0, len(new), step):
            part = new.take(np.arange(start, min(start + step, len(new))))
            began = deadline.now()
            part.array(recipe, deadline)
            encoded[part.rows] = True
            self._paces.setdefault(recipe.key, RowPace()).add(deadline.now() - began, len(part))

    def cost_s(self, data: Examples, recipe: Recipe) -> float:
        """Seconds that the rows not encoded yet will take; 0 while this recipe's pace is not known."""
        pace = self._paces.get(recipe.key, RowPace())
        return pace.row_s * int((~self._mask(data, recipe.key)[data.rows]).sum())

    def guess(self, recipe: Recipe, known: Recipe, factor: float) -> None:
        """Where the pace of `recipe` is not known yet: it takes `factor` times that of `known`."""
        if recipe.key not in self._paces and known.key in self._paces:
            self._paces[recipe.key] = RowPace(factor * self._paces[known.key].row_s, 1)

    def _mask(self, data: Examples, key: str) -> NDArray[np.bool_]:
        place = (data.split, key)
        if place not in self._encoded:
            self._encoded[place] = np.zeros(len(data.store.split(data.split)), bool)
        return self._encoded[place]
