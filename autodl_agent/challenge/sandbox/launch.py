"""Starts the process of a submission: in a session, a folder and an environment of its own."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def launch(channel: socket.socket, scratch: Path) -> "subprocess.Popen[bytes]":
    """Start the runner on one end of a socket pair. scratch: its current folder, and that of its temporary files.

    Its prints come through `stdout`, errors included. Raises OSError when no process can be started.
    """
    # Not `-m`: processes that the submission spawns would run the runner's module again as their main module.
    code = (
        f"import sys; sys.path[0] = {str(ROOT)!r}; from autodl_agent.challenge.sandbox.child import main; "
        f"main({channel.fileno()}, {os.getpid()})"
    )
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[channel.fileno()],
        start_new_session=True,
        cwd=scratch,
        env=environment,
    )
