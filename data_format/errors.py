"""What can be wrong with data on disk.

DataError             the data set cannot be used; the text says what was expected, what was found, and where
└── Unreadable        one example (file, record, row) cannot be read; the caller skips it, counts it and goes on
"""


class DataError(Exception):
    """A data set cannot be used as it is."""


class Unreadable(DataError):
    """One example cannot be decoded; its text is a short reason that can be counted, without the file's name."""
