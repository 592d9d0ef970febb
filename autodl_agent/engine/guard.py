"""Learners may raise anything at all; nothing of it ends a run."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def capture_errors(work: Callable[[], T]) -> T | Exception:
    """What a learner's `work` gives, or what it raises; a wish to end the program counts where it may be the user's."""
    try:
        return work()
    except Exception as error:
        return error
    except (SystemExit, KeyboardInterrupt) as error:
        if threading.current_thread() is threading.main_thread():
            raise
        return RuntimeError(f"it tried to end the program ({type(error).__name__})")
