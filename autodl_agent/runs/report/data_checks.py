"""What `autodl inspect` finds in the data, for the last page: constant or leaking columns, duplicate rows.

Looking through the data may take any time, so a daemon thread does it and the page waits as long as it can afford.
"""

import logging
import threading
from dataclasses import replace

from data_format.dataset import Dataset

log = logging.getLogger(__name__)


class Checks:
    """Checks a data set in the background. notes: one sentence per finding, None until all checks are done."""

    def __init__(self, dataset: Dataset) -> None:
        self.notes: tuple[str, ...] | None = None
        # What the checks find unreadable is known already, or was never read by the run: it is not counted twice.
        self._dataset = replace(dataset, problems=list(dataset.problems))
        self._thread = threading.Thread(target=self._look, name="checks", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> tuple[str, ...] | None:
        """The notes, waited for no longer than `seconds`."""
        self._thread.join(max(0.0, seconds))
        return self.notes

    def _look(self) -> None:
        from autodl_agent.data.inspection.summary import inspect_opened

        try:
            self.notes = tuple(inspect_opened(self._dataset)["notes"])
        except Exception as error:  # whatever is wrong with the data, the page goes on without it
            log.warning("data not checked for the report: %s: %s", type(error).__name__, error)
