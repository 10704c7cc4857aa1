"""Which days a run reads, and where its bookmark stands afterwards."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.dates import Window, days_before, earliest_served, gaps_between, today_at
from tap_yoc.engine.bookmarks import advance
from tap_yoc.engine.windows import plan, split

if TYPE_CHECKING:
    from tap_yoc.engine.windows import Plan

UTC = timezone.utc
TODAY = date(2026, 6, 15)


def a_plan(**changed: Any) -> Plan:  # noqa: ANN401 - any argument of plan
    """Return the plan of a run on 15 June 2026 with the default settings, with changes."""
    arguments: dict[str, Any] = {
        "today": TODAY,
        "start_date": None,
        "end_date": None,
        "bookmark": None,
        "lookback_days": 7,
        "window_days": 31,
        **changed,
    }
    return plan(**arguments)


def days_of(days: Plan) -> list[date]:
    """Return every day that a plan reads."""
    return [day for window in days.windows for day in window.days()]


def window(first: str, last: str) -> Window:
    """Return a window from texts."""
    return Window(first=date.fromisoformat(first), last=date.fromisoformat(last))


@pytest.mark.parametrize(
    ("zone", "instant", "expected"),
    [
        pytest.param("Europe/Berlin", "2026-06-15T06:00", "2026-06-15", id="morning"),
        pytest.param("Europe/Berlin", "2026-01-14T22:59", "2026-01-14", id="a-minute-to-midnight-in-winter"),
        pytest.param("Europe/Berlin", "2026-01-14T23:00", "2026-01-15", id="midnight-in-winter"),
        pytest.param("Europe/Berlin", "2026-01-14T23:30", "2026-01-15", id="half-past-eleven-utc-is-tomorrow"),
        pytest.param("Europe/Berlin", "2026-07-14T21:59", "2026-07-14", id="a-minute-to-midnight-in-summer"),
        pytest.param("Europe/Berlin", "2026-07-14T22:00", "2026-07-15", id="midnight-in-summer"),
        pytest.param("Europe/Berlin", "2026-03-28T22:59", "2026-03-28", id="before-the-short-night"),
        pytest.param("Europe/Berlin", "2026-03-28T23:00", "2026-03-29", id="the-short-day-starts-in-winter-time"),
        pytest.param("Europe/Berlin", "2026-03-29T21:59", "2026-03-29", id="the-short-day-ends-in-summer-time"),
        pytest.param("Europe/Berlin", "2026-03-29T22:00", "2026-03-30", id="after-the-short-day"),
        pytest.param("Europe/Berlin", "2026-10-24T21:59", "2026-10-24", id="before-the-long-night"),
        pytest.param("Europe/Berlin", "2026-10-24T22:00", "2026-10-25", id="the-long-day-starts-in-summer-time"),
        pytest.param("Europe/Berlin", "2026-10-25T22:59", "2026-10-25", id="the-long-day-ends-in-winter-time"),
        pytest.param("Europe/Berlin", "2026-10-25T23:00", "2026-10-26", id="after-the-long-day"),
        pytest.param("UTC", "2026-01-14T23:30", "2026-01-14", id="utc"),
        pytest.param("Pacific/Auckland", "2026-01-14T10:59", "2026-01-14", id="auckland-before-midnight"),
        pytest.param("Pacific/Auckland", "2026-01-14T11:00", "2026-01-15", id="auckland-midnight"),
        pytest.param("America/Los_Angeles", "2026-01-15T07:59", "2026-01-14", id="los-angeles-is-behind"),
    ],
)
def test_today_is_the_day_of_the_publishers_zone(zone: str, instant: str, expected: str) -> None:
    """A day ends at midnight in the configured zone, also in the nights when clocks change."""
    now = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert today_at(now, ZoneInfo(zone)).isoformat() == expected


@pytest.mark.parametrize(
    ("today", "earliest"),
    [
        pytest.param("2026-06-15", "2025-12-16", id="mid-month"),
        pytest.param("2026-08-31", "2026-03-01", id="31-august-has-no-31-february"),
        pytest.param("2024-08-31", "2024-03-01", id="31-august-in-a-leap-year"),
        pytest.param("2026-08-28", "2026-03-01", id="28-august"),
        pytest.param("2024-08-28", "2024-02-29", id="28-august-in-a-leap-year"),
        pytest.param("2024-08-29", "2024-03-01", id="29-august-in-a-leap-year"),
        pytest.param("2026-10-31", "2026-05-01", id="31-october-has-no-31-april"),
        pytest.param("2026-12-31", "2026-07-01", id="31-december-has-no-31-june"),
        pytest.param("2026-07-31", "2026-02-01", id="31-july-and-31-january"),
        pytest.param("2026-01-01", "2025-07-02", id="new-year"),
        pytest.param("2026-06-30", "2025-12-31", id="30-june"),
        pytest.param("2024-02-29", "2023-08-30", id="leap-day"),
        pytest.param("2026-03-01", "2025-09-02", id="first-of-march"),
    ],
)
def test_the_earliest_day_is_six_calendar_months_ago_and_one_inside(today: str, earliest: str) -> None:
    """Six calendar months end at the last day of a shorter month, and one day is kept clear of the edge."""
    assert earliest_served(date.fromisoformat(today)).isoformat() == earliest


@pytest.mark.parametrize(
    ("first", "last", "window_days", "expected"),
    [
        pytest.param("2026-06-01", "2026-06-03", 1, ["06-01..06-01", "06-02..06-02", "06-03..06-03"], id="one-day"),
        pytest.param("2026-06-01", "2026-06-05", 2, ["06-01..06-02", "06-03..06-04", "06-05..06-05"], id="rest"),
        pytest.param("2026-01-01", "2026-03-03", 31, ["01-01..01-31", "02-01..03-03"], id="31-days-twice"),
        pytest.param("2026-01-01", "2026-02-01", 31, ["01-01..01-31", "02-01..02-01"], id="31-days-and-one"),
        pytest.param("2026-01-01", "2026-06-14", 200, ["01-01..06-14"], id="200-days"),
        pytest.param("2026-06-14", "2026-06-14", 31, ["06-14..06-14"], id="a-single-day"),
        pytest.param("2026-06-15", "2026-06-14", 31, [], id="nothing"),
        pytest.param("2027-06-15", "2026-06-14", 1, [], id="far-past-the-end"),
    ],
)
def test_windows_have_at_most_the_days_of_the_setting(
    first: str, last: str, window_days: int, expected: list[str]
) -> None:
    """A range is cut into windows of `window_days`, the last one shorter, and none when there is nothing to read."""
    windows = split(date.fromisoformat(first), date.fromisoformat(last), window_days)
    assert [f"{one.first:%m-%d}..{one.last:%m-%d}" for one in windows] == expected


@given(
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    length=st.integers(-5, 400),
    window_days=st.integers(1, 450),
)
def test_windows_cover_every_day_once(first: date, length: int, window_days: int) -> None:
    """Windows cover exactly the days from first to last, in order, without gap or overlap."""
    days = [day for one in split(first, first + timedelta(days=length), window_days) for day in one.days()]
    assert days == [first + timedelta(days=n) for n in range(length + 1)]


def test_a_window_names_its_days() -> None:
    """A window is written as its day, or as its first and last day."""
    assert str(window("2026-06-01", "2026-06-01")) == "2026-06-01"
    assert str(window("2026-06-01", "2026-06-03")) == "2026-06-01 to 2026-06-03"


@pytest.mark.parametrize(
    ("settings", "first", "last"),
    [
        pytest.param({}, "2025-12-16", "2026-06-14", id="first-run-reads-all-that-is-served"),
        pytest.param({"start_date": date(2026, 3, 1)}, "2026-03-01", "2026-06-14", id="start"),
        pytest.param({"start_date": date(2026, 6, 14)}, "2026-06-14", "2026-06-14", id="start-yesterday"),
        pytest.param({"start_date": date(2025, 12, 15)}, "2025-12-16", "2026-06-14", id="start-before-reach"),
        pytest.param({"start_date": date(1970, 1, 1)}, "2025-12-16", "2026-06-14", id="start-long-before-reach"),
        pytest.param({"bookmark": date(2026, 6, 13)}, "2026-06-07", "2026-06-14", id="bookmark-and-lookback"),
        pytest.param({"bookmark": date(2026, 6, 14)}, "2026-06-08", "2026-06-14", id="second-run-of-the-day"),
        pytest.param({"bookmark": date(2026, 6, 15)}, "2026-06-09", "2026-06-14", id="bookmark-today"),
        pytest.param({"bookmark": date(2025, 12, 18)}, "2025-12-16", "2026-06-14", id="lookback-beyond-reach"),
        pytest.param({"bookmark": date(2025, 11, 14)}, "2025-12-16", "2026-06-14", id="bookmark-seven-months-old"),
        pytest.param({"bookmark": date(2026, 6, 13), "lookback_days": 0}, "2026-06-14", "2026-06-14", id="no-lookback"),
        pytest.param(
            {"bookmark": date(2026, 6, 13), "lookback_days": 1}, "2026-06-13", "2026-06-14", id="lookback-of-one-day"
        ),
        pytest.param(
            {"bookmark": date(2026, 6, 13), "lookback_days": 10**12},
            "2025-12-16",
            "2026-06-14",
            id="lookback-without-end",
        ),
        pytest.param(
            {"bookmark": date(2026, 6, 3), "start_date": date(2026, 6, 1)},
            "2026-06-01",
            "2026-06-14",
            id="lookback-stops-at-the-start",
        ),
        pytest.param(
            {"bookmark": date(2026, 3, 1), "start_date": date(2026, 6, 1)},
            "2026-06-01",
            "2026-06-14",
            id="start-moved-past-the-bookmark",
        ),
        pytest.param({"end_date": date(2026, 5, 31)}, "2025-12-16", "2026-05-31", id="end-in-the-past"),
        pytest.param({"end_date": date(2026, 6, 15)}, "2025-12-16", "2026-06-14", id="end-today"),
        pytest.param({"end_date": date(2030, 1, 1)}, "2025-12-16", "2026-06-14", id="end-in-the-future"),
        pytest.param(
            {"end_date": date(2026, 6, 10), "bookmark": date(2026, 6, 12)},
            "2026-06-06",
            "2026-06-10",
            id="bookmark-shortly-after-the-end",
        ),
    ],
)
def test_the_first_day_is_the_latest_of_start_bookmark_and_reach(
    settings: dict[str, Any], first: str, last: str
) -> None:
    """A run starts at the latest of start, bookmark + 1 - lookback and reach, and stops at end or yesterday."""
    days = days_of(a_plan(**settings))
    assert (days[0].isoformat(), days[-1].isoformat()) == (first, last)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"bookmark": date(2026, 6, 14), "lookback_days": 0}, id="up-to-date-and-no-lookback"),
        pytest.param({"bookmark": date(2026, 6, 12), "end_date": date(2026, 5, 31)}, id="bookmark-long-after-the-end"),
        pytest.param({"bookmark": date(2030, 1, 1)}, id="bookmark-in-the-future"),
        pytest.param({"start_date": date(2026, 6, 15)}, id="start-today"),
        pytest.param({"start_date": date(9999, 12, 31)}, id="start-at-the-end-of-time"),
        pytest.param({"end_date": date(2025, 12, 15)}, id="end-before-reach"),
        pytest.param({"end_date": date(1970, 1, 1)}, id="end-long-before-reach"),
    ],
)
def test_nothing_is_read_where_nothing_is_wanted(settings: dict[str, Any]) -> None:
    """A run that wants no day that is served reads none."""
    assert a_plan(**settings).windows == ()


@pytest.mark.parametrize(
    ("settings", "lost"),
    [
        pytest.param({}, None, id="nothing-was-wanted-before"),
        pytest.param({"start_date": date(2025, 12, 16)}, None, id="start-at-the-edge"),
        pytest.param({"start_date": date(2025, 12, 15)}, "2025-12-15", id="start-one-day-before"),
        pytest.param({"start_date": date(2025, 12, 1)}, "2025-12-01 to 2025-12-15", id="start-before-reach"),
        pytest.param({"bookmark": date(2025, 12, 15)}, None, id="bookmark-at-the-edge"),
        pytest.param(
            {"bookmark": date(2025, 11, 14), "start_date": date(2025, 6, 1)},
            "2025-11-15 to 2025-12-15",
            id="bookmark-seven-months-old",
        ),
        pytest.param(
            {"bookmark": date(2025, 11, 14), "start_date": date(2025, 12, 1)},
            "2025-12-01 to 2025-12-15",
            id="bookmark-older-than-the-start",
        ),
        pytest.param(
            {"bookmark": date(2026, 6, 13), "start_date": date(2025, 6, 1)}, None, id="read-long-ago-is-not-lost"
        ),
        pytest.param(
            {"start_date": date(2025, 6, 1), "end_date": date(2025, 6, 30)},
            "2025-06-01 to 2025-06-30",
            id="all-of-it-before-reach",
        ),
    ],
)
def test_days_that_are_no_longer_served_are_named(settings: dict[str, Any], lost: str | None) -> None:
    """Days that were wanted, never read, and are no longer served are named."""
    found = a_plan(**settings).lost
    assert (str(found) if found else None) == lost


@pytest.mark.parametrize(
    ("settings", "next_first"),
    [
        pytest.param({}, "2026-06-08", id="lookback-before-yesterday"),
        pytest.param({"lookback_days": 0}, "2026-06-15", id="no-lookback-makes-every-day-final"),
        pytest.param({"start_date": date(2026, 6, 12)}, "2026-06-12", id="start-within-the-lookback"),
        pytest.param({"end_date": date(2026, 5, 31)}, "2026-05-25", id="an-end-holds-the-bookmark"),
        pytest.param(
            {"end_date": date(2026, 5, 31), "bookmark": date(2026, 6, 13)}, "2026-06-07", id="bookmark-after-the-end"
        ),
        pytest.param({"lookback_days": 500}, "2025-12-17", id="tomorrows-reach"),
        pytest.param(
            {"backfill": window("2026-03-01", "2026-03-31"), "bookmark": date(2026, 6, 13)},
            "2026-06-07",
            id="backfill-leaves-it-to-the-bookmark",
        ),
        pytest.param({"backfill": window("2026-03-01", "2026-03-31")}, "2025-12-17", id="backfill-without-bookmark"),
    ],
)
def test_a_day_is_final_when_the_next_run_does_not_read_it(settings: dict[str, Any], next_first: str) -> None:
    """The plan names the first day that tomorrow's run reads again."""
    assert a_plan(**settings).next_first.isoformat() == next_first


@pytest.mark.parametrize(
    ("backfill", "first", "last", "lost"),
    [
        pytest.param(window("2026-03-01", "2026-03-31"), "2026-03-01", "2026-03-31", None, id="a-month"),
        pytest.param(Window(first=date(2026, 6, 1), last=date.max), "2026-06-01", "2026-06-14", None, id="open-end"),
        pytest.param(
            window("2025-12-01", "2025-12-20"),
            "2025-12-16",
            "2025-12-20",
            "2025-12-01 to 2025-12-15",
            id="partly-out-of-reach",
        ),
    ],
)
def test_a_backfill_reads_its_range_and_nothing_else(backfill: Window, first: str, last: str, lost: str | None) -> None:
    """A backfill takes the place of start, end, bookmark and lookback, within what is served."""
    found = a_plan(
        backfill=backfill, bookmark=date(2026, 6, 13), start_date=date(2026, 6, 10), end_date=date(2026, 6, 12)
    )
    days = days_of(found)
    assert (days[0].isoformat(), days[-1].isoformat()) == (first, last)
    assert (str(found.lost) if found.lost else None) == lost


@pytest.mark.parametrize(
    ("bookmark", "read", "newest_with_rows", "lookback_days", "expected"),
    [
        pytest.param(None, ("2026-06-01", "2026-06-14"), "2026-06-14", 7, "2026-06-14", id="all-there"),
        pytest.param("2026-06-10", ("2026-06-04", "2026-06-14"), "2026-06-14", 7, "2026-06-14", id="forward"),
        pytest.param("2026-06-14", ("2026-06-08", "2026-06-14"), "2026-06-13", 7, "2026-06-14", id="never-back"),
        pytest.param("2026-06-14", ("2026-03-01", "2026-03-31"), "2026-03-31", 7, "2026-06-14", id="not-by-old-days"),
        pytest.param("2026-06-13", ("2026-06-07", "2026-06-14"), "2026-06-13", 7, "2026-06-13", id="empty-yesterday"),
        pytest.param("2026-06-01", ("2026-05-26", "2026-06-14"), "2026-06-10", 7, "2026-06-10", id="trailing-empty"),
        pytest.param("2026-05-31", ("2026-05-25", "2026-06-14"), None, 7, "2026-06-06", id="empty-fortnight"),
        pytest.param("2026-05-31", ("2026-05-25", "2026-06-14"), None, 14, "2026-05-31", id="empty-within-lookback"),
        pytest.param("2026-05-31", ("2026-06-01", "2026-06-14"), None, 0, "2026-06-13", id="empty-without-lookback"),
        pytest.param(None, ("2026-03-01", "2026-03-31"), None, 7, "2026-03-31", id="empty-month-long-ago"),
        pytest.param(None, ("2026-06-07", "2026-06-14"), None, 7, None, id="empty-and-recent"),
        pytest.param(None, ("2026-06-06", "2026-06-14"), None, 7, "2026-06-06", id="one-day-older-than-the-lookback"),
        pytest.param(None, ("2026-03-01", "2026-03-31"), "2026-03-10", 7, "2026-03-31", id="old-empty-days-are-passed"),
        pytest.param(None, ("2026-06-01", "2026-06-14"), None, 10**12, None, id="lookback-without-end"),
    ],
)
def test_the_bookmark_names_the_newest_complete_day(
    bookmark: str | None, read: tuple[str, str], newest_with_rows: str | None, lookback_days: int, expected: str | None
) -> None:
    """The bookmark goes to the newest day with rows, over empty days once older than the lookback, and never back."""
    found = advance(
        date.fromisoformat(bookmark) if bookmark else None,
        window=window(*read),
        newest_with_rows=date.fromisoformat(newest_with_rows) if newest_with_rows else None,
        yesterday=TODAY - timedelta(days=1),
        lookback_days=lookback_days,
    )
    assert found == (date.fromisoformat(expected) if expected else None)


@pytest.mark.parametrize(
    ("days", "gaps"),
    [
        pytest.param([1, 2, 3], [], id="none-empty"),
        pytest.param([1, 4], [(2, 3)], id="two-between"),
        pytest.param([2, 4, 9], [(3, 3), (5, 8)], id="two-gaps"),
        pytest.param([], [], id="no-rows-at-all"),
        pytest.param([5], [], id="one-day"),
    ],
)
def test_days_without_rows_between_days_with_rows_are_gaps(days: list[int], gaps: list[tuple[int, int]]) -> None:
    """A day without rows is conspicuous only between days that have some; neighbours are one gap."""
    expected = [Window(first=date(2026, 6, first), last=date(2026, 6, last)) for first, last in gaps]
    assert gaps_between({date(2026, 6, day) for day in days}) == expected


def test_a_day_that_may_be_read_again_is_not_final() -> None:
    """When the newest days have no figures yet, the bookmark waits for them, and so does what the next run reads."""

    def next_first(newest: date | None) -> date:
        return plan(
            today=TODAY, start_date=None, end_date=None, bookmark=None, lookback_days=7, window_days=31, newest=newest
        ).next_first

    yesterday = TODAY - timedelta(days=1)
    waiting, long_ago = yesterday - timedelta(days=2), yesterday - timedelta(days=60)
    assert next_first(None) == yesterday - timedelta(days=6)
    assert next_first(yesterday) == yesterday - timedelta(days=6)
    assert next_first(waiting) == waiting - timedelta(days=6)
    assert next_first(long_ago) == yesterday - timedelta(days=8 + 6)


def test_counting_days_back_stops_at_the_calendars_first() -> None:
    """A lookback longer than the calendar is no error."""
    assert days_before(date(2026, 6, 15), 14) == date(2026, 6, 1)
    assert days_before(date(2026, 6, 15), 800_000) == date.min
    assert days_before(date(2026, 6, 15), 10**30) == date.min


@given(
    lookback_days=st.integers(0, 9),
    window_days=st.integers(1, 12),
    empty=st.sets(st.integers(0, 39), max_size=25),
    start=st.integers(0, 12),
)
def test_daily_runs_read_each_day_until_its_figures_settle(
    lookback_days: int, window_days: int, empty: set[int], start: int
) -> None:
    """Run daily, every day is read after its last revision, and no final day is read again unless days were empty."""
    first = date(2026, 4, 1) + timedelta(days=start)
    bookmark: date | None = None
    read_on: dict[date, list[date]] = {}
    final: set[date] = set()
    for number in range(40):
        today = date(2026, 4, 2) + timedelta(days=number)
        days = plan(
            today=today,
            start_date=first,
            end_date=None,
            bookmark=bookmark,
            lookback_days=lookback_days,
            window_days=window_days,
        )
        with_rows: list[date] = []
        for one in days.windows:
            for day in one.days():
                assert empty or day not in final
                read_on.setdefault(day, []).append(today)
                if (day - date(2026, 4, 1)).days not in empty:
                    with_rows.append(day)
            moved = advance(
                bookmark,
                window=one,
                newest_with_rows=max(with_rows, default=None),
                yesterday=today - timedelta(days=1),
                lookback_days=lookback_days,
            )
            assert bookmark is None or (moved is not None and moved >= bookmark)
            bookmark = moved
        final |= {day for day in read_on if day < days.next_first}
    last_run = date(2026, 4, 2) + timedelta(days=39)
    day = first
    while day < last_run:
        # A day is published on the next morning, and revised on the `lookback_days` mornings after that.
        expected = [day + timedelta(days=1 + n) for n in range(lookback_days + 1)]
        assert set(expected) - {late for late in expected if late > last_run} <= set(read_on[day])
        day += timedelta(days=1)


def test_days_lost_since_the_bookmark_are_named_without_a_start() -> None:
    """A pipeline that stood still for seven months gets a warning about the days it lost, also when no start is set."""
    assert str(a_plan(bookmark=date(2025, 11, 14)).lost) == "2025-11-15 to 2025-12-15"


@pytest.mark.parametrize("window_days", [10_000_000, 10**12])
def test_a_window_without_end_is_one_window(window_days: int) -> None:
    """A `window_days` beyond the calendar reads everything in one query."""
    assert a_plan(window_days=window_days).windows == (window("2025-12-16", "2026-06-14"),)
