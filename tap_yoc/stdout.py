"""Standard output: every byte arrives, or an error is raised and nothing more is written."""

from __future__ import annotations

import errno
import io
import select
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tap_yoc.errors import OutputError

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from typing_extensions import Buffer

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UnbufferedOutput(io.BufferedIOBase):
    """Unbuffered binary stdout: when `write` returns, everything is written.

    Python's own stdout is not reliable: under `python -u` it writes only what the pipe accepts at once and drops the
    rest, and with a non-blocking pipe it fails if the reader is slow.
    """

    def __init__(self, stdout: TextIO) -> None:
        """Bypass the buffer of a stdout, if it has one."""
        self._raw: Any = getattr(stdout.buffer, "raw", stdout.buffer)
        self._failure: OutputError | None = None

    @override
    def write(self, data: Buffer, /) -> int:
        """Write all of the data, no matter how slow the reader is.

        Raises:
            OutputError: The data, or earlier data, could not be written completely.
        """
        if self._failure:
            raise OutputError(str(self._failure))
        self._failure = OutputError("Stdout stopped in the middle of a line.")  # in case a signal ends this
        rest = memoryview(data).cast("B")
        try:
            while rest:
                if taken := self._raw.write(rest):
                    rest = rest[taken:]
                else:
                    select.select([], [self._raw], [])
        except OSError as error:
            self._failure = _failure_of(error)
            raise self._failure from error
        self._failure = None
        return memoryview(data).nbytes

    @override
    def writable(self) -> bool:
        """Return that this can be written to."""
        return True

    @override
    def fileno(self) -> int:
        """Return the file descriptor."""
        return int(self._raw.fileno())

    @override
    def isatty(self) -> bool:
        """Return whether this is a terminal."""
        return bool(self._raw.isatty())


def _failure_of(error: OSError) -> OutputError:
    # Windows reports a closed pipe with EINVAL.
    if isinstance(error, ConnectionError) or error.errno == errno.EINVAL:
        return OutputError("The target stopped reading; see its log.")
    if error.errno in NO_ROOM:
        return OutputError(f"Cannot write to stdout ({error.strerror}); free some space, then run again.")
    return OutputError(f"Cannot write to stdout ({error.strerror}); check where it goes, then run again.")


def output() -> UnbufferedOutput:
    """Return the current unbuffered stdout."""
    buffer = sys.stdout.buffer
    return buffer if isinstance(buffer, UnbufferedOutput) else UnbufferedOutput(sys.stdout)


@contextmanager
def unbuffered_stdout() -> Iterator[None]:
    """Make stdout unbuffered UTF-8 for all writers in this context.

    Raises:
        OutputError: Stdout is closed.
    """
    if sys.stdout is None:
        raise OutputError("Stdout is closed, but the tap writes there; connect it to a target or a file.")
    before = sys.stdout
    before.flush()
    sys.stdout = io.TextIOWrapper(UnbufferedOutput(before), encoding="utf-8", write_through=True)
    try:
        yield
    finally:
        sys.stdout = before
