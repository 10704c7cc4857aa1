"""Which days a run reads.

Pure: "today" comes in as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from tap_yoc.dates import ONE_DAY, Window, days_before, earliest_served
from tap_yoc.engine.bookmarks import settled_until


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The days that one stream reads in this run."""

    windows: tuple[Window, ...]
    lost: Window | None
    """Days that should have been read, but that YOC no longer serves."""
    next_first: date
    """The first day that the next daily run will read; days before it are final."""


def split(first: date, last: date, window_days: int) -> tuple[Window, ...]:
    """Return the days from first to last in windows of at most `window_days`; none if first is after last."""
    days = (last - first).days + 1
    starts = range(0, days, window_days)
    step = timedelta(days=min(window_days, max(days, 1)) - 1)
    return tuple(
        Window(first=start, last=min(start + step, last)) for start in (first + timedelta(days=n) for n in starts)
    )


def plan(  # noqa: PLR0913 - each argument is one rule
    *,
    today: date,
    start_date: date | None,
    end_date: date | None,
    bookmark: date | None,
    lookback_days: int,
    window_days: int,
    backfill: Window | None = None,
    newest: date | None = None,
    served: Window | None = None,
) -> Plan:
    """Return the windows to read, given start, bookmark and lookback: within what YOC serves, up to yesterday.

    A backfill replaces start, bookmark and lookback, and does not change what the next run reads. `newest` is the
    newest day with figures, if known: the bookmark stays there, and the next run starts from it. `served` are the days
    that YOC serves; default: six months up to yesterday.
    """
    served = served or Window(first=earliest_served(today), last=today - ONE_DAY)
    earliest, yesterday = served.first, served.last
    start = start_date or earliest
    last = min(end_date or yesterday, yesterday)
    if backfill:
        wanted, last, bookmark_after = backfill.first, min(backfill.last, yesterday), bookmark
        missing_from = backfill.first
    else:
        wanted = _first_wanted(start, bookmark, lookback_days)
        # Days up to the bookmark were read before, those of the lookback included.
        missing_from = max(start_date or date.min, bookmark + ONE_DAY) if bookmark else start
        expected = last if newest is None else min(last, max(newest, settled_until(yesterday, lookback_days)))
        bookmark_after = max(bookmark, expected) if bookmark else expected
    lost_until = min(earliest - ONE_DAY, last)
    next_wanted = _first_wanted(start, bookmark_after, lookback_days)
    return Plan(
        windows=split(max(wanted, earliest), last, window_days),
        lost=Window(first=missing_from, last=lost_until) if missing_from <= lost_until else None,
        next_first=max(next_wanted, earliest_served(today + ONE_DAY)),
    )


def _first_wanted(start: date, bookmark: date | None, lookback_days: int) -> date:
    if bookmark is None:
        return start
    return max(start, days_before(bookmark + ONE_DAY, lookback_days))
