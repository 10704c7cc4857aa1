"""Standard output: every byte that is written to it arrives, or an error says that it did not and nothing follows."""

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


class WholeOutput(io.BufferedIOBase):
    """The bytes of a stdout, without a buffer: whoever has written something knows that it is through.

    Python's own stdout is not to be relied on: under `python -u` it writes what the pipe takes at once, and drops the
    rest; and where the pipe does not block, it fails as soon as the reader is slow.
    """

    def __init__(self, stdout: TextIO) -> None:
        """Write below the buffer of a stdout, if it has one."""
        self._raw: Any = getattr(stdout.buffer, "raw", stdout.buffer)
        self._failure: OutputError | None = None

    @override
    def write(self, data: Buffer, /) -> int:
        """Write all of the data, however long the reader takes.

        Raises:
            OutputError: Not all of it arrives, or did of what was written before.
        """
        if self._failure:
            raise OutputError(str(self._failure))
        self._failure = OutputError("Stdout stopped in the middle of a line.")  # whatever ends this: a signal, too
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
        """Say that this can be written to."""
        return True

    @override
    def fileno(self) -> int:
        """Return the number of the file below."""
        return int(self._raw.fileno())

    @override
    def isatty(self) -> bool:
        """Say whether this is a terminal."""
        return bool(self._raw.isatty())


def _failure_of(error: OSError) -> OutputError:
    # Windows tells of a reader that is gone with EINVAL.
    if isinstance(error, ConnectionError) or error.errno == errno.EINVAL:
        return OutputError("The target stopped reading; see its log.")
    if error.errno in NO_ROOM:
        return OutputError(f"Cannot write to stdout ({error.strerror}); free some space, then run again.")
    return OutputError(f"Cannot write to stdout ({error.strerror}); check where it goes, then run again.")


def output() -> WholeOutput:
    """Return where the bytes of stdout go now."""
    buffer = sys.stdout.buffer
    return buffer if isinstance(buffer, WholeOutput) else WholeOutput(sys.stdout)


@contextmanager
def whole_stdout() -> Iterator[None]:
    """Have everything that is written to stdout within, by whomever, arrive as UTF-8, or end in an error.

    Raises:
        OutputError: There is no stdout: the caller has closed it.
    """
    if sys.stdout is None:
        raise OutputError("Stdout is closed, but the tap writes there; connect it to a target or a file.")
    before = sys.stdout
    before.flush()
    sys.stdout = io.TextIOWrapper(WholeOutput(before), encoding="utf-8", write_through=True)
    try:
        yield
    finally:
        sys.stdout = before
