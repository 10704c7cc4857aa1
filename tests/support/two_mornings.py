"""What two mornings of the tap leave in a database, and the source's own facts to hold it against."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
from harness import TODAY, VirtualClock, run_tap

from demo.warehouse import load, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import psycopg
    from harness import Outcome

    from demo.warehouse import Table
    from tap_yoc.sandbox.server import Sandbox

FIRST = date(2026, 4, 1)
FIRST_READ_AGAIN = date(2026, 6, 7)
"""By the second morning: the bookmark is 2026-06-13, and the lookback seven days before the day after it."""
POSTGRES = {"VARCHAR": "text", "DECIMAL(38, 9)": "numeric"}

Fact = dict[str, Any]
DIMENSIONS = ("date", "company_id", "sap_publisher_account_id", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id")
NAMES = {"company_id": "company_name", "sap_publisher_account_id": "sap_publisher_name"}
NAMES |= {"site_visx_id": "site_name", "ad_unit_visx_id": "ad_unit_name"}
SUMS = ("ad_requests", "impressions", "views", "vtr_imps", "clicks", "ctr_imps", "revenue")


@dataclass(frozen=True, kw_only=True)
class Morning:
    """A run of the tap, and the source's facts on that day: one row a day, ad unit, country and currency."""

    outcome: Outcome
    facts: list[Fact]


def morning(sandbox: Sandbox, today: date, start: date, state: dict[str, Any] | None = None) -> Morning:
    """Run the tap on a day, from a day or from a state."""
    sandbox.today = today
    clock = VirtualClock(datetime(today.year, today.month, today.day, 6, tzinfo=timezone.utc))
    outcome = run_tap({**sandbox.config, "start_date": start.isoformat()}, state=state, clock=clock)
    assert outcome.exit_code == 0, outcome.log
    dimensions = [*DIMENSIONS, "country", *NAMES.values()]
    facts = sandbox.truth(group_by=dimensions, data_fields=["currency", *SUMS], start=start)
    return Morning(outcome=outcome, facts=facts)


def two_mornings(
    before: Sandbox, after: Sandbox, *, start: date = FIRST, without_unit: int = 0
) -> tuple[list[Table], list[Morning]]:
    """Return the tables of a first run on 2026-06-14 and of a second on 2026-06-15, and both runs.

    Between them the source may lose an ad unit, or become another one.
    """
    first = morning(before, TODAY - timedelta(days=1), start)
    after.world.revisions = without_unit
    second = morning(after, TODAY, start, first.outcome.state)
    schemas = [message for message in first.outcome.messages if message["type"] == "SCHEMA"]
    streams = [{**message, "tap_stream_id": message["stream"]} for message in schemas]
    return tables_of({"streams": streams}), [first, second]


def facts_of(mornings: Sequence[Morning]) -> list[Fact]:
    """Return what the database should hold: each day as it was when it was read last."""
    first, second = mornings
    kept = [fact for fact in first.facts if fact["date"] < FIRST_READ_AGAIN]
    return kept + [fact for fact in second.facts if fact["date"] >= FIRST_READ_AGAIN]


def newest_names(mornings: Sequence[Morning]) -> dict[str, dict[int, str]]:
    """Return the newest name of each id, by the id's column."""
    names: dict[str, dict[int, str]] = defaultdict(dict)
    for one in mornings:
        for fact in one.facts:  # by day, ascending
            for column, name in NAMES.items():
                names[column][fact[column]] = fact[name]
    return names


def into_duckdb(path: Path, tables: Sequence[Table], mornings: Sequence[Morning]) -> None:
    """Load the lines of all runs, the newest of each key, as the demo does."""
    with duckdb.connect(str(path)) as database:
        database.execute("SET threads = 1")
        for table in tables:
            lines = path.with_name(f"{table.name}.jsonl")
            with lines.open("w", encoding="utf-8") as file:
                for one in mornings:
                    file.writelines(json.dumps(record) + "\n" for record in exact_records(one.outcome, table.name))
            load(database, table, lines)


def exact_records(outcome: Outcome, stream: str) -> Iterator[dict[str, Any]]:
    """Yield the records of a stream, numbers with a point as text, so that every digit stays."""
    for line in outcome.lines:
        message = json.loads(line, parse_float=str)
        if message["type"] == "RECORD" and message["stream"] == stream:
            yield message["record"]


def into_postgres(connection: psycopg.Connection[Any], path: Path, tables: Sequence[Table]) -> None:
    """Copy the tables of a DuckDB database, with the types that a loader gives them."""
    with duckdb.connect(str(path), read_only=True) as database:
        for table in tables:
            columns = ", ".join(f'"{name}" {POSTGRES.get(kind, kind)}' for name, kind in table.columns.items())
            connection.execute(f'CREATE TABLE "{table.name}" ({columns})'.encode())
            rows = database.execute(f'SELECT {", ".join(table.columns)} FROM "{table.name}"').fetchall()  # noqa: S608 - our own names
            with connection.cursor().copy(f'COPY "{table.name}" FROM STDIN'.encode()) as copy:
                for row in rows:
                    copy.write_row(row)


def added_up(facts: Sequence[Fact], *by: str) -> dict[tuple[Any, ...], dict[str, Decimal]]:
    """Return the sums of all figures, by the named columns."""
    sums: dict[tuple[Any, ...], dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(SUMS, Decimal(0)))
    for fact in facts:
        of = sums[tuple(fact[column] for column in by)]
        for name in SUMS:
            of[name] += fact[name]
    return sums
