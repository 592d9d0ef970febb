"""Slices in the worker, seen from here: it is started early, loaded in the background, replaced when it is lost.

The rounds ask `free` and `play`, and read its events from their own queue; nothing here ever waits for the worker.
"""

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autodl_agent.data.arrays import Logits
from autodl_agent.data.splits import Fold
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.worker.process import Event, WorkerLost, WorkerProcess
from autodl_agent.engine.worker.protocol import Done, Failed, OpenTask, OutOfTime, Prepare, Ready, RunSlice
from autodl_agent.engine.worker.task_files import read_results, write_handover
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.system.clock import Budget, Deadline
from autodl_agent.system.errors import AutoDLError

log = logging.getLogger(__name__)
LOADING_S = 60.0  # a library that takes longer is not worth waiting for
RESTARTS = 3
LATE = 0.3  # share of its seconds by which a slice may be late before its worker counts as hanging
KEPT = 4  # newest slices whose models are never removed


@dataclass(frozen=True)
class Finished:
    """What one slice in the worker came to.

    logits: "held_out" (absent where nothing is held out) and "test"; empty for a slice without results. error: why
    the learner failed, "" for one that merely timed_out. again: it may be given another try.
    """

    spec: LearnerSpec
    started_s: float
    logits: dict[str, Logits]
    models: tuple[Path, ...] = ()
    more: bool = True
    error: str = ""
    again: bool = False


class WorkerClient:
    """Slices of heavy learners, one at a time.

    specs: the learners that the task can use. memory_bytes: most that the worker may take of its own.
    """

    def __init__(
        self,
        specs: Sequence[LearnerSpec],
        budget: Budget,
        memory_bytes: int,
        folder: Path | None = None,
        libraries: Sequence[str] = ("keras",),
    ) -> None:
        self.specs = tuple(specs)
        self.budget, self.memory_bytes = budget, memory_bytes
        self.folder = folder or Path(tempfile.mkdtemp(prefix="autodl-worker-"))
        self.share = self.folder / "share"
        self.share.mkdir(exist_ok=True)
        self._deliver: Callable[[Finished | None], None] = _to_nobody
        self.reason = ""  # why no more slices are played
        self._libraries = list(libraries)
        self._process: WorkerProcess | None = None
        self._ready = self._handed_over = self._closed = False
        self._task: tuple[TensorStore, tuple[Fold, ...]] | None = None
        self._playing: tuple[int, LearnerSpec, float, Path] | None = None
        self._number = self._losses = self._generation = 0
        self._lock = threading.RLock()
        self._loaded_event = threading.Event()
        self._start()

    @property
    def loading(self) -> bool:
        """Whether it will be free by itself."""
        with self._lock:
            return not self.reason and not self._closed and not (self._ready and self._handed_over)

    @property
    def playing(self) -> LearnerSpec | None:
        """The learner whose slice is being played."""
        with self._lock:
            return self._playing[1] if self._playing else None

    @property
    def free(self) -> tuple[LearnerSpec, ...]:
        """The learners of which a slice can be started now; their libraries are loaded, which costs no more."""
        with self._lock:
            if self.loading or self.reason or self._closed or self._playing:
                return ()
            return tuple(spec.when_loaded() for spec in self.specs)

    def adopt(self, specs: Sequence[LearnerSpec], budget: Budget) -> None:
        """Serve these learners on this clock from now on."""
        with self._lock:
            self.specs, self.budget = tuple(specs), budget

    def wait_loaded(self, seconds: float) -> bool:
        """Wait until the libraries are loaded, or there is no more hope."""
        return self._loaded_event.wait(seconds)

    def open(self, store: TensorStore, folds: tuple[Fold, ...]) -> None:
        """Tell the worker the task, in the background."""
        self._task = store, folds
        threading.Thread(target=self._hand_over, name="worker-handover", daemon=True).start()

    def deliver_to(self, sink: Callable[[Finished | None], None]) -> None:
        """Hand every `Finished` slice to `sink`, from any thread; None means that something else changed."""
        self._deliver = sink

    def play(self, spec: LearnerSpec, seconds: float) -> None:
        """Start a slice; it ends with a `Finished` among the events."""
        with self._lock:
            if self._process is None:
                return
            self._number += 1
            results = self.folder / f"slice-{self._number}"
            try:
                results.mkdir()
            except OSError as error:
                self._give_up(f"its folder cannot be written to ({error.strerror or error})")
                return
            self._playing = self._number, spec, self.budget.elapsed(), results
            allowed_s = max(0.05, self.budget.deadline(seconds).remaining())
            message = RunSlice(self._number, spec.name, spec.where, allowed_s, str(results))
            # A late answer holds up nothing here and is worth more than a new process.
            self._process.send(message, self.budget.deadline(seconds * (1 + LATE)))

    def tidy(self, needed: Iterable[Path]) -> None:
        """Remove the models of older slices, but those below the `needed` folders; the newest may just be saved."""
        keep = {folder.relative_to(self.folder).parts[0] for folder in needed if folder.is_relative_to(self.folder)}
        with self._lock:
            old = [self.folder / f"slice-{number}" for number in range(1, self._number - KEPT)]
            for folder in old:
                if folder.name not in keep:
                    shutil.rmtree(folder, ignore_errors=True)

    def halt(self) -> None:
        """End the worker; the models that it wrote stay."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process is not None:
            process.close()

    def close(self) -> None:
        """End the worker and remove its files."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        with self._lock:  # no event is heard before all is in place
            self._generation += 1
            generation = self._generation
            try:
                self._process = WorkerProcess(
                    self.folder, self.memory_bytes, lambda event: self._on_event(generation, event)
                )
            except OSError as error:
                self._give_up(f"it could not be started ({error.strerror or error})")
                return
            loading = Deadline(self.budget.now() + LOADING_S, self.budget.now)
            self._process.send(Prepare(self._libraries), loading)

    def _hand_over(self) -> None:
        if self._task is None:
            return
        store, folds = self._task
        target = self.folder / "task"
        try:
            write_handover(target, store, folds, self.share, store.memory_bytes)
        except Exception as error:  # the rounds go on without heavy learners
            if not self._closed:
                self._give_up(f"the data could not be handed over ({type(error).__name__}: {error})")
            return
        with self._lock:
            self._handed_over = True
            if self._ready and self._process is not None:
                self._process.send(OpenTask(str(target)))
        self._deliver(None)

    def _on_event(self, generation: int, event: Event) -> None:
        """In the thread that watches the process."""
        with self._lock:
            process = self._process
            if self._closed or process is None or generation != self._generation:
                return
            if isinstance(event, Ready):
                self._loaded(process, event)
            elif isinstance(event, Done | OutOfTime | Failed):
                process.clear_deadline()
                self._ended(event)
            elif isinstance(event, WorkerLost):
                self._lost(process, event)

    def _loaded(self, process: WorkerProcess, event: Ready) -> None:
        process.clear_deadline()
        if event.missing:
            self._give_up(event.missing)
            return
        log.info("the worker has loaded its libraries in %.1f s", event.seconds)
        self._ready = True
        self._loaded_event.set()
        if self._handed_over:
            process.send(OpenTask(str(self.folder / "task")))
        self._deliver(None)

    def _ended(self, event: Done | OutOfTime | Failed) -> None:
        if event.number == -1 and isinstance(event, Failed):
            self._give_up(f"the task could not be opened ({event.error})")
            return
        if self._playing is None or self._playing[0] != event.number:
            return
        _, spec, started, results = self._playing
        self._playing = None
        if isinstance(event, OutOfTime):
            self._deliver(Finished(spec, started, {}))
        elif isinstance(event, Failed):
            log.info("%s failed in the worker: %s", spec.name, event.details or event.error)
            self._deliver(Finished(spec, started, {}, more=False, error=event.error))
        else:
            self._deliver(self._read(spec, started, results, event))

    def _read(self, spec: LearnerSpec, started: float, results: Path, event: Done) -> Finished:
        if self._task is None:
            return Finished(spec, started, {}, more=False, error="no task")
        store, folds = self._task
        classes = store.task.n_classes
        shapes = {"test": (store.task.n_test, classes)}
        if held := sum(len(fold.held_out) for fold in folds):
            shapes["held_out"] = (held, classes)
        try:
            logits = read_results(results, shapes)
        except AutoDLError as error:
            return Finished(spec, started, {}, more=False, error=str(error))
        models = tuple(results / "models" / str(fold) for fold in range(event.folds))
        return Finished(spec, started, logits, models, event.more)

    def _lost(self, process: WorkerProcess, event: WorkerLost) -> None:
        """Bench what was playing (unless somebody else ended the worker), and start another one."""
        self._losses += 1
        self._ready, self._process = False, None
        said = process.output_tail.splitlines()[-1:] or [""]
        log.warning("the worker was lost: %s. %s", event.reason, said[0][:300])
        if self._playing is not None:
            _, spec, started, _ = self._playing
            self._playing = None
            self._deliver(
                Finished(spec, started, {}, more=event.stopped, error=f"worker: {event.reason}", again=event.stopped)
            )
        if self._losses > RESTARTS:
            self._give_up(f"it was lost {self._losses} times, the last time because {event.reason}")
            return
        with suppress(RuntimeError):  # no new thread at the end of the interpreter
            self._start()
        self._deliver(None)

    def _give_up(self, reason: str) -> None:
        self.reason = reason
        self._loaded_event.set()
        log.warning("no heavy learners: %s", reason)
        self._deliver(None)


def _to_nobody(event: Finished | None) -> None:
    """Before the rounds begin nobody waits for what the worker says."""
