"""The fact streams: what a report is to the Singer SDK."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from tap_yoc.api.client import Query
from tap_yoc.dates import ONE_DAY, day_of, gaps_between
from tap_yoc.decoding.rows import Page, RowShape
from tap_yoc.engine.control_totals import DailySums
from tap_yoc.engine.reread import with_reread
from tap_yoc.engine.windows import advance, plan
from tap_yoc.errors import InconsistentWindowError, SettingsError
from tap_yoc.reports.report import DATE, FETCHED_AT, IS_FINAL
from tap_yoc.reports.standard import DAILY_TOTALS
from tap_yoc.singer.base_stream import YOCStream
from tap_yoc.wording import counted

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from singer_sdk import Tap

    from tap_yoc.dates import Window
    from tap_yoc.engine.run import Run
    from tap_yoc.engine.windows import Plan
    from tap_yoc.reports.report import Report

INCREMENTAL = "INCREMENTAL"


class ReportStream(YOCStream):
    """A fact stream: a standard report or one of the user's own."""

    def __init__(self, tap: Tap, run: Run, report: Report) -> None:
        """Take the report as it was checked."""
        self.report = report
        super().__init__(
            tap, run, name=report.name, schema=report.json_schema(), keys=tuple(column.name for column in report.key)
        )
        self.replication_key = DATE if report.is_daily else None

    @override
    def pages(self) -> Iterator[Page]:
        """Yield the report's rows, window by window; each window moves the bookmark."""
        if not self.report.is_daily:
            yield from self._one_total()
            return
        settings, run = self.run.settings, self.run
        bookmark = self.bookmark()
        is_whole = not self.report.query
        days = plan(
            today=run.today,
            start_date=settings.start_date,
            end_date=settings.end_date,
            bookmark=bookmark,
            lookback_days=self.report.lookback_days,
            window_days=settings.window_days,
            backfill=settings.backfill,
            newest=run.control_totals.newest_day if is_whole else None,
        )
        if days.windows:
            run.summary.plan(days.windows[0].first, days.windows[-1].last)
        elif settings.backfill or not bookmark:
            run.warn_of_nothing_to_read()
        if days.lost:
            run.summary.warn(
                f"Stream {self.name}: YOC no longer serves {days.lost}; the backfill leaves these days out."
                if settings.backfill
                else f"Stream {self.name}: YOC no longer serves {days.lost}; these days were never read."
            )
        days_with_rows: set[date] = set()
        shape = self._shape()
        queries = [self._query(window) for window in days.windows]
        for number, (window, query) in enumerate(zip(days.windows, queries, strict=True), start=1):
            if bookmark and not settings.backfill and window.first <= bookmark:
                run.summary.count_reread(window.first)
            attempt = partial(self._window, shape, query, queries[number:], days, days_with_rows)
            yield from with_reread(attempt, f"Stream {self.name}, {window}", run.summary.warn)
            run.summary.complete(list(window.days()))
            self._move_bookmark(window, days_with_rows)
        if days_with_rows:
            shape.warn_of_missing_figures(run.summary)
        if days.windows and is_whole:
            self._warn_of_empty_days(days.windows[-1].last, days_with_rows)

    def _window(  # noqa: PLR0913 - what changes from window to window comes last
        self,
        shape: RowShape,
        query: Query,
        upcoming: list[Query],
        days: Plan,
        days_with_rows: set[date],
        *,
        is_last: bool,
    ) -> Iterator[Page]:
        """Yield the rows of a window, then compare its days with the account's totals."""
        run, window = self.run, query.window
        assert window  # noqa: S101 - a daily report is asked for by windows
        fetched_at = run.fetched_at()
        next_first = days.next_first.isoformat()
        figures = DailySums(self._compared(shape))
        rows = 0
        for page in run.reader.pages(shape, query, upcoming):
            rows += len(page)
            dates = shape.column(page, DATE)
            run.summary.note_newest_day(day_of(dates[-1]))
            figures.add_page(dates, {metric: shape.column(page, metric) for metric in figures.metrics})
            if FETCHED_AT in shape.names:
                shape.set(page, FETCHED_AT, [fetched_at] * len(page))
            if IS_FINAL in shape.names:
                shape.set(page, IS_FINAL, [day < next_first for day in dates])
            yield Page(page, shape)
        if differences := run.control_totals.differences(figures, window) if figures.metrics else {}:
            difference, *others = differences.values()
            if others:
                difference = f"{difference} (and {counted(len(others), 'day')} more)"
            if not is_last or run.settings.on_incomplete_day == "fail":
                raise InconsistentWindowError(difference)
            run.summary.incomplete_days.update(differences)
            run.summary.warn(f"Stream {self.name}: {difference}; the day may be incomplete.")
        if rows:
            shape.require_a_figure()
        days_with_rows.update(map(day_of, figures.days))
        self.log_read(window, rows, len(query.sent))

    def _shape(self) -> RowShape:
        """Return what a row looks like: the key, and the figures and additions that are selected."""
        figures = [column for column in self.report.figures if self.is_selected(column.name)]
        added = [name for name in (FETCHED_AT, IS_FINAL) if self.is_selected(name)]
        return RowShape(self.report, figures, added)

    def _compared(self, shape: RowShape) -> list[str]:
        """Return the metrics whose sums must be the account's: none under a filter, or for the totals themselves."""
        if self.report.query or self.name == DAILY_TOTALS:
            return []
        return [metric.name for metric in self.run.control_totals.metrics if metric in shape.figures]

    def _one_total(self) -> Iterator[Page]:
        """Yield the rows of a report without days: one total from start to end, read anew in every run."""
        run = self.run
        if (window := run.wanted) is None:
            run.warn_of_nothing_to_read()
            return
        self.logger.info("%s has no date: one total over %s, read anew in every run.", self.name, window)
        fetched_at, shape = run.fetched_at(), self._shape()
        attempt = partial(run.reader.pages, shape, self._query(window))
        rows = 0
        for page in with_reread(lambda **_: attempt(), f"Stream {self.name}", run.summary.warn):
            rows += len(page)
            if FETCHED_AT in shape.names:
                shape.set(page, FETCHED_AT, [fetched_at] * len(page))
            yield Page(page, shape)
        self.log_read(window, rows)

    def _query(self, window: Window) -> Query:
        """Return the query for a window: the grain, and the figures that are selected."""
        report = self.report
        fields = [column.name for column in report.data_fields if not column.is_figure]
        fields += [column.name for column in report.figures if self.is_selected(column.name)]
        if not fields and report.data_fields:
            fields = [report.data_fields[0].name]  # a report without any metric may not exist
        return Query.of(
            report,
            window=window,
            page_size=self.run.settings.page_size,
            data_fields=fields,
            filters=(report.query,) if report.query else (),
        )

    def bookmark(self) -> date | None:
        """Return the newest complete day that the state names.

        Raises:
            SettingsError: The state names no day, or one that is still to come.
        """
        value = self.stream_state.get("replication_key_value")
        if self.replication_method != INCREMENTAL or value is None:
            return None
        try:
            day = day_of(value)
        except ValueError:
            day = None
        if day is None or self.stream_state.get("replication_key", DATE) != DATE:
            raise SettingsError(
                f"The state of stream {self.name} holds no bookmark of this tap (a date as YYYY-MM-DD); "
                f"remove the stream's entry from the state to read it from the start."
            )
        if day >= self.run.today:
            raise SettingsError(
                f"The state of stream {self.name} names {day}, which is not over yet; set it to the newest day that "
                f"is complete in the warehouse, or remove the stream's entry."
            )
        return day

    def _move_bookmark(self, window: Window, days_with_rows: set[date]) -> None:
        """Write the bookmark of a window that was read completely; a backfill leaves it untouched."""
        if self.run.settings.backfill or self.replication_method != INCREMENTAL:
            return
        newest = max((day for day in days_with_rows if day <= window.last), default=None)
        bookmark = advance(
            self.bookmark(),
            window=window,
            newest_with_rows=newest,
            today=self.run.today,
            lookback_days=self.report.lookback_days,
        )
        if bookmark:
            self.stream_state.update(replication_key=DATE, replication_key_value=bookmark.isoformat())
        if self.get_batch_config(self.config) is None:
            # In a batch run rows of this window may still be waiting for their file; the SDK writes the state after it.
            self._tap.state_writer.write_state(self.tap_state)

    def _warn_of_empty_days(self, last: date, days_with_rows: set[date]) -> None:
        warn = self.run.summary.warn
        for gap in gaps_between(days_with_rows):
            warn(f"YOC has no figures for {gap}, between days that have some.")
        if last == self.run.today - ONE_DAY and last not in days_with_rows:
            warn(f"YOC has no figures for yesterday ({last}); the next run asks again.")
