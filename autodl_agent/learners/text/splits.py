"""Bags of whole splits, built once per run in pieces, so that a deadline never throws finished work away."""

import threading
from collections.abc import Callable, Sequence

from autodl_agent.clock import Deadline
from autodl_agent.learners.text.features import Bag, chunks, join
from autodl_agent.store import OutOfTimeError, SplitName, TensorStore

MakeBag = Callable[[Sequence[str]], Bag]


class GrowingBag:
    """The bag of a list of texts, a chunk of texts at a time."""

    def __init__(self, texts: Sequence[str], make: MakeBag, max_characters: int) -> None:
        self._texts, self._make = texts, make
        self._todo = chunks(texts, max_characters)
        self._parts: list[Bag] = []
        self._whole: Bag | None = None
        self._lock = threading.Lock()

    def whole(self, deadline: Deadline | None = None) -> Bag:
        """The finished bag. Raises OutOfTimeError when the deadline passes; the chunks done until then are kept."""
        with self._lock:
            while len(self._parts) < len(self._todo):
                if deadline is not None and deadline.passed:
                    raise OutOfTimeError(f"text chunk {len(self._parts) + 1} of {len(self._todo)}")
                first, last = self._todo[len(self._parts)]
                self._parts.append(self._make(self._texts[first:last]))
            if self._whole is None:
                self._whole = join(self._parts)
                self._parts = [self._whole] * len(self._parts)  # frees the pieces, keeps the count
            return self._whole


def split_bag(
    store: TensorStore, split: SplitName, key: str, make: MakeBag, max_characters: int, deadline: Deadline | None = None
) -> Bag:
    """The bag of every text of a split, shared by all learners that name the same key."""
    texts = store.texts(split)
    growing = store.kept(split, key, lambda: GrowingBag(texts, make, max_characters))
    return growing.whole(deadline)
