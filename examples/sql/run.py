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
    parser.add_argument("--schema", help="where the tables are, in PostgreSQL")
    parser.add_argument("--yesterday", type=date.fromisoformat, help="another day to look at than the real yesterday")
    parser.add_argument("--rows", type=int, default=14, help="rows shown of each result (%(default)s)")
    options = parser.parse_args(arguments)
    names = ALARMS if options.alarms else options.queries or QUERIES
    if unknown := [name for name in names if name not in QUERIES]:
        parser.error(f"there is no query {unknown[0]}; there are {', '.join(QUERIES)}")
    if not options.postgres and not options.duckdb.exists():
        parser.error(f"there is no database {options.duckdb}; `make demo` makes one")
    found = 0
    with closing(connect(options.duckdb, options.postgres, options.schema)) as database:
        prepare(database, options.yesterday)
        for name in names:
            columns, rows = result(database, name)
            found += len(rows) if name in ALARMS else 0
            sys.stdout.write(f"{name}.sql: {about(name)}\n\n{shown(columns, rows, options.rows)}\n\n")
    return ALARMED if options.alarms and found else 0


def connect(duckdb_file: Path, postgres_url: str | None, schema: str | None) -> Database:
    """Return a connection to DuckDB or, where an address is given, to PostgreSQL."""
    if not postgres_url:
        import duckdb  # noqa: PLC0415 - one of two, and nobody needs both

        return duckdb.connect(str(duckdb_file), read_only=True)
    import psycopg  # noqa: PLC0415 - likewise

    return psycopg.connect(postgres_url, autocommit=True, options=f"-c search_path={schema}" if schema else None)


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
    """Return a result as a table of text, numbers to the right, cut after so many rows."""
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
