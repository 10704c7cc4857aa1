"""The types that rows are decoded into, strict for most pages, lenient for the others; and rows as columns."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec.structs import astuple

from tap_yoc.decoding.number_literals import NULL
from tap_yoc.reports.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_yoc.reports.columns import Column

# What a cell is where it is exactly what its column declares; the decoder checks it.
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_EXACT: dict[Kind, Any] = {
    Kind.DATE: str,
    Kind.TEXT: _Text,
    Kind.INTEGER: int,
    Kind.NUMBER: Any,
    Kind.BOOLEAN: bool,
    Kind.UNKNOWN: _Text,
}
# The same where cells may be null, empty, or left out.
_LENIENT: dict[Kind, Any] = {
    Kind.DATE: str,
    Kind.TEXT: str | None,
    Kind.INTEGER: int | None,
    Kind.NUMBER: Any,
    Kind.BOOLEAN: bool | None,
    Kind.UNKNOWN: str | None,
}


class _Row(msgspec.Struct, gc=False, eq=False):
    """A row; two are equal when their cells are, however they were decoded.

    Rows contain no references to themselves, so the garbage collector can skip them.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Row) and astuple(self) == astuple(other)

    __hash__ = None  # type: ignore[assignment] # its numbers have none


Row = Any
"""An instance of a shape's type: one attribute a column, in order, written to JSON under the columns' names."""


class Rows(list[Row]):
    """Rows of one shape; a column of theirs is changed by `put`."""

    @cached_property
    def columns(self) -> list[Sequence[Any]]:
        """The cells of each column, in the order of the attributes; no columns where there are no rows.

        Taken out of all rows at once, which costs a quarter of asking each row for each of its attributes.
        """
        return list(zip(*map(astuple, self), strict=True))

    def put(self, position: int, cells: Sequence[Any]) -> None:
        """Replace a column."""
        for row, cell in zip(self, cells, strict=True):
            setattr(row, row.__struct_fields__[position], cell)
        if self:
            self.columns[position] = cells

    def part(self, start: int, stop: int) -> Rows:
        """Return the rows from start to before stop."""
        if start == 0 and stop == len(self):
            return self
        rows = Rows(self[start:stop])
        if rows:
            rows.columns = [cells[start:stop] for cells in self.columns]
        return rows


def row_type(
    columns: Sequence[Column], fields: Mapping[str, str], raw: Sequence[Column], *, may_lack: bool
) -> type[msgspec.Struct]:
    """Return a type with an attribute for each name in `fields`, written to JSON under that name.

    An attribute is called otherwise than its column, whose name may be no identifier. The numbers of `raw` columns stay
    as they are written. With `may_lack` a cell may be null or left out, and is None then, or JSON's null.
    """
    attributes: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for column in columns:
        kind, nothing = (
            (msgspec.Raw, NULL) if column in raw else ((_LENIENT if may_lack else _EXACT)[column.kind], None)
        )
        field = fields[column.name]
        attributes.append((field, kind, nothing) if may_lack else (field, kind))
    names = {field: name for name, field in fields.items()}
    return msgspec.defstruct("Row", attributes, bases=(_Row,), gc=False, eq=False, rename=names)
