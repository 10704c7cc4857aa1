"""Reading one report: plan its days, read them window by window, and say how far it is complete."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tap_yoc.api.client import Query
from tap_yoc.dates import ONE_DAY, gaps_between
from tap_yoc.decoding.page import Page
from tap_yoc.decoding.rows import RowShape
from tap_yoc.engine.bookmarks import advance
from tap_yoc.engine.reread import with_reread
from tap_yoc.engine.window_reading import WindowReading
from tap_yoc.engine.windows import plan
from tap_yoc.reports.report import FETCHED_AT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from tap_yoc.dates import Window
    from tap_yoc.engine.run import Run
    from tap_yoc.engine.windows import Plan
    from tap_yoc.reports.report import Report


@dataclass(frozen=True)
class Bookmark:
    """All rows up to here were read and checked: the report is complete up to this day, None if no day is yet."""

    day: date | None


class ReportReading:
    """One report as one run reads it: an iterator of pages and bookmarks."""

    def __init__(
        self, run: Run, report: Report, *, bookmark: date | None = None, columns: Collection[str] | None = None
    ) -> None:
        """Read nothing yet.

        `bookmark` is the newest complete day of earlier runs. `columns` are the names of the figures and additions that
        are wanted; left out: all of them.
        """
        self._run = run
        self._report = report
        self._bookmark = bookmark
        self._figures = [column for column in report.figures if columns is None or column.name in columns]
        self._added = [name for name in report.additions if columns is None or name in columns]
        self._days_with_rows: set[date] = set()

    def __iter__(self) -> Iterator[Page | Bookmark]:
        """Yield the report's rows in pages, and behind each window that was read whole the bookmark."""
        return self._by_windows() if self._report.is_daily else self._one_total()

    def _by_windows(self) -> Iterator[Page | Bookmark]:
        run, days = self._run, self._plan()
        self._log_plan(days)
        shape = RowShape(self._report, self._figures)
        queries = [self._query(window) for window in days.windows]
        for number, (window, query) in enumerate(zip(days.windows, queries, strict=True), start=1):
            if self._bookmark and not run.settings.backfill and window.first <= self._bookmark:
                run.summary.count_reread(window.first)
            reading = WindowReading(run, self._report, shape, query, added=self._added, next_first=days.next_first)
            attempt = partial(reading.pages, queries[number:])
            yield from with_reread(attempt, f"Stream {self._report.name}, {window}", run.summary.warn)
            self._days_with_rows |= reading.days_with_rows
            run.summary.complete(list(window.days()))
            yield Bookmark(self._advance(window))
        if self._days_with_rows:
            shape.warn_of_missing_figures(run.summary)
        if days.windows and not self._report.query:
            self._warn_of_empty_days(days.windows[-1].last)

    def _plan(self) -> Plan:
        run, settings = self._run, self._run.settings
        return plan(
            today=run.today,
            start_date=settings.start_date,
            end_date=settings.end_date,
            bookmark=self._bookmark,
            lookback_days=self._report.lookback_days,
            window_days=settings.window_days,
            backfill=settings.backfill,
            newest=None if self._report.query else run.control_totals.newest_day,
        )

    def _log_plan(self, days: Plan) -> None:
        """Note what is read, and warn of days that cannot be."""
        run, backfill = self._run, self._run.settings.backfill
        if days.windows:
            run.summary.plan(days.windows[0].first, days.windows[-1].last)
        elif backfill or not self._bookmark:
            run.warn_of_nothing_to_read()
        if days.lost:
            run.summary.warn(
                f"Stream {self._report.name}: YOC no longer serves {days.lost}; the backfill leaves these days out."
                if backfill
                else f"Stream {self._report.name}: YOC no longer serves {days.lost}; these days were never read."
            )

    def _advance(self, window: Window) -> date | None:
        """Return the bookmark behind a window that was read completely; a backfill leaves it untouched."""
        run = self._run
        if not run.settings.backfill:
            self._bookmark = advance(
                self._bookmark,
                window=window,
                newest_with_rows=max((day for day in self._days_with_rows if day <= window.last), default=None),
                today=run.today,
                lookback_days=self._report.lookback_days,
            )
        return self._bookmark

    def _query(self, window: Window) -> Query:
        """Return the query for a window: the grain, and the figures that are wanted."""
        report = self._report
        fields = [column.name for column in (*report.key, *self._figures) if column in report.data_fields]
        if not fields and report.data_fields:
            fields = [report.data_fields[0].name]  # a report without any metric may not exist
        return Query.of(
            report,
            window=window,
            page_size=self._run.settings.page_size,
            data_fields=fields,
            filters=(report.query,) if report.query else (),
        )

    def _one_total(self) -> Iterator[Page]:
        """Yield the rows of a report without days: one total from start to end, read anew in every run."""
        run, report = self._run, self._report
        if (window := run.wanted) is None:
            run.warn_of_nothing_to_read()
            return
        logger = logging.getLogger(f"tap-yoc.{report.name}")
        logger.info("%s has no date: one total over %s, read anew in every run.", report.name, window)
        fetched_at, rows = run.fetched_at(), 0
        shape, query = RowShape(report, self._figures), self._query(window)
        for page in with_reread(lambda **_: run.reader.pages(shape, query), f"Stream {report.name}", run.summary.warn):
            rows += len(page)
            yield Page(page, shape, {FETCHED_AT: fetched_at} if FETCHED_AT in self._added else {})
        run.summary.log_read(report.name, window, rows)

    def _warn_of_empty_days(self, last: date) -> None:
        warn = self._run.summary.warn
        for gap in gaps_between(self._days_with_rows):
            warn(f"YOC has no figures for {gap}, between days that have some.")
        if last == self._run.today - ONE_DAY and last not in self._days_with_rows:
            warn(f"YOC has no figures for yesterday ({last}); the next run asks again.")
