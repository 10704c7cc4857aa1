"""The rows of one page, cells by row and by column; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import astuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_yoc.decoding.rows import RowShape

Row = Any
"""An instance of a shape's type: one attribute a column, in order, written to JSON under the columns' names."""


class Rows(list[Row]):
    """Rows of one shape; a column of theirs is changed by `put`."""

    @cached_property
    def columns(self) -> list[Sequence[Any]]:
        """The cells of each column, in the order of the attributes; no columns where there are no rows.

        Taken out of all rows at once, which costs a fifth of asking each row for each of its attributes.
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


@dataclass(frozen=True)
class Page:
    """Rows that came together: of a shape, or as `{column: value}` already."""

    rows: Sequence[Row]
    shape: RowShape | None = None
    added: Mapping[str, Any] = field(default_factory=dict)
    """What the tap adds to each of them, the same to all."""

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as `{column: value}`."""
        records = map(self.shape.as_dict, self.rows) if self.shape else iter(self.rows)
        return ({**record, **self.added} for record in records)
