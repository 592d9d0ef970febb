"""The agent as a challenge submission: `Model` with train, test and done_training (AutoDL, AutoNLP and AutoSpeech).

The constructor, which the rules leave outside the clock, imports and warms up. Learning goes on in a background
thread between calls; `train` returns as soon as there is a prediction worth writing, `test` hands out the newest one.
Neither raises: after any failure the best prediction so far stands.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autodl_agent.challenge.submission import input_data
from autodl_agent.challenge.submission.warmup import warm_up
from autodl_agent.data.arrays import Probabilities
from autodl_agent.runs.session import Session
from autodl_agent.system.clock import Budget
from data_format.dataset import Dataset

if TYPE_CHECKING:
    from autodl_agent.engine.worker.client import WorkerClient

log = logging.getLogger(__name__)
DEFAULT_BUDGET_S = 1200.0
LAST_CALL_S = 0.5  # returned this long before the end, a prediction is still written in time
STOPPING_S = 0.5  # that a session may take to end before another one begins
SPACING = 0.02  # share of the time gone between two predictions; the curve is drawn over log time


class Model:
    """A submission. metadata: the official object, or the dict of the sibling challenges."""

    def __init__(self, metadata: Any) -> None:
        self.done_training = False
        self.metadata_ = metadata
        self._sibling = isinstance(metadata, Mapping)
        self._session: Session | None = None
        self._budget: Budget | None = None
        self._train_data: Any = None
        self._test_length: int | None = None
        self._handed_out = -1
        self._from_files = False
        self._worker: WorkerClient | None = None
        try:
            self._worker = warm_up(metadata)
        except Exception:
            log.exception("warm-up failed; the first call pays for it")

    def train(self, dataset: Any, remaining_time_budget: float | None = None) -> None:
        """Go on learning until there is a newer prediction, or the time is over."""
        try:
            self._train(dataset, DEFAULT_BUDGET_S if remaining_time_budget is None else float(remaining_time_budget))
        except Exception:
            log.exception("training failed; the best prediction so far stands")
            self.done_training = True

    def test(self, dataset: Any, remaining_time_budget: float | None = None) -> Probabilities | None:
        """(n_test, classes) in the order of `dataset`."""
        try:
            self._see_test(dataset)
        except Exception:
            log.exception("the test rows cannot be looked at; the best prediction so far is handed out")
        try:
            return self._newest(dataset)
        except Exception:
            log.exception("prediction failed; class frequencies are handed out")
            self.done_training = True
        try:
            return self._frequencies(dataset)
        except Exception:
            log.exception("not even the number of test rows can be told")
            return None

    def _train(self, dataset: Any, remaining: float) -> None:
        call = Budget.from_now(max(0.1, remaining - LAST_CALL_S))
        if self._budget is None:
            self._budget = call
            self._start(dataset)
        if self._session is None:  # the test rows are known only once `test` is called
            return
        first = self._handed_out < 1
        pause = 0.0 if first else SPACING * self._budget.elapsed()
        self._session.wait_for(self._handed_out + 1 if not first else 1, call.remaining())
        if pause:
            self._session.join(min(pause, max(0.0, call.remaining())))
        newer = self._session.newest().version > self._handed_out
        if self._session.ended or not newer or self._budget.remaining() <= 0:
            self.done_training = True

    def _start(self, dataset: Any) -> None:
        if self._sibling:
            self._train_data = dataset
            return
        found = self._files_behind(dataset)
        if found is not None:
            self._from_files = True
            self._begin(found)
        else:
            self._train_data = input_data.read_stream(dataset)

    def _files_behind(self, dataset: Any) -> Dataset | None:
        """The files that `dataset` stands for, where that is certain and they can be read on this machine."""
        try:
            found = input_data.files_behind(self.metadata_)
            if found is not None and input_data.agrees(found.train, dataset, _description(self.metadata_)):
                return found
        except Exception as error:  # such as no decoder for pictures here: the stream needs none
            log.info("files behind the data set are not used: %s: %s", type(error).__name__, error)
        return None

    def _begin(self, dataset: Dataset) -> None:
        if self._budget is None:
            self._budget = Budget.from_now(DEFAULT_BUDGET_S)
        if self._session is not None:  # two at once would share the cores
            self._session.stop()
            self._session.join(STOPPING_S)
        self._test_length = len(dataset.test)
        self._session = Session(dataset, self._budget, worker=self._worker)
        self._worker = None
        self._session.start()

    def _see_test(self, dataset: Any) -> None:
        """Begin with the test rows of `dataset`, unless those of the files are surely the same."""
        if self._from_files and self._session is not None:
            self._from_files = False  # compared once; the object is the same in every call
            description = _description(self.metadata_, "test")
            if not input_data.agrees(self._session.dataset.test, dataset, description):
                test, _ = input_data.read_stream(dataset, every_row=True)
                train = self._session.dataset.train
                self._begin(_with_test(self._session.dataset, train, test))
                self._handed_out = -1
        if self._session is None:
            self._begin(self._streamed(dataset))

    def _newest(self, dataset: Any) -> Probabilities | None:
        session, budget = self._session, self._budget
        if session is None or budget is None:
            self.done_training = True
            return self._frequencies(dataset)
        session.wait_for(1 if self._handed_out < 1 else 0, budget.remaining())
        newest = session.newest()
        self._handed_out = newest.version
        if session.ended or budget.remaining() <= 0:
            self.done_training = True
        return newest.prediction if newest.prediction is not None else self._frequencies(dataset)

    def _streamed(self, dataset: Any) -> Dataset:
        if self._sibling:
            return input_data.sibling_dataset(self.metadata_, self._train_data, dataset)
        test, _ = input_data.read_stream(dataset, every_row=True)
        return input_data.stream_dataset(self.metadata_, self._train_data, test)

    def _frequencies(self, dataset: Any) -> Probabilities | None:
        """The answer of last resort: half for every class, of the right shape."""
        classes = int(self.metadata_["class_num"] if self._sibling else self.metadata_.get_output_size())
        if self._test_length is None:
            self._test_length = sum(1 for _ in input_data.each(dataset))
        return np.full((self._test_length, classes), 0.5, np.float32)


def _description(metadata: Any, subset: str = "train") -> Path:
    return Path(metadata.get_dataset_name()).parent / subset / "metadata.textproto"


def _with_test(dataset: Dataset, train: Any, test: input_data.PackedSource) -> Dataset:
    from dataclasses import replace

    from data_format.dataset import Split

    ids = [str(i) for i in range(len(test))]
    labels = np.zeros((len(test), len(dataset.class_names)), np.float32)
    return replace(dataset, train=train, test=Split(ids, labels, test))
