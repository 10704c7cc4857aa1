"""Reading one entity: the newest name and parent of each id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_yoc.api.query import Query
from tap_yoc.decoding.page import Page
from tap_yoc.engine.reach import read_within
from tap_yoc.engine.reread import read_all_with_reread
from tap_yoc.errors import IncompleteDataError
from tap_yoc.reports.descriptions import NEWEST_NAMES, described
from tap_yoc.reports.report import DATE, Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_yoc.dates import Window
    from tap_yoc.engine.run import Run
    from tap_yoc.reports.columns import Column
    from tap_yoc.reports.standard import Entity

IDS_A_QUERY = 100


class EntityReading:
    """The reading of one entity in one run."""

    def __init__(self, run: Run, entity: Entity) -> None:
        """Read nothing yet; the account has the entity's columns."""
        self.columns: tuple[Column, ...] = run.metadata.pick((entity.id_column, *entity.attributes))
        """The id comes first."""
        self._run = run
        self._name = entity.name

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of its rows."""
        properties = {
            column.name: described(column.json_schema(is_key=column == self.columns[0]), NEWEST_NAMES.get(column.name))
            for column in self.columns
        }
        return {"type": "object", "properties": properties, "required": [self.columns[0].name]}

    def __iter__(self) -> Iterator[Page]:
        """Yield each id once, with the name and parent of its newest day, in one page.

        Raises:
            YOCError: The names cannot be read, or it is unknown which one is the newest.
        """
        run, reach = self._run, self._run.reach
        with run.summary.reading(self._name):
            if reach.wanted is None:
                run.warn_of_nothing_to_read()
                return
            newest = read_within(reach, lambda: reach.wanted or reach.days, self._newest)
            run.summary.rows += len(newest)
            run.summary.log_read(self._name, reach.wanted, len(newest))
            columns = self.columns
            yield Page(
                [
                    {c.name: None if row[c.name] == c.missing else row[c.name] for c in columns}
                    for row in newest.values()
                ]
            )

    def _newest(self, window: Window) -> dict[Any, dict[str, Any]]:
        """Return the newest row of each id; only ids with several names or parents are requested by day."""
        id_column = self.columns[0]
        newest: dict[Any, dict[str, Any]] = {}
        ambiguous: dict[Any, None] = {}
        for row in self._read(window, with_date=False):
            if row[id_column.name] != id_column.missing:
                if row[id_column.name] in newest:
                    ambiguous[row[id_column.name]] = None
                newest[row[id_column.name]] = row
        ids = list(ambiguous)
        for start in range(0, len(ids), IDS_A_QUERY):
            chosen = dict.fromkeys(ids[start : start + IDS_A_QUERY])
            for row in self._read(window, {"in": {id_column.name: list(chosen)}}, with_date=True):
                newest[row[id_column.name]] = chosen[row[id_column.name]] = row  # days ascend, so the newest row stays
            if unanswered := [number for number, row in chosen.items() if row is None]:
                raise IncompleteDataError(
                    f"Stream {self._name}: YOC has several names or parents for {id_column.name} {unanswered[0]}, "
                    f"but none of them by day, so the newest is unknown; run again, and report this if it "
                    f"persists."
                )
        return newest

    def _read(self, window: Window, *filters: dict[str, Any], with_date: bool) -> list[dict[str, Any]]:
        run = self._run
        dates = run.metadata.pick([DATE]) if with_date else ()
        report = Report(
            name=self._name, group_by=(*dates, *self.columns), data_fields=run.metadata.any_metric, lookback_days=0
        )
        query = Query.of(report, window=window, page_size=run.settings.page_size, filters=filters)
        return read_all_with_reread(lambda: run.reader.rows(report, query), f"Stream {self._name}", run.summary.warn)
