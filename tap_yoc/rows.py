"""The rows of one query: a type made of its columns, filled at once from JSON, or cell by cell where cells are odd.

Most pages hold exactly what the metadata declares, and are decoded in one go. A page that does not (numbers as text,
dates with a time, an exponent, U+0000 …) is cast cell by cell; both ways give the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_yoc.columns import Kind
from tap_yoc.envelope import exact_number
from tap_yoc.errors import CellError
from tap_yoc.reports import DATE
from tap_yoc.windows import day_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_yoc.columns import Column
    from tap_yoc.envelope import Row as RawRow
    from tap_yoc.reports import Report
    from tap_yoc.summary import RunSummary

Row = Any
"""An instance of a shape's type: one attribute a column, in order, written to JSON under the columns' names."""

# What a cell may be on a page that is decoded at once. Numbers keep their digits through the decoder's hook.
_EXACT: dict[Kind, Any] = {
    Kind.DATE: str,
    Kind.TEXT: str | None,
    Kind.INTEGER: int | None,
    Kind.NUMBER: Any,
    Kind.BOOLEAN: bool | None,
    Kind.UNEXPLAINED: str | None,
}
_NUMBERS = frozenset({int, Decimal, type(None)})


@dataclass(frozen=True)
class Page:
    """Rows that came together: of a shape, or as `{column: value}` already."""

    rows: list[Row]
    shape: RowShape | None = None

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as `{column: value}`."""
        return map(self.shape.as_dict, self.rows) if self.shape else iter(self.rows)


class RowShape:
    """The columns of a query's rows: its key, its figures, and what the tap adds; safe under threads."""

    def __init__(self, report: Report, figures: Sequence[Column], added: Sequence[str] = ()) -> None:
        """Take the figures that are asked for and shown; `added` is filled in later."""
        self.stream = report.name
        self.key = report.key
        self.figures = tuple(figures)
        self.columns = (*self.key, *self.figures)
        self.names = (*(column.name for column in self.columns), *added)
        self.seen: set[str] = set()
        """The figures that the server has sent so far, null or not."""
        fields = [f"c{position}" for position in range(len(self.names))]
        kinds = [_EXACT[column.kind] for column in self.columns] + [Any] * len(added)
        self._type = msgspec.defstruct(
            "Row",
            [(field, kind, None) for field, kind in zip(fields, kinds, strict=True)],
            rename=dict(zip(fields, self.names, strict=True)),
        )
        self._cells = dict(zip(self.names, map(attrgetter, fields), strict=True))
        self._fields = dict(zip(self.names, fields, strict=True))
        self._decoder = msgspec.json.Decoder(list[self._type], float_hook=exact_number)  # type: ignore[name-defined]
        self._key_of: Callable[[Row], Any] = attrgetter(*fields[: len(self.key)])
        self._known_days: set[str] = set()

    def column(self, rows: list[Row], name: str) -> list[Any]:
        """Return the cells of one column."""
        return list(map(self._cells[name], rows))

    def keys(self, rows: list[Row]) -> list[tuple[Any, ...]]:
        """Return the key of each row, as a tuple."""
        keys = map(self._key_of, rows)
        return list(keys) if len(self.key) > 1 else [(key,) for key in keys]

    def set(self, rows: list[Row], name: str, values: list[Any]) -> None:
        """Fill in a column."""
        field = self._fields[name]
        for row, value in zip(rows, values, strict=True):
            setattr(row, field, value)

    def as_dict(self, row: Row) -> dict[str, Any]:
        """Return a row as `{column: value}`."""
        return dict(zip(self.names, msgspec.structs.astuple(row), strict=True))

    def decode(self, content: msgspec.Raw | bytes) -> list[Row] | None:
        """Return the rows of a JSON list, or None when a cell is not exactly what its column declares."""
        try:
            rows: list[Row] = self._decoder.decode(content)
        except msgspec.DecodeError:
            return None
        if not rows:
            return rows
        content = bytes(content)
        if b"\\u0000" in content:
            return None
        for column in self.columns:
            cells = self.column(rows, column.name)
            is_empty = cells.count(None) == len(cells)
            if (is_empty and f'"{column.name}"'.encode() not in content) or not self._is_exact(column, cells):
                return None  # a column that no row has may be spelled in another way
            if "" in cells:
                self.set(rows, column.name, [cell or None for cell in cells])
            self.seen.add(column.name)
        return rows

    def _is_exact(self, column: Column, cells: list[Any]) -> bool:
        """Say whether cells that were decoded at once are what `Column.cast` would have made of them."""
        if column.kind is Kind.NUMBER:
            return set(map(type, cells)) <= _NUMBERS
        if column.kind is Kind.DATE:
            return all(map(self._is_day, set(cells)))
        return True

    def _is_day(self, cell: str | None) -> bool:
        if cell in self._known_days:
            return True
        try:
            is_plain = day_of(cell).isoformat() == cell
        except ValueError:
            return False
        if is_plain and cell:
            self._known_days.add(cell)
        return is_plain

    def cast(self, raw_rows: list[RawRow]) -> list[Row]:
        """Return the rows, cell by cell; null, `""` and nothing at all are None.

        Raises:
            CellError: A value does not fit; names stream, column and day, and not the value.
        """
        return [self._cast_row(raw) for raw in raw_rows]

    def _cast_row(self, raw: RawRow) -> Row:
        self.seen |= raw.keys()
        cells = []
        column = self.columns[0]
        try:
            for column in self.columns:
                cells.append(column.cast(raw.get(column.name)))
        except ValueError as error:
            raise self._misfit(column, str(error), raw.get(DATE)) from None
        return self._type(*cells)

    def fill_missing(self, rows: list[Row], summary: RunSummary) -> None:
        """Put `""`, 0 or false where a key has no value, and count it.

        Raises:
            CellError: A row has no day, so that nobody can tell where it belongs.
        """
        for column in self.key:
            cells = self.column(rows, column.name)
            if not (missing := cells.count(None)):
                continue
            if column.kind is Kind.DATE:
                raise self._misfit(column, "missing, where a day is needed", None)
            summary.missing[self.stream, column.name] += missing
            self.set(rows, column.name, [column.missing if cell is None else cell for cell in cells])

    def tell_unseen(self, summary: RunSummary) -> None:
        """Warn of figures that were asked for and that no row had."""
        for column in self.figures:
            if column.name not in self.seen:
                summary.warn(
                    f"Stream {self.stream}: YOC was asked for {column.name} and sent no such column; "
                    f"it is null in all rows."
                )

    def _misfit(self, column: Column, why: str, day: object) -> CellError:
        try:
            where = f" of {day_of(day)}"
        except ValueError:
            where = ""
        return CellError(
            f"Stream {self.stream}: column {column.name}{where} holds a value that is {why} "
            f"(declared {column.declared}); please report this to the maintainers."
        )
