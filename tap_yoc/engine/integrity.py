"""Checks that the rows of a window can be complete: no duplicates, no other days, in the requested order; pure."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from operator import lt
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_yoc.errors import InconsistentWindowError
from tap_yoc.reports.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_yoc.dates import Window
    from tap_yoc.reports.columns import Column

Key: TypeAlias = "tuple[Any, ...]"
"""The cells of a row's key columns, the day first."""

_IN_NUMERIC_ORDER, _IN_TEXT_ORDER = "numeric", "text"
_ORDERED = frozenset({Kind.INTEGER, Kind.NUMBER})


class IntegrityCheck:
    """Checks the keys of a window's rows, page by page; keeps only those of one day."""

    def __init__(self, columns: Sequence[Column], window: Window | None) -> None:
        """Start before the first row; `columns` are the key's, and without a window any day is allowed."""
        self._columns = columns
        self._has_days = columns[0].kind is Kind.DATE
        self._first = window.first.isoformat() if window else ""
        self._last = window.last.isoformat() if window else "9"
        self._previous: Key | None = None
        self._seen: set[Key] = set()
        self._ascending: list[list[Key]] = []
        """Pages of keys in ascending order, so without duplicates; searched only once a page is out of order."""
        self._orders = {column.name: {_IN_NUMERIC_ORDER, _IN_TEXT_ORDER} for column in self._columns}

    def take_page(self, columns: Sequence[Sequence[Any]]) -> None:
        """Check the keys of the next rows: the cells of each column of the key.

        Raises:
            InconsistentWindowError: They cannot belong to a complete window.
        """
        keys: list[Key] = list(zip(*columns, strict=True))
        if not keys:
            return
        neighbours = [self._previous, *keys] if self._previous else keys
        is_ascending = all(map(lt, neighbours, islice(neighbours, 1, None)))
        if self._has_days:
            self._check_days([keys[0], keys[-1]] if is_ascending else keys)
        # Most pages ascend in Python's order; compare neighbours only in the others.
        if not is_ascending or self._distinguishes_orders(columns):
            for previous, key in pairwise(neighbours):
                self._check_order(previous, key)
        self._check_unique(keys, is_ascending=is_ascending)
        self._previous = keys[-1]

    def _check_days(self, keys: list[Key]) -> None:
        for day in {key[0] for key in keys}:
            if not self._first <= day <= self._last:
                raise InconsistentWindowError(f"a row of {day} is outside the requested days")

    def _check_unique(self, keys: list[Key], *, is_ascending: bool) -> None:
        """Look for a duplicate key; with days, only the keys of the last day can still repeat."""
        if self._has_days and self._previous and keys[0][0] != self._previous[0]:
            self._seen.clear()
            self._ascending.clear()
        if is_ascending and not self._seen:
            if self._has_days and keys[0][0] != keys[-1][0]:
                self._ascending.clear()  # their day is complete
            self._ascending.append(self._of_last_day(keys))
            return
        self._seen.update(*self._ascending)
        self._ascending.clear()
        fresh = set(keys)
        if len(fresh) < len(keys) or not self._seen.isdisjoint(fresh):
            twice = next(key for key, times in Counter([*self._seen, *keys]).items() if times > 1)
            raise InconsistentWindowError(f"the row {self._named(twice)} appeared twice")
        self._seen |= fresh
        if self._has_days and keys[0][0] != keys[-1][0]:
            self._seen = set(self._of_last_day(keys))

    def _of_last_day(self, keys: list[Key]) -> list[Key]:
        day = keys[-1][0]
        return [key for key in keys if key[0] == day] if self._has_days and keys[0][0] != day else keys

    def _distinguishes_orders(self, columns: Sequence[Sequence[Any]]) -> bool:
        """Return whether ascending numbers may not ascend as text: negative ones, or ones of different lengths."""
        is_sorted = True
        for position, (column, cells) in enumerate(zip(self._columns, columns, strict=True)):
            if column.kind in _ORDERED and _IN_TEXT_ORDER in self._orders[column.name]:
                # If all columns before it are constant in the page, the column itself is sorted.
                low, high = (cells[0], cells[-1]) if is_sorted else (min(cells), max(cells))
                if self._previous:
                    before = self._previous[position]
                    low, high = min(low, before), max(high, before)
                if low < 0 or len(str(low)) != len(str(high)):
                    return True
            is_sorted &= cells[0] == cells[-1]
        return False

    def _check_order(self, previous: Key, key: Key) -> None:
        """Compare the first column in which two neighbours differ.

        Days must ascend. Numbers must ascend as numbers or, consistently, as text. Other columns are not checked,
        because it is unknown how the server sorts text and where it puts missing values.
        """
        for column, before, after in zip(self._columns, previous, key, strict=True):
            if before == after:
                continue
            if column.kind is Kind.DATE and column.missing not in {before, after} and before > after:
                raise InconsistentWindowError(f"the rows are out of order: {after} came after {before}")
            if column.kind in _ORDERED and column.missing not in {before, after}:
                orders = self._orders[column.name]
                if before > after:
                    orders.discard(_IN_NUMERIC_ORDER)
                if str(before) > str(after):
                    orders.discard(_IN_TEXT_ORDER)
                if not orders:
                    raise InconsistentWindowError(f"the rows are not in the order of {column.name}")
            return

    def _named(self, key: Key) -> str:
        return ", ".join(f"{column.name} {cell!r}" for column, cell in zip(self._columns, key, strict=True))
