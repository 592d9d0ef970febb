"""New inputs are read as the training inputs were, whatever separates their cells and stands in their first row."""

from pathlib import Path

import numpy as np
import pytest

from data_format.dataset import DomainName, Problem
from data_format.errors import DataError, Unreadable
from data_format.examples import MediaFile, Text
from data_format.input_spec import Inputs
from data_format.raw.new_data import raw_chunks
from data_format.raw.tables import stream


@pytest.fixture(params=[0, 4 << 20], ids=["streamed", "whole"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as a big file and as a small one."""
    monkeypatch.setattr(stream, "_WHOLE_BYTES", request.param)


def without_header(*places: int, words: tuple[int, ...] = ()) -> Inputs:
    """What a model knows that was trained on a file without a header."""
    kinds = {f"column {place}": "word" if place in words else "number" for place in places}
    numbers = tuple(name for name, kind in kinds.items() if kind == "number")
    return Inputs(tuple(kinds.items()), numbers, tuple(f"column {place}" for place in words))


def numbers_of(path: Path, inputs: Inputs) -> list[list[float]]:
    return [row for chunk in raw_chunks(path, "tabular", inputs, []) for row in chunk.source.table().numbers.tolist()]


def examples(path: Path, domain: DomainName, inputs: Inputs | None = None) -> list[str]:
    """Paths below the folder of a list, or texts; "missing" for what is not there."""
    out = []
    for chunk in raw_chunks(path, domain, inputs or Inputs(), []):
        for index in range(len(chunk.ids)):
            try:
                example = chunk.source.example(index)
            except Unreadable:
                out.append("missing")
                continue
            assert isinstance(example, MediaFile | Text)
            out.append(example.text if isinstance(example, Text) else str(example.path.relative_to(path.parent)))
    return out


@pytest.mark.parametrize("separator", [" ", ";", "\t", "|", ","])
@pytest.mark.parametrize("rows", [[["1", "2", "3.5"], ["4", "5", "6.5"]], [["1", "2", "3.5"]]])
def test_rows_without_a_header_are_cut_as_they_are_written(either_way, write, separator, rows) -> None:
    path = write("new.csv", "".join(separator.join(row) + "\n" for row in rows))
    assert numbers_of(path, without_header(1, 2, 3)) == [[float(cell) for cell in row] for row in rows]


@pytest.mark.parametrize(
    ("content", "places"),
    [
        ("1;2\n3;4\n", (2, 3)),
        ("a;1;2\nb;3;4\n", (2, 3)),
        ("1 2 a\n3 4 b\n", (1, 2)),
        ("x;y\n1;2\n3;4\n", (1, 2)),
        ("x;y;class\n1;2;a\n3;4;b\n", (1, 2)),
    ],
)
def test_the_label_and_a_heading_may_stand_in_the_new_file(either_way, write, content, places) -> None:
    assert numbers_of(write("new.csv", content), without_header(*places)) == [[1, 2], [3, 4]]


def test_words_without_a_header(write) -> None:
    inputs = without_header(1, 2, words=(1,))
    (chunk,) = raw_chunks(write("new.csv", "red 1\nblue 2\n"), "tabular", inputs, [])
    table = chunk.source.table()
    assert (table.strings.tolist(), table.numbers.tolist()) == ([["red"], ["blue"]], [[1], [2]])


def test_too_few_columns_without_a_header_are_refused(write) -> None:
    with pytest.raises(DataError, match="expected the columns 'column 1', 'column 2', found 'column 1'"):
        numbers_of(write("new.csv", "1\n2\n"), without_header(1, 2))


def test_columns_are_matched_by_name_under_any_separator(either_way, write) -> None:
    inputs = Inputs((("a", "number"), ("b", "number")), ("a", "b"))
    assert numbers_of(write("new.csv", "b;a\n2;1\n"), inputs) == [[1, 2]]


@pytest.fixture
def pictures(image):
    for i in range(4):
        image(f"images/{i}.png")


@pytest.mark.parametrize(
    "content",
    [
        "FileName,Labels\nimages/0.png,a\nimages/1.png,b\n",
        "id,filename,label\n7,images/0.png,a\n8,images/1.png,b\n",
        "file,label,subset\nimages/0.png,a,test\nimages/1.png,b,test\n",
        "image_id\n0.png\n1.png\n",
        "id;breed\n0;a\n1;b\n",
        "images/0.png\nimages/1.png\n",
        "0\n1\n",
        "sep=;\nfile;x\nimages/0.png;1\nimages/1.png;2\n",
    ],
)
def test_lists_in_any_form(either_way, pictures, write, content) -> None:
    assert examples(write("new.csv", content), "image") == ["images/0.png", "images/1.png"]


def test_listed_files_that_are_missing_or_outside_keep_their_rows(pictures, write) -> None:
    path = write("new.csv", "gone.png\n../images/1.png\n/etc/passwd\n1.png\n")
    assert examples(path, "image") == ["missing", "missing", "missing", "images/1.png"]


def test_new_files_come_before_those_of_training(image, write) -> None:
    for name in ("train/0.png", "test_images/0.png", "train/1.png"):
        image(name)
    assert examples(write("new.csv", "file\n0.png\n1.png\n"), "image") == ["test_images/0.png", "train/1.png"]


def test_of_a_whole_data_set_the_test_files_are_new(image, tmp_path) -> None:
    for name in ("train_images/0.png", "test_images/1.png"):
        image(name)
    (chunk,) = raw_chunks(tmp_path, "image", Inputs(), [])
    assert chunk.ids == ["test_images/1.png"]


TEXTS = ["I liked it, very much", "What a bad film"]


@pytest.mark.parametrize("heading", ["review\n", "Review\n", "TEXT\n", "Some Name\n", ""])
def test_texts_with_and_without_a_heading(either_way, write, heading) -> None:
    path = write("new.csv", heading + "".join(f"{text}\n" for text in TEXTS))
    assert examples(path, "text", Inputs(text_columns=("some name",))) == TEXTS


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ('id,review\n1,"I liked it, very much"\n2,What a bad film\n', ()),
        ("id;Body\n1;I liked it, very much\n2;What a bad film\n", ("body",)),
        ("pos\tI liked it, very much\nneg\tWhat a bad film\n", ("column 2",)),
        ('text\n"I liked it, very much"\nWhat a bad film\n', ("text",)),
    ],
)
def test_texts_among_other_columns(either_way, write, content, columns) -> None:
    assert examples(write("new.csv", content), "text", Inputs(text_columns=columns)) == TEXTS


def test_one_text_alone_is_no_heading(write) -> None:
    assert examples(write("new.csv", "I liked it, very much\n"), "text") == TEXTS[:1]


def test_a_list_of_texts_means_the_files(write) -> None:
    for i, text in enumerate(TEXTS):
        write(f"docs/{i}.txt", text)
    assert examples(write("new.csv", "file,note\n0.txt,x\n1.txt,y\n"), "text") == TEXTS


def test_rows_that_are_no_text_are_told(write) -> None:
    problems: list[Problem] = []
    chunks = list(raw_chunks(write("new.csv", "a,b\n1,x\n"), "tabular", Inputs((("a", "number"),), ("a",)), problems))
    assert np.array_equal(chunks[0].source.table().numbers, [[1]])
    assert [problem.reason for problem in problems] == ["columns that the model does not know, not used: 'b'"]
