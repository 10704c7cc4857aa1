"""Reading one window of a report: its rows stamped and summed, its days compared with the account's totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_yoc.dates import day_of
from tap_yoc.decoding.rows import Page
from tap_yoc.engine.control_totals import DailySums
from tap_yoc.errors import InconsistentWindowError
from tap_yoc.reports.report import DATE, FETCHED_AT, IS_FINAL
from tap_yoc.reports.standard import DAILY_TOTALS
from tap_yoc.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from tap_yoc.api.client import Query
    from tap_yoc.dates import Window
    from tap_yoc.decoding.rows import Row, RowShape
    from tap_yoc.engine.run import Run
    from tap_yoc.reports.report import Report


class WindowReading:
    """One window of a daily report, which may be read twice."""

    def __init__(self, run: Run, report: Report, shape: RowShape, query: Query, *, next_first: date) -> None:
        """Read nothing yet; days before `next_first` are final."""
        assert query.window  # noqa: S101 - a daily report is asked for by windows
        self.days_with_rows: set[date] = set()
        """Known as soon as the window was read whole."""
        self._run = run
        self._report = report
        self._shape = shape
        self._query = query
        self._window: Window = query.window
        self._next_first = next_first.isoformat()

    def pages(self, upcoming: Sequence[Query] = (), *, is_last: bool) -> Iterator[Page]:
        """Yield the window's rows, then compare its days with the account's totals.

        `upcoming` are the queries that will be read next.

        Raises:
            InconsistentWindowError: The rows contradict each other, the total or the account's totals.
        """
        run = self._run
        fetched_at, rows = run.fetched_at(), 0
        sums = DailySums(self._compared_metrics())
        for page in run.reader.pages(self._shape, self._query, upcoming):
            rows += len(page)
            run.summary.note_newest_day(day_of(self._shape.column(page[-1:], DATE)[0]))
            self._stamp(page, fetched_at, sums)
            yield Page(page, self._shape)
        self._compare(sums, is_last=is_last)
        if rows:
            self._shape.require_a_figure()
        self.days_with_rows.update(map(day_of, sums.days))
        run.summary.log_read(self._report.name, self._window, rows, len(self._query.sent))

    def _stamp(self, page: list[Row], fetched_at: str, sums: DailySums) -> None:
        """Add a page to the sums, and fill in what the tap adds to each row."""
        shape = self._shape
        dates = shape.column(page, DATE)
        sums.add_page(dates, {metric: shape.column(page, metric) for metric in sums.metrics})
        if FETCHED_AT in shape.names:
            shape.set(page, FETCHED_AT, [fetched_at] * len(page))
        if IS_FINAL in shape.names:
            shape.set(page, IS_FINAL, [day < self._next_first for day in dates])

    def _compared_metrics(self) -> list[str]:
        """Return the metrics whose sums must be the account's: none under a filter, or for the totals themselves."""
        if self._report.query or self._report.name == DAILY_TOTALS:
            return []
        return [metric.name for metric in self._run.control_totals.metrics if metric in self._shape.figures]

    def _compare(self, sums: DailySums, *, is_last: bool) -> None:
        """Compare each day with the account's totals; after the second reading `on_incomplete_day` decides."""
        run = self._run
        differences = run.control_totals.differences(sums, self._window) if sums.metrics else {}
        if not differences:
            return
        difference, *others = differences.values()
        if others:
            difference = f"{difference} (and {counted(len(others), 'day')} more)"
        if not is_last or run.settings.on_incomplete_day == "fail":
            raise InconsistentWindowError(difference)
        run.summary.incomplete_days.update(differences)
        run.summary.warn(f"Stream {self._report.name}: {difference}; the day may be incomplete.")
