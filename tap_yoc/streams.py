"""The streams: what a report, an entity and the metadata are to the Singer SDK."""

from __future__ import annotations

import sys
from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import Schema

from tap_yoc.client import Query
from tap_yoc.control import DayFigures
from tap_yoc.errors import LoginError, SettingsError, WindowFault, YOCError
from tap_yoc.reading import twice
from tap_yoc.reports import DAILY_TOTALS, DATE, FETCHED_AT, IS_FINAL, REPORT_FIELDS, Report
from tap_yoc.windows import ONE_DAY, Window, advance, day_of, empty_days_between, plan

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog, CatalogEntry

    from tap_yoc.reports import Entity
    from tap_yoc.run import Run
    from tap_yoc.windows import Plan

INCREMENTAL = "INCREMENTAL"


class YOCStream(Stream):
    """A stream whose failure costs only itself, and whose bookmark moves only where the stream says so."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows are cast by their columns already

    def __init__(self, tap: Tap, run: Run, *, name: str, schema: dict[str, Any], keys: tuple[str, ...]) -> None:
        """Take what the streams of this run share, and what the catalog shows of this one."""
        super().__init__(tap, schema=schema, name=name)
        self.run = run
        self.primary_keys = keys

    @abstractmethod
    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the stream's rows."""

    @override
    def get_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Yield the stream's rows; a failure is noted and ends this stream only."""
        run = self.run
        if run.stopped_by:
            return
        run.summary.streams += 1
        try:
            for row in self.rows():
                run.summary.rows += 1
                yield row
        except YOCError as error:
            run.summary.fail(self.name, error)
            self.logger.error("%s", error)  # noqa: TRY400 - foreseeable, so without a traceback
            if isinstance(error, LoginError):
                run.stopped_by = error
        except Exception as error:
            run.summary.fail(self.name, error)
            self.logger.exception("Stream %s failed unexpectedly; please report this.", self.name)
        run.summary.tell_missing(self.name)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take the selection from a catalog, and keep to the keys and types that the account has now.

        Raises:
            SettingsError: The catalog gives the stream another key, under which rows would overwrite each other.
        """
        keys, replication_key = self.primary_keys, self.replication_key
        if entry := catalog.get_stream(self.name):
            self._bring_up_to_date(entry)
        super().apply_catalog(catalog)
        self.primary_keys, self.replication_key = keys, replication_key

    def _bring_up_to_date(self, entry: CatalogEntry) -> None:
        root = entry.metadata.root
        catalog_key = entry.key_properties or root.table_key_properties
        if catalog_key and set(catalog_key) != set(self.primary_keys) and root.selected is not False:
            raise SettingsError(
                f"The catalog gives stream {self.name} the key {', '.join(catalog_key)}, and only "
                f"{', '.join(self.primary_keys)} makes its rows unique; run --discover again and select anew."
            )
        known = self.schema["properties"]
        listed = entry.schema.properties or {}
        for name in [name for name in listed if name not in known]:
            del listed[name]
            self.run.summary.warn(
                f"Stream {self.name}: the catalog lists {name}, which the account does not have; it is left out."
            )
        for name in self.primary_keys:
            listed.setdefault(name, Schema.from_dict(known[name]))
        listed.update({name: Schema.from_dict(known[name]) for name in listed})
        entry.schema.properties = listed
        entry.schema.required = list(self.primary_keys)

    def is_selected(self, column: str) -> bool:
        """Whether the user wants a column, and the catalog knows it."""
        return column in self.effective_schema["properties"] and self.mask["properties", column]

    @override
    def _increment_stream_state(self, latest_record: Mapping[str, Any], *, context: Context | None = None) -> None:
        """Leave the bookmark alone: a row does not make its day complete."""

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Leave the state alone: it holds nothing but bookmarks."""


class ReportStream(YOCStream):
    """A fact stream: a standard report or one of the user's own."""

    def __init__(self, tap: Tap, run: Run, report: Report) -> None:
        """Take the report as it was checked."""
        self.report = report
        super().__init__(
            tap, run, name=report.name, schema=report.json_schema(), keys=tuple(column.name for column in report.key)
        )
        self.replication_key = DATE if report.is_daily else None

    @override
    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the report's rows, window by window; each window moves the bookmark."""
        if not self.report.is_daily:
            yield from self._one_total()
            return
        settings, run = self.run.settings, self.run
        bookmark = self.bookmark()
        days = plan(
            today=run.today,
            start_date=settings.start_date,
            end_date=settings.end_date,
            bookmark=bookmark,
            lookback_days=self.report.lookback_days,
            window_days=settings.window_days,
            backfill=settings.backfill,
        )
        if days.lost:
            run.summary.warn(f"Stream {self.name}: YOC no longer serves {days.lost}; these days were never read.")
        days_with_rows: set[date] = set()
        for window in days.windows:
            if bookmark and window.first <= bookmark:
                run.summary.count_reread(window.first)
            attempt = partial(self._window, window, days, days_with_rows)
            yield from twice(attempt, f"Stream {self.name}, {window}", run.summary.warn)
            run.summary.days.update(window.days())
            self._move_bookmark(window, days_with_rows)
        if days.windows and not self.report.query:
            self._tell_empty_days(days.windows[-1].last, days_with_rows)

    def _window(
        self, window: Window, days: Plan, days_with_rows: set[date], *, is_last: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of a window, then compare its days with the account's totals."""
        run = self.run
        fetched_at = run.fetched_at()
        next_first = days.next_first.isoformat()
        query = self._query(window)
        figures = DayFigures(self._compared(query))
        rows = 0
        for row in run.reader.rows(self.report, query):
            figures.add(row)
            row[FETCHED_AT] = fetched_at
            row[IS_FINAL] = row[DATE] < next_first
            rows += 1
            yield row
        if difference := run.control.difference(figures, window) if figures.metrics else None:
            if not is_last or run.settings.on_incomplete_day == "fail":
                raise WindowFault(difference)
            run.summary.warn(f"Stream {self.name}: {difference}; the day may be incomplete.")
        days_with_rows.update(map(day_of, figures.days))
        self.logger.info("%s: %s, %d rows.", self.name, window, rows)

    def _compared(self, query: Query) -> list[str]:
        """Return the metrics whose sums must be the account's: none under a filter, or for the totals themselves."""
        if self.report.query or self.name == DAILY_TOTALS:
            return []
        return [metric.name for metric in self.run.control.metrics if metric.name in query.data_fields]

    def _one_total(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of a report without days: one total from start to end, read anew in every run."""
        run, window = self.run, _whole_reach(self.run)
        if window is None:
            return
        self.logger.info("%s has no date: one total over %s, read anew in every run.", self.name, window)
        fetched_at = run.fetched_at()
        for row in twice(
            lambda **_: run.reader.rows(self.report, self._query(window)), f"Stream {self.name}", run.summary.warn
        ):
            row[FETCHED_AT] = fetched_at
            yield row

    def _query(self, window: Window) -> Query:
        """Return the query for a window: the grain, and the figures that are selected."""
        report = self.report
        fields = [column.name for column in report.data_fields if not column.is_figure]
        fields += [column.name for column in report.figures if self.is_selected(column.name)]
        if not fields and report.data_fields:
            fields = [report.data_fields[0].name]  # a report without any metric may not exist
        return Query(
            group_by=[column.name for column in report.group_by],
            data_fields=fields,
            sort=[column.name for column in report.key],
            window=window,
            filters=(report.query,) if report.query else (),
            page_size=self.run.settings.page_size,
        )

    def bookmark(self) -> date | None:
        """Return the newest complete day that the state names.

        Raises:
            SettingsError: The state names no day, or one that is still to come.
        """
        value = self.stream_state.get("replication_key_value")
        if self.replication_method != INCREMENTAL or value is None:
            return None
        try:
            day = day_of(value)
        except ValueError:
            day = None
        if day is None or self.stream_state.get("replication_key", DATE) != DATE:
            raise SettingsError(
                f"The state of stream {self.name} holds no bookmark of this tap (a date as YYYY-MM-DD); "
                f"remove the stream's entry from the state to read it from the start."
            )
        if day > self.run.today:
            raise SettingsError(
                f"The state of stream {self.name} names {day}, which is still to come; set it to the newest day that "
                f"is complete in the warehouse, or remove the stream's entry."
            )
        return day

    def _move_bookmark(self, window: Window, days_with_rows: set[date]) -> None:
        """Write the bookmark of a window that was read completely; a backfill leaves it untouched."""
        if self.run.settings.backfill or self.replication_method != INCREMENTAL:
            return
        newest = max((day for day in days_with_rows if day <= window.last), default=None)
        bookmark = advance(
            self.bookmark(),
            window=window,
            newest_with_rows=newest,
            today=self.run.today,
            lookback_days=self.report.lookback_days,
        )
        if bookmark:
            self.stream_state.update(replication_key=DATE, replication_key_value=bookmark.isoformat())
        if self.get_batch_config(self.config) is None:
            # In a batch run rows of this window may still be waiting for their file; the SDK writes the state after it.
            self._tap.state_writer.write_state(self.tap_state)

    def _tell_empty_days(self, last: date, days_with_rows: set[date]) -> None:
        warn = self.run.summary.warn
        for day in empty_days_between(days_with_rows, last):
            warn(f"YOC has no figures for {day}, between days that have some.")
        if last == self.run.today - ONE_DAY and last not in days_with_rows:
            warn(f"YOC has no figures for yesterday ({last}); the next run asks again.")


class EntityStream(YOCStream):
    """The newest name and parent of each id."""

    IDS_A_QUERY = 100

    def __init__(self, tap: Tap, run: Run, entity: Entity) -> None:
        """Take the entity, whose columns the account has."""
        offer = run.offer
        self._columns = offer.pick((entity.id_column, *entity.attributes))
        # A report without any metric may not exist; one that counts something always has rows.
        self._metrics = (offer.additive or offer.usual_metrics)[:1]
        properties = {
            column.name: column.json_schema(is_key=column.name == entity.id_column) for column in self._columns
        }
        schema = {"type": "object", "properties": properties, "required": [entity.id_column]}
        super().__init__(tap, run, name=entity.name, schema=schema, keys=(entity.id_column,))

    @override
    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each id once, with the name and parent of its newest day."""
        window = _whole_reach(self.run)
        if window is None:
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
            chosen = {"in": {id_column.name: ids[start : start + self.IDS_A_QUERY]}}
            for row in self._read(window, chosen, with_date=True):
                newest[row[id_column.name]] = row  # days ascend, so the newest stays
        for row in newest.values():
            yield {
                column.name: None if row[column.name] == column.missing else row[column.name]
                for column in self._columns
            }

    def _read(self, window: Window, *filters: dict[str, Any], with_date: bool) -> Iterator[dict[str, Any]]:
        run = self.run
        dates = run.offer.pick([DATE]) if with_date else ()
        report = Report(name=self.name, group_by=(*dates, *self._columns), data_fields=self._metrics, lookback_days=0)
        query = Query(
            group_by=[column.name for column in report.group_by],
            data_fields=[column.name for column in report.data_fields],
            sort=[column.name for column in report.key],
            window=window,
            filters=filters,
            page_size=run.settings.page_size,
        )
        return twice(lambda **_: run.reader.rows(report, query), f"Stream {self.name}", run.summary.warn)


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
    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one row a column."""
        for column in self.run.offer.columns:
            yield {"kind": column.role.value, "name": column.name, "type": column.declared}


def _whole_reach(run: Run) -> Window | None:
    """Return the days from `start_date` to `end_date` that are within reach, None when there are none."""
    reach = run.reach
    first = max(run.settings.start_date or reach.first, reach.first)
    return Window(first=first, last=reach.last) if first <= reach.last else None
