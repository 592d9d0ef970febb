"""Errors of the program. Everything a user can cause has one line that teaches, and exit code 2.

AutoDLError           root; the command line turns it into one line
├── UsageError        options or folders that contradict each other
└── LearnerError      a learner broke its contract; the loop benches it and goes on

`data_format.DataError` stands beside this tree, since `data_format` knows nothing of the agent.
"""


class AutoDLError(Exception):
    """The root of every error that the agent raises on purpose."""


class UsageError(AutoDLError):
    """The request cannot be carried out as it was made."""


class LearnerError(AutoDLError):
    """A learner returned something its contract forbids."""
