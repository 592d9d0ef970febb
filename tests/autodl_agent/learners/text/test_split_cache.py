import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.text import hashing
from autodl_agent.learners.text.config import LinearConfig
from autodl_agent.learners.text.hashing import token_bag
from autodl_agent.learners.text.split_cache import GrowingBag, even_limit, token_rows
from autodl_agent.system.clock import Deadline


def test_work_done_before_the_deadline_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "CHUNK_CHARACTERS", 10)
    texts, made = [f"text number {i}" for i in range(6)], []

    def make(part, limit):  # type: ignore[no-untyped-def]
        made.extend(part)
        return token_bag(part, 2, limit)

    ticks = iter(range(100))
    growing = GrowingBag(texts, make, 1000, 1000)
    with pytest.raises(OutOfTimeError, match="text chunk"):
        growing.whole(Deadline(3, lambda: float(next(ticks))))
    assert 0 < len(made) < 6
    whole = growing.whole()
    assert made == texts
    np.testing.assert_array_equal(whole.columns, token_bag(texts, 2).columns)
    assert growing.whole() is whole


def test_long_sets_are_shortened_evenly() -> None:
    assert even_limit(["x" * 50] * 4, most=1000, most_total=1000) == 1000
    limit = even_limit(["x" * 1000] * 10, most=1000, most_total=5000)
    assert 250 < limit <= 500
    assert even_limit(["x" * 1000] * 100, most=1000, most_total=10) == 100
    assert even_limit([], most=1000, most_total=10) == 1000


def test_rows_come_from_the_bag_of_their_split(make_sets) -> None:  # type: ignore[no-untyped-def]
    _, train, test = make_sets(["a b", "c", "d e f"], np.eye(3), ["g h"])
    assert np.diff(token_rows(train.take(np.array([2, 0])), LinearConfig()).indptr).tolist() == [5, 3]
    assert np.diff(token_rows(test, LinearConfig()).indptr).tolist() == [3]
