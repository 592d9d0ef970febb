import sys
import unicodedata

import pytest

from autodl_agent.learners.combining_marks import FIRST, is_mark


@pytest.mark.parametrize(
    ("sign", "mark"), [("\u093f", True), ("\u094d", True), ("\u0301", True), ("क", False), ("a", False)]
)
def test_vowel_signs_viramas_and_accents_are_marks(sign, mark):
    assert is_mark(sign) is mark


def test_no_mark_comes_before_the_first():
    marks = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("M")]
    assert chr(marks[0]) == FIRST and all(is_mark(chr(code)) for code in marks)
