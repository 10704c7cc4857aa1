"""Days: what today and yesterday are, which days YOC serves, and ranges of days.

Pure: the current time is an argument, days are `datetime.date`, and ranges include both ends.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

MONTHS_SERVED = 6
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The days of one query, both inclusive."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    def days(self) -> Iterator[date]:
        """Yield each day, oldest first."""
        for offset in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=offset)


def today_at(now: datetime, zone: tzinfo) -> date:
    """Return the date at a time in the publisher's time zone."""
    return now.astimezone(zone).date()


def day_of(text: object) -> date:
    """Return the day of `YYYY-MM-DD`, with or without a time after it.

    Raises:
        ValueError: It is not a day.
    """
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2})([T ].*)?", text, re.ASCII) if isinstance(text, str) else None
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise ValueError("not a day") from None  # Python's own message quotes the text


def earliest_served(today: date) -> date:
    """Return the first day that YOC certainly serves.

    Units: six calendar months before today (or the last day of a shorter month), plus one day, because a query that
    starts one day too early fails the whole run.
    Source: YOC's help, "the earliest available day is six months ago"; the zone of that day is not stated.
    """
    year, month = divmod(today.year * 12 + today.month - 1 - MONTHS_SERVED, 12)
    month += 1
    day = min(today.day, calendar.monthrange(year, month)[1])
    return date(year, month, day) + ONE_DAY


def days_before(day: date, days: int) -> date:
    """Return the day some days earlier, or the first day of the calendar if there is none."""
    try:
        return day - timedelta(days=days)
    except OverflowError:
        return date.min


def gaps_between(days_with_rows: set[date]) -> list[Window]:
    """Return the gaps between days with rows, oldest first."""
    known = sorted(days_with_rows)
    return [
        Window(first=before + ONE_DAY, last=after - ONE_DAY)
        for before, after in pairwise(known)
        if after - before > ONE_DAY
    ]
