"""One dlt resource for each stream: Arrow tables, hints and bookmarks.

A fact table gets only complete windows, after all checks. dlt then replaces whole days (`merge_key`), so rows that YOC
took back are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from tap_yoc.decoding.arrow import table_of
from tap_yoc.dlt.hints import IS_DELETED, daily_hints, deleted_days, hints_of, together
from tap_yoc.engine import Bookmark, EntityReading, FieldsReading, ReportReading, Restart
from tap_yoc.reports.report import DATE
from tap_yoc.reports.standard import REPORT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dlt.extract import DltResource

    from tap_yoc.decoding.page import Page
    from tap_yoc.dlt.hints import Hints
    from tap_yoc.engine import Run
    from tap_yoc.reports.report import Report
    from tap_yoc.reports.standard import Entity

BOOKMARK = "bookmark"
"""The key of the newest complete day in a resource's state, as `YYYY-MM-DD`."""
HAS_ROWS = "has_rows"
"""Marks a table that has rows: those of a backfill or of an incomplete day come without a bookmark."""


def report_resource(run: Run, report: Report) -> DltResource:
    """Return the resource of a report: facts by day, or one total that replaces the last one."""
    schema = report.json_schema()
    if report.is_daily:
        hints = daily_hints(report)
        return _resource(run, report.name, hints, lambda: _days(run, report, hints), "merge", merge_key=DATE)
    hints = hints_of(schema, report.data_fields)
    return _resource(run, report.name, hints, lambda: _all(ReportReading(run, report), schema, hints), "replace")


def entity_resource(run: Run, entity: Entity) -> DltResource:
    """Return the resource of an entity: one row per id."""
    reading = EntityReading(run, entity)
    schema, hints = reading.json_schema(), hints_of(reading.json_schema())
    return _resource(
        run, entity.name, hints, lambda: _all(reading, schema, hints), "merge", primary_key=entity.id_column
    )


def fields_resource(run: Run) -> DltResource:
    """Return the resource of the account's columns."""
    reading = FieldsReading(run)
    schema, hints = reading.json_schema(), hints_of(reading.json_schema())
    return _resource(run, REPORT_FIELDS, hints, lambda: _all(reading, schema, hints), "replace")


def _resource(  # noqa: PLR0913, PLR0917 - the parts of a resource
    run: Run,
    name: str,
    hints: Hints,
    tables: Callable[[], Iterator[pa.Table]],
    disposition: Literal["merge", "replace"],
    merge_key: str = "",
    primary_key: str = "",
) -> DltResource:
    """Return a resource that yields tables, and adds what was read to dlt's trace."""

    def read() -> Iterator[Any]:
        warnings_before, rows, has_tables = len(run.summary.warned), 0, False
        try:
            for table in tables():
                has_tables = True
                rows += len(table) - (pc.count(table[IS_DELETED]).as_py() if IS_DELETED in hints else 0)
                yield table
        except Exception:
            run.close()
            raise
        pa.default_memory_pool().release_unused()  # dlt loads in this process, and needs memory of its own
        if not has_tables:
            yield dlt.mark.materialize_table_schema()
        done = run.summary.as_json()["by_stream"][name]
        dlt.current.resource_metrics().update(
            {
                **done,
                "rows": rows,  # without those of a reading that was discarded
                "warnings": run.summary.warned[warnings_before:],
            }
        )

    return dlt.resource(
        read, name=name, write_disposition=disposition, columns=hints, merge_key=merge_key, primary_key=primary_key
    )


def _days(run: Run, report: Report, hints: Hints) -> Iterator[pa.Table]:
    """Yield a table for each window that was read in full, and move the bookmark with it."""
    state, schema = dlt.current.resource_state(report.name), report.json_schema()
    bookmark, is_backfill = state.get(BOOKMARK), run.settings.backfill is not None
    had_rows = HAS_ROWS in state
    pages: list[pa.Table] = []
    for part in ReportReading(run, report, bookmark=bookmark):
        if isinstance(part, Restart):
            pages.clear()
        elif isinstance(part, Bookmark):
            window = [together(pages, hints)] if pages else []
            pages.clear()
            if bookmark or is_backfill or had_rows:  # otherwise the table has none of these days yet
                have = {day for table in window for day in pc.unique(table[DATE]).to_pylist()}
                gone = [day for day in part.window.days() if day not in have]
                window += [deleted_days(gone, DATE, hints)] if gone else []
            if part.day and not is_backfill:
                state[BOOKMARK] = part.day.isoformat()  # dlt stores it together with the next table
            if window:
                state[HAS_ROWS] = True
                yield pa.concat_tables(window)
        else:
            pages.append(table_of(part, schema))


def _all(parts: Iterable[Page | Bookmark | Restart], schema: Mapping[str, Any], hints: Hints) -> Iterator[pa.Table]:
    """Yield all rows in one table."""
    pages: list[pa.Table] = []
    for part in parts:
        if isinstance(part, Restart):
            pages.clear()
        elif not isinstance(part, Bookmark):
            pages.append(table_of(part, schema))
    if pages:
        yield together(pages, hints)
