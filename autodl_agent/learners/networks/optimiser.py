"""AdamW, and one whose rate falls from one group of layers to the next (Howard & Ruder 2018)."""

from collections.abc import Callable
from typing import Any

from autodl_agent.learners.networks.config import TrainingConfig

Rank = Callable[[str], int]


def adamw(training: TrainingConfig, rank: Rank | None) -> Any:
    """An optimiser, not built. rank: see `Blueprint`.

    With ranks it has a method `open(groups)`: only variables of groups below that number learn from then on. Decay
    knows no ranks, so it should be 0 there. Keras on PyTorch steps all variables at once and takes no notice of ranks.
    """
    import keras

    kind = keras.optimizers.AdamW if rank is None else _layered(rank, training.layer_decay)
    return kind(training.rate, weight_decay=training.decay, global_clipnorm=training.clip_norm)


def _layered(rank: Rank, layer_decay: float) -> Any:
    """The class of an AdamW in which a variable of group k learns at rate × layer_decay ** k."""
    import keras

    class Layered(keras.optimizers.AdamW):  # type: ignore[misc]
        def build(self, variables: Any) -> None:
            super().build(variables)
            self._groups = tuple(rank(variable.path) for variable in variables)
            self._opened = self.add_variable((), name="opened")

        def open(self, groups: int) -> None:
            self._opened.assign(float(groups))

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            group = self._groups[self._get_variable_index(variable)]
            share = keras.ops.where(self._opened > group, layer_decay**group, 0.0)
            super().update_step(gradient, variable, learning_rate * share)

    return Layered
