"""`make demo` shows what it says, and fails where a figure differs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import duckdb
import pytest
from filelock import FileLock
from timeouts import SECONDS

from demo.errors import DemoError
from demo.pipeline import RunCounts, counts_in
from demo.run import Days, check_second
from demo.warehouse import Table, differences, load, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
TABLE = Table(
    name="site_daily",
    columns={"date": "DATE", "site_visx_id": "BIGINT", "revenue": "DECIMAL(38, 9)", "fetched_at": "TIMESTAMP"},
    key=("date", "site_visx_id"),
)
SOURCE: dict[tuple[Any, ...], dict[str, Any]] = {
    ("2026-06-13", 8001): {"impressions": 10, "revenue": Decimal("0.100000")},
    ("2026-06-14", 8001): {"impressions": 20, "revenue": None},
}


def demo(folder: Path) -> subprocess.Popen[str]:
    """Start the demo in a folder of its own, with somebody's login in the environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "demo.run", "--folder", str(folder)],
        cwd=ROOT,
        env={**os.environ, "TAP_YOC_PASSWORD": "somebody-elses", "MELTANO_ENVIRONMENT": "production"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def kept() -> Iterator[Path]:
    """The demo's folder, which stays for the next session: the demo knows what it has installed in it."""
    folder = Path(sys.prefix) / "demo"
    with FileLock(f"{folder}.lock"):
        yield folder


def test_demo_from_nothing(kept: Path) -> None:
    """On a fresh machine, or once more: two runs, all tables, every figure equal, the repository's state untouched."""
    state = ROOT / ".meltano/meltano.db"
    before = state.stat().st_mtime_ns if state.exists() else None
    with demo(kept) as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert re.search(r"Second run: 8 days, \d+ rows, \d+ requests, oldest day read again [\d-]+, no warnings", said)
    assert re.search(r"First run:  179 days, [\d,]{5,} rows", said)
    assert re.search(r"Revised at the source between the runs: [1-9]\d* of [1-9]\d* rows", said)
    assert "All 12 tables are there; all 6 fact tables are equal to the source" in said
    assert "somebody-elses" not in said
    assert (state.stat().st_mtime_ns if state.exists() else None) == before
    with duckdb.connect(str(kept / "yoc.duckdb"), read_only=True) as database:
        twice = database.execute("SELECT count(*) - count(DISTINCT (date, currency)) FROM daily_totals").fetchone()
        assert twice == (0,)
        shown = database.execute("SELECT sum(revenue) FROM site_daily GROUP BY date ORDER BY date DESC").fetchone()
        assert shown
        assert isinstance(shown[0], Decimal)
    (command,) = re.findall(r'-c "(import duckdb; .*)"$', said, re.MULTILINE)
    looked = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    for column in ("site_name", "impressions", "revenue"):
        assert column in looked.stdout, "the query shows what it sorts by"
    assert "(5 shown)" not in looked.stdout
    assert "5 columns" in looked.stdout
    assert ET.parse(kept / "picture.svg").getroot().tag.endswith("svg")  # noqa: S314 - drawn by the demo
    queries = [sys.executable, "examples/sql/run.py", "--duckdb", str(kept / "yoc.duckdb")]
    results = subprocess.run(queries, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert results.count("(no rows)") == 3, "no alarm, no difference between tables, no ad unit that fell silent"


def sandboxes_of(folder: Path) -> list[int]:
    """Return the ids of the processes that hold a folder's sandbox log open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            opened = {str(path.readlink()) for path in (process / "fd").iterdir()}
        except OSError:
            continue
        if str(folder / "sandbox.log") in opened and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at open files as Linux shows them")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_stopped_demo_stops_its_sandbox(tmp_path: Path, number: int, code: int) -> None:
    """Ctrl-C, or a scheduler that gives up, leaves nothing running."""
    with demo(tmp_path) as process:
        config = tmp_path / "config.json"
        while not config.exists():
            assert process.poll() is None
        assert sandboxes_of(tmp_path)
        process.send_signal(number)
        process.communicate(timeout=SECONDS)
    assert process.returncode == code
    assert sandboxes_of(tmp_path) == []


def test_equal_tables_have_no_differences() -> None:
    """Numbers are compared by value, null equals null."""
    table: dict[tuple[Any, ...], dict[str, Any]] = {
        ("2026-06-14", 8001): {"impressions": 20, "revenue": None},
        ("2026-06-13", 8001): {"impressions": 10, "revenue": Decimal("0.1")},
    }
    assert differences(table, SOURCE, ["impressions", "revenue"]) == []


@pytest.mark.parametrize(
    ("table", "difference"),
    [
        (
            {**SOURCE, ("2026-06-13", 8001): {"impressions": 10, "revenue": Decimal("0.100001")}},
            "revenue of ('2026-06-13', 8001) is 0.100001 in the table and 0.100000 in the source",
        ),
        (
            {**SOURCE, ("2026-06-14", 8001): {"impressions": 20, "revenue": Decimal(0)}},
            "revenue of ('2026-06-14', 8001) is 0 in the table and None in the source",
        ),
        (
            {("2026-06-13", 8001): SOURCE["2026-06-13", 8001]},
            "('2026-06-14', 8001) is missing in the table",
        ),
        (
            {**SOURCE, ("2026-06-15", 8001): {"impressions": 1, "revenue": None}},
            "('2026-06-15', 8001) is in the table and not in the source",
        ),
    ],
    ids=["a millionth", "null and zero", "lost row", "ghost row"],
)
def test_any_difference_is_reported(table: dict[tuple[Any, ...], dict[str, Any]], difference: str) -> None:
    """A figure that is off by the last digit, a row too few or one too many: each is named."""
    assert differences(table, SOURCE, ["impressions", "revenue"]) == [difference]


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory."""
    with duckdb.connect() as connection:
        yield connection


def test_the_newest_row_of_a_key_stays_with_all_digits(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """The row fetched last wins wherever it stands in the file, and money keeps digits that a float has not."""
    lines = tmp_path / "site_daily.jsonl"
    lines.write_text(
        '{"date": "2026-06-13", "site_visx_id": 8001, "revenue": 2.0, "fetched_at": "2026-06-15T06:00:00.5Z"}\n'
        '{"date": "2026-06-13", "site_visx_id": 8001, "revenue": 1.0, "fetched_at": "2026-06-14T06:00:00.5Z"}\n'
        '{"date": "2026-06-14", "site_visx_id": 8001, "revenue": 123456.123457, "fetched_at": "2026-06-15 06:00:00"}\n',
        encoding="utf-8",
    )
    load(database, TABLE, lines)
    rows = database.execute("SELECT date, site_visx_id, revenue FROM site_daily ORDER BY date").fetchall()
    assert rows == [(date(2026, 6, 13), 8001, Decimal(2)), (date(2026, 6, 14), 8001, Decimal("123456.123457"))]


def test_the_newest_line_of_an_entity_stays(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Entities have no instant; the loader appends, so that the last line is the newest."""
    database.execute("SET threads = 1")
    lines = tmp_path / "sites.jsonl"
    lines.write_text(
        "".join(f'{{"site_visx_id": {number % 3}, "site_name": "name {number}"}}\n' for number in range(3000)),
        encoding="utf-8",
    )
    sites = Table(name="sites", columns={"site_visx_id": "BIGINT", "site_name": "VARCHAR"}, key=("site_visx_id",))
    load(database, sites, lines)
    rows = database.execute("SELECT * FROM sites ORDER BY 1").fetchall()
    assert rows == [(0, "name 2997"), (1, "name 2998"), (2, "name 2999")]


def test_a_file_that_the_loader_did_not_write_is_an_error(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A missing stream is no empty table."""
    with pytest.raises(DemoError, match=r"wrote no site_daily\.jsonl"):
        load(database, TABLE, tmp_path / "site_daily.jsonl")


def test_types_come_from_the_catalog() -> None:
    """Days are days, money is decimal, and what says something about the row is no figure."""
    properties = {
        "date": {"type": "string", "format": "date"},
        "site_visx_id": {"type": "integer"},
        "revenue": {"type": ["number", "null"]},
        "fetched_at": {"type": "string", "format": "date-time"},
    }
    stream = {"tap_stream_id": "site_daily", "schema": {"properties": properties}, "key_properties": list(TABLE.key)}
    (table,) = tables_of({"streams": [stream]})
    assert table == TABLE
    assert table.is_fact
    assert table.figures == ("revenue",)


def test_the_taps_last_line_is_read() -> None:
    """The demo's numbers are the ones that the tap tells."""
    log = (
        "Done: 12 streams, 8 days, 1,881 rows, 18 requests, 0 retries, 0.0 s waited, "
        "oldest day read again: 2026-06-07, 1 warning, 2.5 s in all."
    )
    assert counts_in(log) == RunCounts(
        streams=12, days=8, rows=1881, requests=18, warnings=1, oldest_day_read_again=date(2026, 6, 7)
    )
    with pytest.raises(DemoError, match="does not end with its line"):
        counts_in("FAILED (site_daily; exit 4): 12 streams")


@pytest.mark.parametrize(("days", "oldest"), [(179, None), (8, date(2026, 6, 6))], ids=["all again", "other days"])
def test_a_second_run_that_reads_something_else_is_an_error(days: int, oldest: date | None) -> None:
    """Reading more than the new day and the lookback would be a broken bookmark."""
    run = RunCounts(streams=12, days=days, rows=1, requests=1, warnings=0, oldest_day_read_again=oldest)
    with pytest.raises(DemoError, match="8 days from 2026-06-07 were expected"):
        check_second(run, Days(today=date(2026, 6, 15)))
