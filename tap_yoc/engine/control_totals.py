"""Control totals: the account's totals of each day, which every fact stream is compared with."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tap_yoc.api.query import Query
from tap_yoc.dates import day_of
from tap_yoc.engine.reach import read_within
from tap_yoc.engine.reread import read_all_with_reread
from tap_yoc.errors import IncompleteDataError, PermissionDeniedError
from tap_yoc.reports.report import DATE, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from tap_yoc.dates import Window
    from tap_yoc.engine.prefetch import Reader
    from tap_yoc.engine.reach import Reach
    from tap_yoc.reports.columns import Column
    from tap_yoc.reports.metadata import AccountMetadata


class DailySums:
    """Sums of additive metrics by day."""

    def __init__(self, metrics: Sequence[str]) -> None:
        """Sum these metrics."""
        self.metrics = metrics
        self._sums: defaultdict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(metrics, 0))

    @property
    def days(self) -> list[str]:
        """The days that have rows."""
        return list(self._sums)

    def add(self, row: dict[str, Any]) -> None:
        """Add a row's figures to the sums of its day."""
        day = self._sums[row[DATE]]
        for metric in self.metrics:
            day[metric] += row[metric] or 0

    def add_page(self, days: Sequence[str], figures: Mapping[str, Sequence[int | None]]) -> None:
        """Add a page: the day of each row, ascending, and the column of each metric."""
        start = 0
        while start < len(days):
            end = bisect_right(days, days[start], start)
            sums = self._sums[days[start]]
            for metric in self.metrics:
                sums[metric] += _sum(figures[metric][start:end])
            start = end

    def sums_of(self, day: date) -> dict[str, int]:
        """Return the day's sums, 0 if it has no rows."""
        return self._sums.get(day.isoformat()) or dict.fromkeys(self.metrics, 0)

    def differences(self, control: DailySums, window: Window) -> dict[date, str]:
        """Return the days of a window that differ, oldest first, each with its first difference as a sentence."""
        found = {}
        for day in window.days():
            mine, theirs = self.sums_of(day), control.sums_of(day)
            for metric in self.metrics:
                if mine[metric] != theirs[metric]:
                    found[day] = (
                        f"{metric} of {day} adds up to {mine[metric]}, but the account's total is {theirs[metric]}"
                    )
                    break
        return found


def _sum(cells: Sequence[int | None]) -> int:
    """Return the sum of the cells that have a value."""
    try:
        return sum(cells)  # type: ignore[arg-type] # most pages have every value, and checking first costs more
    except TypeError:
        return sum(filter(None, cells))


class ControlTotals:
    """The account's totals, read once per run, and again after a difference: figures may have been revised."""

    def __init__(
        self, reader: Reader, metadata: AccountMetadata, reach: Reach, page_size: int, warn: Callable[[str], None]
    ) -> None:
        """Read nothing yet."""
        self._reader = reader
        self._metadata = metadata
        self._reach = reach
        self._page_size = page_size
        self._warn = warn
        self._totals: DailySums | None = None
        self._days: set[str] = set()
        """The days that had figures each time the totals were read."""
        self._is_usable = (
            bool(metadata.additive) and DATE in metadata.dimensions and reach.compared.first <= reach.compared.last
        )

    @property
    def metrics(self) -> tuple[Column, ...]:
        """The metrics that can be compared."""
        return self._metadata.additive if self._is_usable else ()

    def newest_day(self, until: date | None = None) -> date | None:
        """Return the newest day with figures, no later than `until`; None if there is none, or if it is unknown."""
        totals = self._read()
        days = [day for day in totals.days if until is None or day <= until.isoformat()] if totals else []
        return day_of(max(days)) if days else None

    def differences(self, figures: DailySums, window: Window) -> dict[date, str]:
        """Return the days on which a stream's figures differ from the account's, each with a sentence that says how.

        Days that YOC has ceased to serve are not compared.

        Raises:
            IncompleteDataError: A day that had figures no longer has any.
        """
        totals = self._read()
        served = self._reach.clip(window)  # once the totals were read, which shows what is served
        differences = figures.differences(totals, served) if totals and served else {}
        if differences:
            self._totals = None
        return differences

    def _read(self) -> DailySums | None:
        if self._totals is None and self._is_usable:
            report = Report(
                name="control totals",
                group_by=self._metadata.pick([DATE]),
                data_fields=self.metrics,
                lookback_days=0,
            )

            def read(days: Window) -> list[dict[str, Any]]:
                query = Query.of(report, window=days, page_size=self._page_size)
                return read_all_with_reread(
                    lambda: self._reader.rows(report, query), "The account's totals", self._warn
                )

            try:
                rows = read_within(self._reach, lambda: self._reach.compared, read)
            except (IncompleteDataError, PermissionDeniedError) as error:
                self._is_usable = False
                self._warn(f"The account's totals cannot be read ({error}); days are not compared with them.")
                return None
            self._totals = DailySums([metric.name for metric in self.metrics])
            for row in rows:
                self._totals.add(row)
            self._require_all_days(self._totals)
        return self._totals

    def _require_all_days(self, totals: DailySums) -> None:
        """Check that no day has vanished: during an outage, empty totals would match an empty stream."""
        first = self._reach.first.isoformat()
        if gone := {day for day in self._days.difference(totals.days) if day >= first}:
            self._totals = None
            raise IncompleteDataError(
                f"YOC no longer has figures for {min(gone)}, which it had earlier in this run; run again."
            )
        self._days.update(totals.days)
