"""Run the tap on two mornings, load DuckDB, compare every figure with the source, and show it.

The tap's clock is the real one: the second morning is today, and on the first the sandbox is a day behind.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb
from rich.console import Console
from rich.text import Text

from demo import summary
from demo.errors import DemoError
from demo.picture import picture
from demo.pipeline import ROOT, Pipeline
from demo.source import Source
from demo.warehouse import compare, discover, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from demo.pipeline import RunCounts
    from demo.warehouse import Table

DAYS = 180
"""Of history: surely within the six months that are served."""
LOOKBACK_DAYS = 7
SHOWN_DIFFERENCES = 5
FAILED = 1
TERMINATED = 128 + signal.SIGTERM
INTERRUPTED = 128 + signal.SIGINT
WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Days:
    """The demo's calendar."""

    today: date

    @property
    def yesterday(self) -> date:
        """The last day of the second run."""
        return self.today - timedelta(days=1)

    @property
    def day_before(self) -> date:
        """The last day of the first run."""
        return self.today - timedelta(days=2)

    @property
    def first(self) -> date:
        """The first day of the history."""
        return self.today - timedelta(days=DAYS)

    @property
    def first_read_again(self) -> date:
        """Where the second run starts: the lookback before the day after the bookmark."""
        return self.yesterday - timedelta(days=LOOKBACK_DAYS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 0 when every table equals the source, 1 where anything failed."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything is kept (%(default)s)")
    folder: Path = parser.parse_args(arguments).folder.absolute()
    console = Console(highlight=False, width=WIDTH if not sys.stdout.isatty() else None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        _demo(folder, console)
    except (DemoError, duckdb.Error, OSError) as error:
        console.print(Text.assemble(("The demo failed. ", "bold red"), str(error)), soft_wrap=True)
        return FAILED
    except KeyboardInterrupt:
        console.print("Stopped, and everything that was started with it.")
        return INTERRUPTED
    return 0


def _demo(folder: Path, console: Console) -> None:
    started = time.monotonic()
    days = Days(today=datetime.now(ZoneInfo("Europe/Berlin")).date())
    folder.mkdir(parents=True, exist_ok=True)

    with Source(days.day_before + timedelta(days=1), folder / "sandbox.log") as source:
        settings = {**source.config, "start_date": days.first.isoformat()}
        config = folder / "config.json"
        config.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        pipeline = Pipeline(folder, settings)
        with _step(console, "meltano install"):
            pipeline.install()
        with _step(console, f"First run, on {days.yesterday}: everything since {days.first}"):
            first = pipeline.run(until=days.day_before)
        with _step(console, f"It is {days.today} at the source: a new day, recent figures revised"):
            source.move_to(days.today)
        with _step(console, f"Second run, on {days.today}: the new day and the lookback"):
            second = pipeline.run(until=days.yesterday)
        check_second(second, days)
        with _step(console, "Newest row of each key into DuckDB"):
            tables = discover(config)
            path = folder / "yoc.duckdb"
            database = _fresh(path)
            for table in tables:
                load(database, table, pipeline.output / f"{table.name}.jsonl")
        with _step(console, "Every figure compared with the source's own aggregation"):
            compared = _compare_all(database, tables, source, days)

    console.print()
    for part in (summary.tables(database, tables), summary.sites(database, days.yesterday)):
        console.print(part, "")
    console.print(summary.weeks(database, days.yesterday), "")
    (folder / "picture.svg").write_text(picture(database, days.yesterday), encoding="utf-8")
    revised, again = _revised(database, pipeline.output / "ad_unit_daily.jsonl", days.first_read_again, days.day_before)
    database.close()
    _say_runs(console, first, second)
    console.print(f"Revised at the source between the runs: {revised:,} of {again:,} rows of ad_unit_daily read again.")
    console.print(f"[bold green]All {len(tables)} tables are there; {compared}.[/]", soft_wrap=True)
    console.print(
        f"Took {time.monotonic() - started:.0f} s. A picture of it: {_short(folder / 'picture.svg')}", soft_wrap=True
    )
    console.print(f"The database is {_short(path)}; look at it, or ask it what examples/sql asks (`make sql`):\n")
    query = (
        f"duckdb.connect('{_short(path)}').sql('SELECT date, site_name, currency, impressions, revenue "  # noqa: S608 - shown
        "FROM site_daily LEFT JOIN sites USING (site_visx_id) ORDER BY date DESC, impressions DESC').show()"
    )
    console.print(f'  {_short(Path(sys.executable))} -c "import duckdb; {query}"', soft_wrap=True, markup=False)


@contextmanager
def _step(console: Console, what: str) -> Iterator[None]:
    """Show what is being done, and how long it took."""
    started = time.monotonic()
    with console.status(what):
        yield
    console.print(f"[green]✓[/] {what} [dim]{time.monotonic() - started:.1f} s[/]", soft_wrap=True)


def _fresh(path: Path) -> duckdb.DuckDBPyConnection:
    path.unlink(missing_ok=True)
    database = duckdb.connect(str(path))
    database.execute("SET threads = 1")  # so that lines keep their order
    return database


def check_second(second: RunCounts, days: Days) -> None:
    """Make sure that the second run read the new day and the lookback, and nothing else.

    Raises:
        DemoError: It did not.
    """
    if (second.days, second.oldest_day_read_again) != (LOOKBACK_DAYS + 1, days.first_read_again):
        raise DemoError(
            f"The second run read {second.days} days, again from {second.oldest_day_read_again}; "
            f"{LOOKBACK_DAYS + 1} days from {days.first_read_again} were expected."
        )


def _compare_all(database: duckdb.DuckDBPyConnection, tables: Sequence[Table], source: Source, days: Days) -> str:
    """Compare all fact tables, and return in words what was compared.

    Raises:
        DemoError: A figure differs.
    """
    facts = [table for table in tables if table.is_fact]
    figures = 0
    for table in facts:
        found = compare(database, table, source, days.first, days.yesterday)
        if found:
            shown = "\n".join(f"  {difference}" for difference in found[:SHOWN_DIFFERENCES])
            raise DemoError(f"Table {table.name} differs from the source in {len(found):,} places:\n{shown}")
        (rows,) = database.execute(f'SELECT count(*) FROM "{table.name}"').fetchone() or (0,)  # noqa: S608 - catalog's
        if not rows:
            raise DemoError(f"Table {table.name} is empty.")
        figures += rows * len(table.figures)
    return f"all {len(facts)} fact tables are equal to the source ({figures:,} figures)"


def _revised(database: duckdb.DuckDBPyConnection, lines: Path, first: date, last: date) -> tuple[int, int]:
    """Return how many rows were read again with other figures, and how many were read again."""
    row = database.execute(
        """
        SELECT count(*) FILTER (versions > 1), count(*) FROM (
            SELECT count(*) AS readings,
                   count(DISTINCT (total_traffic, ad_requests, impressions, views, clicks, revenue)) AS versions
            FROM read_json($lines, format = 'newline_delimited')
            WHERE date BETWEEN $first AND $last
            GROUP BY date, publisher_visx_id, site_visx_id, ad_unit_visx_id, currency
        ) WHERE readings > 1
        """,
        {"lines": str(lines), "first": first, "last": last},
    ).fetchone()
    return row or (0, 0)


def _say_runs(console: Console, first: RunCounts, second: RunCounts) -> None:
    for name, run in (("First run: ", first), ("Second run:", second)):
        again = f", oldest day read again {run.oldest_day_read_again}" if run.oldest_day_read_again else ""
        warnings = "no warnings" if not run.warnings else f"{run.warnings} warnings"
        console.print(
            f"{name} {run.days} days, {run.rows:,} rows, {run.requests} requests{again}, {warnings}.", soft_wrap=True
        )


def _short(path: Path) -> str:
    """Return a path as one would type it in the repository."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())
