"""Files that appear whole or not at all: a temporary file in the same folder, then a rename.

This holds for every reader and whenever a process is killed. `durable` adds safety against a power cut; it waits for
the disk, which takes seconds where other programs write much, and a run has none to spare.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` when the block ends well, and leaves nothing behind when it does not.

    durable: wait until the content is on the disk (fsync); for files whose presence is taken for their validity later.
    Raises OSError as the file system gives it (read-only folder, full disk); an older `path` then stays as it was.
    """
    # In the same folder, since a rename is one step within a file system only.
    handle, name = tempfile.mkstemp(prefix=".tmp_", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; results are for all users that the umask allows.
        umask = _umask()
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def write_atomic(path: Path, data: bytes, durable: bool = False) -> None:
    """Write a whole file atomically."""
    with atomic_file(path, durable) as file:
        file.write(data)


def _umask() -> int:
    """The umask of this process, where the system shows it without changing it for a moment."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("Umask:")[2].split()[0], 8)
    except (OSError, ValueError, IndexError):
        return 0o022
