"""The streams: what the engine reads, as the Singer SDK has it.

They build on `Stream`, not on `RESTStream`: see "Why not RESTStream" in docs/architecture.md.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tap_yoc.engine.entity_reading import EntityReading
from tap_yoc.engine.fields_reading import KEY, FieldsReading
from tap_yoc.engine.report_reading import Bookmark, ReportReading
from tap_yoc.engine.window_reading import Restart
from tap_yoc.reports.report import DATE
from tap_yoc.reports.standard import REPORT_FIELDS
from tap_yoc.singer.base_stream import YOCStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap

    from tap_yoc.decoding.page import Page
    from tap_yoc.engine.run import Run
    from tap_yoc.reports.report import Report
    from tap_yoc.reports.standard import Entity

INCREMENTAL = "INCREMENTAL"


class ReportStream(YOCStream):
    """A fact stream: a standard report or one of the user's own."""

    def __init__(self, tap: Tap, run: Run, report: Report) -> None:
        """Take the report as it was checked."""
        self.report = report
        super().__init__(
            tap, run, name=report.name, schema=report.json_schema(), keys=tuple(column.name for column in report.key)
        )
        self.replication_key = DATE if report.is_daily else None

    def has_no_metric_selected(self) -> bool:
        """Say whether the report has metrics, and the user wants none of them."""
        return bool(self.report.figures) and not any(self.is_selected(column.name) for column in self.report.figures)

    @override
    def pages(self) -> Iterator[Page]:
        """Yield the report's rows, window by window; each window moves the bookmark."""
        columns = [name for name in self.schema["properties"] if self.is_selected(name)]
        for part in ReportReading(self.run, self.report, bookmark=self._bookmark_in_state(), columns=columns):
            if isinstance(part, Bookmark):
                self._write_bookmark(part)
            elif not isinstance(part, Restart):  # a target upserts rows that come once more
                yield part

    def _bookmark_in_state(self) -> object:
        """Return what the state has of this stream, None for nothing; a bookmark of another column is none of ours."""
        value = self.stream_state.get("replication_key_value")
        if self.replication_method != INCREMENTAL or value is None:
            return None
        return value if self.stream_state.get("replication_key", DATE) == DATE else ""

    def _write_bookmark(self, bookmark: Bookmark) -> None:
        if self.run.settings.backfill or self.replication_method != INCREMENTAL:
            return
        self.move_bookmark(bookmark.day)


class EntityStream(YOCStream):
    """The newest name and parent of each id."""

    def __init__(self, tap: Tap, run: Run, entity: Entity) -> None:
        """Take the entity, whose columns the account has."""
        self._reading = EntityReading(run, entity)
        super().__init__(tap, run, name=entity.name, schema=self._reading.json_schema(), keys=(entity.id_column,))

    @override
    def pages(self) -> Iterator[Page]:
        """Yield each id once, with the name and parent of its newest day."""
        yield from map(self._selected, self._reading)


class ReportFieldsStream(YOCStream):
    """The metadata itself: which columns the account may ask for."""

    def __init__(self, tap: Tap, run: Run) -> None:
        """Show the columns that discovery found."""
        self._reading = FieldsReading(run)
        super().__init__(tap, run, name=REPORT_FIELDS, schema=self._reading.json_schema(), keys=KEY)

    @override
    def pages(self) -> Iterator[Page]:
        """Yield one row a column."""
        yield from map(self._selected, self._reading)
