"""Bookmarks: the newest complete day of a report, read from the state and moved by a run; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_yoc.dates import ONE_DAY, day_of, days_before
from tap_yoc.errors import SettingsError

if TYPE_CHECKING:
    from datetime import date

    from tap_yoc.dates import Window


def bookmark_of(value: object, *, stream: str, today: date) -> date:
    """Return the day of a bookmark in the state.

    Raises:
        SettingsError: It is not a day, or the day has not ended yet.
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


def settled_until(yesterday: date, lookback_days: int) -> date:
    """Return the newest day before the lookback, which is not read again; `yesterday` is the newest day served."""
    return days_before(yesterday - ONE_DAY, lookback_days)


def advance(
    bookmark: date | None,
    *,
    window: Window,
    newest_with_rows: date | None,
    yesterday: date,
    lookback_days: int,
) -> date | None:
    """Return the bookmark after a window was read in full: the newest complete day.

    YOC may still fill an empty day, so the bookmark passes one only if a later day has rows or if it is older than the
    lookback. The bookmark never moves back.
    """
    settled = settled_until(yesterday, lookback_days)
    candidates = [day for day in (bookmark, newest_with_rows) if day]
    if settled >= window.first:
        candidates.append(min(window.last, settled))
    return max(candidates, default=None)
