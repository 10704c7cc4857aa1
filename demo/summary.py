"""What the demo shows at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table as Grid
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb
    from rich.console import RenderableType

    from demo.warehouse import Table

WEEKS = 6
SITES = 8
BLOCKS = "▁▂▃▄▅▆▇█"
BAR_WIDTH = 24


def _grid(title: str, *columns: str, left: Sequence[str] = ()) -> Grid:
    grid = Grid(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        grid.add_column(column, justify="left" if column in left else "right", header_style="dim", no_wrap=True)
    return grid


def tables(database: duckdb.DuckDBPyConnection, loaded: Sequence[Table]) -> RenderableType:
    """Return the tables with their rows, first and last day."""
    grid = _grid("In the warehouse", "table", "rows", "first day", "last day", left=("table",))
    for table in sorted(loaded, key=lambda table: (not table.is_fact, len(table.key), table.name)):
        days = "min(date), max(date)" if table.is_fact else "NULL, NULL"
        rows, first, last = _one(database, f'SELECT count(*), {days} FROM "{table.name}"')  # noqa: S608 - the catalog's
        grid.add_row(table.name, f"{rows:,}", str(first or ""), str(last or ""))
    return grid


def sites(database: duckdb.DuckDBPyConnection, day: date) -> RenderableType:
    """Return a day's sites with the most impressions; rates are made of sums, money is exact."""
    grid = _grid(f"The largest sites on {day}", "site", "impressions", "fill rate", "revenue", "", left=("site", ""))
    rows = database.execute(
        """
        SELECT coalesce(site_name, 'no name'), currency, sum(impressions) AS impressions,
               100 * sum(impressions) / nullif(sum(ad_requests), 0), sum(revenue)
        FROM site_daily LEFT JOIN sites USING (site_visx_id)
        WHERE date = $day
        GROUP BY ALL
        ORDER BY impressions DESC, 1, 2
        LIMIT $sites
        """,
        {"day": day, "sites": SITES},
    ).fetchall()
    for name, currency, impressions, fill_rate, revenue in rows:
        rate = "" if fill_rate is None else f"{fill_rate:.1f} %"
        grid.add_row(name, f"{impressions:,}", rate, f"{revenue:,.6f}", currency)
    return grid


def weeks(database: duckdb.DuckDBPyConnection, last: date) -> RenderableType:
    """Return the impressions of the last weeks, each with its days as a sparkline."""
    grid = _grid("Impressions by week", "7 days to", "by day", "impressions", "", left=("7 days to", "by day", ""))
    rows = database.execute(
        """
        WITH days AS (
            SELECT date_diff('day', date, $last) // 7 AS weeks_ago, date, sum(impressions) AS impressions
            FROM daily_totals WHERE date > $last - INTERVAL 7 DAY * $weeks
            GROUP BY ALL
        )
        SELECT max(date), list(impressions ORDER BY date), sum(impressions) FROM days GROUP BY weeks_ago ORDER BY 1
        """,
        {"last": last, "weeks": WEEKS},
    ).fetchall()
    most_a_day = max((max(by_day) for _, by_day, _ in rows), default=1) or 1
    most_a_week = max((total for _, _, total in rows), default=1) or 1
    for end, by_day, total in rows:
        spark = "".join(BLOCKS[int(value * (len(BLOCKS) - 1) / most_a_day)] for value in by_day)
        bar = "█" * round(BAR_WIDTH * int(total) / int(most_a_week))
        grid.add_row(str(end), Text(spark, "cyan"), f"{total:,}", Text(bar, "cyan"))
    return grid


def _one(database: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = database.execute(query).fetchone()
    return row or ()
