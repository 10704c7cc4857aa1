"""Whether the rows of one window can be the whole of it: no row twice, none outside, in the order asked for; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_yoc.columns import Kind
from tap_yoc.errors import WindowFault
from tap_yoc.reports import DATE

if TYPE_CHECKING:
    from tap_yoc.reports import Report
    from tap_yoc.windows import Window

_IN_NUMERIC_ORDER, _IN_TEXT_ORDER = "numeric", "text"


class WindowCheck:
    """Takes a window's rows, cast, one after another; keeps no more than the keys of one day."""

    def __init__(self, report: Report, window: Window | None) -> None:
        """Start before the first row; without a window every day is inside."""
        self._columns = report.key
        self._has_days = report.is_daily
        self._first = window.first.isoformat() if window else ""
        self._last = window.last.isoformat() if window else "9"
        self._previous: tuple[Any, ...] | None = None
        self._seen: set[tuple[Any, ...]] = set()
        self._orders = {column.name: {_IN_NUMERIC_ORDER, _IN_TEXT_ORDER} for column in self._columns}

    def take(self, row: dict[str, Any]) -> None:
        """Check the next row.

        Raises:
            WindowFault: It cannot belong to a complete window.
        """
        key = tuple([row[column.name] for column in self._columns])
        if self._has_days:
            day = row[DATE]
            if not self._first <= day <= self._last:
                raise WindowFault(f"a row of {day} came, outside the days asked for")
            if self._previous and day != self._previous[0]:
                self._seen.clear()
        if self._previous is not None:
            self._check_order(self._previous, key)
        if key in self._seen:
            raise WindowFault(f"the row {self._named(key)} came twice")
        self._seen.add(key)
        self._previous = key

    def _check_order(self, previous: tuple[Any, ...], key: tuple[Any, ...]) -> None:
        """Compare the first column in which two neighbours differ.

        Days must ascend. Numbers must ascend as numbers or, throughout, as text. How the server orders text, and where
        it puts what is missing, is not known, so that nothing is concluded from those.
        """
        for column, before, after in zip(self._columns, previous, key, strict=True):
            if before == after:
                continue
            if column.kind is Kind.DATE and before > after:
                raise WindowFault(f"the server did not keep the order: {after} came after {before}")
            if column.kind in {Kind.INTEGER, Kind.NUMBER} and column.missing not in {before, after}:
                orders = self._orders[column.name]
                if before > after:
                    orders.discard(_IN_NUMERIC_ORDER)
                if str(before) > str(after):
                    orders.discard(_IN_TEXT_ORDER)
                if not orders:
                    raise WindowFault(f"the server did not keep the order of {column.name}")
            return

    def _named(self, key: tuple[Any, ...]) -> str:
        return ", ".join(f"{column.name} {cell!r}" for column, cell in zip(self._columns, key, strict=True))
