"""Groups of texts of like length."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autodl_agent.pretrained.runtime.length_batching import STEPS, filled_up, in_groups

TEXTS = st.lists(st.lists(st.integers(3, 99), max_size=20), min_size=1, max_size=12)


@given(TEXTS, st.integers(1, 5))
def test_texts_come_back_in_their_order(texts, size):
    seen = []

    def compute(group):
        assert 1 <= len(group) <= size
        seen.append(max(map(len, group)))
        return np.array([[sum(text), len(text)] for text in group], np.float32)

    assert in_groups(texts, size, compute).tolist() == [[sum(text), len(text)] for text in texts]
    assert seen == sorted(seen)


@given(TEXTS.filter(lambda texts: len(texts) <= 4))
def test_texts_are_filled_up(texts):
    numbers, there = filled_up(texts, 4, 1, 2)
    assert numbers.shape == there.shape == (4, numbers.shape[1]) and numbers.shape[1] % STEPS == 0
    for row, text in enumerate(texts):
        assert numbers[row][there[row]].tolist() == [1, *text, 2]
        assert (numbers[row][~there[row]] == 2).all()
    assert (there[len(texts) :].sum(1) == 1).all()
    assert numbers.shape[1] - max(map(len, texts)) - 2 < STEPS
