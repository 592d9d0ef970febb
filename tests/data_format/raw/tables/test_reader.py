import threading

import numpy as np
import pytest

from data_format.errors import DataError
from data_format.examples import Dense, Text
from data_format.raw import open_raw


def _good(n=40):
    return [(i, i * 7 % 11, "yes" if i % 2 else "no") for i in range(n)]


def _reasons(dataset):
    return [problem.reason for problem in dataset.problems]


def test_train_and_test(csv_file, tmp_path):
    csv_file("train.csv", "a,b,y", _good())
    csv_file("test.csv", "a,b,y", [(1, 2, "yes"), (2, 3, "no")])
    dataset = open_raw(tmp_path)
    assert (dataset.name, dataset.path, dataset.class_names) == (tmp_path.name, tmp_path, ("no", "yes"))
    assert (dataset.domain[0], dataset.shape) == ("tabular", (1, 1, 2, 1))
    assert (len(dataset.train), dataset.test.ids, len(dataset.test.source)) == (40, ["0", "1"], 2)
    assert dataset.train.labels[:2].tolist() == [[1, 0], [0, 1]]
    assert not dataset.test.labels.any()
    assert dataset.truth().tolist() == [[0, 1], [1, 0]]
    table = dataset.test.source.table()
    assert (table.numbers.tolist(), table.number_names, table.strings.shape) == ([[1, 2], [2, 3]], ("a", "b"), (2, 0))
    assert dataset.problems == []


@pytest.mark.parametrize("head", ["a,b,label", "a,b,label:p,label:q"])
def test_removing_the_test_labels_changes_nothing_else(head, csv_file, tmp_path):
    several = "label:" in head
    labels = [("yes", "no")[i % 2] for i in range(30)]
    rows = [(i, f"w{i % 3}", *((i % 2, int(i % 3 > 0)) if several else (labels[i],))) for i in range(30)]
    csv_file("train.csv", head, rows[:20])
    csv_file("test.csv", head, rows[20:])
    with_labels = open_raw(tmp_path)
    csv_file("test.csv", "a,b", [row[:2] for row in rows[20:]])
    without = open_raw(tmp_path)
    assert with_labels.truth().shape == (10, 2)
    assert without.truth() is None
    for ours, theirs in ((with_labels.train, without.train), (with_labels.test, without.test)):
        assert list(ours.ids) == list(theirs.ids)
        assert np.array_equal(ours.labels, theirs.labels)
        one, other = ours.source.table(), theirs.source.table()
        assert np.array_equal(one.numbers, other.numbers)
        assert one.strings.tolist() == other.strings.tolist()
    assert (with_labels.class_names, with_labels.domain, with_labels.shape) == (
        without.class_names,
        without.domain,
        without.shape,
    )
    assert with_labels.problems == without.problems


def test_a_class_that_only_the_test_rows_have(csv_file, tmp_path):
    csv_file("train.csv", "a,b,y", _good())
    csv_file("test.csv", "a,b,y", [(1, 2, "yes"), (2, 3, "maybe"), (3, 4, "no")])
    dataset = open_raw(tmp_path)
    assert dataset.class_names == ("no", "yes")
    assert dataset.problems == []
    assert dataset.truth().tolist() == [[0, 1], [0, 0], [1, 0]]
    assert _reasons(dataset) == ["1 test row has label 'maybe', which no training row has"]


def test_one_file_is_split_by_us_and_ids_are_its_row_numbers(csv_file):
    path = csv_file("num.csv", "a,b,y", [(i, i % 2, ["001", "010"][i % 2]) for i in range(20)])
    dataset = open_raw(path)
    assert (dataset.name, dataset.class_names) == ("num", ("001", "010"))
    assert (len(dataset.train), len(dataset.test)) == (16, 4)
    assert sorted(map(int, [*dataset.train.ids, *dataset.test.ids])) == list(range(20))
    assert dataset.test.source.table().numbers[:, 0].tolist() == [float(i) for i in dataset.test.ids]
    assert dataset.truth()[:, 1].tolist() == [int(i) % 2 for i in dataset.test.ids]
    assert list(open_raw(path).test.ids) == list(dataset.test.ids)


def test_one_row_a_class_trains_on_everything_and_claims_no_truth(csv_file, tmp_path):
    csv_file("train.csv", "a,b,y", [(i, 10 * i, f"k{i}") for i in range(12)])
    dataset = open_raw(tmp_path)
    assert len(dataset.class_names) == len(dataset.train) == len(dataset.test) == 12
    assert dataset.truth() is None
    assert _reasons(dataset) == ["no class has two rows: the test rows are the training rows, not scored"]


def test_one_class_only(csv_file, tmp_path):
    csv_file("train.csv", "a,b,y", [(i, i % 3, "yes") for i in range(20)])
    dataset = open_raw(tmp_path)
    assert dataset.class_names == ("yes",)
    assert dataset.train.labels.all()


def test_constant_label_columns_keep_their_place(csv_file, tmp_path):
    csv_file("train.csv", "a,b,l0,l1,l2", [(i, i % 2, 0, i % 2, 1) for i in range(20)])
    dataset = open_raw(tmp_path)
    assert dataset.class_names == ("l0", "l1", "l2")
    assert dataset.train.labels.sum(axis=0).tolist() == [0, 8, 16]
    assert dataset.shape == (1, 1, 2, 1)


def test_unlabelled_training_rows_are_skipped_and_counted(csv_file, tmp_path):
    csv_file("train.csv", "a,b,y", [(i, i % 2, "" if i % 5 == 0 else i % 2) for i in range(40)])
    csv_file("test.csv", "a,b,y", [(1, 1, 0)])
    dataset = open_raw(tmp_path)
    assert dataset.class_names == ("0", "1")
    assert (len(dataset.train), dataset.train.ids[:4]) == (32, ["1", "2", "3", "4"])
    assert dataset.train.source.table().numbers[:4, 0].tolist() == [1, 2, 3, 4]
    assert _reasons(dataset) == ["8 training rows without a label, not used"]


def test_test_columns_are_matched_by_name(csv_file, tmp_path):
    csv_file("train.csv", "a,b,c,y", [(i, f"w{i % 3}", i / 2, i % 2) for i in range(20)])
    csv_file("test.csv", "y,b,z,a", [(0, "w1", "extra", 5), (1, "w2", "extra", "odd")])
    dataset = open_raw(tmp_path)
    table = dataset.test.source.table()
    assert (table.number_names, table.string_names) == (("a", "c"), ("b",))
    assert table.numbers[0, 0] == 5
    assert np.isnan(table.numbers[[0, 1, 1], [1, 0, 1]]).all()
    assert table.strings[:, 0].tolist() == ["w1", "w2"]
    assert _reasons(dataset) == [
        "columns that train.csv lacks, not used: 'z'",
        "columns missing, taken as empty: 'c'",
        "1 cell not a number, taken as missing",
    ]


def test_column_kinds_come_from_the_training_rows(csv_file, tmp_path):
    rows = [(i, "", 7, "" if i % 3 else 5, i % 2) for i in range(40)]
    csv_file("train.csv", "a,empty,const,onlyfive,y", rows)
    csv_file("test.csv", "a,empty,const,onlyfive,y", [(1, 3.5, 8, "text!", 0), (2, "", "", "", 1)])
    dataset = open_raw(tmp_path)
    test = dataset.test.source.table()
    assert test.number_names == ("a", "empty", "const", "onlyfive")
    assert test.numbers[0, :3].tolist() == [1, 3.5, 8]
    assert np.isnan(test.numbers[0, 3])
    assert np.isnan(dataset.train.source.table().numbers[:, 1]).all()


def test_infinities_stay(csv_file, tmp_path):
    rows = [(("inf", "-inf", 1e39, "")[i % 4] if i % 10 == 0 else i, i % 7, i % 2) for i in range(60)]
    csv_file("train.csv", "a,b,y", rows)
    csv_file("test.csv", "a,b,y", [("inf", 1, 0), (1e300, 2, 1)])
    dataset = open_raw(tmp_path)
    assert dataset.test.source.table().numbers[:, 0].tolist() == [np.inf, 1e300]
    assert np.isinf(dataset.train.source.table().numbers[:, 0]).sum() == 3


def test_files_without_headers(write, tmp_path):
    write("train.csv", "".join(f"{4 + i % 3}.{i % 10},{3 + i % 2}.5,{i % 2}\n" for i in range(30)))
    write("test.csv", "4.0,3.5\n5.1,4.5\n6.2,3.5\n")
    dataset = open_raw(tmp_path)
    assert (dataset.class_names, len(dataset.train), len(dataset.test)) == (("0", "1"), 30, 3)
    assert dataset.test.source.table().numbers[:, 1].tolist() == [3.5, 4.5, 3.5]
    assert dataset.truth() is None


def test_a_test_file_that_lost_its_header_is_read_by_place(csv_file, write, tmp_path):
    csv_file("train.csv", "a,b,y", _good())
    write("test.csv", "5,6\n7,8\n")
    dataset = open_raw(tmp_path)
    assert dataset.test.source.table().numbers.tolist() == [[5, 6], [7, 8]]
    assert _reasons(dataset) == ["no header, columns taken by their place"]


def test_a_row_count_in_front_is_not_a_feature(write, tmp_path):
    rows = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(20))
    write("train.csv", ",size,label\n" + rows)
    dataset = open_raw(tmp_path)
    assert dataset.train.source.table().number_names == ("size",)
    assert _reasons(dataset) == ["first column only counts the rows, not used"]


@pytest.mark.parametrize("label", ["label", "sentiment"])
def test_texts(label, write, tmp_path):
    write(
        "train.csv", f"text,{label}\n" + "".join(f'"line {i}\nwith ""quotes"", NA",{"pn"[i % 2]}\n' for i in range(10))
    )
    write("test.csv", 'text\n"\n"\n""\nNA\n😀😀\n')
    dataset = open_raw(tmp_path)
    assert (dataset.domain[0], dataset.shape, dataset.class_names) == ("text", (-1, 1, 1, 1), ("n", "p"))
    assert dataset.train.source.example(3) == Text('line 3\nwith "quotes", NA')
    assert [dataset.test.source.example(i).text for i in range(4)] == ["\n", "", "NA", "😀😀"]
    with pytest.raises(DataError, match="expected rows of a table, found 4 texts"):
        dataset.test.source.table()


def test_several_text_columns_are_joined_and_the_rest_is_named(csv_file, tmp_path):
    rows = [(i, f"a title of story {i}", f"the body of the story with number {i} here", "ab"[i % 2]) for i in range(20)]
    csv_file("train.csv", "id,title,body,label", rows)
    csv_file("test.csv", "title,id,body", [("one", 1, "two")])
    dataset = open_raw(tmp_path)
    assert dataset.test.source.example(0) == Text("one\ntwo")
    assert _reasons(dataset) == ["columns beside the text, not used: 'id'"]


def test_rows_of_numbers_are_examples_too_but_rows_with_words_are_not(csv_file, tmp_path):
    csv_file("train.csv", "a,b,y", _good())
    example = open_raw(tmp_path).train.source.example(0)
    assert isinstance(example, Dense)
    assert example.array.shape == (1, 1, 2, 1)
    csv_file("train.csv", "a,b,y", [(i, "xy"[i % 2], i % 2) for i in range(10)])
    with pytest.raises(DataError, match="column 'b': expected numbers, found words"):
        open_raw(tmp_path).train.source.example(0)


def test_tables_are_built_once_whichever_thread_asks_first(csv_file, tmp_path):
    csv_file("train.csv", "a,b,y", _good())
    dataset = open_raw(tmp_path)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(dataset.train.source.table())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(table) for table in seen}) == 1


def test_a_table_of_20000_columns(write, tmp_path):
    head = ",".join(f"f{j}" for j in range(20_000))
    line = ",".join("0123456789"[j % 10] for j in range(20_000))
    write("train.csv", f"{head},y\n" + "".join(f"{line},{i % 2}\n" for i in range(10)))
    dataset = open_raw(tmp_path)
    assert dataset.shape == (1, 1, 20_000, 1)
    assert dataset.train.source.table().numbers.shape == (8, 20_000)


def test_label_names_beside_the_table(csv_file, write, tmp_path):
    csv_file("train.csv", "a,y", [(i, i % 2) for i in range(10)])
    csv_file("test.csv", "a,y", [(1, 1)])
    write("label.name", "off\non\nbroken\n")
    dataset = open_raw(tmp_path)
    assert dataset.class_names == ("off", "on", "broken")
    assert dataset.truth().tolist() == [[0, 1, 0]]


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ("a,b,y\n", None, "expected training rows, found only the header 'a', 'b', 'y'"),
        ("a,b,y\n1,2,\n2,3,\n", None, "expected labels in column 'y', found only empty cells"),
        (
            "a,labels\n1,\n2,\n",
            None,
            "column 'labels': expected class names, found only empty cells in 2 training rows",
        ),
        ("text\nhello you\n", None, "expected a label column .* found the columns 'text'"),
        ("label:a,label:b\n1,0\n0,1\n", None, "expected data beside the labels, found only 'label:a', 'label:b'"),
        ("a,b,y\n1,2,x\n", "a,b\n", "expected test rows, found only the header 'a', 'b'"),
        ("a,b,y\n1,2,x\n", "c,d,e\nu,v,w\n", "expected the columns 'a', 'b'.* found a first row of 'c', 'd', 'e'"),
        ("a,b,y\n1,2,x\n", "y,d\nu,v\n", "expected the columns 'a', 'b' of train.csv, found 'y', 'd'"),
        ("a,b,y\n1,2,x\n", "", "found an empty file"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(train, test, message, write, tmp_path):
    write("train.csv", train)
    if test is not None:
        write("test.csv", test)
    with pytest.raises(DataError, match=message) as caught:
        open_raw(tmp_path)
    assert "\n" not in str(caught.value)
