"""JSON lines into DuckDB: typed by the tap's catalog, newest row by key; and the comparison with the source."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from demo.source import Source

TYPES = {"integer": "BIGINT", "number": "DECIMAL(38, 9)", "boolean": "BOOLEAN", "string": "VARCHAR"}
FORMATS = {"date": "DATE", "date-time": "TIMESTAMP"}
ABOUT_THE_ROW = {"fetched_at", "is_final"}
MISSING = {"VARCHAR": "", "BIGINT": 0}
"""What the tap writes for a key value that YOC does not have."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A stream as the catalog describes it."""

    name: str
    columns: Mapping[str, str]
    """DuckDB type by column."""
    key: tuple[str, ...]

    @property
    def is_fact(self) -> bool:
        """Whether it holds figures by day."""
        return "date" in self.key

    @property
    def figures(self) -> tuple[str, ...]:
        """The columns that are values."""
        return tuple(name for name in self.columns if name not in {*self.key, *ABOUT_THE_ROW})


def tables_of(catalog: Mapping[str, Any]) -> list[Table]:
    """Return the streams of a Singer catalog."""
    tables = []
    for stream in catalog["streams"]:
        columns = {}
        for name, schema in stream["schema"]["properties"].items():
            declared = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            kind = next(kind for kind in declared if kind != "null")
            columns[name] = FORMATS.get(schema.get("format"), TYPES[kind])
        tables.append(Table(name=stream["tap_stream_id"], columns=columns, key=tuple(stream["key_properties"])))
    return tables


def discover(config: Path) -> list[Table]:
    """Return the tables that the tap offers.

    Raises:
        DemoError: The tap fails.
    """
    command = [str(Path(sys.executable).with_name("tap-yoc")), "--config", str(config), "--discover"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - written above
    if done.returncode:
        raise DemoError(f"`tap-yoc --discover` ended with exit code {done.returncode}:\n{done.stderr}")
    return tables_of(json.loads(done.stdout))


def load(database: duckdb.DuckDBPyConnection, table: Table, lines: Path) -> None:
    """Fill a table from all lines ever written for it, keeping the newest of each key.

    Numbers are read as text and cast once, so that no digit passes through binary floating point.

    Raises:
        DemoError: There is no such file.
    """
    if not lines.exists():
        raise DemoError(f"The loader wrote no {lines.name}.")
    read_as = {name: "VARCHAR" if "DECIMAL" in kind else kind for name, kind in table.columns.items()}
    cast = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in table.columns.items())
    key = ", ".join(f'"{name}"' for name in table.key)
    newest = "fetched_at DESC, line DESC" if "fetched_at" in table.columns else "line DESC"
    declared = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
    names = ", ".join(f'"{name}"' for name in table.columns)
    database.execute(f'CREATE OR REPLACE TABLE "{table.name}" ({declared}, PRIMARY KEY ({key}))')
    database.execute(
        f"""
        INSERT INTO "{table.name}"
        WITH lines AS (
            SELECT {cast}, row_number() OVER () AS line
            FROM read_json($lines, format = 'newline_delimited', columns = $columns)
        )
        SELECT {names} FROM lines
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {newest}) = 1
        ORDER BY {key}
        """,  # noqa: S608 - names come from the tap's catalog
        {"lines": str(lines), "columns": read_as},
    )


def differences(
    table: Mapping[tuple[Any, ...], Mapping[str, Any]],
    source: Mapping[tuple[Any, ...], Mapping[str, Any]],
    figures: Sequence[str],
) -> list[str]:
    """Return in words where a table differs from its source, nothing where both are equal.

    Shape: rows by key; every figure is compared, as an exact number.
    """
    found = [f"{key} is missing in the table" for key in source if key not in table]
    found += [f"{key} is in the table and not in the source" for key in table if key not in source]
    for key, expected in source.items():
        for name in figures if key in table else ():
            mine, theirs = table[key][name], expected[name]
            if (mine is None) != (theirs is None) or (mine is not None and Decimal(mine) != Decimal(theirs)):
                found.append(f"{name} of {key} is {mine} in the table and {theirs} in the source")
    return found


def compare(database: duckdb.DuckDBPyConnection, table: Table, source: Source, first: date, last: date) -> list[str]:
    """Return in words where a fact table differs from what the source itself makes of all its facts."""
    names = [*table.key, *table.figures]
    quoted = ", ".join(f'"{name}"' for name in names)
    cursor = database.execute(f'SELECT {quoted} FROM "{table.name}"')  # noqa: S608 - names come from the catalog
    mine = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    fields = database.execute("SELECT name FROM report_fields WHERE kind = 'group_by'").fetchall()
    dimensions = [name for name in table.key if (name,) in fields]
    splitting = [name for name in table.key if name not in dimensions]
    theirs = source.truth(dimensions, [*splitting, *table.figures], first, last)
    for row in theirs:
        row["date"] = date.fromisoformat(row["date"])
        for name in table.key:
            if row[name] is None:
                row[name] = MISSING[table.columns[name]]
    return differences(_by_key(mine, table.key), _by_key(theirs, table.key), table.figures)


def _by_key(rows: list[dict[str, Any]], key: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(row[name] for name in key): row for row in rows}
