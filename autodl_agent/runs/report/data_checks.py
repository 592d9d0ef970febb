"""What `autodl inspect` finds in the data, for the last page: columns that tell nothing or all, rows that stand twice.

Looking through the data may take any time, so a daemon thread does it and the page waits as long as it can afford.
"""

import logging
import threading
from dataclasses import replace

from data_format.dataset import Dataset

log = logging.getLogger(__name__)


class Checks:
    """notes: one sentence a finding, None until all have been looked for."""

    def __init__(self, dataset: Dataset) -> None:
        self.notes: tuple[str, ...] | None = None
        # What looking finds unreadable is known already, or was never asked for: it is not to be counted twice.
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
