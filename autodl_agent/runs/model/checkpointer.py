"""Keeps the newest model on disk while a run goes on, without ever standing in the way of a prediction.

A save runs in a thread of its own, from settled copies that nothing changes. While the run lasts, saving may take
SHARE of the time gone so far; what that forbids is saved at the end. Once the run is over, only the ensemble behind
the last prediction on disk is saved, and where that takes longer than there is time, the model saved before it stays.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autodl_agent.data.task import Task
from autodl_agent.engine.snapshot import Snapshot
from autodl_agent.runs.model.save import discard_unfinished, save_model
from autodl_agent.system.clock import Budget
from data_format.input_spec import Inputs

log = logging.getLogger(__name__)
SHARE = 0.05  # of the time gone that saving may take
LATER_SHARE = 0.025  # the same where no prediction is new: a kill would cost the model, a save now a little time
AFTER_S = 0.4  # that the last save may take once the budget is used
EARLIEST = 0.2  # share of the budget that it may take of it at most
MOST_GROWN = 3.0  # times the seconds of the save before that the last one is expected to take at most
FIRST_MORE_S = 0.4  # that a run without any model may take more
STOPPING_S = 0.2  # that a save given up may take to notice it
FIRST_GUESS_S = 0.1  # of the first save: none before the second second, when predictions matter most


class Checkpointer:
    """One model folder. `offer` and `confirm` belong to the thread of the rounds, the rest to the one that waits."""

    def __init__(self, folder: Path, task: Task, budget: Budget, inputs: Callable[[], Inputs]) -> None:
        self.folder, self.task, self.budget, self.inputs = folder, task, budget, inputs
        self.saves, self.seconds = 0, 0.0
        self.facts: dict[str, Any] | None = None
        self._offered: Snapshot | None = None
        self._newest: tuple[Snapshot, float] | None = None
        self._saved: Snapshot | None = None
        self._tried: Snapshot | None = None
        self._saved_s = 0.0  # when the prediction behind the saved model was made
        self._cost = FIRST_GUESS_S
        self._lock = threading.Lock()  # held while saving: one save at a time
        self._given_up = threading.Event()

    def offer(self, snapshot: Snapshot) -> None:
        """The ensemble behind the prediction that is about to be written."""
        self._offered = snapshot

    def confirm(self) -> None:
        """That prediction is on disk: save the ensemble in the background where the share allows it."""
        if self._offered is None:
            return
        self._newest, self._offered = (self._offered, self.budget.elapsed()), None
        self._save_if_cheap(SHARE)

    def catch_up(self) -> None:
        """Save the newest ensemble in the background where that was too dear when it came and no longer is."""
        if self.newest is not None and self.newest is not self._tried:
            self._save_if_cheap(LATER_SHARE)

    def _save_if_cheap(self, share: float) -> None:
        affordable = self.seconds + self._cost <= share * self.budget.elapsed()
        if affordable and self.newest is not None and self.newest.parts and not self._lock.locked():
            threading.Thread(target=self._save_newest, name="model", daemon=True).start()

    @property
    def newest(self) -> Snapshot | None:
        """The ensemble behind the newest prediction on disk."""
        return self._newest[0] if self._newest else None

    @property
    def early_s(self) -> float:
        """Seconds before the end of the budget at which the last save has to begin, by what the one before took.

        Models grow while they train, so it is expected to take longer in the same measure as the run grew older.
        """
        if self._newest is None or self._newest[0] is self._saved:
            return 0.0
        grown = min(self._newest[1] / self._saved_s, MOST_GROWN) if self._saved_s else 1.0
        return min(max(0.0, self._cost * max(1.0, grown) - AFTER_S), EARLIEST * self.budget.total_s)

    def finish(self, within_s: float | None) -> dict[str, Any] | None:
        """Save the newest ensemble, after a save under way; what then stands in model.json, None without one.

        within_s: seconds after which it is given up, a little more where there is no model at all; None to wait for it.
        """
        if within_s is not None and not self.folder.exists():
            within_s += FIRST_MORE_S
        saving = threading.Thread(target=self._save_newest, name="last model", daemon=True)
        saving.start()
        saving.join(within_s)
        if saving.is_alive():
            self.abandon()
            kept = "the one from before stays" if self.folder.exists() else "there is none"
            if self.saves:
                kept = f"the one of the prediction at {self._saved_s:.1f} s stays"
            log.warning("the last model was not saved, it would have taken longer than there is time; %s", kept)
        return self.facts

    def abandon(self) -> None:
        """Stop a save under way; nothing of it stays."""
        self._given_up.set()
        if self._lock.acquire(timeout=STOPPING_S):
            self._lock.release()
        discard_unfinished(self.folder)

    def _save_newest(self) -> None:
        with self._lock:
            if self._newest is None or self._newest[0] is self._saved:
                return
            snapshot, seconds = self._newest
            self._tried = snapshot
            before = self.budget.now()
            try:
                inputs = self.inputs() if snapshot.parts else Inputs()
                self.facts = save_model(self.folder, snapshot, self.task, inputs, seconds, self._given_up.is_set)
                self._saved, self._saved_s = snapshot, seconds
                self.saves += 1
            except Exception as error:  # a run never ends for its model
                if not self._given_up.is_set():
                    log.warning("the model was not saved: %s: %s", type(error).__name__, error)
            self._cost = self.budget.now() - before
            self.seconds += self._cost
