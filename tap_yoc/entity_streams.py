"""The streams that are no facts: names and parents of ids, and the metadata itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tap_yoc.api.client import Query
from tap_yoc.engine.reread import read_all_with_reread
from tap_yoc.errors import IncompleteDataError
from tap_yoc.reports.report import DATE, Report
from tap_yoc.reports.standard import REPORT_FIELDS
from tap_yoc.singer.base_stream import YOCStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap

    from tap_yoc.dates import Window
    from tap_yoc.decoding.rows import Page
    from tap_yoc.engine.run import Run
    from tap_yoc.reports.standard import Entity


class EntityStream(YOCStream):
    """The newest name and parent of each id."""

    IDS_A_QUERY = 100

    def __init__(self, tap: Tap, run: Run, entity: Entity) -> None:
        """Take the entity, whose columns the account has."""
        metadata = run.metadata
        self._columns = metadata.pick((entity.id_column, *entity.attributes))
        self._metrics = metadata.any_metric
        properties = {
            column.name: column.json_schema(is_key=column.name == entity.id_column) for column in self._columns
        }
        schema = {"type": "object", "properties": properties, "required": [entity.id_column]}
        super().__init__(tap, run, name=entity.name, schema=schema, keys=(entity.id_column,))

    @override
    def pages(self) -> Iterator[Page]:
        """Yield each id once, with the name and parent of its newest day."""
        if (window := self.run.wanted) is None:
            self.run.warn_of_nothing_to_read()
            return
        id_column = self._columns[0]
        newest: dict[Any, dict[str, Any]] = {}
        ambiguous: dict[Any, None] = {}
        for row in self._read(window, with_date=False):
            if row[id_column.name] != id_column.missing:
                if row[id_column.name] in newest:
                    ambiguous[row[id_column.name]] = None
                newest[row[id_column.name]] = row
        ids = list(ambiguous)
        for start in range(0, len(ids), self.IDS_A_QUERY):
            chosen = dict.fromkeys(ids[start : start + self.IDS_A_QUERY])
            for row in self._read(window, {"in": {id_column.name: list(chosen)}}, with_date=True):
                newest[row[id_column.name]] = chosen[row[id_column.name]] = row  # days ascend, so the newest stays
            if unanswered := [number for number, row in chosen.items() if row is None]:
                raise IncompleteDataError(
                    f"Stream {self.name}: YOC has several names or parents for {id_column.name} {unanswered[0]} and, "
                    f"asked for its days, gives none, so the newest is not known; run again, and report this if it "
                    f"stays."
                )
        yield self._selected(
            [
                {
                    column.name: None if row[column.name] == column.missing else row[column.name]
                    for column in self._columns
                }
                for row in newest.values()
            ]
        )
        self.log_read(window, len(newest))

    def _read(self, window: Window, *filters: dict[str, Any], with_date: bool) -> list[dict[str, Any]]:
        run = self.run
        dates = run.metadata.pick([DATE]) if with_date else ()
        report = Report(name=self.name, group_by=(*dates, *self._columns), data_fields=self._metrics, lookback_days=0)
        query = Query.of(report, window=window, page_size=run.settings.page_size, filters=filters)
        return read_all_with_reread(lambda: run.reader.rows(report, query), f"Stream {self.name}", run.summary.warn)


class ReportFieldsStream(YOCStream):
    """The metadata itself: which columns the account may ask for."""

    def __init__(self, tap: Tap, run: Run) -> None:
        """Show the columns that discovery found."""
        text = {"type": "string"}
        schema = {
            "type": "object",
            "properties": {"kind": text, "name": text, "type": text},
            "required": ["kind", "name"],
        }
        super().__init__(tap, run, name=REPORT_FIELDS, schema=schema, keys=("kind", "name"))

    @override
    def pages(self) -> Iterator[Page]:
        """Yield one row a column."""
        columns = self.run.metadata.columns
        rows = [{"kind": column.role.value, "name": column.name, "type": column.declared} for column in columns]
        yield self._selected(rows)
        self.log_read(None, len(rows))
