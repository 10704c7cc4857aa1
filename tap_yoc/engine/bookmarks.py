"""Bookmarks: the newest complete day of a report, as the state names it and as a run moves it; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_yoc.dates import ONE_DAY, day_of, days_before
from tap_yoc.errors import SettingsError

if TYPE_CHECKING:
    from datetime import date

    from tap_yoc.dates import Window


def bookmark_of(value: object, *, stream: str, today: date) -> date:
    """Return the day that a state names.

    Raises:
        SettingsError: It is no day, or one that is still to come.
    """
    try:
        day = day_of(value)
    except ValueError:
        raise SettingsError(
            f"The state of stream {stream} is not a bookmark of this tap (a date as YYYY-MM-DD); "
            f"remove the stream's entry from the state to read it from the start."
        ) from None
    if day >= today:
        raise SettingsError(
            f"The state of stream {stream} names {day}, which has not ended yet; set it to the newest day that "
            f"is complete in the warehouse, or remove the stream's entry."
        )
    return day


def settled_until(today: date, lookback_days: int) -> date:
    """Return the newest day that is older than the lookback, and so stays as it is."""
    return days_before(today - 2 * ONE_DAY, lookback_days)


def advance(
    bookmark: date | None,
    *,
    window: Window,
    newest_with_rows: date | None,
    today: date,
    lookback_days: int,
) -> date | None:
    """Return the bookmark after a window was read completely: the newest complete day.

    An empty day may still be filled, so the bookmark passes it only when a later day has rows or when it is older
    than the lookback. It never moves back.
    """
    settled = settled_until(today, lookback_days)
    candidates = [day for day in (bookmark, newest_with_rows) if day]
    if settled >= window.first:
        candidates.append(min(window.last, settled))
    return max(candidates, default=None)
