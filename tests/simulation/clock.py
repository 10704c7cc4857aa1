"""Virtual time: what passes for everybody, and the clock of the machine that the tap runs on, which may be off."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from time import sleep
from typing import TYPE_CHECKING

from tap_yoc.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


MOMENT_SECONDS = 0.002


class Time:
    """The instant it is, in seconds since 1970; it passes only where somebody waits."""

    def __init__(self, instant: float) -> None:
        self.instant = instant
        self._changed = threading.Condition()
        self._on_the_wire = 0

    def __call__(self) -> float:
        return self.instant

    def pass_until(self, instant: float) -> None:
        """Move on to an instant, unless it is past: who waits side by side waits once."""
        with self._changed:
            self.instant = max(self.instant, instant)

    def sleep_until(self, instant: float) -> None:
        """Wait for an instant, as soon as no request is in flight."""
        sleep(MOMENT_SECONDS)  # for those who have signed theirs
        with self._changed:
            self._changed.wait_for(lambda: not self._on_the_wire, timeout=1.0)
            self.instant = max(self.instant, instant)

    @contextmanager
    def on_the_wire(self) -> Iterator[None]:
        """Hold sleepers up."""
        with self._changed:
            self._on_the_wire += 1
        try:
            yield
        finally:
            with self._changed:
                self._on_the_wire -= 1
                self._changed.notify_all()


class MachineClock(Clock):
    """The tap's clock: virtual, and wrong by a number of seconds."""

    def __init__(self, time: Time, off_by_seconds: float, passing: Callable[[str], None]) -> None:
        self._time = time
        self._off_by = timedelta(seconds=off_by_seconds)
        self._passing = passing

    def now(self) -> datetime:
        """Return what the machine takes for the instant."""
        return datetime.fromtimestamp(self._time(), timezone.utc) + self._off_by

    def monotonic(self) -> float:
        """Return seconds, which are right whatever the date is."""
        return self._time()

    def sleep(self, seconds: float, stop: threading.Event) -> None:
        """Let time pass at once."""
        until = self._time() + seconds
        self._passing("sleep")
        if not stop.is_set():
            self._time.sleep_until(until)
