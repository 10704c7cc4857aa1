"""The streams: what the engine reads, as streams of the Singer SDK.

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
    """A fact stream: a standard or a custom report."""

    def __init__(self, tap: Tap, run: Run, report: Report) -> None:
        """Take a report that was checked against the account's columns."""
        self.report = report
        super().__init__(
            tap, run, name=report.name, schema=report.json_schema(), keys=tuple(column.name for column in report.key)
        )
        self.replication_key = DATE if report.is_daily else None

    def has_no_metric_selected(self) -> bool:
        """Return whether the report has metrics, but none is selected."""
        return bool(self.report.figures) and not any(self.is_selected(column.name) for column in self.report.figures)

    @override
    def pages(self) -> Iterator[Page]:
        """Yield the report's rows, window by window; each window moves the bookmark."""
        columns = [name for name in self.schema["properties"] if self.is_selected(name)]
        for part in ReportReading(self.run, self.report, bookmark=self._bookmark_in_state(), columns=columns):
            if isinstance(part, Bookmark):
                self._write_bookmark(part)
            elif not isinstance(part, Restart):  # a target upserts repeated rows
                yield part

    def _bookmark_in_state(self) -> object:
        """Return this stream's bookmark in the state, None if there is none; one of another column is invalid."""
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
        """Take an entity whose columns the account has."""
        self._reading = EntityReading(run, entity)
        super().__init__(tap, run, name=entity.name, schema=self._reading.json_schema(), keys=(entity.id_column,))

    @override
    def pages(self) -> Iterator[Page]:
        """Yield each id once, with the name and parent of its newest day."""
        yield from map(self._selected, self._reading)


class ReportFieldsStream(YOCStream):
    """The metadata itself: the columns that the account may request."""

    def __init__(self, tap: Tap, run: Run) -> None:
        """Take the columns that discovery found."""
        self._reading = FieldsReading(run)
        super().__init__(tap, run, name=REPORT_FIELDS, schema=self._reading.json_schema(), keys=KEY)

    @override
    def pages(self) -> Iterator[Page]:
        """Yield one row per column."""
        yield from map(self._selected, self._reading)
