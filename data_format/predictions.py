"""`name.predict_<k>`, `start.txt`, `end.txt` and `name.solution`: what a run leaves for the scoring program.

Matrices are text, one row per test example, single spaces; numbers carry 9 significant digits, enough to give every
float32 back exactly (6, as the challenge writes them, merge close scores). All files appear whole or not at all.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.atomic import write_atomic
from data_format.errors import DataError

_DIGITS = 9  # as many as distinguish all float32 numbers
_ROWS_AT_ONCE = 1 << 18  # cells formatted together: bounds memory
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
_NUMBERED = re.compile(r"(?P<name>.+)\.predict_(?P<k>\d+)", re.DOTALL)


def write_prediction(folder: Path, name: str, k: int, prediction: NDArray[np.floating]) -> Path:
    """Write prediction number `k`, (rows, classes) finite numbers; gives the file's path.

    Raises DataError for another rank or a value that is not finite (the first is named),
    OSError when it cannot be written.
    """
    path = folder / f"{name}.predict_{k}"
    write_atomic(path, prediction_text(path, prediction))
    return path


def prediction_text(path: Path, prediction: NDArray[np.floating]) -> bytes:
    """What `write_prediction` writes to `path`. Raises DataError naming it, see there."""
    if prediction.ndim != 2:
        raise DataError(f"{path}: expected a matrix of rows x classes, found shape {prediction.shape}")
    if not np.isfinite(prediction).all():
        row, column = np.argwhere(~np.isfinite(prediction))[0].tolist()
        value = prediction[row, column]
        raise DataError(f"{path}: expected finite numbers, found {value} in row {row}, class {column}")
    return format_matrix(prediction)


def format_matrix(matrix: NDArray[np.floating]) -> bytes:
    """Text of a finite (rows, columns) matrix with 9 significant digits."""
    rows, columns = matrix.shape
    if not matrix.size:
        return b"\n" * len(matrix)
    # Class frequencies for all rows: what large sets begin with would otherwise take its time.
    if rows > 1 and np.array_equal(matrix[0], matrix[-1]) and bool((matrix == matrix[0]).all()):
        line = format_matrix(matrix[:1])
        return line * len(matrix)
    step = max(1, _ROWS_AT_ONCE // columns)
    return b"".join([_format_block(matrix[at : at + step].astype(np.float64)) for at in range(0, rows, step)])


def _format_block(block: NDArray[np.float64]) -> bytes:
    """Text of some rows: all digits at once, as a table of 16 bytes a number; zero bytes are dropped at the end.

    0.000123456789 from 1e-4 up to 1, 1.23456789e-05 elsewhere, 0 and 1 as they are.
    """
    flat = block.ravel()
    size = np.abs(flat)
    whole = (size == 0) | (size == 1)
    size[whole] = 0.5  # any number whose logarithm is harmless
    if size.min() < 1e-99 or size.max() >= 1e99:  # only float64 has such numbers; their exponents need three digits
        return b"".join(_line(row) for row in block.tolist())
    exponent, digits = _digits(size)
    text = np.zeros((len(flat), 16), np.uint8)
    fixed = (exponent >= -4) & (exponent < 0)
    other = ~fixed
    text[:, 0] = np.where(flat < 0, ord("-"), 0)
    text[:, 1], text[:, 2] = ord("0"), ord(".")
    for place in (3, 4, 5):
        text[:, place] = np.where(exponent < 2 - place, ord("0"), 0)
    text[:, 6:15] = digits
    if other.any():
        text[other, 1], text[other, 3:11], text[other, 11] = digits[other, 0], digits[other, 1:], ord("e")
        text[other, 12] = np.where(exponent[other] < 0, ord("-"), ord("+"))
        tens, ones = np.divmod(np.abs(exponent[other]), 10)
        text[other, 13], text[other, 14] = tens + ord("0"), ones + ord("0")
    text[whole, 1:15] = 0
    text[whole, 1] = np.abs(flat[whole]) + ord("0")
    text[:, 15] = ord(" ")
    text[block.shape[1] - 1 :: block.shape[1], 15] = ord("\n")
    return bytes(text[text != 0].tobytes())


def _digits(size: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Decimal exponent (n,) and 9 significant digits (n, 9), as ASCII, of positive numbers."""
    exponent = np.floor(np.log10(size)).astype(np.int64)
    mantissa = np.rint(size * 10.0 ** (_DIGITS - 1 - exponent)).astype(np.int64)
    # The logarithm may be off by one next to powers of ten, and rounding may carry.
    off = (mantissa < 10 ** (_DIGITS - 1)).astype(np.int64) - (mantissa >= 10**_DIGITS)
    if off.any():
        exponent -= off
        mantissa = np.rint(size * 10.0 ** (_DIGITS - 1 - exponent)).astype(np.int64)
        carried = mantissa >= 10**_DIGITS
        exponent += carried
        mantissa[carried] //= 10
    digits = np.empty((len(size), _DIGITS), np.uint8)
    rest = mantissa.astype(np.uint32)  # below 10**9 by now; 32-bit division is twice as fast as 64-bit
    for place in range(_DIGITS - 1, -1, -1):
        shorter = rest // np.uint32(10)
        digits[:, place] = rest - shorter * np.uint32(10) + np.uint32(ord("0"))
        rest = shorter
    return exponent, digits


def _line(row: list[float]) -> bytes:
    return (" ".join(f"{value:.{_DIGITS}g}" for value in row) + "\n").encode()


def read_prediction(path: Path) -> NDArray[np.float64]:
    """A matrix of numbers separated by blanks, always (rows, columns). Raises DataError naming the file."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not text.strip():
        raise DataError(f"{path}: expected a matrix of numbers, found an empty file")
    try:
        lines = text.decode("utf-8-sig").splitlines()
        return np.loadtxt(lines, dtype=np.float64, ndmin=2, comments=None)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected a matrix of numbers, found bytes that are not text ({error})") from None
    except ValueError as error:
        raise DataError(f"{path}: expected a matrix of numbers ({error})") from None


def list_predictions(folder: Path, name: str | None = None) -> list[tuple[int, Path]]:
    """(k, path) of the predictions in a folder in numeric order; of every name when none is given."""
    found = []
    for path in folder.iterdir():
        match = _NUMBERED.fullmatch(path.name)
        if match and (name is None or match["name"] == name):
            found.append((int(match["k"]), path))
    return sorted(found)


def write_start(folder: Path, task_name: str, time_budget: float, start_time: float, ingestion_pid: int) -> Path:
    """Write `start.txt`. start_time: seconds since 1970; time_budget: seconds."""
    lines = [
        f"ingestion_pid: {ingestion_pid}",
        f"task_name: {_yaml(task_name)}",
        f"time_budget: {_number(time_budget)}",
        f"start_time: {start_time!r}",
    ]
    path = folder / "start.txt"
    write_atomic(path, ("\n".join(lines) + "\n").encode())
    return path


def append_timestamp(folder: Path, k: int, epoch: float) -> None:
    """Add to `start.txt` the moment (seconds since 1970) of prediction `k`; the file is replaced as a whole."""
    path = folder / "start.txt"
    write_atomic(path, path.read_bytes() + f"{k}: {float(epoch)!r}\n".encode())


def write_end(folder: Path, duration_s: float, success: bool, end_time: float) -> Path:
    """Write `end.txt`: seconds of the run, whether it went well, its end (seconds since 1970)."""
    path = folder / "end.txt"
    text = f"ingestion_duration: {duration_s!r}\ningestion_success: {int(success)}\nend_time: {end_time!r}\n"
    write_atomic(path, text.encode())
    return path


@dataclass(frozen=True, slots=True)
class Start:
    """Content of `start.txt`. time_budget in seconds; start_time and the moments of predictions since 1970."""

    ingestion_pid: int
    task_name: str
    time_budget: float
    start_time: float
    timestamps: dict[int, float]


def read_start(folder: Path) -> Start:
    """Read `start.txt`. Raises DataError naming the file and the line or key that is wrong."""
    path = folder / "start.txt"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    values: dict[str, str] = {}
    # Not `splitlines`: a name may hold U+2028 and other characters that it takes for the end of a line.
    for number, line in enumerate(text.split("\n"), 1):
        # Comments, document marks, and what hangs from a key that is not ours.
        if line[:1] in ("#", "-", " ", "\t"):
            continue
        key, colon, value = line.partition(":")
        if not colon and line.strip():
            raise DataError(f"{path}, line {number}: expected 'key: value', found {line!r}")
        values[key.strip()] = value.strip()
    missing = [key for key in ("ingestion_pid", "time_budget", "start_time") if key not in values]
    if missing:
        raise DataError(f"{path}: expected the key {missing[0]!r}, found {sorted(values)}")
    try:
        return Start(
            int(values["ingestion_pid"]),
            _plain(values.get("task_name", "")),
            float(values["time_budget"]),
            float(values["start_time"]),
            {
                int(key): _epoch(float(value), float(values["start_time"]))
                for key, value in values.items()
                if key.isdigit()
            },
        )
    except ValueError as error:
        raise DataError(f"{path}: expected numbers ({error})") from None


def _epoch(stamp: float, start_time: float) -> float:
    """A moment since 1970; AutoNLP and AutoSpeech write seconds since the start, far below any such moment."""
    return stamp + start_time if stamp < start_time / 2 else stamp


def _number(value: float) -> str:
    """A whole number without a decimal point, as the challenge writes its budget."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _yaml(text: str) -> str:
    """A YAML scalar: plain where that is safe, else in single quotes (a name may hold ': ' or look like a number)."""
    if re.fullmatch(r"[A-Za-z_][\w.\-]*", text) and text.lower() not in _YAML_WORDS:
        return text
    return json.dumps(text) if any(ord(char) < 32 for char in text) else "'" + text.replace("'", "''") + "'"


def _plain(scalar: str) -> str:
    if scalar[:1] == "'" and scalar[-1:] == "'" and len(scalar) > 1:
        return scalar[1:-1].replace("''", "'")
    if scalar[:1] == '"':
        return str(json.loads(scalar))
    return scalar
