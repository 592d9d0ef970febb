"""The entry point: one command, its errors as one line and an exit code, and an end that waits for nobody."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from autodl_agent.commands.group import cli
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import cores, limit_blas_threads
from data_format.exit_callbacks import run_exit_callbacks

EXIT_BAD_INPUT = 2
ECHO_S = 0.5


class _Terminated(SystemExit):
    """SIGTERM arrived; raised in the main thread so that the run is completed first."""


def main() -> NoReturn:
    """Entry point: run a command, map errors to one line and an exit code, and never wait for stray threads."""
    os.environ.setdefault("OMP_NUM_THREADS", str(cores()))  # read once, when the libraries are loaded
    limit_blas_threads()
    signal.signal(signal.SIGTERM, _once(_Terminated(128 + signal.SIGTERM)))
    signal.signal(signal.SIGINT, _once(KeyboardInterrupt()))
    code = _call()
    # What the interpreter's own end would do, which does not come.
    run_exit_callbacks()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    # A learner may still sit in native code after the deadline; waiting for its thread would break the time limit.
    os._exit(code)


def _call() -> int:
    try:
        # Not standalone, click gives the code of an `Exit` in place of raising it.
        code = cli.main(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("autodl: interrupted; the best prediction so far is on disk", err=True)
        return 128 + signal.SIGINT
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    """One line for what a user can mend; a traceback only for what must be our fault."""
    from autodl_agent.system.errors import AutoDLError
    from data_format.errors import DataError

    if isinstance(error, AutoDLError | DataError | OSError):
        click.echo(f"autodl: {error}".replace("\n", " "), err=True)
        return EXIT_BAD_INPUT
    import traceback

    traceback.print_exception(error)
    return 1


def _once(error: BaseException) -> Callable[[int, Any], None]:
    """A signal handler that raises `error` the first time and ends the process at once the second time.

    `timeout 60 autodl run` signals the process and then its group: what comes twice within ECHO_S is one wish.
    """

    def handle(number: int, frame: Any) -> None:
        echo = Budget.from_now(ECHO_S)
        signal.signal(number, lambda n, f: None if echo.remaining() > 0 else os._exit(128 + n))
        raise error

    return handle
