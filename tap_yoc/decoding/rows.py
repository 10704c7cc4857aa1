"""The rows of one query: decoded from JSON in one go into a type made for its columns, or cast cell by cell.

Most pages match the metadata exactly and are decoded in one go: first as if every cell had a value, which is fastest;
then with missing cells and numbers as text allowed. Pages with anything else (dates with a time, an exponent, U+0000)
are cast cell by cell. The rows are the same either way.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tap_yoc.dates import day_of
from tap_yoc.decoding.row_types import Rows, row_type
from tap_yoc.errors import CellError, IncompleteDataError
from tap_yoc.exact_json import decode
from tap_yoc.exact_numbers import NULL, are_plain, exact_number, without_quotes, written
from tap_yoc.reports.columns import Kind
from tap_yoc.reports.report import DATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_yoc.decoding.envelope import Envelope, RawRow
    from tap_yoc.decoding.row_types import Row
    from tap_yoc.exact_json import Json
    from tap_yoc.reports.columns import Column
    from tap_yoc.reports.report import Report
    from tap_yoc.summary import RunSummary

Decode: TypeAlias = "Callable[[bytes], Any]"

_NUMBERS = frozenset({int, Decimal})
_SURELY_EXACT = 2**53
_MOST_DECODERS = 4
"""A server has one or two forms of answers; if its keys changed all the time, each answer would add a decoder."""


class RowShape:
    """The columns of a query's rows: its key, then its figures; thread-safe."""

    def __init__(self, report: Report, figures: Sequence[Column]) -> None:
        """Create the row types for the report's key and these figures."""
        self.stream = report.name
        self.key = report.key
        self.figures = tuple(figures)
        self.columns = (*self.key, *self.figures)
        self.names = tuple(column.name for column in self.columns)
        self.seen: set[str] = set()
        """The figures that the server has sent so far, null or not."""
        self._raw = {column.name: column for column in self.figures if column.kind is Kind.NUMBER}
        """The columns whose numbers stay JSON literals, because nothing is computed with them."""
        self._positions = {name: position for position, name in enumerate(self.names)}
        fields = {name: f"c{position}" for name, position in self._positions.items()}
        self._exact = row_type(self.columns, fields, self._raw, may_lack=False)
        self._lenient = row_type(self.columns, fields, self._raw, may_lack=True)
        self._decoders: dict[tuple[type[msgspec.Struct], Envelope], Decode] = {}
        self._known_days: set[str] = set()

    def column(self, rows: Rows, name: str) -> Sequence[Any]:
        """Return the cells of one column."""
        return rows.columns[self._positions[name]] if rows else ()

    def keys(self, rows: Rows) -> Sequence[Sequence[Any]]:
        """Return the cells of the key's columns."""
        return rows.columns[: len(self.key)]

    def as_dict(self, row: Row) -> dict[str, Any]:
        """Return a row as `{column: value}`."""
        record = dict(zip(self.names, msgspec.structs.astuple(row), strict=True))
        record.update({column.name: column.cast(decode(record[column.name])) for column in self._raw.values()})
        return record

    def decode(self, content: bytes, envelope: Envelope) -> tuple[Json, Rows] | None:
        """Return an answer without its rows, and the rows (see `Envelope.open`); None if a cell has another type."""
        if b"\\" in content and b"\\u0000" in content:  # the first check is fast and usually fails
            return None  # only casting cell by cell drops U+0000
        for attempt in self._decode_exact, self._decode_with_gaps:
            with suppress(ValueError, RecursionError):  # nested deeply; decoding it again reports that
                return attempt(content, envelope)
        return None

    def _decode_exact(self, content: bytes, envelope: Envelope) -> tuple[Json, Rows]:
        """Decode an answer with every column in every row, where only numbers may be null."""
        body, rows = self._open(self._exact, content, envelope)
        for column in self.columns:
            if not self._is_exact(column, rows):
                raise ValueError
        if rows:
            self.seen.update(self.names)
        return body, rows

    def _decode_with_gaps(self, content: bytes, envelope: Envelope) -> tuple[Json, Rows]:
        """Decode an answer whose cells may be null, `""` or absent, and whose numbers may be text."""
        if b'"null"' in content.lower():
            raise ValueError  # the decoder would also read this text as null
        body, rows = self._open(self._lenient, content, envelope)
        beside = set(chain.from_iterable(envelope.levels))
        for column in self.columns:
            if column.name in self._raw:
                rows.put(self._positions[column.name], without_quotes(self.column(rows, column.name)))
            cells = self.column(rows, column.name)
            kinds = set(map(type, cells))
            has_value = any(cell != NULL for cell in cells) if column.name in self._raw else kinds != {NoneType}
            if not has_value and (column.name in beside or f'"{column.name}"'.encode() not in content):
                raise ValueError  # only casting cell by cell finds names with blanks
            if not self._is_exact(column, rows, missing=NoneType):
                raise ValueError
            if column.kind is Kind.INTEGER and max(map(abs, filter(None, cells)), default=0) >= _SURELY_EXACT:
                raise ValueError  # the decoder also reads 5.0 as 5, and rounds larger ones
            if str in kinds and "" in cells:
                rows.put(self._positions[column.name], [cell or None for cell in cells])
            self.seen.add(column.name)
        return body, rows

    def _open(self, row_type: type[msgspec.Struct], content: bytes, envelope: Envelope) -> tuple[Json, Rows]:
        body, rows = envelope.open(self._decoder(row_type, envelope)(content))
        return body, Rows(rows)

    def _decoder(self, row_type: type[msgspec.Struct], envelope: Envelope) -> Decode:
        decode = self._decoders.get((row_type, envelope))
        if decode is None:
            answer_type = envelope.around(list[row_type])  # type: ignore[valid-type] # made at run time
            strict = row_type is self._exact
            # If not strict, it also reads numbers and booleans in text.
            decode = msgspec.json.Decoder(answer_type, strict=strict, float_hook=exact_number).decode
            kept = self._decoders if len(self._decoders) < _MOST_DECODERS else {}
            self._decoders = {
                **kept,
                (row_type, envelope): decode,
            }  # a new dict, because other threads may read the old one
        return decode

    def _is_exact(self, column: Column, rows: Rows, missing: type | None = None) -> bool:
        """Return whether cells decoded in one go are what `Column.cast` would return."""
        cells = self.column(rows, column.name)
        if column.name in self._raw:
            return are_plain(cells)
        if column.kind is Kind.NUMBER:
            return set(map(type, cells)) - {missing} <= _NUMBERS
        if column.kind is Kind.DATE:
            # Most pages have one day, and comparing is cheaper than hashing.
            is_one_day = bool(cells) and cells.count(cells[0]) == len(cells)
            return all(map(self._is_day, cells[:1] if is_one_day else set(cells)))
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

    def cast(self, raw_rows: list[RawRow]) -> Rows:
        """Return the rows, cast cell by cell; null, `""` and absent cells become None.

        Raises:
            CellError: A value has the wrong type; names stream, column and day, but not the value.
        """
        return Rows(map(self._cast_row, raw_rows))

    def _cast_row(self, raw: RawRow) -> Row:
        self.seen.update(raw.keys() & self._positions.keys())
        cells = []
        column = self.columns[0]
        try:
            for column in self.columns:
                cell = column.cast(raw.get(column.name))
                cells.append(written(cell) if column.name in self._raw else cell)
        except ValueError as error:
            raise self._misfit(column, str(error), raw.get(DATE)) from None
        return self._lenient(*cells)

    def fill_missing(self, rows: Rows, summary: RunSummary) -> None:
        """Replace missing values in key columns by `""`, 0 or false, and count them.

        Raises:
            CellError: A row has no day.
        """
        if rows and type(rows[0]) is self._exact:
            return  # only figures can be missing here
        for column in self.key:
            cells = self.column(rows, column.name)
            if NoneType not in set(map(type, cells)):
                continue
            missing = cells.count(None)
            if column.kind is Kind.DATE:
                raise self._misfit(column, "missing, but every row needs a day", None)
            summary.missing[self.stream, column.name] += missing
            rows.put(self._positions[column.name], [column.missing if cell is None else cell for cell in cells])

    def require_a_figure(self) -> None:
        """Check that rows have at least one of the requested figures; a single figure may have no value.

        Raises:
            IncompleteDataError: They have none of them.
        """
        if len(self.figures) > 1 and self.seen.isdisjoint(column.name for column in self.figures):
            raise IncompleteDataError(
                f"Stream {self.stream}: YOC's rows have none of the requested figures "
                f"({self.figures[0].name} and so on); please report this to the maintainers."
            )

    def warn_of_missing_figures(self, summary: RunSummary) -> None:
        """Warn about requested figures that no row had."""
        for column in self.figures:
            if column.name not in self.seen:
                summary.warn(
                    f"Stream {self.stream}: YOC did not send the requested column {column.name}; "
                    f"it is null in all rows."
                )

    def _misfit(self, column: Column, why: str, day: object) -> CellError:
        try:
            where = f" of {day_of(day)}"
        except ValueError:
            where = ""
        return CellError(
            f"Stream {self.stream}: column {column.name}{where} contains a value that is {why} "
            f"(declared {column.declared}); please report this to the maintainers."
        )
