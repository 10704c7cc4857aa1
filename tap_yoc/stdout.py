"""Standard output: whether it is there, and whether what is written to it arrives."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_yoc.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator


def require_stdout() -> None:
    """Look whether there is a stdout, before anything is asked.

    Raises:
        OutputError: The caller has closed it.
    """
    if sys.stdout is None:
        raise OutputError("Stdout is closed, and the tap writes there; connect it with a target or a file.")


@contextmanager
def flushed_stdout() -> Iterator[None]:
    """Have what is written to stdout within arrive where it leads.

    Raises:
        OutputError: It does not arrive.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        discard_stdout()
        raise OutputError("The target stopped reading; see its log.") from error
    except OSError as error:
        discard_stdout()
        raise OutputError(f"Stdout takes nothing more ({error.strerror}); make room, then run again.") from error


def discard_stdout() -> None:
    """Write to nowhere from now on; else Python complains once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
