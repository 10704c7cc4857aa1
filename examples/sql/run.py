"""Run the queries of this folder, and show what they give; the demo's database unless another one is named."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
DEMO = HERE.parents[1] / ".demo" / "yoc.duckdb"
ALARMS = ("alarm", "reconcile")
"""Queries that give no row where all is well."""
QUERIES = (
    *ALARMS,
    *("freshness", "week_over_week", "month_to_date", "month_by_account", "site_rates", "ad_unit_rates", "movers"),
    *("silent_ad_units", "countries"),
)
TABLES = ("daily_totals", "account_daily", "publisher_daily", "country_daily", "site_daily", "ad_unit_daily")
"""What metrics.sql reads."""
YESTERDAY = "CAST(now() AT TIME ZONE 'Europe/Berlin' AS date) - 1"
ALARMED = 1
NUMBERS = (int, Decimal, type(None))


class Cursor(Protocol):
    """What a query gives."""

    @property
    def description(self) -> Sequence[Any] | None:
        """The columns, each a sequence that opens with its name."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all other rows."""


class Database(Protocol):
    """What DuckDB and psycopg have in common."""

    def execute(self, query: str, /) -> Cursor:
        """Run one statement, or several without results."""

    def close(self) -> None:
        """Let go of it, and of all temporary views."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the queries' results; return 1 where --alarms finds something, 2 where a query cannot be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queries", nargs="*", metavar="query", help=f"of {', '.join(QUERIES)}; all when left out")
    parser.add_argument("--alarms", action="store_true", help=f"run {' and '.join(ALARMS)}; exit code 1 for any row")
    parser.add_argument("--duckdb", type=Path, default=DEMO, metavar="FILE", help="a DuckDB database; it is only read")
    parser.add_argument("--postgres", metavar="URL", help="a PostgreSQL database, as postgresql://user@host/name")
    parser.add_argument("--schema", help="where the tables are, such as tap_yoc")
    parser.add_argument("--yesterday", type=date.fromisoformat, help="another day to look at than the real yesterday")
    parser.add_argument("--rows", type=int, default=14, help="rows shown of each result (%(default)s)")
    options = parser.parse_args(arguments)
    names = ALARMS if options.alarms else options.queries or QUERIES
    if unknown := [name for name in names if name not in QUERIES]:
        parser.error(f"there is no query {unknown[0]}; there are {', '.join(QUERIES)}")
    if not options.postgres and not options.duckdb.exists():
        parser.error(f"there is no database {options.duckdb}; `make demo` makes one")
    found = 0
    try:
        database = connect(options.duckdb, options.postgres, options.schema)
    except Exception as error:  # noqa: BLE001 - of either driver, or that it is not installed
        parser.error(f"the database cannot be opened: {one_line(error)}")
    with closing(database):
        try:
            prepare(database, options.yesterday)
        except Exception as error:  # noqa: BLE001 - of either driver
            parser.error(missing_table(database) or f"metrics.sql does not fit these tables: {one_line(error)}")
        if old := out_of_date(database):
            renew = "" if options.postgres or options.duckdb != DEMO else "`make demo` renews it, and "
            sys.stdout.write(f"{old}; {renew}`--yesterday` looks at an earlier day.\n\n")
        for name in names:
            columns, rows = result(database, name)
            found += len(rows) if name in ALARMS else 0
            sys.stdout.write(f"{name}.sql: {about(name)}\n\n{shown(columns, rows, options.rows)}\n\n")
    return ALARMED if options.alarms and found else 0


def connect(duckdb_file: Path, postgres_url: str | None, schema: str | None) -> Database:
    """Return a connection to DuckDB or, where an address is given, to PostgreSQL."""
    if not postgres_url:
        import duckdb  # noqa: PLC0415 - one of two, and nobody needs both

        database = duckdb.connect(str(duckdb_file), read_only=True)
        if schema:
            database.execute(f"SET search_path = '{schema}'")
        return database
    import psycopg  # noqa: PLC0415 - likewise

    return psycopg.connect(postgres_url, autocommit=True, options=f"-c search_path={schema}" if schema else None)


def one_line(error: Exception) -> str:
    """Return what a driver says, without its line breaks."""
    return " ".join(str(error).split())


def missing_table(database: Database) -> str | None:
    """Say which table is not found, and where there is one of that name; None where all are there."""
    for table in TABLES:
        named = f"FROM information_schema.tables WHERE table_name = '{table}'"
        schemas = [row[0] for row in database.execute(f"SELECT DISTINCT table_schema {named} ORDER BY 1").fetchall()]
        searched = f"SELECT count(*) {named} AND table_schema = ANY(current_schemas(true))"
        if database.execute(searched).fetchone() != (0,):
            continue
        if schemas:
            where = f"there is one in {' and in '.join(schemas)}; give --schema, such as {schemas[0]}"
            return f"there is no table {table} here: {where}"
        return f"there is no table {table} here: metrics.sql says what to do without it"
    return None


def out_of_date(database: Database) -> str | None:
    """Say which day the database ends with when that is before the queries' yesterday."""
    query = "SELECT max(date), max(yesterday) FROM newest_daily_totals CROSS JOIN yoc_settings"
    newest, yesterday = database.execute(query).fetchone() or (None, None)
    if newest is None or newest >= yesterday:
        return None
    return f"The database ends with {newest}, and the queries look at {yesterday}"


def prepare(database: Database, yesterday: date | None = None) -> None:
    """Make the temporary views, optionally as of another day."""
    views = (HERE / "metrics.sql").read_text("utf-8")
    database.execute(views if yesterday is None else views.replace(YESTERDAY, f"DATE '{yesterday}'"))


def result(database: Database, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and rows of a query."""
    cursor = database.execute((HERE / f"{name}.sql").read_text("utf-8"))
    return [column[0] for column in cursor.description or ()], cursor.fetchall()


def about(name: str) -> str:
    """Return a query's first line, which says what it is for."""
    return (HERE / f"{name}.sql").read_text("utf-8").partition("\n")[0].removeprefix("-- ")


def shown(columns: Sequence[str], rows: Sequence[Sequence[Any]], most: int) -> str:
    """Return a result as a text table, numbers aligned right, with a limited number of rows."""
    if not rows:
        return "(no rows)"
    cells = [["" if cell is None else str(cell) for cell in row] for row in (columns, *rows[:most])]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numbers = [all(isinstance(cell, NUMBERS) for cell in column) for column in zip(*rows, strict=True)]
    forms = [f"{{:{'>' if is_number else '<'}{width}}}" for is_number, width in zip(numbers, widths, strict=True)]
    layout = "  ".join(forms)
    head, *body = (layout.format(*row).rstrip() for row in cells)
    more = [f"… {len(rows) - most} more"] if len(rows) > most else []
    return "\n".join([head, "  ".join("-" * width for width in widths), *body, *more])


if __name__ == "__main__":
    sys.exit(main())
