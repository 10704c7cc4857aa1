"""What a run did, for its last line; safe under threads."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_yoc.errors import ExitCode, YOCError

if TYPE_CHECKING:
    from datetime import date

logger = logging.getLogger("tap-yoc")

FIRST_SIGNAL_CODE = 128


@dataclass(kw_only=True)
class RunSummary:
    """Counts what happened and keeps what failed."""

    streams: int = 0
    rows: int = 0
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    days: set[date] = field(default_factory=set)
    oldest_reread: date | None = None
    """The oldest day that was read again because its figures may have been revised."""
    warnings: int = 0
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a key had no value, by stream and column."""
    stopped_by_signal: int = 0
    failures: dict[str, BaseException] = field(default_factory=dict)
    """What went wrong, by stream, in order."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _warned: set[str] = field(default_factory=set, repr=False)

    def count_request(self) -> None:
        """Count a request that was sent."""
        with self._lock:
            self.requests += 1

    def count_retry(self, seconds: float) -> None:
        """Count a repetition and the wait before it."""
        with self._lock:
            self.retries += 1
            self.waited_seconds += seconds

    def warn(self, message: str) -> None:
        """Log a warning, once a run, and count it."""
        with self._lock:
            if message in self._warned:
                return
            self._warned.add(message)
            self.warnings += 1
        logger.warning(message)

    def count_reread(self, day: date) -> None:
        """Note a day that an earlier run had already read."""
        self.oldest_reread = min(self.oldest_reread or day, day)

    def tell_missing(self, stream: str) -> None:
        """Log once how many rows of a stream came without a value that belongs to their key."""
        for (name, column), rows in self.missing.items():
            if name == stream:
                logger.info("Stream %s: %s was missing in %d rows; text became '' and a number 0.", name, column, rows)

    def fail(self, stream: str, failure: BaseException) -> None:
        """Note the failure of a stream."""
        self.failures.setdefault(stream, failure)

    @property
    def exit_code(self) -> int:
        """The code of the first failure, or of the signal that ended the run."""
        if self.stopped_by_signal:
            return FIRST_SIGNAL_CODE + self.stopped_by_signal
        for failure in self.failures.values():
            return failure.exit_code if isinstance(failure, YOCError) else ExitCode.UNEXPECTED
        return ExitCode.ALL_THERE

    def line(self) -> str:
        """Return the run in one line."""
        parts = [
            f"{self.streams} streams",
            f"{len(self.days)} days",
            f"{self.rows} rows",
            f"{self.requests} requests",
            f"{self.retries} retries",
            f"{self.waited_seconds:.1f} s waited",
            f"oldest day read again: {self.oldest_reread or 'none'}",
            f"{self.warnings} warnings",
        ]
        what = ", ".join(parts)
        if self.stopped_by_signal:
            return f"STOPPED (signal {self.stopped_by_signal}): {what}."
        if self.failures:
            first = next(iter(self.failures.values()))
            return f"FAILED ({', '.join(self.failures)}; exit {int(self.exit_code)}): {what}. {first}"
        return f"Done: {what}."
