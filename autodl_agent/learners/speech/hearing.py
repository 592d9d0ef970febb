"""One clip to the moments of Whisper's layers: the recipe, and how long it takes on this machine."""

import numpy as np
from numpy.typing import NDArray

from autodl_agent.clock import Deadline
from autodl_agent.learners.base import Examples
from autodl_agent.learners.speech.spectrum import Floats
from autodl_agent.machine import cores
from autodl_agent.pretrained.encoders import whisper
from autodl_agent.pretrained.resampling import resampled
from autodl_agent.pretrained.whisper import LAYERS, RATE, WIDTH
from autodl_agent.store import CHUNK, Recipe, SplitName
from data_format.examples import Example
from data_format.sounds import sound

FACTS = 1  # the seconds decoded stand before the moments


def whisper_recipe(seconds: float, window_s: float, value_range: tuple[float, float]) -> Recipe:
    """Seconds decoded, then mean and standard deviation of every layer over the first `seconds`, float32.

    Clips longer than `window_s` are heard in windows of equal length, whose moments are averaged.
    """

    def decode(example: Example) -> Floats:
        wave, rate = sound(example, seconds, value_range)
        heard = resampled(np.asarray(wave, np.float32), rate, RATE)
        windows = max(1, round(np.ceil(len(heard) / (window_s * RATE))))
        moments = np.mean([whisper().moments(part) for part in np.array_split(heard, windows)], axis=0)
        return np.concatenate([[np.float32(len(wave) / rate)], moments.ravel()])

    low, high = value_range
    key = f"whisper@{seconds:g}:{window_s:g}:{low:g}:{high:g}"
    return Recipe(key, (FACTS + LAYERS * 2 * WIDTH,), "float32", decode)


class Pace:
    """Seconds a clip takes, by recipe; kept with the store, for all learners of a run."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._heard: dict[tuple[SplitName, str], NDArray[np.bool_]] = {}

    def hear(self, data: Examples, recipe: Recipe, deadline: Deadline) -> None:
        """Compute the rows that are not there yet. Raises OutOfTimeError; what was finished is kept and counted."""
        heard = self._mask(data, recipe.key)
        new = data.take(~heard[data.rows])
        step = CHUNK * cores()
        for start in range(0, len(new), step):
            part = new.take(np.arange(start, min(start + step, len(new))))
            began = deadline.now()
            part.array(recipe, deadline)
            heard[part.rows] = True
            pace = (deadline.now() - began) / len(part)
            self._seconds[recipe.key] = 0.5 * (self._seconds.get(recipe.key, pace) + pace)

    def cost_s(self, data: Examples, recipe: Recipe) -> float:
        """Seconds that the rows not heard yet will take; 0 while this recipe's pace is not known."""
        return self._seconds.get(recipe.key, 0.0) * int((~self._mask(data, recipe.key)[data.rows]).sum())

    def guess(self, recipe: Recipe, known: Recipe, factor: float) -> None:
        """Where the pace of `recipe` is not known yet: it takes `factor` times that of `known`."""
        if recipe.key not in self._seconds and known.key in self._seconds:
            self._seconds[recipe.key] = factor * self._seconds[known.key]

    def _mask(self, data: Examples, key: str) -> NDArray[np.bool_]:
        place = (data.split, key)
        if place not in self._heard:
            self._heard[place] = np.zeros(len(data.store.split(data.split)), bool)
        return self._heard[place]
