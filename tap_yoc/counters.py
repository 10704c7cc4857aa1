"""What a run counts, at one time or for one stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date


class Mark(NamedTuple):
    """A run's counters at one time, or the difference between two."""

    rows: int
    requests: int
    seconds: float

    def since(self, earlier: Mark) -> Mark:
        """Return the difference to an earlier mark."""
        return Mark(self.rows - earlier.rows, self.requests - earlier.requests, self.seconds - earlier.seconds)


@dataclass(kw_only=True)
class StreamReading:
    """The progress of one stream."""

    name: str
    begun: Mark
    logged: Mark
    """The run's counters when this stream was last logged."""
    ended: Mark | None = None
    first: date | None = None
    last: date | None = None
    """The days to read, both inclusive; None for a stream without days, or if there are none to read."""
    at: date | None = None
    """The day of the newest row."""
    days_complete: int = 0
    """Number of days in windows that were read and checked."""

    @property
    def days_wanted(self) -> int:
        """How many days to read."""
        return (self.last - self.first).days + 1 if self.first and self.last else 0

    @property
    def days_passed(self) -> int:
        """How many days have been read, including those of a window that is not checked yet."""
        within = (self.at - self.first).days if self.first and self.at else 0
        return max(within, self.days_complete)
