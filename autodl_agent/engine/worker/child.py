"""The worker process, started by `process.WorkerProcess` alone.

`python -m autodl_agent.engine.worker.child FD FOLDER PID`

One thread reads what the coordinator says; when the coordinator is gone, it ends the whole process group at once. One
sends heartbeats. The main thread imports the libraries and plays slices.
"""

import os
import queue
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from autodl_agent.engine.worker.channel import Channel
from autodl_agent.engine.worker.protocol import (
    VERSION,
    Done,
    Failed,
    Heartbeat,
    Hello,
    Message,
    OpenTask,
    OutOfTime,
    Prepare,
    Ready,
    RunSlice,
)
from autodl_agent.system.clock import Deadline
from autodl_agent.system.resources import limit_blas_threads

HEARTBEAT_S = 0.5
IMPORT_NICENESS = 15  # while the coordinator makes its first predictions
_ending = threading.Lock()
End = Callable[[], NoReturn]


def main(descriptor: int, folder: Path, coordinator: int) -> NoReturn:
    """Serve until the coordinator, the process of that number, is gone; `folder`, which both share, is then removed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the coordinator, which then ends us
    channel = Channel(socket.socket(fileno=descriptor))
    inbox: queue.Queue[Message] = queue.Queue()
    end = partial(_end, folder, coordinator)
    try:
        channel.send(Hello(VERSION, os.getpid()))
        threading.Thread(target=_listen, args=(channel, inbox, end), daemon=True).start()
        threading.Thread(target=_send_heartbeats, args=(channel, end), daemon=True).start()
        limit_blas_threads()
        _serve(channel, inbox)
    except OSError:
        # The coordinator is gone. Leaving by the exception would end the thread that removes the folder half-way.
        end()


def _serve(channel: Channel, inbox: "queue.Queue[Message]") -> NoReturn:
    """Answer what the coordinator asks. Raises OSError once it is gone."""
    player = None
    while True:
        message = inbox.get()
        if isinstance(message, Prepare):
            channel.send(_prepare(message.modules))
        elif isinstance(message, OpenTask):
            from autodl_agent.engine.worker.executor import SliceExecutor

            try:
                player = SliceExecutor(Path(message.folder))
            except Exception as error:
                channel.send(Failed(-1, f"{type(error).__name__}: {error}", traceback.format_exc()[-4000:]))
        elif isinstance(message, RunSlice):
            channel.send(_play(player, message))


def _play(player: "object | None", message: RunSlice) -> Message:
    from autodl_agent.data.tensor_store import OutOfTimeError
    from autodl_agent.engine.worker.executor import SliceExecutor

    if not isinstance(player, SliceExecutor):
        return Failed(message.number, "no task was opened")
    deadline = Deadline(time.monotonic() + message.seconds)
    try:
        member = player.play(message.learner, message.where, deadline, Path(message.folder))
    except OutOfTimeError:
        return OutOfTime(message.number)
    except Exception as error:
        return Failed(message.number, f"{type(error).__name__}: {error}"[:1000], traceback.format_exc()[-4000:])
    return Done(message.number, member.more, len(member.frozen_models))


def _prepare(modules: list[str]) -> Ready:
    """Import in a thread of low priority, where threads have one of their own (Linux); learners run at the usual."""
    started, missing = time.monotonic(), []

    def load() -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), IMPORT_NICENESS)
        for module in modules:
            try:
                import_module(module)
            except Exception as error:
                missing.append(f"{module}: {type(error).__name__}: {error}")

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    return Ready(time.monotonic() - started, "; ".join(missing)[:1000])


def _listen(channel: Channel, inbox: "queue.Queue[Message]", end: End) -> None:
    try:
        while True:
            for message in channel.receive():
                inbox.put(message)
    except BaseException:
        end()


def _send_heartbeats(channel: Channel, end: End) -> None:
    try:
        while True:
            channel.send(Heartbeat())
            time.sleep(HEARTBEAT_S)
    except BaseException:
        end()


def _end(folder: Path, coordinator: int) -> NoReturn:
    """End this process and whatever it started; it leads a group of its own."""
    with _ending:  # one thread removes, the others wait for their end
        if _orphaned(coordinator):
            for _ in range(100):  # a learner may be writing its results
                shutil.rmtree(folder, ignore_errors=True)
                if not folder.exists():
                    break
                time.sleep(0.01)
        _kill_group()


def _orphaned(coordinator: int) -> bool:
    """Whether the coordinator is gone; a learner may as well have closed the line to one that still needs its files."""
    for _ in range(100):  # the line of a process that dies is closed a little before its children are handed on
        if os.getppid() != coordinator:
            return True
        time.sleep(0.01)
    return False


def _kill_group() -> NoReturn:
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
