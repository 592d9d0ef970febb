"""psutil against our readers of /proc: its import, and lists and memory of five processes; see decision 0019.

    python benchmarks/process_readers.py [--repeats 20]

The five are a parent and its four children with NumPy loaded and 30 MB of their own each. The import is that of a new
interpreter which has already imported what the agent has by then. Medians in milliseconds.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

from autodl_agent.system.process_identity import process_table, read_stat
from autodl_agent.system.process_memory import anonymous_bytes, pss_bytes, rss_bytes
from autodl_agent.system.processes import ProcessTree, TaggedProcesses, children_of_this_process, kill

CHILD = "import numpy, time; block = numpy.ones(30 << 17); print('ready', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; [subprocess.Popen([sys.executable, '-c', {CHILD!r}]) for _ in range(4)]; {CHILD}"
IMPORT = (
    "import dataclasses, json, logging, numpy, pathlib, socket, subprocess, threading, time;"
    "start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
)
OURS = "autodl_agent.system.processes, autodl_agent.system.process_memory"


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return 1000 * median(found)


def import_milliseconds(modules: str, repeats: int) -> float:
    command = [sys.executable, "-c", IMPORT.format(modules)]
    # Both from compiled files, also where Python may not write them beside a checkout.
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        return 1000 * median(float(subprocess.check_output(command, env=environment)) for _ in range(repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    try:
        import psutil
    except ImportError:
        print("psutil is not installed: nothing to compare with")
        return
    tagged, others = TaggedProcesses("AUTODL_READERS"), children_of_this_process()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={**os.environ, **tagged.environment},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    tagged.group = parent.pid
    try:
        assert parent.stdout is not None
        for _ in range(5):
            parent.stdout.readline()
        tree, (mark,) = ProcessTree(parent.pid, others), tagged.environment.items()
        pids = [member.pid for member in tree.members()]
        assert len(pids) == 5
        with_psutil = [psutil.Process(pid) for pid in pids]
        root = psutil.Process(parent.pid)

        def with_mark() -> list[int]:
            found = []
            for process in psutil.process_iter():
                try:
                    if process.environ().get(mark[0]) == mark[1]:
                        found.append(process.pid)
                except psutil.Error:
                    continue
            return found

        rows: list[tuple[str, Callable[[], object] | None, Callable[[], object]]] = [
            ("identity and start of five", lambda: [psutil.Process(p) for p in pids], lambda: [*map(read_stat, pids)]),
            ("descendants", lambda: root.children(recursive=True), tree.members),
            ("marked processes, every one looked at", with_mark, tagged.members),
            ("marked processes, ten times a second", None, tagged.members_among_new),
            ("resident", lambda: [p.memory_info().rss for p in with_psutil], lambda: [*map(rss_bytes, pids)]),
            ("proportional", lambda: [p.memory_full_info().pss for p in with_psutil], lambda: [*map(pss_bytes, pids)]),
            (
                "anonymous and shared",
                lambda: [sum(m.anonymous for m in p.memory_maps(grouped=False)) for p in with_psutil],
                lambda: [*map(anonymous_bytes, pids)],
            ),
        ]
        print(f"psutil {psutil.__version__}, {len(process_table())} processes to be seen, median of {repeats}")
        print(f"{'milliseconds':42}{'psutil':>10}{'ours':>10}")
        imports = import_milliseconds("psutil", repeats), import_milliseconds(OURS, repeats)
        print(f"{'import':42}{imports[0]:10.2f}{imports[1]:10.2f}")
        for name, theirs, ours in rows:
            other = "-" if theirs is None else f"{milliseconds(theirs, repeats):.2f}"
            print(f"{name:42}{other:>10}{milliseconds(ours, repeats):10.2f}")
    finally:
        kill(tagged)
        parent.wait()


if __name__ == "__main__":
    main()
