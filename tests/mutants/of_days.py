"""Mutants of the days that are read, and of the bookmarks behind them."""

from mutants.mutant import Mutant

DAYS = {
    "window seam": Mutant(
        breaks="windows follow each other without a gap",
        file="engine/windows.py",
        old="min(window_days, max(days, 1)) - 1)",
        new="max(min(window_days, max(days, 1)) - 2, 0))",
    ),
    "last day of a window": Mutant(
        breaks="a window is asked for with its last day",
        file="api/query.py",
        old='{"lte": {"date": self.window.last.isoformat()}}',
        new='{"lte": {"date": (self.window.last - (self.window.last - self.window.first) / 9).isoformat()}}',
    ),
    "yesterday": Mutant(
        breaks="yesterday is read",
        file="engine/windows.py",
        old="earliest, yesterday = served.first, served.last",
        new="earliest, yesterday = served.first, served.last - ONE_DAY",
    ),
    "today": Mutant(
        breaks="a day that is not over is not read",
        file="engine/reach.py",
        old="self.last = today - ONE_DAY",
        new="self.last = today",
    ),
    "oldest day served": Mutant(
        breaks="the oldest day that is served is read",
        file="dates.py",
        old="return date(year, month, day) + ONE_DAY",
        new="return date(year, month, day) + 2 * ONE_DAY",
    ),
    "time zone": Mutant(
        breaks="a day ends at midnight in the user's time zone",
        file="dates.py",
        old="return now.astimezone(zone).date()",
        new="return now.date()",
    ),
    "daylight saving time": Mutant(
        breaks="a day ends at midnight in summer, too",
        file="dates.py",
        old="return now.astimezone(zone).date()",
        new="return (now + (zone.utcoffset(now.replace(month=1, day=1, tzinfo=None)) or timedelta())).date()",
    ),
    "lookback": Mutant(
        breaks="all days of the lookback are read again",
        file="engine/windows.py",
        old="days_before(bookmark + ONE_DAY, lookback_days))",
        new="days_before(bookmark + ONE_DAY, max(lookback_days - 1, 0)))",
    ),
    "is_final": Mutant(
        breaks="a day is final only when the next run will not read it again",
        file="engine/windows.py",
        old="next_first=max(next_wanted, ",
        new="next_first=max(next_wanted + ONE_DAY, ",
    ),
    "state not read": Mutant(
        breaks="a run begins where the last one ended",
        file="streams.py",
        old="if self.replication_method != INCREMENTAL or value is None:",
        new="if value is not None or value is None:",
    ),
    "empty day passed": Mutant(
        breaks="the bookmark waits for an empty day until it is older than the lookback",
        file="engine/bookmarks.py",
        old="settled = settled_until(yesterday, lookback_days)",
        new="settled = yesterday",
    ),
    "bookmark moves back": Mutant(
        breaks="a bookmark never moves back",
        file="engine/bookmarks.py",
        old="for day in (bookmark, newest_with_rows) if day]",
        new="for day in (newest_with_rows or bookmark,) if day]",
    ),
    "bookmark without rows": Mutant(
        breaks="a stream that has never had a row has no bookmark",
        file="engine/report_reading.py",
        old="if run.settings.backfill or not (self._bookmark or self._days_with_rows):",
        new="if run.settings.backfill:",
    ),
    "filtered bookmark": Mutant(
        breaks="a filtered report's days are complete when the account's totals have them",
        file="engine/report_reading.py",
        old="newest = run.control_totals.newest_day(until=window.last) or newest",
        new="newest = newest or self._bookmark",
    ),
    "state before rows": Mutant(
        breaks="a bookmark comes after the rows it stands for",
        file="engine/report_reading.py",
        old="        yield from with_reread(partial(reading.pages, upcoming), what, run.summary.warn)\n",
        new="        if report.is_daily and self._bookmark:\n"
        "            self._bookmark = max(self._bookmark, window.last)\n"
        "            yield Bookmark(self._bookmark, window)\n"
        "        yield from with_reread(partial(reading.pages, upcoming), what, run.summary.warn)\n",
    ),
    "state after a failure": Mutant(
        breaks="the bookmark of a stream that fails stays before the failure",
        file="singer/base_stream.py",
        old="            self._note_failure(error)\n            if isinstance(error, LoginError):\n",
        new="            self._note_failure(error)\n"
        "            if self.replication_key:\n"
        "                self.move_bookmark(run.reach.last)\n"
        "            if isinstance(error, LoginError):\n",
    ),
}
