"""The disk under the token cache: it may be full, and what is not flushed is lost in a power cut."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Disk:
    """Knows what of a file would survive a power cut.

    Content survives once its file is flushed, and a new name once its folder is.
    """

    def __init__(self, path: Path, passing: Callable[[str], None]) -> None:
        self.full_at_sync = 0
        """Which flush fails because the disk is full; 0 for none."""
        self.loses_power = False
        """Death is a power cut."""
        self._path = path
        self._passing = passing
        self._surviving = self._content()
        self._flushed: dict[int, bytes] = {}
        self._flushes = 0
        self._at_death: list[bytes | None] = []

    def die(self) -> None:
        """Note what is left of the file at this instant."""
        self._at_death.append(self._surviving if self.loses_power else self._content())

    def settle(self) -> None:
        """Undo what was done to the file after death."""
        for content in self._at_death:
            self._path.unlink(missing_ok=True)
            if content is not None:
                self._path.write_bytes(content)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Count all flushes in this process. They flush nothing, since no power is cut here."""
        with patch.object(os, "fsync", self._fsync):
            yield

    def _content(self) -> bytes | None:
        return self._path.read_bytes() if self._path.exists() else None

    def _fsync(self, descriptor: int) -> None:
        self._flushes += 1
        if self._flushes == self.full_at_sync:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._passing("flush")
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            with open(f"/proc/self/fd/{descriptor}", "rb") as file:  # noqa: PTH123 - a descriptor of another's
                self._flushed[status.st_ino] = file.read()
        elif self._path.exists():
            self._surviving = self._flushed.get(self._path.stat().st_ino, self._surviving)
        self._passing("flushed")
