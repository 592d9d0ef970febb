"""A network that learns in increments and predicts well after each: restarted cosine rates, averaged weights.

An increment is a number of samples, not of seconds, so that a run can be repeated; the deadline only cuts it short, and
then the rate falls with the time that is left. Sources: Loshchilov & Hutter 2017 (restarts) and 2019 (AdamW); Shamir &
Zhang 2013 (polynomial-decay averaging).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.networks.batches import Batch, Inputs, MakeBatch, Positions, draw_rates, epochs, prepared
from autodl_agent.learners.networks.config import TrainingConfig
from autodl_agent.learners.networks.keras_model import Blueprint, Engine, State, engine
from autodl_agent.learners.networks.output_layer import first_bias, probabilities
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
PREDICT_ROWS = 2_048  # rows made ready at once
FIRST_STEP_S = 2.0  # guess of the seconds that tracing a model takes
CALMER = 0.3  # factor of the rate after an increment that diverged


@dataclass(frozen=True)
class Held:
    """Rows of the training rows that are only looked at: inputs and labels (n, classes)."""

    inputs: Inputs
    labels: Floats


@final
class Network:
    """What one learner knows, with the increments it has had. Its state is bound anew, never changed.

    given: values that some variables begin with, see `Engine.fresh`; without any the answer is the class shares.
    """

    def __init__(self, blueprint: Blueprint, seed: int, given: Mapping[str, Floats] | None = None) -> None:
        self.blueprint, self.seed, self.given = blueprint, seed, given or {}
        self.state: State | None = None
        self.shown: State | None = None  # what predicts: the latest, or the one best on held rows
        self.auc, self.misses = -math.inf, 0
        self.increments = 0  # finished
        self.samples = 0.0  # seen in them
        self.planned = 0.0  # of the last increment
        self.calm = 1.0
        self.row_s = 0.0  # seconds to predict one row

    def increment(self, labels: Floats, make: MakeBatch, deadline: Deadline, held: Held | None = None) -> bool:
        """Train for one increment on rows with these labels (n, classes); whether another could help.

        make: positions and a generator -> inputs and targets of a batch. held: rows that `make` never gives; with them
        the best state predicts, and a few increments without a better one are the last. Raises OutOfTimeError when
        not one step fits; what was known before then stands.
        """
        training, n = self.blueprint.training, len(labels)
        motor = engine(self.blueprint)
        if deadline.remaining() < FIRST_STEP_S / 4:
            raise OutOfTimeError("network")
        rows = motor.device.batch_rows(training.batch_rows, n) * motor.device.group
        self.planned = self.planned * training.growth or min(
            float(training.first_samples), float(training.first_epochs * n)
        )
        steps = max(1, math.ceil(self.planned / rows))
        before = self.state
        if before is None:
            bias = {"head/bias": first_bias(labels, self.blueprint.softmax)}
            before = motor.fresh(self.seed, {**bias, **self.given})
        motor.train_with(before, self.increments)
        rng = np.random.default_rng([self.seed, before.steps])
        order = epochs(draw_rates(labels, training.balance), rows, rng)
        run = _Run(motor, before, training, self.calm)
        run.play(prepared(order, make, rng, steps), steps, deadline)
        if run.diverged:
            self.calm *= CALMER
            return self.calm > CALMER**4
        self.state = run.state()
        self.increments += 1
        self.samples += run.done * rows
        self._judge(held)
        return self.samples < training.max_epochs * n and self.misses < training.patience

    def predict(self, n: int, make: Callable[[Positions], Inputs], now: Callable[[], float]) -> Floats:
        """(n, classes) probabilities. make: positions -> inputs. now: a clock, to learn the pace."""
        assert self.shown is not None
        motor = engine(self.blueprint)
        motor.predict_with(self.shown)
        began, parts = now(), []
        for start in range(0, n, PREDICT_ROWS):
            inputs = make(np.arange(start, min(n, start + PREDICT_ROWS)))
            parts.append(probabilities(motor.predict(inputs), self.blueprint.softmax))
        self.row_s = (now() - began) / max(1, n)
        return np.concatenate(parts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What predicts, for saving."""
        found = self.shown.average if self.shown else ()
        return {f"weights_{place:03d}": value for place, value in enumerate(found)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of `arrays`; a restored network predicts, and begins anew when it is trained."""
        found = tuple(arrays[name] for name in sorted(arrays) if name.startswith("weights_"))
        self.shown = State((), found) if found else None

    def _judge(self, held: Held | None) -> None:
        if held is None or self.state is None:
            self.shown = self.state
            return
        motor = engine(self.blueprint)
        motor.predict_with(self.state)
        auc = mean_auc(motor.predict(held.inputs), held.labels)
        better = self.shown is None or auc >= self.auc
        self.misses = 0 if better else self.misses + 1
        if better:
            self.auc, self.shown = auc, self.state


class _Run:
    """The steps of one increment."""

    def __init__(self, motor: Engine, before: State, training: TrainingConfig, calm: float) -> None:
        self.motor, self.before, self.training = motor, before, training
        self.peak = training.rate * calm
        self.average = list(before.average)
        self.done, self.diverged = 0, False

    def play(self, batches: Iterator[Batch], steps: int, deadline: Deadline) -> None:
        """Go through the batches until they or the time end."""
        began, step_s = deadline.remaining(), 0.0
        for batch in batches:
            left = deadline.remaining()
            if self.done and left < 1.5 * step_s:
                return
            progress = self.done / steps
            if step_s * (steps - self.done) > left:  # the deadline will cut: anneal by the clock
                progress = max(progress, 1 - left / max(began, 1e-9))
            loss = self.motor.step(batch, self._rate(progress))
            spent = left - deadline.remaining()
            if self.done:  # the first step traces the model, its seconds say nothing
                step_s = 0.8 * step_s + 0.2 * spent if step_s else spent
            self.done += 1
            if not math.isfinite(loss):
                self.diverged = True
                return
            if self.done % self.training.average_every == 0 or self.done == steps:
                self._look()

    def state(self) -> State:
        """What is known now."""
        return State(self.motor.variables(), tuple(self.average), self.before.steps + self.done)

    def _rate(self, progress: float) -> float:
        training = self.training
        low, warm = training.last_rate, training.warm_up
        if not self.before.steps and progress < warm:
            return self.peak * max(low, progress / warm)
        return self.peak * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * progress)))

    def _look(self) -> None:
        """Move the averaged weights towards the present ones, less the more steps there have been."""
        looks = (self.before.steps + self.done) / self.training.average_every
        share = min(1.0, (self.training.averaging + 1) / (looks + self.training.averaging))
        for place, value in enumerate(self.motor.weights()):
            mean = self.average[place]
            self.average[place] = mean + np.asarray(share, value.dtype) * (value - mean)
