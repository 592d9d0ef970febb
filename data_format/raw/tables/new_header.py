"""Whether the first row of new inputs is a header, by what the model's training data show.

Without labels, all rows of a list of files or texts look alike, so the meaning of the cells is checked, too. Each rule
takes the first row, some rows below it, and whether it looks like a header by its form alone.
"""

from collections.abc import Callable, Sequence

from data_format.raw.file_names import FILE_COLUMNS, is_file_column, like_files, words_of
from data_format.raw.tables.column_types import is_number
from data_format.raw.tables.header import has_word_above_numbers

Row = Sequence[str]
Heading = Callable[[Row, Sequence[Row], bool], bool]

_TEXT_WORDS = frozenset(
    (
        *("text", "texts", "review", "reviews", "comment", "comments", "sentence", "message", "content", "body"),
        *("tweet", "title", "headline", "document", "description", "question", "utterance", "post", "article"),
        *("abstract", "summary", "caption", "transcript", "query", "email", "sms", "phrase"),
    )
)


def above_numbers(first: Row, below: Sequence[Row], looks: bool) -> bool:
    """For a model trained on a table without a header: only words, at least one of them above numbers."""
    return looks and not any(map(is_number, first)) and has_word_above_numbers(first, below)


def above_files(is_there: Callable[[str], bool]) -> Heading:
    """For a list of files: no cell names one (is_there: whether a file exists), and a cell is a usual column name."""

    def is_heading(first: Row, below: Sequence[Row], looks: bool) -> bool:
        cells = [cell.strip() for cell in first if cell.strip()]
        if like_files(cells):
            return False
        # Asked first, since looking for a file may mean to list all of them.
        if any(cell.lower() in FILE_COLUMNS for cell in cells):
            return True
        return not any(map(is_there, cells)) and (looks or any(map(is_file_column, cells)))

    return is_heading


def above_texts(names: Sequence[str]) -> Heading:
    """For texts: a name that the model knows or that is usual; else one word above texts of several words each.

    names: columns that the model was trained on.
    """
    known = {name.lower() for name in names}

    def is_heading(first: Row, below: Sequence[Row], looks: bool) -> bool:
        if known & {cell.strip().lower() for cell in first}:
            return True
        if not looks or not below:
            return False
        lengths = [sum(len(row[place]) for row in below) for place in range(len(first))]
        place = max(range(len(first)), key=lengths.__getitem__)
        word = first[place].strip()
        if not word.replace("_", "a").replace("-", "a").replace(" ", "a").isalnum() or len(word.split()) > 3:
            return False
        if words_of(word) & _TEXT_WORDS or has_word_above_numbers(first, below):
            return True
        return len(word.split()) == 1 and all(_words(row[place]) > 1 for row in below if row[place].strip())

    return is_heading


def _words(text: str) -> int:
    """Words; in writing without blanks, every two characters count as one."""
    return len(text.split()) if text.isascii() else max(len(text.split()), len(text.strip()) // 2)
