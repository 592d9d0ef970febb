"""Whether a run gets a worker: only where a learner needs one, and time and memory hold what its libraries take."""

import importlib.util
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autodl_agent.data.task import Task
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import address_limit_bytes, cores, memory_limit_bytes

if TYPE_CHECKING:
    from autodl_agent.engine.worker.client import WorkerClient

log = logging.getLogger(__name__)
TIMES = 2.0  # the seconds that a learner takes to start, which a budget must have left for it
TIMES_ON_FEW_CORES = 5.0  # where loading its libraries takes the time of other learners
ENOUGH_CORES = 4
LEAST_BYTES = 2 << 30  # for both processes together; TensorFlow alone takes a third of it
COORDINATOR_BYTES = 800 << 20
LEAST_ADDRESS_BYTES = 4 << 30  # TensorFlow takes 2 of it before it does anything, and more with every core
LIMIT_SHARE = 0.6  # of what the machine has left, for the worker


def start_worker(
    task: Task,
    candidates: Sequence[LearnerSpec],
    budget: Budget,
    memory_bytes: int | None = None,
    started: "WorkerClient | None" = None,
) -> "WorkerClient | None":
    """The client of a worker that is starting, or None with the reason in the log.

    memory_bytes: that the user allows for the whole run; None for what the machine has. started: one that
    was started before the task was known; it is used, or closed where no worker is wanted.
    """
    heavy = [spec for spec in candidates if spec.worker]
    allowed = memory_bytes or memory_limit_bytes()
    worker = None
    if heavy and _affordable(heavy, budget, allowed) and (specs := [spec for spec in heavy if spec.fits(task)]):
        worker = started or launch_worker(specs, budget, allowed - COORDINATOR_BYTES if memory_bytes else None)
        worker.adopt(specs, budget)
    if started is not None and worker is None:
        started.close()
    return worker


def launch_worker(specs: Sequence[LearnerSpec], budget: Budget, memory_bytes: int | None = None) -> "WorkerClient":
    """The client of a worker that is starting. memory_bytes: of the worker; a share of the machine by default."""
    from autodl_agent.engine.worker.client import WorkerClient

    own = memory_bytes or int(LIMIT_SHARE * memory_limit_bytes())
    libraries = tuple(dict.fromkeys(name for spec in specs for name in spec.libraries))
    return WorkerClient(specs, budget, max(own, LEAST_BYTES - COORDINATOR_BYTES), libraries=libraries)


def switched_off() -> bool:
    """Whether AUTODL_WORKER=off says that no second process may be started."""
    return os.environ.get("AUTODL_WORKER", "").lower() in ("off", "0", "no", "false")


def _affordable(heavy: Sequence[LearnerSpec], budget: Budget, allowed: int) -> bool:
    if switched_off():
        log.info("heavy learners are left out: AUTODL_WORKER is off")
        return False
    least = (TIMES if cores() >= ENOUGH_CORES else TIMES_ON_FEW_CORES) * min(spec.start_s for spec in heavy)
    if budget.remaining() < least:
        log.info("heavy learners are left out: they need a budget of %g s at least", least)
        return False
    if (addresses := address_limit_bytes()) is not None and addresses < LEAST_ADDRESS_BYTES:
        least_mb, allowed_mb = LEAST_ADDRESS_BYTES >> 20, addresses >> 20
        told = "heavy learners are left out: they need %d MB of address space (ulimit -v), %d are allowed"
        log.warning(told, least_mb, allowed_mb)
        return False
    if allowed < LEAST_BYTES:
        log.warning(
            "heavy learners are left out: they need %d MB of memory, %d are allowed", LEAST_BYTES >> 20, allowed >> 20
        )
        return False
    if not libraries_found(heavy):
        log.info("heavy learners are left out: their libraries are not installed")
        return False
    return True


def libraries_found(heavy: Sequence[LearnerSpec]) -> bool:
    """Whether what the worker loads is installed, and there is a Python to start it with."""
    names = {name for spec in heavy for name in spec.libraries}
    return bool(sys.executable) and all(importlib.util.find_spec(name) is not None for name in names)
