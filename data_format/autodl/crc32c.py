"""CRC32C (Castagnoli), the checksum of TFRecord files: google_crc32c where it is installed, else NumPy.

A submission may run where the former is not installed; the latter reads some 150 MB a second. Both start from all ones
and complement the result (RFC 3720, appendix B.4).
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # reflected
_ONES = 0xFFFFFFFF
_SHORT = 256  # bytes up to which the plain loop is quicker
States = NDArray[np.uint32]


def portable(data: bytes) -> int:
    """CRC32C of `data` without a native library."""
    return _loop(data) if len(data) <= _SHORT else _folded(data)


try:
    from google_crc32c import value as _native
except ImportError:
    _native = portable

value: Callable[[bytes], int] = _native


def values(rows: NDArray[np.uint8]) -> States:
    """(n,) CRC32C of each row of (n, length) bytes: one byte of all rows at a time, which suits many short rows."""
    table = np.array(_table(), np.uint32)
    states = np.full(len(rows), _ONES, np.uint32)
    for column in np.ascontiguousarray(rows.T):
        states = table[(states ^ column) & 255] ^ states >> 8
    return np.asarray(states ^ _ONES, np.uint32)


@cache
def _table() -> list[int]:
    """The states 0…255 after one zero byte."""
    table = []
    for state in range(256):
        for _ in range(8):
            state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
        table.append(state)
    return table


def _loop(data: bytes) -> int:
    table, state = _table(), _ONES
    for byte in data:
        state = table[(state ^ byte) & 255] ^ state >> 8
    return state ^ _ONES


def _folded(data: bytes) -> int:
    """The states of all 4-byte words at once, then of pairs of neighbours, pairs of pairs …; at least 4 bytes."""
    # States are linear over GF(2): to start from all ones is to complement the first four bytes, and zero bytes in
    # front of everything change nothing.
    padded = np.zeros(-len(data) % 4 + len(data), np.uint8)
    start = len(padded) - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 4] ^= 255
    exponent = 2
    states = _shifted(padded.view("<u4"), exponent)
    while len(states) > 1:
        if len(states) % 2:
            states = np.concatenate([np.zeros(1, np.uint32), states])
        states = _shifted(states[::2], exponent) ^ states[1::2]
        exponent += 1
    return int(states[0]) ^ _ONES


def _shifted(states: States, exponent: int) -> States:
    """`states` after 2**exponent zero bytes, byte by byte of each."""
    shift = _shift(exponent)
    moved: States = shift[0][states & 255]
    for place in range(1, 4):
        moved ^= shift[place][states >> 8 * place & 255]
    return moved


@cache
def _shift(exponent: int) -> States:
    """(4, 256) the states `byte << 8 * place` after 2**exponent zero bytes; each is the previous one twice."""
    if exponent == 0:
        single = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
        return np.asarray(np.array(_table(), np.uint32)[single & 255] ^ single >> 8, np.uint32)
    return _shifted(_shift(exponent - 1), exponent - 1)
