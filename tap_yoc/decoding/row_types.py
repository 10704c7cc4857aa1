"""The types of decoded rows (strict for most pages, lenient for the others), and rows as columns."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec.structs import astuple

from tap_yoc.exact_numbers import NULL
from tap_yoc.reports.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tap_yoc.reports.columns import Column

# The types of cells that have exactly the declared type; the decoder checks them.
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_EXACT: dict[Kind, Any] = {
    Kind.DATE: str,
    Kind.TEXT: _Text,
    Kind.INTEGER: int,
    Kind.NUMBER: Any,
    Kind.BOOLEAN: bool,
    Kind.UNKNOWN: _Text,
}
# The same if cells may be null, empty or absent.
_LENIENT: dict[Kind, Any] = {
    Kind.DATE: str,
    Kind.TEXT: str | None,
    Kind.INTEGER: int | None,
    Kind.NUMBER: Any,
    Kind.BOOLEAN: bool | None,
    Kind.UNKNOWN: str | None,
}


class _Row(msgspec.Struct, gc=False, eq=False):
    """A row; two rows are equal if their cells are, even if decoded in different ways.

    Rows contain no references to themselves, so the garbage collector can skip them.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Row) and astuple(self) == astuple(other)

    __hash__ = None  # type: ignore[assignment] # its numbers have no hash


Row = Any
"""An instance of a shape's type: one attribute per column, in order, encoded to JSON under the columns' names."""


class Rows(list[Row]):
    """Rows of one shape; `put` replaces a column."""

    @cached_property
    def columns(self) -> list[Sequence[Any]]:
        """The cells of each column, in the order of the attributes; empty if there are no rows.

        Converting all rows at once takes a quarter of the time of reading each attribute of each row.
        """
        return list(zip(*map(astuple, self), strict=True))

    def put(self, position: int, cells: Sequence[Any]) -> None:
        """Replace a column."""
        for row, cell in zip(self, cells, strict=True):
            setattr(row, row.__struct_fields__[position], cell)
        if self:
            self.columns[position] = cells

    def part(self, start: int, stop: int) -> Rows:
        """Return the rows from `start` up to, but not including, `stop`."""
        if start == 0 and stop == len(self):
            return self
        rows = Rows(self[start:stop])
        if rows:
            rows.columns = [cells[start:stop] for cells in self.columns]
        return rows


def row_type(
    columns: Sequence[Column], fields: Mapping[str, str], raw: Collection[str], *, may_lack: bool
) -> type[msgspec.Struct]:
    """Return a type with an attribute for each name in `fields`, encoded to JSON under that name.

    Attributes have names of their own, because a column's name may not be an identifier. The numbers of `raw` columns
    stay literals. With `may_lack`, a cell may be null or absent; it is then None, or the literal null.
    """
    attributes: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for column in columns:
        kind, nothing = (
            (msgspec.Raw, NULL) if column.name in raw else ((_LENIENT if may_lack else _EXACT)[column.kind], None)
        )
        field = fields[column.name]
        attributes.append((field, kind, nothing) if may_lack else (field, kind))
    names = {field: name for name, field in fields.items()}
    return msgspec.defstruct("Row", attributes, bases=(_Row,), gc=False, eq=False, rename=names)
