import numpy as np
import pytest
import scipy.sparse

from data_format.errors import DataError, Unreadable
from data_format.examples import Text
from data_format.raw.arrays.dataset import dataset_from_arrays


class Series:
    """The little of a pandas column that is asked for."""

    def __init__(self, values):
        self.values = np.asarray(values, dtype=None if not isinstance(values, list) else object)

    def to_numpy(self):
        return self.values

    def __len__(self):
        return len(self.values)


class Frame:
    """The little of a pandas (or polars) data frame that is asked for."""

    def __init__(self, **columns):
        self._columns = columns
        self.columns = list(columns)

    @property
    def shape(self):
        return len(self), len(self.columns)

    def __len__(self):
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name):
        return Series(self._columns[name])

    def to_numpy(self):
        return np.array(list(self._columns.values()), dtype=object).T


def test_a_matrix_is_a_table_with_classes_in_sorted_order():
    x = np.array([[1.0, np.nan], [3.0, np.inf], [5.0, 6.0]], np.float32)
    dataset = dataset_from_arrays(x, [10, 2, 10], x[:2], name="m")
    assert dataset.domain[0] == "tabular"
    assert dataset.class_names == ("2", "10")
    assert dataset.train.labels.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert np.isnan(dataset.train.source.table().numbers[0, 1])
    assert (len(dataset.test), dataset.test.labels.shape, dataset.name) == (2, (2, 2), "m")
    assert dataset.truth() is None


def test_without_test_rows_the_test_split_is_empty():
    dataset = dataset_from_arrays([[1, 2], [3, 4]], ["a", "b"])
    assert (len(dataset.test), len(dataset.test.source.table()), dataset.test.labels.shape) == (0, 0, (0, 2))


def test_rows_with_words_are_typed_like_cells():
    dataset = dataset_from_arrays([[1, "red"], [None, "blue"], [3, "red"]], [0, 1, 0])
    table = dataset.train.source.table()
    assert table.strings[:, 0].tolist() == ["red", "blue", "red"]
    assert table.numbers[[0, 2], 0].tolist() == [1, 3] and np.isnan(table.numbers[1, 0])


def test_a_data_frame_is_known_by_its_methods_and_matched_by_name():
    days = np.array(["2020-01-02", "NaT", "1970-01-02"], "datetime64[ns]")
    x = Frame(a=[1, None, 3], b=["u", "v", None], c=days)
    dataset = dataset_from_arrays(x, Series(["x", "y", "x"]), Frame(b=["u"], a=[7], z=[1]))
    table, test = dataset.train.source.table(), dataset.test.source.table()
    assert table.number_names == ("a", "c") and table.string_names == ("b",)
    assert table.numbers[2].tolist() == [3, 1] and table.strings[2, 0] == ""
    assert test.numbers[0, 0] == 7 and np.isnan(test.numbers[0, 1])
    assert any("missing" in p.reason and "'c'" in p.reason for p in dataset.problems)
    assert any("'z'" in p.reason for p in dataset.problems)


def test_a_column_of_sentences_in_a_data_frame_is_text():
    texts = [f"a sentence with some words number {i}" for i in range(6)]
    dataset = dataset_from_arrays(Frame(words=texts, n=list(range(6))), [0, 1] * 3, Frame(words=["one more"]))
    assert dataset.domain[0] == "text"
    assert dataset.test.source.example(0) == Text("one more")
    assert dataset_from_arrays(Frame(words=texts), [0, 1] * 3, domain="tabular").domain[0] == "tabular"


def test_lists_of_texts():
    dataset = dataset_from_arrays(["good film", "bad film", None], ["p", "n", "p"], ("fine",))
    assert dataset.domain[0] == "text"
    assert [dataset.train.source.example(i).text for i in range(3)] == ["good film", "bad film", ""]
    assert dataset_from_arrays(np.array(["a", "b"]), [0, 1]).domain[0] == "text"


def test_lists_of_paths_are_files(image, tmp_path):
    files = [image(f"{i}.png", level=20 * i) for i in range(4)]
    for x in (files, [str(file) for file in files]):
        dataset = dataset_from_arrays(x, list("abab"), [tmp_path / "gone.png", files[0]])
        assert dataset.domain[0] == "image"
        assert dataset.train.ids == [str(file) for file in files]
        assert dataset.train.source.example(1).path == files[1]
        with pytest.raises(Unreadable, match="missing file"):
            dataset.test.source.example(0)
    with pytest.raises(DataError, match="expected 'image'.*found 'speech'"):
        dataset_from_arrays(files, list("abab"), domain="speech")


@pytest.mark.parametrize(
    ("shape", "domain", "found"),
    [
        ((4, 8, 6), "image", (1, 8, 6, 1)),
        ((4, 8, 6, 3), "image", (1, 8, 6, 3)),
        ((4, 5, 8, 6, 3), "video", (5, 8, 6, 3)),
    ],
)
def test_arrays_of_pictures_and_clips(shape, domain, found):
    x = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    dataset = dataset_from_arrays(x, [0, 1, 0, 1], x[:1])
    assert (dataset.domain[0], dataset.shape) == (domain, found)
    assert dataset.train.source.example(3).array.shape == found
    assert dataset.train.source.example(0).array.dtype == np.float32
    with pytest.raises(DataError, match="rows of a table"):
        dataset.train.source.table()


def test_lists_of_waves_are_sounds_and_equal_short_ones_are_rows():
    waves = [np.ones(30, np.float32), np.ones(50, np.int16)]
    dataset = dataset_from_arrays(waves, [0, 1], [np.ones((20, 2))])
    assert (dataset.domain[0], dataset.shape) == ("speech", (-1, 1, 1, 1))
    assert dataset.train.source.example(1).array.shape == (50, 1, 1, 1)
    assert dataset.test.source.example(0).array.shape == (20, 1, 1, 1)
    assert dataset_from_arrays([np.ones(4), np.ones(4)], [0, 1]).domain[0] == "tabular"
    assert dataset_from_arrays([np.ones(4), np.ones(4)], [0, 1], domain="speech").domain[0] == "speech"
    assert dataset_from_arrays([np.ones(5000), np.ones(5000)], [0, 1]).domain[0] == "speech"


def test_a_bad_array_is_one_bad_example():
    dataset = dataset_from_arrays(
        [np.ones((4, 4, 3)), np.ones((2, 2, 2, 2)), np.ones((3, 3))], [0, 1, 0], domain="image"
    )
    assert dataset.train.source.example(2).array.shape == (1, 3, 3, 1)
    with pytest.raises(Unreadable, match="4 dimensions, not of a image"):
        dataset.train.source.example(1)


def test_sparse_matrices():
    x = scipy.sparse.csr_matrix(np.eye(3))
    dataset = dataset_from_arrays(x, [0, 1, 0], x[:1])
    assert dataset.train.source.table().sparse.n_columns == 3
    assert len(dataset.test) == 1
    with pytest.raises(DataError, match="expected 3 columns, found 2"):
        dataset_from_arrays(x, [0, 1, 0], x[:, :2])


@pytest.mark.parametrize(
    ("y", "names", "labels"),
    [
        ([[1, 0], [1, 1], [0, 0]], ("0", "1"), [[1, 0], [1, 1], [0, 0]]),
        (np.array([[0.5, 0], [1, 1], [0, 0]]), ("0", "1"), [[0.5, 0], [1, 1], [0, 0]]),
        ([["b", "a"], [], ["b"]], ("a", "b"), [[1, 1], [0, 0], [0, 1]]),
        ([{"b"}, {"a"}, set()], ("a", "b"), [[0, 1], [1, 0], [0, 0]]),
        ([[7], [3], [7]], ("3", "7"), [[0, 1], [1, 0], [0, 1]]),
        ([True, False, True], ("False", "True"), [[0, 1], [1, 0], [0, 1]]),
        (["001", "1e3", "001"], ("001", "1e3"), [[1, 0], [0, 1], [1, 0]]),
        ([1, "a", 1], ("1", "a"), [[1, 0], [0, 1], [1, 0]]),
        (scipy.sparse.csr_matrix([[1, 0], [0, 1], [0, 0]]), ("0", "1"), [[1, 0], [0, 1], [0, 0]]),
        (Frame(p=[1, 0, 0], q=[0, 1, 0]), ("p", "q"), [[1, 0], [0, 1], [0, 0]]),
    ],
)
def test_forms_of_labels(y, names, labels):
    dataset = dataset_from_arrays(np.eye(3), y)
    assert dataset.class_names == names
    assert dataset.train.labels.tolist() == labels


def test_class_names_fix_the_order_and_add_classes():
    dataset = dataset_from_arrays(np.eye(2), ["a", "b"], class_names=["b", "z", "a"])
    assert dataset.class_names == ("b", "z", "a")
    assert dataset.train.labels.tolist() == [[0, 0, 1], [1, 0, 0]]
    unlabelled = dataset_from_arrays(np.eye(2), None, class_names=["b", "a"])
    assert unlabelled.train.labels.tolist() == [[0, 0], [0, 0]]


def test_rows_without_a_label_are_left_out_and_counted():
    dataset = dataset_from_arrays(np.eye(4), ["a", None, "b", float("nan")])
    assert dataset.train.ids == ["0", "2"]
    assert dataset.train.source.table().numbers.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]
    assert dataset.problems[0].reason == "2 training rows without a label, not used"
    texts = dataset_from_arrays(["a b", "c d", "e f"], ["x", None, "y"])
    assert texts.train.source.example(1) == Text("e f")


@pytest.mark.parametrize(
    ("x", "y", "x_test", "more", "says"),
    [
        (np.eye(2), [0, 1, 0], None, {}, "expected 2 labels.*found 3"),
        (np.eye(2), [0, 1], None, {"domain": "smell"}, "domain: expected one of.*'smell'"),
        (np.zeros((0, 2)), [], None, {}, "expected examples, found 0"),
        ("text", ["a"], None, {}, "found str"),
        (np.arange(3), [0, 1, 0], None, {}, r"2-D array.*\(3,\)"),
        (np.eye(2), [0, 1], np.eye(3), {}, "expected 2 columns, found 3"),
        (np.zeros((2, 0)), [0, 1], None, {}, "at least one column"),
        (np.eye(2), [[0, 3], [1, 1]], None, {}, r"y\[0, 1\]: expected a label between 0 and 1, found"),
        (np.eye(2), [None, None], None, {}, "expected class values, found none in 2 rows"),
        (np.eye(2), ["a", "b"], None, {"class_names": ["a"]}, "found 'b'"),
        (np.eye(2), np.zeros((2, 2, 2)), None, {}, r"\(2, 2, 2\)"),
        (["a", "b"], [0, 1], [1, 2], {}, "expected texts as in x"),
        ([[1, 2], [3]], [0, 1], None, {"domain": "tabular"}, "rows of one length"),
        (Frame(a=[1, 2]), [0, 1], Frame(b=[1]), {}, "expected the columns 'a', found 'b'"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(x, y, x_test, more, says):
    with pytest.raises(DataError, match=says):
        dataset_from_arrays(x, y, x_test, **more).train.source.table()
