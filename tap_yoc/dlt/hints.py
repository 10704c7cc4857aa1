"""Column hints for dlt, and Arrow tables with exactly the types in the hints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from tap_yoc.decoding.arrow import unified
from tap_yoc.errors import CellError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from dlt.common.data_types import TDataType
    from dlt.common.schema.typing import TColumnSchema

    from tap_yoc.reports.columns import Column
    from tap_yoc.reports.report import Report

Hints: TypeAlias = "dict[str, TColumnSchema]"
"""dlt's hints by column."""

IS_DELETED = "is_deleted"
ABOUT_IS_DELETED = "Always null. dlt uses it to delete days that no longer have any rows."
MOST_DIGITS = 38
MONEY_SCALE, FLOAT_SCALE = 9, 24
"""Decimal places. A float column may contain all 17 digits of a number below 0.0001."""

_MISSING: dict[str, Any] = {"text": "", "bigint": 0, "decimal": 0, "bool": False}
_OF_TYPES: dict[str, TDataType] = {"integer": "bigint", "number": "decimal", "boolean": "bool"}
_OF_FORMATS: dict[str, TDataType] = {"date": "date", "date-time": "timestamp"}
_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}


def hints_of(schema: Mapping[str, Any], columns: Iterable[Column] = ()) -> Hints:
    """Return dlt's column hints for a stream's JSON Schema; `columns` show which numbers are floats."""
    floats = {column.name for column in columns if column.is_float}
    hints: Hints = {}
    for name, declared in schema["properties"].items():
        hints[name] = {"data_type": _data_type(declared), "nullable": name not in schema["required"]}
        if hints[name]["data_type"] == "decimal":
            hints[name]["precision"] = MOST_DIGITS
            hints[name]["scale"] = FLOAT_SCALE if name in floats else MONEY_SCALE
        if description := declared.get("description"):
            hints[name]["description"] = description
    return hints


def daily_hints(report: Report) -> Hints:
    """Return the hints of a daily report, including the column that marks days to delete."""
    hints = hints_of(report.json_schema(), (*report.key, *report.figures))
    return hints | {IS_DELETED: {"data_type": "bool", "hard_delete": True, "description": ABOUT_IS_DELETED}}


def together(pages: Sequence[pa.Table], hints: Hints) -> pa.Table:
    """Return pages as one table of the hints' types, cast at once; a column that they lack is null.

    Raises:
        CellError: A number has more digits than its column.
    """
    return fitting(unified([page for page in pages if len(page)] or pages[:1]), hints)


def fitting(table: pa.Table, hints: Hints) -> pa.Table:
    """Return a table with the types of the hints; missing columns are null.

    Raises:
        CellError: A number has more digits than its column allows.
    """
    columns = []
    for name, hint in hints.items():
        kind = _arrow_type(hint)
        if name not in table.column_names:
            columns.append(pa.nulls(len(table), kind))
            continue
        column = table[name]
        try:
            columns.append(column if column.type == kind else column.cast(kind))
        except pa.ArrowInvalid:
            raise CellError(
                f"Column {name} has a number that does not fit {kind}, the type in its table; "
                f"please report this to the maintainers."
            ) from None
    return pa.Table.from_arrays(columns, schema=_schema(hints))


def deleted_days(days: Sequence[date], date_column: str, hints: Hints) -> pa.Table:
    """Return one row for each day, marked as deleted, so that dlt deletes the whole day."""
    nothing = {
        name: None if hint.get("nullable", True) else _MISSING.get(str(hint["data_type"]))
        for name, hint in hints.items()
    }
    rows = [{**nothing, date_column: day, IS_DELETED: True} for day in days]
    return pa.Table.from_pylist(rows, schema=_schema(hints))


def _schema(hints: Hints) -> pa.Schema:
    return pa.schema(pa.field(name, _arrow_type(hint), hint.get("nullable", True)) for name, hint in hints.items())


def _arrow_type(hint: TColumnSchema) -> pa.DataType:
    if hint["data_type"] == "decimal":
        return pa.decimal128(hint["precision"], hint["scale"])
    return _TYPES[str(hint["data_type"])]


def _data_type(declared: Mapping[str, Any]) -> TDataType:
    types = declared["type"]
    kind = types if isinstance(types, str) else types[0]
    if kind == "string":
        return _OF_FORMATS.get(declared.get("format", ""), "text")
    return _OF_TYPES[kind]
