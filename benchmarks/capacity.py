"""What many large accounts cost, on paper; `make bench` and `make docs` write it into docs/orchestration.md.

Measured: seconds from benchmarks/results/latest.json, bytes a row and requests a run from the sandbox, which
tests/test_capacity.py measures again. Everything else is assumed, and called so.
"""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tap_yoc.dates import Window, earliest_served
from tap_yoc.plan.fan_out import calendar_windows

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "orchestration.md"
RESULTS = ROOT / "benchmarks" / "results" / "latest.json"
START, END = "<!-- capacity -->\n", "<!-- /capacity -->\n"

ACCOUNTS = 1_000
AD_UNITS = 10_000
SITES, PUBLISHERS, COUNTRIES = 500, 10, 30
"""Assumed of an account with so many ad units, each of which has a row every day, in one currency."""
LOOKBACK_DAYS = 7
PAGE_SIZE = 500
NIGHT_SECONDS = 6 * 3600
TODAY = date(2026, 6, 15)

BYTES_A_ROW = {"on the wire": 313, "as a Singer message": 471, "in Parquet": 54}
"""Of `ad_unit_daily` in the sandbox: JSON without compression, a RECORD line, and what the examples write."""
REQUESTS_A_RUN = 7
"""Token, metadata, the account's totals, and four to learn how pages are numbered and cut; measured."""

ROWS_A_DAY = {
    "daily_totals": 1,
    "account_daily": 1,
    "publisher_daily": PUBLISHERS,
    "country_daily": PUBLISHERS * COUNTRIES,
    "site_daily": SITES,
    "ad_unit_daily": AD_UNITS,
}
ENTITIES = {"companies": 1, "accounts": 1, "publishers": PUBLISHERS, "sites": SITES, "ad_units": AD_UNITS}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What all accounts ask of the tap."""

    name: str
    runs: float
    rows: float
    requests: float


def requests_of(rows_by_query: list[int]) -> int:
    """Return the requests of a run whose queries have these numbers of rows, if answers have a total."""
    return REQUESTS_A_RUN + sum(max(1, math.ceil(rows / PAGE_SIZE)) for rows in rows_by_query)


def load(name: str, windows: list[int], runs: float) -> Load:
    """Return the requests of all accounts, each with some runs and windows of some days."""
    facts = [rows * days for rows in ROWS_A_DAY.values() for days in windows]
    entities = [rows * runs for rows in ENTITIES.values()]
    pages = sum(max(1, math.ceil(rows / PAGE_SIZE)) for rows in facts)
    pages_of_entities = runs * (requests_of(list(ENTITIES.values())) - REQUESTS_A_RUN)
    return Load(
        name=name,
        runs=runs * ACCOUNTS,
        rows=(sum(facts) + sum(entities)) * ACCOUNTS,
        requests=(runs * REQUESTS_A_RUN + pages + pages_of_entities) * ACCOUNTS,
    )


def loads() -> list[Load]:
    """Return the ways to read what YOC serves, and a day."""
    whole = Window(first=earliest_served(TODAY), last=TODAY - timedelta(days=1))
    months = [(window.last - window.first).days + 1 for _, window in calendar_windows(whole, "month")]
    return [
        load("a morning, with bookmarks", [LOOKBACK_DAYS + 1], 1),
        *(load(f"a morning, by {length}s of the plan", *_recent(length)) for length in ("week", "month")),
        load("six months, by months of the plan", months, len(months)),
    ]


def _recent(length: Any) -> tuple[list[int], float]:  # noqa: ANN401 - a literal of fan_out
    """Return the days and the runs of an average morning, over a year of mornings."""
    days = runs = 0
    for n in range(364):
        today = date(2026, 1, 1) + timedelta(days=n)
        asked = Window(first=today - timedelta(days=62), last=today - timedelta(days=1))
        for _, window in calendar_windows(asked, length):
            if window.last >= today - timedelta(days=1 + LOOKBACK_DAYS):
                days += (window.last - window.first).days + 1
                runs += 1
    return [round(days / 364)], runs / 364


TEXT = """\
Figures of {when}, {processor}: {rows_a_second:,.0f} rows a second when nothing has to be waited for; with 100 ms a \
page, {ms[1]:.0f} ms a page at concurrency 1, {ms[4]:.0f} ms at 4, {ms[8]:.0f} ms at 8; {start:.2f} s to start; \
{peak_mb:.0f} MB of memory whatever the number of rows.

| all accounts | runs | rows | requests | hours, one at a time | hours of one core | GB on the wire | GB in Parquet |
|---|---:|---:|---:|---:|---:|---:|---:|
{table}

- **Requests are the limit.** A page has {page_size} rows, whatever the machine. To be done in a night of six hours, \
a morning takes {morning_rate:.0f} requests a second, and the history, spread over a week of such nights, \
{history_rate:.0f}. At one request a second (assumed; YOC's quota is not known) a morning takes {morning_hours:.0f} \
hours and the history {history_days:.0f} days.
- **The machine is not.** A morning takes {core_hours:.1f} hours of one core{loading}. The waiting \
is shared by as many runs as go side by side: \
eight of them, {peak_gb:.1f} GB of memory, could be done in {eighth:.1f} hours on four cores, if \
YOC keeps up.
- **One account is small.** Its morning is {morning_each:.0f} requests, {morning_seconds:.0f} s; its history \
{history_each:,.0f} requests, {history_minutes:.0f} minutes.
- **What shrinks it**: fewer days (`lookback_days: 2` makes a morning's facts {short_lookback:.0%} of it), and fewer \
rows: `ad_unit_daily` is {unit_share:.0%} of a day, so leave it out where no one looks at units. \
`ad_unit_country_daily` would multiply it by the countries of a unit; it is off by default.
"""


def section() -> str:
    """Return the text and the table, from the figures that are kept."""
    results: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    tap = results["a"]["contenders"]["tap_yoc"]
    rows_a_second = results["a"]["rows"] / tap["seconds"]
    waited = {n: results["b"]["seconds"][f"tap_yoc {n}"] / results["b"]["pages"] for n in (1, 4, 8)}
    start = results["d"]["seconds"]["tap_yoc"]
    lines = []
    for one in loads():
        gigabytes = {where: one.rows * count / 1e9 for where, count in BYTES_A_ROW.items()}
        lines.append(
            f"| {one.name} | {one.runs:,.0f} | {one.rows / 1e6:,.0f} million | {one.requests:,.0f} "
            f"| {(one.requests * waited[4] + one.runs * start) / 3600:,.1f} "
            f"| {(one.rows / rows_a_second + one.runs * start) / 3600:,.1f} "
            f"| {gigabytes['on the wire']:,.0f} | {gigabytes['in Parquet']:,.0f} |"
        )
    morning, *_, history = loads()
    core_hours = (morning.rows / rows_a_second + morning.runs * start) / 3600
    text = TEXT.format(
        when=results["when"],
        processor=results["machine"]["processor"],
        rows_a_second=rows_a_second,
        ms={n: seconds * 1000 for n, seconds in waited.items()},
        start=start,
        peak_mb=tap["peak_mb"],
        peak_gb=8 * tap["peak_mb"] / 1000,
        table="\n".join(lines),
        page_size=PAGE_SIZE,
        morning_rate=morning.requests / NIGHT_SECONDS,
        history_rate=history.requests / NIGHT_SECONDS / 7,
        morning_hours=morning.requests / 3600,
        history_days=history.requests / 86400,
        core_hours=core_hours,
        loading=_loading(results["f"], morning) if "f" in results else "",
        eighth=max((morning.requests * waited[4] + morning.runs * start) / 3600 / 8, core_hours / 4),
        morning_each=morning.requests / ACCOUNTS,
        morning_seconds=morning.requests / ACCOUNTS * waited[4] + start,
        history_each=history.requests / ACCOUNTS,
        history_minutes=history.requests / ACCOUNTS * waited[4] / 60,
        short_lookback=3 / (LOOKBACK_DAYS + 1),
        unit_share=AD_UNITS / sum(ROWS_A_DAY.values()),
    )
    return "".join(f"{line if line.startswith('|') else _wrapped(line)}\n" for line in text.splitlines())


def _loading(part: dict[str, Any], morning: Load) -> str:
    """Return what tap and loader take together, as the end of a sentence."""
    taken = part["pipes"]["shipped"]["first"]
    hours = morning.rows / part["rows"] * taken["cpu_seconds"] / 3600
    return (
        f", and with `target-postgres` as in `meltano.yml` {hours:.1f} hours and {taken['peak_mb']:.0f} MB a run, "
        f"without the database's own work"
    )


def _wrapped(line: str) -> str:
    return textwrap.fill(
        line, 120, subsequent_indent="  " * line.startswith("- "), break_on_hyphens=False, break_long_words=False
    )


def write() -> None:
    """Write the section into the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{START}{section()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()
