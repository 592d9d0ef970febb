import csv

import numpy as np
import pytest

from autodl_agent.data.task import Domain, Task
from autodl_agent.runs.csv_files import seconds_to_write, write_predictions, write_table

NAMES = ("001", 'été, or "x"')
IDS = ["test/a.png", "test/b,c.png", "test/d\ne.png", ""]
PREDICTION = np.array([[0.9, 0.1], [0.2, 0.7], [0.6, 0.55], [1e-12, 1 / 3]], np.float32)


def task_of(multilabel=False, n_test=4, names=NAMES):
    return Task("set", Domain.IMAGE, "", names, 9, n_test, (1, 8, 8, 3), multilabel, (5, 4))


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def written(path, multilabel=False, thresholds=None, left=lambda: 1.0):
    assert write_predictions(path, task_of(multilabel), IDS, PREDICTION, thresholds, left)
    return read_csv(path)


def test_a_line_for_each_row_and_nothing_lost(tmp_path):
    rows = written(tmp_path / "p.csv")
    assert rows[0] == ["id", *NAMES, "most_likely"]
    assert [row[0] for row in rows[1:]] == IDS
    assert [row[-1] for row in rows[1:]] == [NAMES[0], NAMES[1], NAMES[0], NAMES[1]]
    assert np.allclose([[float(cell) for cell in row[1:-1]] for row in rows[1:]], PREDICTION, rtol=1e-5)


@pytest.mark.parametrize(("thresholds", "third"), [(None, " ".join(NAMES)), ((0.7, 0.5), NAMES[1])])
def test_rows_of_several_labels_list_all_above_the_thresholds(tmp_path, thresholds, third):
    rows = written(tmp_path / "p.csv", True, thresholds)
    assert rows[3][-1] == third
    assert rows[4][-1] == NAMES[1]  # none is above: the one that comes nearest


def test_without_time_nothing_is_left(tmp_path):
    assert not write_predictions(tmp_path / "p.csv", task_of(), IDS, PREDICTION, None, lambda: 0.0)
    assert not list(tmp_path.iterdir())


def test_only_many_numbers_take_long():
    assert seconds_to_write(task_of()) < 0.001
    assert 1 < seconds_to_write(task_of(n_test=100_000, names=tuple(map(str, range(100))))) < 10


def test_a_small_table(tmp_path):
    write_table(tmp_path / "t.csv", ["where", "reason"], [("a,b", "x"), ("\udcff", "y")])
    assert (tmp_path / "t.csv").read_bytes() == b'where,reason\r\n"a,b",x\r\n\xff,y\r\n'
