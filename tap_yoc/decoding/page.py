"""A page: rows from one answer, and the columns that the tap adds; pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_yoc.decoding.row_types import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_yoc.decoding.row_types import Row
    from tap_yoc.decoding.rows import RowShape


@dataclass(frozen=True)
class Page:
    """Rows from one answer, decoded with a shape, or already as `{column: value}`."""

    rows: Sequence[Row]
    shape: RowShape | None = None
    added: Mapping[str, Any] = field(default_factory=dict)
    """The values that the tap adds to every row."""

    def parts(self, most: int) -> Iterator[Page]:
        """Yield the page in parts of at most `most` rows; nothing if it has no rows."""
        if 0 < len(self.rows) <= most:
            yield self
            return
        for start in range(0, len(self.rows), most):
            rows, stop = self.rows, start + most
            yield replace(self, rows=rows.part(start, stop) if isinstance(rows, Rows) else rows[start:stop])

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as `{column: value}`."""
        records = map(self.shape.as_dict, self.rows) if self.shape else iter(self.rows)
        return ({**record, **self.added} for record in records)

    def columns(self) -> dict[str, Sequence[Any]]:
        """Return the cells of each column, without the added ones; empty if there are no rows."""
        if isinstance(self.rows, Rows) and self.shape:
            return dict(zip(self.shape.names, self.rows.columns, strict=False))
        return {name: [row[name] for row in self.rows] for name in (self.rows[0] if self.rows else ())}
