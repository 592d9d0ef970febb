"""The output folder of a run, written beside the submission's work and guarded against it.

A thread formats and writes, so that the submission goes on. `start.txt` gets the moment of a prediction just before
its file appears: programs that read the folder meanwhile look the moment up when they see the file. Copies that the
submission cannot reach are kept, and what it changed, added or removed in the folder is put right at the end.
"""

import hashlib
import queue
import re
import shutil
import tempfile
import threading
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from data_format.atomic import atomic_file, write_atomic
from data_format.predictions import format_matrix, list_predictions, write_end, write_start

_WAITING_BYTES = 128 << 20  # of predictions in the queue: bounds memory
_OURS = re.compile(r"start\.txt|end\.txt|.+\.predict_\d+|temp_prediction_file_\d+", re.DOTALL)


class RunFiles:
    """Writes `start.txt`, `NAME.predict_k` and `end.txt` into one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make the folder, and remove what an earlier run left in it. Raises OSError where that cannot be done."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder.resolve(), name
        self.error: OSError | None = None
        for path in self.folder.iterdir():
            if _OURS.fullmatch(path.name):
                _remove(path)
        self._copies: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it has no name that anybody could open
        self._places: list[tuple[int, int, bytes]] = []  # offset, length, hash
        self._start = b""
        self._queue: queue.Queue[tuple[int, str, NDArray[np.floating]] | None] = queue.Queue()
        self._taken, self._done = 0, 0  # bytes put in, bytes dealt with; each is changed by one thread alone
        self._thread = threading.Thread(target=self._work, daemon=True, name="predictions")

    def begin(self, time_budget: float, start_time: float, pid: int) -> None:
        """Have `start.txt` written. start_time: the value that it shows, seconds since 1970."""
        self._head = (self.name, time_budget, start_time, pid)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether as much is waiting to be written as should be held in memory."""
        return self._taken - self._done > _WAITING_BYTES

    def add(self, k: int, stamp: float, prediction: NDArray[np.floating]) -> None:
        """Queue prediction `k`, (rows, classes) finite numbers; stamp: the moment that `start.txt` shows for it."""
        self._taken += prediction.nbytes
        self._queue.put((k, repr(float(stamp)), prediction))

    def finish(self, duration_s: float, success: bool, end_time: float) -> list[str]:
        """Wait for the writer, mend the folder, write `end.txt`; gives the names of files that had been tampered with.

        To be called when nothing of the submission is alive any more. Raises OSError as the file system gives it.
        """
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        mended = self._mend()
        write_end(self.folder, duration_s, success, end_time)
        self._copies.close()
        return mended

    def _work(self) -> None:
        try:
            with tempfile.TemporaryDirectory() as private:
                self._start = write_start(Path(private), *self._head).read_bytes()
            self._replace("start.txt", self._start)
        except OSError as error:
            self.error = error
        while (item := self._queue.get()) is not None:
            k, stamp, prediction = item
            if self.error is None:  # after one the supervisor is about to stop; the queue is emptied all the same
                try:
                    self._write(k, stamp, format_matrix(prediction))
                except OSError as error:
                    self.error = error
            self._done += prediction.nbytes

    def _write(self, k: int, stamp: str, text: bytes) -> None:
        offset = self._copies.seek(0, 2)
        self._copies.write(text)
        self._places.append((offset, len(text), hashlib.sha256(text).digest()))
        self._start += f"{k}: {stamp}\n".encode()
        self._have_folder()
        path = self.folder / f"{self.name}.predict_{k}"
        if path.is_dir() and not path.is_symlink():
            _remove(path)
        with atomic_file(path) as file:
            # start.txt within the block, so that it is there before the prediction appears.
            file.write(text)
            self._replace("start.txt", self._start)

    def _have_folder(self) -> None:
        """Make the folder again where the submission has removed it, or put something else in its place."""
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            self.folder.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)

    def _replace(self, name: str, data: bytes) -> None:
        self._have_folder()
        path = self.folder / name
        if path.is_dir() and not path.is_symlink():
            _remove(path)
        write_atomic(path, data)

    def _mend(self) -> list[str]:
        """Make the folder hold exactly what was written; gives the names of the files that it did not."""
        self._have_folder()
        mended = []
        for k, (offset, length, digest) in enumerate(self._places):
            path = self.folder / f"{self.name}.predict_{k}"
            if _digest(path) != digest:
                self._copies.seek(offset)
                self._replace(path.name, self._copies.read(length))
                mended.append(path.name)
        if _digest(self.folder / "start.txt") != hashlib.sha256(self._start).digest():
            self._replace("start.txt", self._start)
            mended.append("start.txt")
        known = {f"{self.name}.predict_{k}" for k in range(len(self._places))}
        foreign = [path for _, path in list_predictions(self.folder) if path.name not in known]
        for path in (*foreign, self.folder / "end.txt"):
            if path.exists() or path.is_symlink():
                _remove(path)
                mended.append(path.name)
        return mended


def _digest(path: Path) -> bytes:
    """Hash of a regular file, empty for anything else."""
    try:
        if path.is_symlink() or not path.is_file():
            return b""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
