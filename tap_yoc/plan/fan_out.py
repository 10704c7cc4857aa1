"""A plan for an orchestrator: splits an account's days into separate runs.

Pure: "today" is an argument, and the same arguments give the same plan. Windows follow the calendar, so a day always
belongs to the same run, no matter when the plan is made.
"""

from __future__ import annotations

import calendar
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from tap_yoc.dates import ONE_DAY, Window, days_before, earliest_served
from tap_yoc.engine.windows import plan
from tap_yoc.reports.report import DATE
from tap_yoc.reports.standard import STANDARD_REPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_yoc.settings.parsing import Settings

Length = Literal["day", "week", "month"]
DAYS_OF_ALL_TIME = date.max.toordinal()


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account to read; its settings may lack a login, because a plan needs none."""

    name: str
    config: str
    """The path of its settings, for the tap's `--config`."""
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of the tap: an account, and the days of a window to read, both inclusive."""

    id: str
    """The account and the window; the same in every plan with this window."""
    account: str
    config: str
    window: str
    """The first calendar day of the window, even if it is not read."""
    first_day: str
    last_day: str
    environment: Mapping[str, str]
    """The variables that make the tap read only these days, with `--config=ENV` after the account's file."""
    state: Mapping[str, Any]
    """The state to start from; the run does not change it."""

    def as_json(self) -> dict[str, Any]:
        """Return the run as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class FanOut:
    """The runs of an account, oldest first."""

    runs: tuple[PlannedRun, ...]
    lost: Window | None
    """Requested days that YOC no longer serves."""


def fan_out(  # noqa: PLR0913 - each argument is an option of the command
    account: Account,
    *,
    today: date,
    length: Length,
    first: date | None = None,
    last: date | None = None,
    only_recent: bool = False,
) -> FanOut:
    """Return the runs that together read an account's days, each day once.

    The days are from `first` (or `start_date`, or the earliest day served) to `last` (or `end_date`, or yesterday),
    within what YOC serves. `only_recent` keeps the windows with a day that a daily run reads: yesterday and the
    lookback before it. These windows keep all their days, so that repeating a run replaces everything that it read
    before. If a window begins or ends outside the days to read, the run has only the days within.
    """
    settings = account.settings
    wanted = Window(
        first=first or settings.start_date or earliest_served(today),
        last=last or settings.end_date or today - ONE_DAY,
    )
    days = plan(
        today=today,
        start_date=None,
        end_date=None,
        bookmark=None,
        lookback_days=settings.lookback_days,
        window_days=DAYS_OF_ALL_TIME,
        backfill=wanted,
    )
    oldest = days_before(today - ONE_DAY, _longest_lookback(settings)) if only_recent else date.min
    state = _state_after(settings, min(wanted.last, today - ONE_DAY))
    return FanOut(
        runs=tuple(
            _run(account, start, window, state)
            for whole in days.windows
            for start, window in calendar_windows(whole, length)
            if window.last >= oldest
        ),
        lost=days.lost,
    )


def _run(account: Account, start: date, window: Window, state: Mapping[str, Any]) -> PlannedRun:
    first, last = window.first.isoformat(), window.last.isoformat()
    return PlannedRun(
        id=f"{account.name}-{start}",
        account=account.name,
        config=account.config,
        window=start.isoformat(),
        first_day=first,
        last_day=last,
        environment={"TAP_YOC_BACKFILL_FROM": first, "TAP_YOC_BACKFILL_TO": last},
        state=state,
    )


def calendar_windows(days: Window, length: Length) -> Iterator[tuple[date, Window]]:
    """Yield each calendar window: its first calendar day, and its days to read."""
    first = days.first
    while first <= days.last:
        start, end = _on_the_calendar(first, length)
        yield start, Window(first=first, last=min(end, days.last))
        first = end + ONE_DAY


def _on_the_calendar(day: date, length: Length) -> tuple[date, date]:
    """Return the first and last day of the calendar window of a day; weeks start on Monday."""
    if length == "day":
        return day, day
    if length == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _longest_lookback(settings: Settings) -> int:
    lookbacks = [report.get("lookback_days") for report in settings.reports]
    return max([settings.lookback_days, *(days for days in lookbacks if isinstance(days, int))])


def _state_after(settings: Settings, last: date) -> dict[str, Any]:
    """Return the state of an account after reading all days of a plan.

    A backfill does not change it. The tap derives `is_final` from it: which days daily runs will read again. Once all
    runs of the plan are done, a daily run can continue from it.
    """
    lookbacks = {
        report.name: settings.lookback_days for report in STANDARD_REPORTS if report.is_on(settings.standard_reports)
    }
    for report in settings.reports:
        if "name" in report and DATE in [str(column).strip() for column in report.get("group_by") or ()]:
            lookback = report.get("lookback_days")
            lookbacks[str(report["name"])] = lookback if isinstance(lookback, int) else settings.lookback_days
    # Yesterday may not be complete yet; without a lookback, no later run would read it again.
    days = {name: last if lookback else last - ONE_DAY for name, lookback in lookbacks.items()}
    return {
        "bookmarks": {
            name: {"replication_key": DATE, "replication_key_value": day.isoformat()} for name, day in days.items()
        }
    }
