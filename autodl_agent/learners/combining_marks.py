"""Signs that are no letters and yet belong to the letter before them: vowel signs, viramas, tones, accents.

Half of what is written in Devanagari, Bengali or Tamil are such marks (Unicode category M), and so are accents in the
decomposed form; whoever cuts words at everything that is no letter takes these words apart.
"""

from unicodedata import category

FIRST = "\u0300"  # no mark comes before it
JOINERS = "\u200c\u200d"  # say how two letters of a word are drawn; between other signs they mean other things


def is_mark(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    return character >= FIRST and category(character).startswith("M")
