"""Small records of one form, decoded all at once; tables have tens of thousands of them.

They differ in nothing but id, labels and numbers. One is parsed by protobuf, and the places of its values are found in
its bytes: a *template*. Every other record of the same length that agrees in all other bytes (and in the bits that say
how long an integer is) would be parsed to values in the same places. What fits no template is left to protobuf.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_format.autodl.sequence_example import Spans, spans_in
from data_format.autodl.tfrecord import RecordFile
from data_format.errors import Unreadable

LONGEST = 1 << 15  # bytes of a record; beyond it the time goes elsewhere
FEWEST = 32  # records of one length for which a template pays
MOST_LENGTHS = 16  # groups of one length looked at in a file
MOST_MOULDS = 8  # in a group, after which the rest of it is left alone
WINDOW = 1 << 23  # bytes of a file in memory at a time
Bytes = NDArray[np.uint8]


class Batch(NamedTuple):
    """n records of one template with k labels each. rows: their places among the records asked for.

    ids: (n,) int64, None without; indices (n, k) int64, scores (n, k) and numbers (n, width) float32.
    """

    rows: NDArray[np.int64]
    ids: NDArray[np.int64] | None
    indices: NDArray[np.int64]
    scores: NDArray[np.float32]
    numbers: NDArray[np.float32]

    def take(self, wanted: NDArray[np.bool_]) -> "Batch":
        """The same without the records that are not wanted."""
        ids = None if self.ids is None else self.ids[wanted]
        return Batch(self.rows[wanted], ids, self.indices[wanted], self.scores[wanted], self.numbers[wanted])


class RecordTemplate:
    """Where the records of one form hold their values."""

    def __init__(self, record: bytes, spans: Spans) -> None:
        self.spans = spans
        self._mask = np.full(len(record), 0xFF, np.uint8)
        for span in (spans.scores, spans.numbers):
            self._mask[span] = 0
        for span in (spans.id, *spans.indices):
            self._mask[span] = 0x80  # whether the integer goes on in the next byte
        self._fixed = np.frombuffer(record, np.uint8) & self._mask

    def fits(self, block: Bytes) -> NDArray[np.bool_]:
        """(n,) whether each record of a (n, length) block has this form."""
        return np.asarray(((block & self._mask) == self._fixed).all(axis=1))

    def decode(self, rows: NDArray[np.int64], block: Bytes) -> Batch:
        """The values of records that fit."""
        spans = self.spans
        columns = [_integers(block[:, span]) for span in spans.indices]
        indices = np.stack(columns, axis=1) if columns else np.zeros((len(block), 0), np.int64)
        scores = _floats(block[:, spans.scores]) if spans.scored else np.ones(indices.shape, np.float32)
        ids = _integers(block[:, spans.id]) if spans.id.stop else None
        return Batch(rows, ids, indices, scores, _floats(block[:, spans.numbers]))


def decode_batches(file: RecordFile, records: NDArray[np.int64], width: int) -> Iterator[Batch]:
    """The records of `records` (numbers in `file`) that are alike, one row of `width` floats each; in no order.

    Yields none of a file whose checksums were not compared when it was opened, nor once it became shorter.
    """
    lengths = file.lengths[records]
    found, counts = np.unique(lengths, return_counts=True)
    for length in found[np.argsort(-counts, kind="stable")][:MOST_LENGTHS].tolist():
        rows = np.flatnonzero(lengths == length)
        if file.verified and len(rows) >= FEWEST and 4 * width < length <= LONGEST:
            yield from _decode_group(file, records, rows, width)


def _decode_group(file: RecordFile, records: NDArray[np.int64], rows: NDArray[np.int64], width: int) -> Iterator[Batch]:
    templates: list[RecordTemplate] = []
    tries = MOST_MOULDS
    rows = rows[np.argsort(file.offsets[records[rows]], kind="stable")]
    while len(rows):
        offsets = file.offsets[records[rows]]
        part, rows = np.split(rows, [np.searchsorted(offsets, offsets[0] + WINDOW)])
        try:
            block = file.block(records[part])
        except Unreadable:
            return
        at = 0
        while len(part) and (at < len(templates) or tries):
            if at == len(templates):
                tries -= 1
                record = block[0].tobytes()
                spans = spans_in(record, width)
                if spans is None:  # unusual or damaged: decoded one by one
                    part, block = part[1:], block[1:]
                    continue
                templates.append(RecordTemplate(record, spans))
            good = templates[at].fits(block)
            if good.any():
                yield templates[at].decode(part[good], block[good])
            part, block, at = part[~good], block[~good], at + 1


def _integers(block: Bytes) -> NDArray[np.int64]:
    """(n,) from varints of one size; ten bytes hold the negative ones."""
    out = np.zeros(len(block), np.uint64)
    for place in range(block.shape[1]):
        out |= (block[:, place] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * place)
    return out.view(np.int64)


def _floats(block: Bytes) -> NDArray[np.float32]:
    return np.ascontiguousarray(block).view("<f4").astype(np.float32, copy=False)
