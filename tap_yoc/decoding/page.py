"""A page: rows that came together, and what the tap adds to them; pure."""

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
    """Rows that came together: of a shape, or as `{column: value}` already."""

    rows: Sequence[Row]
    shape: RowShape | None = None
    added: Mapping[str, Any] = field(default_factory=dict)
    """What the tap adds to each of them, the same to all."""

    def parts(self, most: int) -> Iterator[Page]:
        """Yield the page in parts of so many rows at most; none where there are no rows."""
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
        """Return the cells of each column, without what is added; no columns where there are no rows."""
        if isinstance(self.rows, Rows) and self.shape:
            return dict(zip(self.shape.names, self.rows.columns, strict=False))
        return {name: [row[name] for row in self.rows] for name in (self.rows[0] if self.rows else ())}
