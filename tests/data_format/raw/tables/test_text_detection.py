import pytest

from data_format.raw.tables.text_detection import measure, text_columns

SENTENCES = [f"this is sentence number {i} of a review" for i in range(40)]
HEADLINES = [f"今日收官是否重复过去的故事{i}" for i in range(40)]
LEVELS = [["red", "green"][i % 2] for i in range(40)]
NUMBERS = [str(i) for i in range(40)]
NAMES = [f"Mr. Owen Harris {i}" for i in range(40)]


@pytest.mark.parametrize(
    ("columns", "texts", "reason"),
    [
        ({"review": SENTENCES}, ("review",), "'review': free text, 8.0 words a row on average and 100%"),
        ({"headline": HEADLINES}, ("headline",), "free text, 7.5 words"),
        ({"id": NUMBERS, "review": SENTENCES, "colour": LEVELS}, ("review",), "outweighs 2 other columns"),
        ({"title": NAMES, "review": SENTENCES, "n": NUMBERS}, ("title", "review"), "outweighs 1 other column"),
        ({"colour": LEVELS, "n": NUMBERS}, (), "1 column of numbers and 1 column of words"),
        # One free text among many facts stays a table.
        ({"name": NAMES, **{f"f{i}": NUMBERS for i in range(8)}}, (), "8 columns of numbers and 1 column of words"),
        # Every colour repeated: words, but no text.
        ({"sentence": ["the same long sentence in each row"] * 40, "n": NUMBERS}, (), "rows of"),
        ({"text": LEVELS, "n": NUMBERS}, ("text",), "'text' is text by its name"),
        ({"text": NUMBERS}, (), "1 column of numbers and 0 columns of words"),
        ({"surname": [f"Schmidt{i}" for i in range(40)]}, ("surname",), "only words that mostly differ, in 1 column"),
        ({"colour": LEVELS}, (), "0 columns of numbers and 1 column of words"),
        ({}, (), "rows of"),
    ],
)
def test_text_or_table(columns, texts, reason):
    kinds = ["number" if cells is NUMBERS else "word" for cells in columns.values()]
    found, why = text_columns(list(columns), kinds, list(columns.values()))
    assert found == texts
    assert reason in why


def test_missing_cells_do_not_count():
    prose = measure(["", "?", "one two three four", "five six seven eight"])
    assert (prose.words, prose.different) == (4, 1)
    assert measure(["", "NA"]).words == 0
    assert prose.free
