"""What the tap's stdout leads to: all that arrives, and the ways in which it may not."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from typing_extensions import Buffer

PLAIN, SHORT, WOULD_BLOCK, CLOSED, FULL = "plain", "short", "would block", "closed", "full"


class Sink(io.RawIOBase):
    """A file as `python -u` writes to it: it may take less than it is given, or nothing at all."""

    def __init__(self, mode: str, room: int, rng: random.Random, passing: Callable[[str], None]) -> None:
        super().__init__()
        self.received = bytearray()
        self.has_refused = False
        self.is_over = False
        """The run has ended: what is still in a buffer goes nowhere."""
        self._mode = mode
        self._room = room
        self._rng = rng
        self._passing = passing
        self._descriptor = os.open(os.devnull, os.O_WRONLY)

    def writable(self) -> bool:
        """Say yes."""
        return True

    def fileno(self) -> int:
        """Return a descriptor that may be replaced, as the tap does when the reader is gone."""
        return self._descriptor

    def write(self, data: Buffer, /) -> int | None:
        """Take some bytes, all as a rule."""
        content = bytes(data)
        if self.is_over:
            return len(content)
        taken = content
        if self._mode == SHORT:
            taken = content[: max(1, self._rng.randrange(len(content) + 1))]
        elif self._mode == WOULD_BLOCK:
            if self._rng.random() < 0.3:
                return None
            taken = content[: max(1, self._rng.randrange(len(content) + 1))]
        elif self._mode in {CLOSED, FULL}:
            taken = content[: max(0, self._room - len(self.received))]
            if not taken:
                self.has_refused = True
                raise (
                    BrokenPipeError(errno.EPIPE, "Broken pipe")
                    if self._mode == CLOSED
                    else OSError(errno.ENOSPC, "No space left on device")
                )
        # Dying within a write, part of it has arrived.
        self.received += taken[: len(taken) // 2]
        self._passing("write")
        self.received += taken[len(taken) // 2 :]
        return len(taken)

    def close(self) -> None:
        """Let go of the descriptor."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def stdout_over(sink: Sink, *, is_unbuffered: bool) -> io.TextIOWrapper:
    """Return a `sys.stdout` as Python makes it, with or without a buffer."""
    if is_unbuffered:
        return io.TextIOWrapper(sink, encoding="utf-8", write_through=True)  # type: ignore[arg-type]  # as python -u does
    return io.TextIOWrapper(io.BufferedWriter(sink), encoding="utf-8")
