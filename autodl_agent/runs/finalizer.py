"""The files that a run ends with, written in a thread of their own: however large they are, they hold nobody up."""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.runs.csv_files import Thresholds
from autodl_agent.runs.folder import RunFolder
from data_format.dataset import Problem

log = logging.getLogger(__name__)
STOPPING_S = 0.1  # to notice that there is no time left


class FinalFilesWriter(threading.Thread):
    """`RunFolder.finish` in the background; see there for the arguments."""

    def __init__(
        self,
        out: RunFolder,
        success: bool,
        facts: dict[str, Any],
        problems: Sequence[Problem],
        truth: Callable[[], NDArray[np.float32] | None],
        thresholds: Callable[[], Thresholds | None],
    ) -> None:
        super().__init__(name="last files", daemon=True)
        self.out, self.work = out, (success, facts, problems, truth, thresholds)
        self.until_s = math.inf
        self.error: OSError | None = None

    def run(self) -> None:
        """Thread body."""
        try:
            self.out.finish(*self.work, self._left)
        except OSError as error:
            self.error = error
        except Exception as error:  # the predictions are on disk: a run does not fail for what comes after
            log.warning("not all files were written: %s: %s", type(error).__name__, error, exc_info=True)

    def wait(self, until_s: float) -> None:
        """Give it until `until_s` seconds after the budget's zero, then let it go. Raises what stopped it."""
        self.until_s = until_s
        self.join(max(0.0, self._left()) + STOPPING_S)
        if self.is_alive():
            log.warning("there was no time left for all the files of this run")
        if self.error is not None:
            raise self.error

    def _left(self) -> float:
        return self.until_s - self.out.budget.elapsed()
