"""Settings of any-time training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained, increment by increment.

    batch_rows: rows of one step; small sets get smaller batches, accelerators larger ones.
    first_samples: rows seen in the first increment (one row may be seen many times). first_epochs: and no more often
    than this each, so that tiny sets do not wait. growth: factor of samples between increments.
    max_epochs: passes over the data after which the network is exhausted.
    rate: highest learning rate of an increment; it falls to `last_rate` of it on a cosine. warm_up: share of the first
    increment in which it rises. decay: of the weights (AdamW). clip_norm: longest gradient.
    smoothing: share of every single label that is spread over the classes.
    averaging: weights that predict are the mean over about the last 1 / averaging of all steps.
    average_every: steps between two looks at the weights.
    patience: increments without a better one on held rows after which training ends (where there are such rows).
    balance: rows of a class with k rows are drawn in proportion to k ** -balance.
    layer_decay: factor of the rate from one group of layers to the next one further from the output; groups are what a
    blueprint's `rank` says. opening: groups that learn in the first increment, and as many more in each one after it.
    """

    batch_rows: int = 64
    first_samples: int = 3_000
    first_epochs: int = 15
    growth: float = 1.6
    max_epochs: int = 200
    rate: float = 3e-3
    last_rate: float = 0.02
    warm_up: float = 0.1
    decay: float = 0.02
    clip_norm: float = 1.0
    smoothing: float = 0.05
    averaging: float = 8.0
    average_every: int = 4
    patience: int = 2
    balance: float = 0.5
    layer_decay: float = 1.0
    opening: int = 1
