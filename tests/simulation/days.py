"""Days and instants that a life takes place on."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import random

BERLIN = ZoneInfo("Europe/Berlin")
ONE_DAY = timedelta(days=1)
MONTHS_SERVED = 6
DST_DAYS = (date(2026, 3, 29), date(2026, 10, 25))
FIRST_MORNINGS = (*DST_DAYS, date(2025, 12, 20), date(2026, 2, 20))


def days_between(first: date, last: date) -> list[date]:
    """Return all days from one to another, both inclusive."""
    return [first + ONE_DAY * n for n in range((last - first).days + 1)]


def six_months_before(day: date) -> date:
    """Return the same day six months earlier, or the last of that month."""
    month = day.year * 12 + day.month - 1 - MONTHS_SERVED
    for back in range(4):
        try:
            return date(month // 12, month % 12 + 1, day.day - back)
        except ValueError:  # noqa: PERF203 - four times at most
            continue
    raise ValueError(day)


def instant_of_run(day: date, rng: random.Random) -> float:
    """Return when the run of a day starts; the nights on which the clocks change are run through at their odd hours."""
    choices = [30, 60, 90, 119, 150, 200] if day in DST_DAYS else [0, 1, 240, 360, 360, 360, 480, 900, 1430]
    midnight = datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(timezone.utc)
    return (midnight + timedelta(minutes=rng.choice(choices), seconds=5)).timestamp()
