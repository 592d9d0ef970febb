"""Headings of new inputs, where a model knows what they may say."""

import pytest

from data_format.raw.tables.csv_file import looks_like_header
from data_format.raw.tables.new_header import Heading, above_files, above_numbers, above_texts


def heads(rule: Heading, *rows: list[str]) -> bool:
    return rule(rows[0], rows[1:], looks_like_header(rows))


@pytest.mark.parametrize(
    ("first", "is_heading"),
    [
        (["FileName", "Labels"], True),
        (["file", "label", "subset"], True),
        (["id", "filename", "label"], True),
        (["image_id", "breed"], True),
        (["images/0.png", "a"], False),
        (["gone.png", "a"], False),
        (["there", "a"], False),
    ],
)
def test_lists_of_files(first: list[str], is_heading: bool) -> None:
    rows = [first, *([f"images/{i}.png", "x", "y"][: len(first)] for i in range(3))]
    assert heads(above_files(lambda name: name == "there"), *rows) is is_heading


TEXTS = [["I liked it very much"], ["what a bad film"], ["so so, I think"]]


@pytest.mark.parametrize(
    ("first", "is_heading"),
    [
        ("text", True),
        ("TEXT", True),
        ("Known Name", True),
        ("review", True),
        ("Review Text", True),
        ("nonsense", True),
        ("Great!", False),
        ("A great film", False),
        ("12", False),
    ],
)
def test_texts(first: str, is_heading: bool) -> None:
    assert heads(above_texts(("known name", "text")), [first], *TEXTS) is is_heading


def test_one_word_heads_only_texts_of_several() -> None:
    assert not heads(above_texts(()), ["Anna"], ["Bob"], ["Carla"])
    assert heads(above_texts(()), ["评论内容"], ["这部电影非常好看我喜欢"], ["这部电影不好看"])
    assert not heads(above_texts(()), ["Anna"])


def test_texts_beside_other_columns() -> None:
    assert heads(above_texts(()), ["id", "words"], ["1", "I liked it"], ["2", "bad"])
    assert not heads(above_texts(()), ["7", "I loved it"], ["1", "I liked it"], ["2", "bad"])


def test_tables_that_were_learned_without() -> None:
    assert heads(above_numbers, ["a", "b"], ["1", "x"], ["2", "y"])
    assert not heads(above_numbers, ["3", "b"], ["1", "x"], ["2", "y"])
    assert not heads(above_numbers, ["u", "v"], ["w", "x"], ["z", "y"])
    assert not heads(above_numbers, ["?", "v"], ["1", "x"], ["2", "y"])
