from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.errors import DataError
from data_format.raw.labels import (
    LabelRule,
    Truth,
    class_list,
    declared_names,
    encode,
    find_labels,
    is_label_name,
    labelled_rows,
    names_text,
    order_classes,
    with_declared,
)
from data_format.raw.tables.csv_file import read_grid

SINGLE, SEVERAL = LabelRule("single", ("y",)), LabelRule("multiple", ("labels",))


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["10", "2", "1", "0"], ["0", "1", "2", "10"]),
        (["010", "001", "1"], ["001", "1", "010"]),
        (["-1", "1"], ["-1", "1"]),
        (["1e3", "1.0"], ["1.0", "1e3"]),
        (["True", "False"], ["False", "True"]),
        (["k10", "k2", "K1"], ["K1", "k10", "k2"]),
        (["10", "2", "x"], ["10", "2", "x"]),
        (["NA", "None", " nan"], [" nan", "NA", "None"]),
    ],
)
def test_class_order(names, ordered):
    assert order_classes(names) == tuple(ordered)


@pytest.mark.parametrize(
    ("head", "row", "kind", "columns"),
    [
        ("a,label,b", "1,x,2", "single", ["label"]),
        ("a,Class,b", "1,x,2", "single", ["Class"]),
        ("y,target,b", "1,0,2", "single", ["y"]),
        ("a,labels", "1,x y", "multiple", ["labels"]),
        ("label:b,a,label:a", "1,5,0", "indicators", ["label:b", "label:a"]),
        ("a,b,l0,l1,l2", "1,2,0,1,1", "indicators", ["l0", "l1", "l2"]),
        ("a,label_1,label_2", "1,0,1", "indicators", ["label_1", "label_2"]),
        ("a,l0,l1", "1,0,7", "single", ["l1"]),
        ("x1,x2,x3", "7,0,1", "single", ["x3"]),
        ("l0,l1", "0,1", "single", ["l1"]),
        ("a,x1,b,x2", "7,0,5,1", "single", ["x2"]),
        ("a,b,outcome", "1,2,x", "single", ["outcome"]),
    ],
)
def test_label_columns_are_found(head, row, kind, columns, write):
    rule = find_labels(read_grid(write("t.csv", f"{head}\n{row}\n{row}\n")))
    assert (rule.kind, list(rule.columns)) == (kind, columns)


def test_the_column_that_the_test_file_lacks_is_the_label(write):
    grid = read_grid(write("t.csv", "id,survived,fare\n" + "".join(f"{i},{i % 2},{i * 3}\n" for i in range(20))))
    rule = find_labels(grid, absent=["survived"])
    assert rule.columns == ("survived",)
    assert "survived" in rule.note
    assert find_labels(grid, absent=["id"]).columns == ("fare",)
    assert find_labels(grid, absent=["survived", "id"]).columns == ("fare",)


def test_no_label_column_is_refused_with_the_columns_seen(write):
    grid = read_grid(write("t.csv", "text\nhello there\n"))
    with pytest.raises(DataError, match="found the columns 'text'"):
        find_labels(grid)


def test_labelled_rows():
    assert labelled_rows(SINGLE, [["a", "", " ", "NA"]]) == [0, 3]
    assert labelled_rows(SEVERAL, [["a", "", "b"]]) == [0, 1, 2]
    assert labelled_rows(LabelRule("indicators", ("a", "b")), [["1", "", "0"], ["0", "", ""]]) == [0, 2]


def test_single_labels_keep_their_spelling_and_unknown_ones_are_counted():
    classes = class_list(SINGLE, [["001", "010", "001", ""]])
    assert classes == ("001", "010")
    matrix, unknown = encode(SINGLE, classes, [["010", "1", "001", ""]])
    assert matrix.tolist() == [[0, 1], [0, 0], [1, 0], [0, 0]]
    assert unknown == Counter({"1": 1, "": 1})
    assert matrix.dtype == np.float32


def test_several_names_a_cell():
    classes = class_list(SEVERAL, [["b a", "", "c"]])
    matrix, unknown = encode(SEVERAL, classes, [["a c", "", "b nope"]])
    assert classes == ("a", "b", "c")
    assert matrix.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert unknown == Counter({"nope": 1})


def test_switches_take_every_usual_spelling_and_soft_scores():
    rule = LabelRule("indicators", ("label:a",))
    cells = ["1", "0", "1.0", "0.0", "true", "False", "YES", "no", "", "0.25", "7", "maybe"]
    matrix, unknown = encode(rule, class_list(rule, [cells]), [cells])
    assert matrix[:, 0].tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 0, 0.25, 0, 0]
    assert unknown == Counter({"7": 1, "maybe": 1})
    assert class_list(rule, [cells]) == ("a",)


def test_a_column_of_measurements_is_refused():
    cells = [str(i) for i in range(25_000)]
    with pytest.raises(DataError, match="'y': expected class labels, found 25000 different values in 25000 rows"):
        encode(SINGLE, class_list(SINGLE, [cells]), [cells])


def test_declared_names_set_the_order_and_add_classes(write, tmp_path):
    assert declared_names(tmp_path) == ()
    write("label.name", "zebra\nant\ncat\n")
    declared = declared_names(tmp_path)
    assert with_declared(("ant", "cow"), declared) == (("zebra", "ant", "cat", "cow"),) * 2
    assert with_declared(("0", "2"), declared) == (("0", "1", "2"), ("zebra", "ant", "cat"))
    assert with_declared(("0", "7"), declared)[1] == ("zebra", "ant", "cat", "0", "7")
    assert with_declared(("0", "1"), ("1", "0")) == (("1", "0"),) * 2
    assert with_declared(("a",), ()) == (("a",), ("a",))


def test_truth_is_read_once_and_reports_then():
    calls, problems = [], []

    def read():
        calls.append(1)
        return np.zeros((3, 2), np.float32), Counter({"maybe": 2, "": 1})

    truth = Truth(read, "test.csv", problems)
    assert problems == []
    assert truth().shape == (3, 2)
    assert truth() is truth()
    assert len(calls) == 1
    assert [(p.where, p.reason) for p in problems] == [
        ("test.csv", "2 test rows have label 'maybe', which no training row has"),
        ("test.csv", "1 test row has no label"),
    ]


def test_names_text():
    assert names_text(["a", "b"]) == "'a', 'b'"
    assert names_text([str(i) for i in range(15)]).endswith("'11' and 3 more")


@given(st.lists(st.text(min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_every_training_label_is_encoded_in_its_column(cells):
    classes = class_list(SINGLE, [cells])
    matrix, unknown = encode(SINGLE, classes, [cells])
    assert not unknown
    assert [classes[i] for i in matrix.argmax(axis=1)] == cells
    assert (matrix.sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("name", "is_label"),
    [
        ("Label", True),
        ("labels", True),
        ("y", True),
        ("label:cat", True),
        ("LabelConfidencePairs", True),
        ("breed", False),
    ],
)
def test_names_that_say_label(name: str, is_label: bool) -> None:
    assert is_label_name(name) is is_label
