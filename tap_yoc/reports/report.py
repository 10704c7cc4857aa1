"""A report: its columns, its key and its schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_yoc.reports.descriptions import ABOUT_FETCHED_AT, ABOUT_IS_FINAL, described

if TYPE_CHECKING:
    from tap_yoc.exact_json import Json
    from tap_yoc.reports.columns import Column

DATE = "date"
FETCHED_AT, IS_FINAL = "fetched_at", "is_final"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report whose columns the account has."""

    name: str
    group_by: tuple[Column, ...]
    data_fields: tuple[Column, ...]
    query: Json = None
    """The user's filter, in YOC's syntax."""
    lookback_days: int

    @property
    def key(self) -> tuple[Column, ...]:
        """All dimensions, and every metric that splits rows; the day first, so that rows are sorted by day."""
        columns = [*self.group_by, *(column for column in self.data_fields if not column.is_figure)]
        return tuple(sorted(columns, key=lambda column: column.name != DATE))

    @property
    def figures(self) -> tuple[Column, ...]:
        """The metrics that are values, not part of the key."""
        return tuple(column for column in self.data_fields if column.is_figure)

    @property
    def is_daily(self) -> bool:
        """Whether it has days, and so can be read incrementally."""
        return any(column.name == DATE for column in self.group_by)

    @property
    def additions(self) -> tuple[str, ...]:
        """The columns that the tap adds to each row."""
        return (FETCHED_AT, IS_FINAL) if self.is_daily else (FETCHED_AT,)

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of its rows."""
        properties = {column.name: column.json_schema(is_key=True) for column in self.key}
        properties |= {column.name: column.json_schema(is_key=False) for column in self.figures}
        properties[FETCHED_AT] = described({"type": "string", "format": "date-time"}, ABOUT_FETCHED_AT)
        if self.is_daily:
            properties[IS_FINAL] = described({"type": "boolean"}, ABOUT_IS_FINAL)
        return {"type": "object", "properties": properties, "required": [column.name for column in self.key]}
