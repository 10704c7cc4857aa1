"""Reading the metadata itself: the columns that the account may request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_yoc.decoding.page import Page
from tap_yoc.reports.descriptions import ABOUT_FIELDS, described
from tap_yoc.reports.standard import REPORT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_yoc.engine.run import Run

KEY = ("kind", "name")


class FieldsReading:
    """The account's columns, as discovery found them."""

    def __init__(self, run: Run) -> None:
        """Send no request: discovery has read the columns."""
        self._run = run

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """Return the schema of its rows."""
        properties = {name: described({"type": "string"}, about) for name, about in ABOUT_FIELDS.items()}
        return {"type": "object", "properties": properties, "required": list(KEY)}

    def __iter__(self) -> Iterator[Page]:
        """Yield one row per column, in one page."""
        run = self._run
        with run.summary.reading(REPORT_FIELDS):
            columns = run.metadata.columns
            run.summary.rows += len(columns)
            run.summary.log_read(REPORT_FIELDS, None, len(columns))
            yield Page(
                [{"kind": column.role.value, "name": column.name, "type": column.declared} for column in columns]
            )
