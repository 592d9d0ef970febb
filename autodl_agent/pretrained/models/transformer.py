"""The parts of a transformer encoder in numpy: attention over sequences that lie end to end, GELU, normalisation.

Sources: Vaswani et al. 2017; GELU, Hendrycks & Gimpel 2016, in its tanh form (off by 0.001 at most), since numpy has
no error function and its tanh is vectorised.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

ROOT = np.float32(np.sqrt(2 / np.pi))
CUBIC = np.float32(0.044715)
HIDDEN = np.float32(-1e9)  # added to the score of a place that is no part of the text


@dataclass(frozen=True)
class Attention:
    """Self-attention of several heads.

    enter: (width, 3 · width) queries, keys and values; leave: (width, width); with their biases.
    """

    enter: Floats
    enter_bias: Floats
    leave: Floats
    leave_bias: Floats
    heads: int

    def __call__(self, x: Floats, starts: Ints, lengths: Ints) -> Floats:
        """(rows, width) of sequences end to end: sequence i is x[starts[i] : starts[i] + lengths[i]]."""
        all_three = x @ self.enter
        all_three += self.enter_bias
        seen = self._even(all_three, len(lengths)) if len(set(lengths.tolist())) == 1 else None
        if seen is None:
            seen = self._uneven(all_three, starts, lengths)
        out: Floats = seen @ self.leave
        out += self.leave_bias
        return out

    def _even(self, all_three: Floats, n: int) -> Floats:
        return self._attend(all_three.reshape(n, -1, all_three.shape[1]), None).reshape(len(all_three), -1)

    def _uneven(self, all_three: Floats, starts: Ints, lengths: Ints) -> Floats:
        """Filled up to the longest; what is beyond a sequence's end is hidden from it."""
        steps = np.arange(lengths.max())
        real = steps < lengths[:, None]
        places = np.where(real, starts[:, None] + steps, starts[:, None])
        hidden = np.where(real, np.float32(0), HIDDEN)[:, None, None, :]
        return self._attend(all_three[places], hidden)[real]

    def _attend(self, all_three: Floats, hidden: Floats | None) -> Floats:
        """(n, steps, width) from queries, keys and values (n, steps, 3 · width)."""
        n, steps, width = len(all_three), all_three.shape[1], all_three.shape[2] // 3
        q, k, v = all_three.reshape(n, steps, 3, self.heads, width // self.heads).transpose(2, 0, 3, 1, 4)
        scores = (q * np.float32((width // self.heads) ** -0.5)) @ k.transpose(0, 1, 3, 2)
        if hidden is not None:
            scores += hidden
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        total = scores.sum(-1, keepdims=True)
        return np.asarray((scores @ v / total).transpose(0, 2, 1, 3).reshape(n, steps, width), np.float32)


def gelu(x: Floats) -> Floats:
    """x · Φ(x), in place."""
    inner = x * x
    inner *= CUBIC
    inner += 1
    inner *= x
    inner *= ROOT
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= np.float32(0.5)
    return inner


def standardised(x: Floats, gain: Floats, bias: Floats, eps: np.float32) -> Floats:
    """Layer normalisation of rows, in place."""
    x -= x.mean(-1, keepdims=True)
    x *= (1 / np.sqrt(np.einsum("...d,...d->...", x, x) / np.float32(x.shape[-1]) + eps))[..., None]
    x *= gain
    x += bias
    return x
