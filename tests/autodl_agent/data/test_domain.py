from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.data.domain import domain_of, make_task
from autodl_agent.learners.testing.contract import memory_dataset


@pytest.mark.parametrize(
    ("shape", "vocabulary", "domain"),
    [
        ((1, 28, 28, 1), {}, "image"),
        ((1, -1, -1, 3), {}, "image"),
        ((1, 1, 24, 1), {}, "tabular"),
        ((1, 24, 1, 1), {}, "tabular"),
        ((-1, 1, 1, 1), {}, "speech"),
        ((-1, 1, 1, 1), {0: "word"}, "text"),
        ((16_000, 1, 1, 1), {}, "speech"),
        ((181, 60, 80, 1), {}, "video"),
        ((-1, -1, -1, 3), {}, "video"),
    ],
)
def test_records_follow_the_shape_rule(shape, vocabulary, domain):
    dataset, _ = memory_dataset("tabular")
    found, reason = domain_of(replace(dataset, shape=shape, vocabulary=vocabulary, domain=None))
    assert found == domain
    assert reason


def test_raw_data_say_what_they_are():
    dataset, _ = memory_dataset("speech")
    assert domain_of(replace(dataset, domain=("text", "because"))) == ("text", "because")


def task_of(rows):
    dataset, _ = memory_dataset("text", n_train=len(rows))
    labels = np.array(rows, np.float32)
    return make_task(replace(dataset, train=replace(dataset.train, labels=labels)))


def test_exactly_one_label_in_every_row_is_single_label():
    assert not task_of([[1, 0, 0], [0, 1, 0]]).multilabel


@pytest.mark.parametrize("odd", [[0, 0, 0], [1, 1, 0], [0.5, 0, 0]])
def test_one_row_with_none_two_or_half_a_label_makes_it_multi_label(odd):
    assert task_of([[1, 0, 0], odd]).multilabel


def test_the_range_of_dense_values_is_peeked():
    dataset, _ = memory_dataset("image")
    low, high = make_task(dataset).value_range
    values = [dataset.train.source.example(i).array for i in range(60)]
    assert min(v.min() for v in values) <= low < 0.1
    assert 0.7 < high <= max(v.max() for v in values)
    assert make_task(memory_dataset("text")[0]).value_range == (0.0, 0.0)


def test_counts_and_channels():
    task = task_of([[1, 0, 0], [1, 1, 0]])
    assert task.class_counts == (2, 1, 0)
    assert task.shape[3] == 1
