"""The ingestion process as the scoring program meets it: by a number in `start.txt`, perhaps of another machine.

A number is not a process. It may belong to another container or have been given to somebody else since, and the
scoring program must never end a stranger. So a process counts as the ingestion only if it was there when `start.txt`
was first seen, had begun before the run, has "ingestion" in its command line, and is neither this process nor one
above it; and its start, as the kernel keeps it, is compared again before any signal. This needs /proc; elsewhere no
process is recognised, and none is ended.
"""

import os

from autodl_agent.system.process_identity import ProcessIdentity, command_line, identify, is_alive, lineage
from autodl_agent.system.processes import ProcessTree, kill, terminate, wait_until_gone

# Between the kernel's clock of starts and the wall clock that start.txt shows.
_CLOCK_SLACK_S = 2.0


def find_ingestion(pid: int, start_time: float) -> ProcessIdentity | None:
    """The ingestion process, if `pid` is one on this machine; start_time: of the run, seconds since 1970."""
    process = identify(pid)
    if process is None or pid <= 1 or pid in lineage(os.getpid()):
        return None
    if process.started_at() > start_time + _CLOCK_SLACK_S or "ingestion" not in command_line(pid).lower():
        return None
    return process


def end_ingestion(process: ProcessIdentity, grace_s: float) -> bool:
    """End it with its group and its descendants: SIGTERM, `grace_s` seconds, SIGKILL; whether all are gone.

    The group only if the process leads it: otherwise it belongs to whoever started both programs.
    """
    if not is_alive(process):
        return True
    # One tree for all three steps: it lists everything before the first signal, since a child whose parent has died can
    # no longer be found.
    tree = ProcessTree(process)
    terminate(tree)
    wait_until_gone(tree, grace_s)
    kill(tree)
    return not tree.members()
