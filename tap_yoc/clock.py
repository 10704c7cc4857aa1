"""The time, and waiting; tests replace both here."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


class Clock:
    """Returns the time and waits; tests pass one that does not really wait."""

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def sleep(self, seconds: float, stop: threading.Event) -> None:
        """Wait for some seconds, or until the run stops."""
        stop.wait(seconds)
