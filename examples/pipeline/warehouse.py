"""Rows as Parquet, one file for each table, account and window, and a DuckDB database that shows them as tables.

A run replaces its own days in the files of its window, in one step. So runs may write side by side, a run that is
repeated leaves no row twice, a row that YOC took back is gone, and days that it did not read stay.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Mapping

TOTALS = "daily_totals"
FACTS = ("account_daily", "publisher_daily", "country_daily", "site_daily", "ad_unit_daily", "ad_unit_country_daily")
TYPES = {"integer": "BIGINT", "number": "DECIMAL(38, 9)", "boolean": "BOOLEAN", "string": "VARCHAR"}
FORMATS = {"date": "DATE", "date-time": "TIMESTAMP"}
DATABASE = "yoc.duckdb"


def publish(run: Mapping[str, Any], lines: Path, warehouse: Path) -> dict[str, int]:
    """Put what a run brings into the files of its window, and return how many rows these have, by table."""
    rows = {}
    with lines.open(encoding="utf-8") as messages:
        schemas = {m["stream"]: m for m in map(json.loads, (line for line in messages if '"SCHEMA"' in line[:40]))}
    with duckdb.connect() as database:
        database.execute("SET threads = 1")  # so that lines keep their order
        database.execute(
            """
            CREATE TABLE lines AS SELECT stream, record, row_number() OVER () AS line
            FROM read_json($lines, format = 'newline_delimited',
                           columns = {type: 'VARCHAR', stream: 'VARCHAR', record: 'JSON'})
            WHERE type = 'RECORD'
            """,
            {"lines": str(lines)},
        )
        for name, schema in schemas.items():
            is_daily = "date" in schema["key_properties"]
            file = warehouse / name / f"account={run['account']}" / f"{run['window'] if is_daily else 'all'}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(f".{run['id']}.unfinished")
            query = _rows_of(schema)
            if is_daily and file.exists() and _count(database, others := _other_days(file, run)):
                query = f"FROM ({query}) UNION ALL BY NAME FROM ({others})"
            key = ", ".join(f'"{column}"' for column in schema["key_properties"])
            database.execute(f"COPY ({query} ORDER BY {key}) TO '{_quoted(str(unfinished))}' (FORMAT parquet)")
            rows[name] = _count(database, f"FROM read_parquet('{_quoted(str(unfinished))}')")
            unfinished.replace(file)
    lines.unlink()
    return rows


def _rows_of(schema: Mapping[str, Any]) -> str:
    """Return the query for the rows of a stream: the newest reading of each day, else the newest line of each key."""
    columns = {name: _type(column) for name, column in schema["schema"]["properties"].items()}
    cells = ", ".join(f'CAST(record->>\'$."{_quoted(name)}"\' AS {kind}) AS "{name}"' for name, kind in columns.items())
    key = ", ".join(f'"{name}"' for name in schema["key_properties"])
    names = ", ".join(f'"{name}"' for name in columns)
    newest = (
        "fetched_at = max(fetched_at) OVER (PARTITION BY date)"
        if "date" in schema["key_properties"]
        else f"row_number() OVER (PARTITION BY {key} ORDER BY line DESC) = 1"
    )
    return f"""
        WITH cells AS (SELECT {cells}, line FROM lines WHERE stream = '{_quoted(schema["stream"])}')
        SELECT {names} FROM cells QUALIFY {newest}
    """


def _other_days(file: Path, run: Mapping[str, Any]) -> str:
    """Return the query for the rows of a file whose days the run did not read.

    A plan may contain part of a window, and YOC may no longer serve the rest, so deleted days could not be read again.
    """
    return f"""
        FROM read_parquet('{_quoted(str(file))}', hive_partitioning = false)
        WHERE date NOT BETWEEN DATE '{run["first_day"]}' AND DATE '{run["last_day"]}'
    """


def _count(database: duckdb.DuckDBPyConnection, query: str) -> int:
    """Return the number of rows of a query."""
    found = database.execute(f"SELECT count(*) FROM ({query})").fetchone()
    return found[0] if found else 0


def _type(column: Mapping[str, Any]) -> str:
    kinds = [column["type"]] if isinstance(column["type"], str) else column["type"]
    return FORMATS.get(column.get("format", ""), TYPES[next(kind for kind in kinds if kind != "null")])


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def show(warehouse: Path) -> Path:
    """Make or renew the database whose tables are the files, and return its path.

    It contains nothing else and is replaced atomically: programs that have it open keep the old one, and block nobody.
    """
    path = warehouse / DATABASE
    warehouse.mkdir(parents=True, exist_ok=True)
    # DuckDB lets nobody write a file that somebody reads; and two runs may renew it at once.
    unfinished = path.with_suffix(f".{uuid.uuid4().hex}.unfinished")
    with duckdb.connect(str(unfinished)) as database:
        for table in tables(warehouse):
            database.execute(f'CREATE VIEW "{table}" AS SELECT * FROM {_files(warehouse, table)}')
    unfinished.replace(path)
    return path


def tables(warehouse: Path) -> list[str]:
    """Return the tables that have rows of any account."""
    return sorted({file.parent.parent.name for file in warehouse.glob("*/account=*/*.parquet")})


def summary(warehouse: Path) -> str:
    """Return what the database holds, as a small table."""
    with duckdb.connect(str(warehouse / DATABASE), read_only=True) as database:
        return str(
            database.sql(
                """
                SELECT account, currency, min(date) AS first_day, max(date) AS last_day, count(*) AS rows,
                       sum(impressions) AS impressions, sum(revenue) AS revenue
                FROM site_daily GROUP BY ALL ORDER BY ALL
                """
            )
        )


def _files(warehouse: Path, table: str) -> str:
    files = _quoted(str(warehouse.absolute() / table / "account=*" / "*.parquet"))
    return (
        f"read_parquet('{files}', union_by_name = true, hive_partitioning = true, hive_types = {{'account': VARCHAR}})"
    )


def differences(warehouse: Path, table: str) -> list[str]:
    """Return in words where a fact table's figures do not sum up to the account's totals of the day.

    Whole numbers are compared, since they add up; rates do not, and money is split by currency.
    """
    if missing := [name for name in (table, TOTALS) if name not in tables(warehouse)]:
        return [f"there is no {missing[0]} yet"]
    mine, totals = _files(warehouse, table), _files(warehouse, TOTALS)
    with duckdb.connect() as database:
        described = [
            {name for name, kind, *_ in database.execute(f"DESCRIBE FROM {files}").fetchall() if kind == "BIGINT"}
            for files in (mine, totals)
        ]
        figures = sorted(described[0] & described[1])
        if not figures:
            return [f"{table} and {TOTALS} have no figure in common"]
        sums = ", ".join(f'coalesce(sum("{name}"), 0) AS "{name}"' for name in figures)
        values = ", ".join(f'"{name}"' for name in figures)
        rows = database.execute(
            f"""
            WITH both_tables AS (
                SELECT 0 AS side, account, date, {sums} FROM {mine} GROUP BY ALL
                UNION ALL SELECT 1, account, date, {sums} FROM {totals} GROUP BY ALL
            ), unpivoted AS (UNPIVOT both_tables ON {values} INTO NAME figure VALUE value)
            SELECT account, date, figure, sum(value) FILTER (side = 0), sum(value) FILTER (side = 1) FROM unpivoted
            GROUP BY ALL HAVING sum(value) FILTER (side = 0) IS DISTINCT FROM sum(value) FILTER (side = 1) ORDER BY ALL
            """
        ).fetchall()
    return [
        f"{account}, {day}: {figure} is {mine} in {table} and {total} in {TOTALS}"
        for account, day, figure, mine, total in rows
    ]


if __name__ == "__main__":
    sys.stdout.write(f"site_daily in {sys.argv[1]}/{DATABASE}:\n{summary(Path(sys.argv[1]))}\n")
