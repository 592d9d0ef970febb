"""Learners that break, for tests of what must not: each works as the first learner of its ladder until its fault comes.

The fault comes in the first slice of a run with an even seed and in the second one of a run with an odd seed, so that
both a learner that never delivered and one whose work must be kept are met. `faults("segfault", "here:nan")` gives
LearnerSpecs; those named with `here:` ask for the coordinator, all others for the worker process. Which faults a
coordinator survives says the table FAULTS. The product knows nothing of all this: benchmarks/chaos.py adds faults to
the ladders from outside.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, LearnerSpec
from autodl_agent.learners.testing.faults import bad_output, hangs, process
from autodl_agent.learners.testing.faults.base import Faulty
from autodl_agent.system.errors import UsageError

HERE = "here:"


@dataclass(frozen=True)
class Fault:
    """learner: the class. survivable: a coordinator that runs it in its own process can go on, or end in good order."""

    name: str
    learner: type[Faulty]
    survivable: bool = False


FAULTS = (
    Fault("raise-fit", bad_output.RaisesInFit, True),
    Fault("raise-predict", bad_output.RaisesInPredict, True),
    Fault("raise-test", bad_output.RaisesOnTest, True),
    Fault("raise-save", bad_output.RaisesInSave, True),
    Fault("raise-init", bad_output.RaisesAtOnce, True),
    Fault("memory-error", bad_output.OutOfMemory, True),
    Fault("recursion", bad_output.Recursion, True),
    Fault("nan", bad_output.NotFinite, True),
    Fault("nan-test", bad_output.NotFiniteOnTest, True),
    Fault("shape", bad_output.WrongShape, True),
    Fault("range", bad_output.OutOfRange, True),
    Fault("none", bad_output.NoArray, True),
    Fault("text", bad_output.TextArray, True),
    Fault("huge-result", bad_output.HugeResult, True),
    Fault("sleep-fit", hangs.SleepsInFit, True),
    Fault("sleep-predict", hangs.SleepsInPredict, True),
    Fault("hang-native", hangs.HangsInNative, True),
    Fault("hold-interpreter", hangs.HoldsInterpreter),
    Fault("late", hangs.Late, True),
    Fault("leak", process.Leaks),
    Fault("exit", process.Exits),
    Fault("sys-exit", process.ExitsPolitely, True),
    Fault("interrupt", process.Interrupts, True),
    Fault("segfault", process.Segfault),
    Fault("abort", process.Aborts),
    Fault("kill", process.Killed),
    Fault("stop", process.Stopped),
    Fault("stubborn", hangs.Stubborn),
    Fault("flood", process.Floods),
    Fault("close-files", process.ClosesFiles),
    Fault("spawn", process.Spawns),
    Fault("threads", hangs.LeavesThreads, True),
    Fault("scribble", process.Scribbles),
)


def faults(*names: str) -> tuple[LearnerSpec, ...]:
    """Specs of the named faults, of all when none is named; they look good, so that a policy tries them soon.

    A name with `here:` before it asks for the coordinator's process. Raises UsageError for a name that is not there.
    """
    known = {fault.name: fault for fault in FAULTS}
    specs = []
    for name in names or tuple(known):
        plain = name.removeprefix(HERE)
        if plain not in known:
            raise UsageError(f"no fault is called {plain!r}; there are {', '.join(known)}")
        learner = known[plain].learner
        where = f"{learner.__module__}:{learner.__name__}"
        title = f"fault-{plain}" if plain == name else f"fault-here-{plain}"
        specs.append(LearnerSpec(title, where, example_ms=0.01, expected=0.99, worker=plain == name, libraries=()))
    return tuple(specs)


def add_to_ladders(names: Iterable[str], heavy: bool = True) -> None:
    """Put the named faults behind the first learner of every ladder of this process, whose answer comes undisturbed.

    heavy: keep the learners that need the worker, which loads their libraries first; without them it is ready at once.
    """
    specs = faults(*names)
    for domain, candidates in LEARNERS_BY_DOMAIN.items():
        rest = [spec for spec in candidates[1:] if heavy or not spec.worker]
        LEARNERS_BY_DOMAIN[domain] = (*candidates[:1], *specs, *rest)
