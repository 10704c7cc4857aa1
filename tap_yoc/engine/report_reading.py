"""Reading one report: plan its days, read them window by window, and move the bookmark."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tap_yoc.api.query import Query
from tap_yoc.dates import Window, gaps_between
from tap_yoc.decoding.rows import RowShape
from tap_yoc.engine.bookmarks import advance, bookmark_of
from tap_yoc.engine.reread import with_reread
from tap_yoc.engine.window_reading import WindowReading
from tap_yoc.engine.windows import Plan, plan
from tap_yoc.errors import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import date

    from tap_yoc.decoding.page import Page
    from tap_yoc.engine.run import Run
    from tap_yoc.engine.window_reading import Restart
    from tap_yoc.reports.report import Report


@dataclass(frozen=True)
class Bookmark:
    """A window was read and checked in full; the report is complete up to `day`, None if no day is complete yet."""

    day: date | None
    window: Window


class ReportReading:
    """The reading of one report in one run: an iterator of pages and bookmarks."""

    def __init__(
        self, run: Run, report: Report, *, bookmark: object = None, columns: Collection[str] | None = None
    ) -> None:
        """Read nothing yet.

        `bookmark` is the newest complete day of earlier runs, as in the state, None if there is none. `columns` are the
        names of the figures and added columns to read; default: all.
        """
        self._run = run
        self._report = report
        self._bookmark_in_state = bookmark
        self._bookmark: date | None = None
        self._figures = [column for column in report.figures if columns is None or column.name in columns]
        self._added = [name for name in report.additions if columns is None or name in columns]
        self._days_with_rows: set[date] = set()

    def __iter__(self) -> Iterator[Page | Bookmark | Restart]:
        """Yield the report's rows in pages, and the bookmark after each window that was read in full.

        A report without `date` is one total over all days, and has no bookmark.

        Raises:
            SettingsError: The bookmark is not a day, or the day has not ended yet.
            YOCError: The report cannot be read in full.
        """
        run, name = self._run, self._report.name
        with run.summary.reading(name):
            if self._bookmark_in_state is not None:
                self._bookmark = bookmark_of(self._bookmark_in_state, stream=name, today=run.today)
            yield from self._windows()

    def _windows(self) -> Iterator[Page | Bookmark | Restart]:
        run, planned = self._run, self._plan()
        shape = RowShape(self._report, self._figures)
        queries = [self._query(window) for window in planned.windows]
        reader, last, refused = run.reader.beside(), None, None
        while queries:
            query, *upcoming = queries
            reading = WindowReading(
                run,
                self._report,
                shape,
                query,
                reader=reader,
                added=self._added,
                next_first=planned.next_first,
                refused=refused,
            )
            try:
                yield from self._read(reading, upcoming)
            except RequestRefusedError as error:
                if not run.reach.narrow(reading.window, error):
                    raise
                refused, served = reading, [run.reach.clip(each.window) for each in queries if each.window]
                queries = [self._query(window) for window in served if window]
            else:
                queries, last, refused = upcoming, reading.window.last, None
        if self._days_with_rows:
            shape.warn_of_missing_figures(run.summary)
        if last and self._report.is_daily and not self._report.query:
            self._warn_of_empty_days(last)

    def _read(self, reading: WindowReading, upcoming: Sequence[Query]) -> Iterator[Page | Bookmark | Restart]:
        """Yield the rows of a window, then the new bookmark."""
        run, report, window = self._run, self._report, reading.window
        if self._bookmark and not run.settings.backfill and window.first <= self._bookmark:
            run.summary.count_reread(window.first)
        what = f"Stream {report.name}, {window}" if report.is_daily else f"Stream {report.name}"
        yield from with_reread(partial(reading.pages, upcoming), what, run.summary.warn)
        run.reach.confirm(window)
        if report.is_daily:
            self._days_with_rows |= reading.days_with_rows
            run.summary.complete(report.name, list(window.days()))
            yield Bookmark(self._advance(window), window)

    def _plan(self) -> Plan:
        """Return the days to read; note them, and warn about days that cannot be read."""
        run, report = self._run, self._report
        if not report.is_daily:
            return self._plan_one_total()
        settings, backfill = run.settings, run.settings.backfill
        planned = plan(
            today=run.today,
            start_date=settings.start_date,
            end_date=settings.end_date,
            bookmark=self._bookmark,
            lookback_days=report.lookback_days,
            window_days=settings.window_days,
            backfill=backfill,
            newest=run.control_totals.newest_day(),
            served=Window(first=run.reach.first, last=run.reach.last),
        )
        if planned.windows:
            run.summary.plan(report.name, planned.windows[0].first, planned.windows[-1].last)
        elif backfill or not self._bookmark:
            run.warn_of_nothing_to_read()
        if planned.lost:
            run.summary.warn(
                f"Stream {report.name}: YOC no longer serves {planned.lost}; the backfill skips these days."
                if backfill
                else f"Stream {report.name}: YOC no longer serves {planned.lost}; these days were never read."
            )
        return planned

    def _plan_one_total(self) -> Plan:
        run, name = self._run, self._report.name
        if (wanted := run.reach.wanted) is None:
            run.warn_of_nothing_to_read()
        else:
            logger = logging.getLogger(f"tap-yoc.{name}")
            logger.info("%s has no date: one total over %s, read in full on every run.", name, wanted)
        return Plan(windows=(wanted,) if wanted else (), lost=None, next_first=run.today)

    def _advance(self, window: Window) -> date | None:
        """Return the bookmark after a window was read in full.

        A backfill does not move it, and without any row so far there is none: that may be an outage.
        """
        run, report = self._run, self._report
        if run.settings.backfill or not (self._bookmark or self._days_with_rows):
            return self._bookmark
        newest = max((day for day in self._days_with_rows if day <= window.last), default=None)
        if report.query:  # a day is complete once the account's totals have it, even if the filter matches no rows
            newest = run.control_totals.newest_day(until=window.last) or newest
        self._bookmark = advance(
            self._bookmark,
            window=window,
            newest_with_rows=newest,
            yesterday=run.reach.last,
            lookback_days=report.lookback_days,
        )
        return self._bookmark

    def _query(self, window: Window) -> Query:
        """Return the query for a window: the key, and the figures to read."""
        report = self._report
        fields = [column.name for column in (*report.key, *self._figures) if column in report.data_fields]
        if not fields and report.data_fields:
            fields = [report.data_fields[0].name]  # YOC may refuse a report without metrics
        return Query.of(
            report,
            window=window,
            page_size=self._run.settings.page_size,
            data_fields=fields,
            filters=(report.query,) if report.query else (),
        )

    def _warn_of_empty_days(self, last: date) -> None:
        warn = self._run.summary.warn
        for gap in gaps_between(self._days_with_rows):
            warn(f"YOC has no figures for {gap}, although the days around it have some.")
        if last == self._run.reach.last and last not in self._days_with_rows:
            warn(f"YOC has no figures for yesterday ({last}); the next run asks again.")
