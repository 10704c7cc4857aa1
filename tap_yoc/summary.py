"""The summary of a run, for its last line; thread-safe."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_yoc.counters import Mark, StreamReading
from tap_yoc.errors import ExitCode, YOCError
from tap_yoc.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from tap_yoc.dates import Window

logger = logging.getLogger("tap-yoc")

FIRST_SIGNAL_CODE = 128


@dataclass(kw_only=True)
class RunSummary:
    """Counts what happened and keeps what failed."""

    monotonic: Callable[[], float] = time.monotonic
    clean: Callable[[str], str] = str
    """Removes secrets from messages of failures."""
    started: float = field(init=False)
    streams: int = 0
    readings: list[StreamReading] = field(default_factory=list)
    """The streams in the order in which they were read, the current one last."""
    rows: int = 0
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    days: set[date] = field(default_factory=set)
    oldest_reread: date | None = None
    """The oldest day that was read again, in case its figures were revised."""
    incomplete_days: set[date] = field(default_factory=set)
    """Days that were loaded although their figures differ from the account's totals."""
    warnings: int = 0
    warned: list[str] = field(default_factory=list)
    """The warnings so far, each once."""
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many rows had no value in a key column, by stream and column."""
    stopped_by_signal: int = 0
    failures: dict[str, BaseException] = field(default_factory=dict)
    """The failures by stream, in order."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.started = self.monotonic()

    def mark(self) -> Mark:
        """Return the run's counters."""
        return Mark(self.rows, self.requests, self.monotonic() - self.started)

    @contextmanager
    def reading(self, stream: str) -> Iterator[None]:
        """Count everything in this context for a stream."""
        self.begin(stream)
        try:
            yield
        except Exception:
            self.end(stream)
            raise
        self.end(stream)  # not after a signal, which interrupts the stream

    def begin(self, stream: str) -> None:
        """Note that the reading of a stream starts."""
        self.streams += 1
        mark = self.mark()
        self.readings.append(StreamReading(name=stream, begun=mark, logged=mark))

    def of(self, stream: str) -> StreamReading:
        """Return the newest reading of a stream; several streams may be read in turns."""
        return next(reading for reading in reversed(self.readings) if reading.name == stream)

    def end(self, stream: str) -> None:
        """Note that the reading of a stream has ended, or failed."""
        self.of(stream).ended = self.mark()
        self.log_missing(stream)

    def plan(self, stream: str, first: date, last: date) -> None:
        """Note the days that a stream reads, both inclusive."""
        reading = self.of(stream)
        reading.first, reading.last = first, last

    def note_newest_day(self, stream: str, day: date) -> None:
        """Note the day of a stream's newest row."""
        self.of(stream).at = day

    def complete(self, stream: str, days: Sequence[date]) -> None:
        """Note that days of a stream were read in full."""
        self.days.update(days)
        self.of(stream).days_complete += len(days)

    def since_last_log(self, stream: str) -> Mark:
        """Return what was done since a stream was last logged."""
        reading = self.of(stream)
        before, reading.logged = reading.logged, self.mark()
        return reading.logged.since(before)

    def log_read(self, stream: str, days: Window | None, rows: int, requests: int | None = None) -> None:
        """Log in one line what was read since the last time.

        `requests` is the number of requests for these days, if others were prefetched.
        """
        done = self.since_last_log(stream)
        asked = counted(done.requests if requests is None else requests, "request")
        when = f"{days}, " if days else ""
        logging.getLogger(f"tap-yoc.{stream}").info(
            "%s: %s%s in %s, %.1f s.", stream, when, counted(rows, "row"), asked, done.seconds
        )

    def done(self, reading: StreamReading) -> Mark:
        """Return what was done for a stream so far, or in total."""
        return (reading.ended or self.mark()).since(reading.begun)

    def count_request(self) -> None:
        """Count a request that was sent."""
        with self._lock:
            self.requests += 1

    def count_retry(self, seconds: float) -> None:
        """Count a retry and the wait before it."""
        with self._lock:
            self.retries += 1
            self.waited_seconds += seconds

    def warn(self, message: str) -> None:
        """Log a warning once per run, and count it."""
        with self._lock:
            if message in self.warned:
                return
            self.warned.append(message)
            self.warnings += 1
        logger.warning(message)

    def count_reread(self, day: date) -> None:
        """Note a day that an earlier run had already read."""
        self.oldest_reread = min(self.oldest_reread or day, day)

    def log_missing(self, stream: str) -> None:
        """Log how many rows of a stream had no value in a key column."""
        for (name, column), rows in self.missing.items():
            if name == stream:
                logger.info("Stream %s: %s was missing in %s.", name, column, counted(rows, "row"))

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
        return ExitCode.COMPLETE

    @property
    def outcome(self) -> str:
        """How the run ended: `done`, `failed`, or `stopped` by a signal."""
        return "stopped" if self.stopped_by_signal else "failed" if self.failures else "done"

    def line(self) -> str:
        """Return the summary as one line of text."""
        parts = [
            counted(self.streams, "stream"),
            counted(len(self.days), "day"),
            counted(self.rows, "row"),
            counted(self.requests, "request"),
            f"{self.retries:,} {'retry' if self.retries == 1 else 'retries'}",
            f"{self.waited_seconds:.1f} s waited",
            f"oldest day read again: {self.oldest_reread or 'none'}",
            counted(self.warnings, "warning"),
            f"{self.mark().seconds:.1f} s in all",
        ]
        what = ", ".join(parts)
        if self.stopped_by_signal:
            return f"STOPPED (signal {self.stopped_by_signal}): {what}."
        if self.failures:
            first = next(iter(self.failures.values()))
            return f"FAILED ({', '.join(self.failures)}; exit {int(self.exit_code)}): {what}. {self.clean(str(first))}"
        return f"Done: {what}."

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON.

        Units: `seconds` and `waited_seconds` in seconds. Days as `YYYY-MM-DD`; `first_day` and `last_day` are the days
        that a stream was to read, both inclusive, and `days` is how many of them were read in full.
        """
        return {
            "outcome": self.outcome,
            "exit_code": int(self.exit_code),
            "signal": self.stopped_by_signal or None,
            "failures": {where: self.clean(str(failure)) for where, failure in self.failures.items()},
            "streams": self.streams,
            "days": len(self.days),
            "rows": self.rows,
            "requests": self.requests,
            "retries": self.retries,
            "waited_seconds": round(self.waited_seconds, 3),
            "seconds": round(self.mark().seconds, 3),
            "oldest_day_read_again": _iso(self.oldest_reread),
            "incomplete_days": sorted(map(_iso, self.incomplete_days)),
            "warnings": self.warnings,
            "by_stream": {reading.name: self._stream_as_json(reading) for reading in self.readings},
        }

    def _stream_as_json(self, reading: StreamReading) -> dict[str, Any]:
        done = self.done(reading)
        return {
            "first_day": _iso(reading.first),
            "last_day": _iso(reading.last),
            "days": reading.days_complete,
            "rows": done.rows,
            "requests": done.requests,
            "seconds": round(done.seconds, 3),
        }

    def as_log_line(self, form: str) -> str:
        """Return the last line of the log: `text`, or `json` for one JSON object."""
        return json.dumps(self.as_json(), ensure_ascii=False) if form == "json" else self.line()


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
