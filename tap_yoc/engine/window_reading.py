"""Reading one window of a report: adds the tap's columns, sums figures, compares them with the account's totals."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_yoc.dates import day_of
from tap_yoc.decoding.page import Page
from tap_yoc.engine.control_totals import DailySums
from tap_yoc.errors import InconsistentWindowError
from tap_yoc.reports.report import DATE, FETCHED_AT, IS_FINAL
from tap_yoc.wording import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date

    from tap_yoc.api.query import Query
    from tap_yoc.dates import Window
    from tap_yoc.decoding.row_types import Rows
    from tap_yoc.decoding.rows import RowShape
    from tap_yoc.engine.prefetch import Reader
    from tap_yoc.engine.run import Run
    from tap_yoc.reports.report import Report


@dataclass(frozen=True)
class Restart:
    """The window is read again: discard the pages since the last bookmark, unless rows are upserted."""


class WindowReading:
    """The reading of one window of a report, with up to two attempts."""

    def __init__(  # noqa: PLR0913 - by name
        self,
        run: Run,
        report: Report,
        shape: RowShape,
        query: Query,
        *,
        reader: Reader,
        added: Collection[str],
        next_first: date,
        refused: WindowReading | None = None,
    ) -> None:
        """Read nothing yet.

        `added` are the tap's columns to add, and days before `next_first` are final. `refused` is the reading that this
        one replaces, if YOC refused its window.
        """
        assert query.window  # noqa: S101 - every report is requested by days
        self.window: Window = query.window
        self.has_begun: bool = refused.has_begun if refused else False
        """Whether a page was yielded."""
        self.days_with_rows: set[date] = set()
        """Filled once the window was read in full."""
        self._run = run
        self._reader = reader
        self._report = report
        self._shape = shape
        self._added = added
        self._query = query
        self._next_first = next_first.isoformat()
        self.fetched_at: datetime = refused.fetched_at if refused else datetime.min.replace(tzinfo=timezone.utc)
        """When the first answer of the newest attempt arrived."""
        self._attempts = 0

    def pages(self, upcoming: Sequence[Query] = (), *, is_last: bool) -> Iterator[Page | Restart]:
        """Yield the window's rows, then compare its days with the account's totals.

        `upcoming` are the next queries.

        Raises:
            InconsistentWindowError: The rows contradict each other, the total or the account's totals.
        """
        run, rows, fetched_at = self._run, 0, ""
        answers_before = len(self._query.received) if self._attempts else 0
        if self.has_begun:
            yield Restart()
        self._attempts += 1
        sums = DailySums(self._compared_metrics())
        for page in self._reader.pages(self._shape, self._query, upcoming):
            fetched_at = fetched_at or self._arrival(answers_before)
            rows += len(page)
            run.summary.rows += len(page)
            self.has_begun = True
            if self._report.is_daily:
                days = self._shape.column(page, DATE)
                run.summary.note_newest_day(self._report.name, day_of(days[-1]))
                sums.add_page(days, {metric: self._shape.column(page, metric) for metric in sums.metrics})
                yield from self._stamped(page, days, fetched_at)
            else:
                yield self._page(page, {FETCHED_AT: fetched_at})
        self._compare(sums, is_last=is_last)
        if rows and self._report.is_daily:
            self._shape.require_a_figure()
        self.days_with_rows.update(map(day_of, sums.days))
        run.summary.log_read(self._report.name, self.window, rows, len(self._query.sent))

    def _arrival(self, answers_before: int) -> str:
        """Return when the first answer of this attempt arrived: one time for all rows, later than the first attempt's.

        As all rows of a window have the same time, a row that YOC took back is older than the others of its day.
        """
        self.fetched_at = max(self._query.received[answers_before], self.fetched_at + timedelta.resolution)
        return self.fetched_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _stamped(self, rows: Rows, days: Sequence[str], fetched_at: str) -> Iterator[Page]:
        """Yield rows with the tap's columns, in two pages if only some of their days are final."""
        end_of_final = bisect_left(days, self._next_first)
        for start, stop, is_final in ((0, end_of_final, True), (end_of_final, len(rows), False)):
            if start < stop:
                yield self._page(rows.part(start, stop), {FETCHED_AT: fetched_at, IS_FINAL: is_final})

    def _page(self, rows: Rows, added: Mapping[str, Any]) -> Page:
        return Page(rows, self._shape, {name: value for name, value in added.items() if name in self._added})

    def _compared_metrics(self) -> list[str]:
        """Return the metrics to compare with the account's totals: none with a filter."""
        if not self._report.is_daily or self._report.query:
            return []
        return [metric.name for metric in self._run.control_totals.metrics if metric in self._shape.figures]

    def _compare(self, sums: DailySums, *, is_last: bool) -> None:
        """Compare each day with the account's totals; after the second attempt, `on_incomplete_day` decides."""
        run = self._run
        differences = run.control_totals.differences(sums, self.window) if sums.metrics else {}
        if not differences:
            return
        difference, *others = differences.values()
        if others:
            difference = f"{difference} (and {counted(len(others), 'day')} more)"
        if not is_last or run.settings.on_incomplete_day == "fail":
            raise InconsistentWindowError(difference)
        run.summary.incomplete_days.update(differences)
        run.summary.warn(f"Stream {self._report.name}: {difference}; the day may be incomplete.")
