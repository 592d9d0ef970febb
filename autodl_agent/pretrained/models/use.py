"""Multilingual Universal Sentence Encoder (v3, 16 languages) in numpy: word pieces to 512 numbers a text.

A piece's vector passes through three residual pairs of convolutions (over 2, 3 and 5 neighbours); their
sum over the text, divided by the root of its length, passes through a residual network of five layers. Pieces of many
texts lie one after the other in one matrix, so that each weight is read once for all of them. Source: Yang et al.
2019, "Multilingual Universal Sentence Encoder for Semantic Retrieval"; the vectors of pieces are 6-bit, as in the file.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.pretrained.models.unigram_tokenizer import Unigram
from autodl_agent.system.errors import AutoDLError

Floats = NDArray[np.float32]
Numbers = Sequence[int]
Arrays = dict[str, Floats]

FEATURES = 512
BEGIN, END, UNKNOWN = 1, 2, 0
PARTS = 17  # the table of pieces is stored in so many interleaved parts, each with a scale of its own
WIDTH = 256  # of each branch of convolutions
BRANCHES = ((2, 0), (3, 1), (5, 2))  # neighbours taken together, and how many of them stand before the piece
FEWEST = 1e-12


class UseFileError(AutoDLError):
    """A file of weights or pieces that does not say what it should."""


@final
class UseEncoder:
    """Word pieces to vectors. Safe to call from several threads.

    path: the .npz of weights. table: (pieces, 512) levels of the pieces' vectors, where they are at hand already: to
    unpack them takes most of the time. Raises UseFileError.
    """

    features = FEATURES

    def __init__(self, path: Path, table: NDArray[np.uint8] | None = None) -> None:
        try:
            with np.load(path, allow_pickle=False) as stored:
                self.table = _table(stored) if table is None else table
                w = {k: np.asarray(stored[k], np.float32) for k in stored.files if k[0] != "q" and k != "eps"}
                self.eps = float(stored["eps"])
        except (OSError, ValueError, KeyError) as error:
            raise UseFileError(f"{path}: weights of the encoder expected: {error}") from error
        self.weights, self.entry = w, entry_of(w)

    def encode(self, texts: Sequence[Numbers]) -> Floats:
        """(n, 512) vectors of length 1 of n texts, each the numbers of its pieces (begin and end are added)."""
        return self.encode_with(self._totals, texts)

    def encode_with(self, totals: Callable[[Sequence[Numbers]], Floats], texts: Sequence[Numbers]) -> Floats:
        """The same, where `totals` gives the (n, 512 + 3 · 256) sums over each text's pieces."""
        if not len(texts):
            return np.zeros((0, FEATURES), np.float32)
        many = np.asarray([[len(text) + 2] for text in texts], np.float32)
        mean = (totals(texts) @ self.weights["cnn_W"] + many * self.weights["cnn_b"]) / np.sqrt(many)
        return self._network(np.asarray(mean, np.float32))

    def vectors(self, numbers: NDArray[np.int64]) -> Floats:
        """(…, 512) the pieces' own vectors of numbers of any shape."""
        part = (numbers % PARTS)[..., None]
        return self.table[numbers] * self.weights["scale"][part] + self.weights["lo"][part]

    def _totals(self, texts: Sequence[Numbers]) -> Floats:
        """(n, 512 + 3 · 256) sums over each text's pieces of what `_pieces` gives."""
        lengths = np.fromiter((len(text) + 2 for text in texts), np.int64, len(texts))
        flat = np.full(int(lengths.sum()), END, np.int64)
        starts = np.cumsum(lengths) - lengths
        for text, start in zip(texts, starts, strict=True):
            flat[start] = BEGIN
            flat[start + 1 : start + 1 + len(text)] = text
        return np.add.reduceat(self._pieces(flat, starts, lengths), starts, axis=0)

    def _pieces(self, flat: NDArray[np.int64], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
        """(pieces, 512 + 3 · 256) standardised: each piece's own vector and its surroundings."""
        own, (enter, enter_bias, gain, bias) = self.vectors(flat), self.entry
        x = _standardised(own @ enter + enter_bias, gain, bias, self.eps)
        around = _neighbours(starts, lengths, len(flat))
        found = [own]
        for number, (width, before) in enumerate(BRANCHES):
            columns = around[:, 2 - before : 2 - before + width]
            branch = x[:, number * WIDTH : (number + 1) * WIDTH]
            for layer in ("1", "2"):
                filters, bias = self.weights[f"w{layer}_{width}"], self.weights[f"b{layer}_{width}"]
                nothing = np.zeros((1, WIDTH), np.float32)
                seen = np.concatenate([branch, nothing])[columns].reshape(len(flat), -1)
                branch = branch + np.maximum(seen @ filters + bias, 0)
            found.append(branch)
        return _standardised(np.concatenate(found, axis=1), self.weights["ln_g"], self.weights["ln_b"], self.eps)

    def _network(self, x: Floats) -> Floats:
        w = self.weights
        first = np.maximum(x @ w["d0"], 0)
        middle = np.maximum(x @ w["p1"] + first @ w["d1"], 0)
        last = np.tanh(middle @ w["p3"] + np.maximum(middle @ w["d2"], 0) @ w["d3"])
        length = np.sqrt(np.einsum("nd,nd->n", last, last)).clip(FEWEST)
        return np.asarray(last / length[:, None], np.float32)


def entry_of(w: Arrays) -> tuple[Floats, Floats, Floats, Floats]:
    """What all branches begin with, side by side: weights (512, 3 · 256), bias, and gain and bias of the norm."""
    names = [width for width, _ in BRANCHES]
    biases, gains, norms = (np.concatenate([w[f"{kind}{n}"] for n in names]) for kind in ("proj_b", "ln_g", "ln_b"))
    return np.concatenate([w[f"proj{n}"] for n in names], axis=1), biases, gains, norms


def read_pieces(path: Path) -> Unigram:
    """The vocabulary of a SentencePiece model file (protobuf, field 1: pieces with field 1 text, field 2 score).

    Raises UseFileError, OSError.
    """
    pieces, scores = [], []
    blob = path.read_bytes()
    try:
        for number, start, end in _fields(blob, 0, len(blob)):
            if number != 1:
                continue
            text, score = "", 0.0
            for inner, first, last in _fields(blob, start, end):
                if inner == 1:
                    text = blob[first:last].decode("utf-8")
                elif inner == 2:
                    (score,) = struct.unpack_from("<f", blob, first)
            pieces.append(text)
            scores.append(score)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise UseFileError(f"{path}: a SentencePiece model expected: {error}") from error
    if len(pieces) <= END:
        raise UseFileError(f"{path}: a vocabulary expected, found {len(pieces)} pieces")
    return Unigram(pieces, scores, UNKNOWN)


def _fields(blob: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(field number, start, end) of every field of a protobuf message. Raises IndexError past its end."""
    while at < end:
        key, at = _varint(blob, at)
        kind = key & 7
        if kind == 2:
            length, at = _varint(blob, at)
        elif kind == 0:
            length = _varint(blob, at)[1] - at
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise IndexError(f"wire type {kind} at byte {at}")
        if at + length > end:
            raise IndexError(f"field {key >> 3} of {length} bytes at byte {at} of {end}")
        yield key >> 3, at, at + length
        at += length


def _varint(blob: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = blob[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7


def _table(stored: "np.lib.npyio.NpzFile") -> NDArray[np.uint8]:
    """(pieces, 512) levels of the pieces' vectors; part p holds pieces p-1, p-1 + PARTS, …"""
    first = stored["q1"]
    table = np.empty((PARTS * len(first), FEATURES), np.uint8)
    for part in range(PARTS):
        table[part::PARTS] = stored[f"q{part + 1}"]
    return table


def _standardised(x: Floats, gain: Floats, bias: Floats, eps: float) -> Floats:
    """Layer normalisation of rows, in place."""
    x -= x.mean(1, keepdims=True)
    x *= (1 / np.sqrt(np.einsum("nd,nd->n", x, x) / x.shape[1] + np.float32(eps)))[:, None]
    x *= gain
    x += bias
    return x


def _neighbours(starts: NDArray[np.int64], lengths: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """(n, 5) places of the two pieces before to the two after each; n stands for none, beyond the text's ends."""
    places = np.arange(n)[:, None] + np.arange(-2, 3)
    first, end = np.repeat(starts, lengths)[:, None], np.repeat(starts + lengths, lengths)[:, None]
    return np.where((places >= first) & (places < end), places, n)
