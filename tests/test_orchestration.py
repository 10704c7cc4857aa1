"""docs/orchestration.md: its snippets run as they stand, and the examples do what it says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from harness import TODAY, YESTERDAY, command, truth
from loaders import ToJsonLines
from pages import ROOT, snippets, table
from timeouts import SECONDS

from examples.pipeline import morning as plain_morning
from examples.pipeline import tap, warehouse
from tap_yoc.dates import Window
from tap_yoc.errors import ExitCode
from tap_yoc.plan import command as fan_out_command
from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "docs/orchestration.md"
MORNING = ROOT / "examples" / "cron" / "morning.sh"


@pytest.fixture
def accounts() -> Iterator[tuple[Sandbox, Sandbox]]:
    """Two accounts on the real day."""
    with Sandbox() as north, Sandbox(seed=11) as south:
        yield north, south


def write(path: Path, content: object) -> None:
    """Write a file of JSON, and the folder that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def script(path: Path, *lines: str) -> None:
    """Write a command."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o755)


def run(
    *arguments: str, cwd: Path, path: list[Path], variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with other folders first on the PATH."""
    return subprocess.run(
        arguments,
        cwd=cwd,
        env={**os.environ, **(variables or {}), "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]])},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


# --- The plan

# The commands, on the day of the page's examples.
ON_THAT_DAY = {
    "tap-yoc-plan": """
import sys
from tap_yoc.plan.command import main
sys.exit(main([*sys.argv[1:], "--today", "2026-06-15"]))
""",
    "tap-yoc": f"""
import sys
sys.path.insert(0, {str(ROOT / "tests/support")!r})
from harness import VirtualClock
from tap_yoc.__main__ import main
from tap_yoc.tap import TapYOC
TapYOC.clock = VirtualClock()
sys.exit(main())
""",
}


def test_the_first_run_of_the_page(tmp_path: Path) -> None:
    """The page's own lines on 15 June 2026, one after another, from the plan to rows that equal the source."""
    for name, code in ON_THAT_DAY.items():
        script(tmp_path / "bin" / name, f"#!{sys.executable}", code)
    (lines,) = [text for language, text in snippets(PAGE) if language == "sh" and "--state" in text and "plan" in text]
    with Sandbox(today=TODAY) as north:
        for name in ("north", "south"):
            write(tmp_path / f"accounts/{name}.json", {**north.config, "standard_reports": ["site_daily"]})
        done = run("bash", "-euo", "pipefail", "-c", lines, cwd=tmp_path, path=[tmp_path / "bin"])
        assert done.returncode == 0, done.stderr
        key = ("date", "publisher_visx_id", "site_visx_id", "currency")
        expected = truth(north, key, ["impressions"], date(2026, 6, 1), YESTERDAY)
    messages = [json.loads(line) for line in (tmp_path / "north-2026-06-01.jsonl").read_text("utf-8").splitlines()]
    rows = [m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == "site_daily"]
    assert {tuple(row[name] for name in key): row["impressions"] for row in rows} == {
        key: row["impressions"] for key, row in expected.items()
    }
    assert {row["is_final"] for row in rows if row["date"] > "2026-06-07"} == {False}, "the state tells the lookback"
    assert (tmp_path / "south-2025-12-01.json").exists(), "each run of the plan has its state"


# --- examples/cron


def test_a_morning_by_cron(accounts: tuple[Sandbox, Sandbox], tmp_path: Path) -> None:
    """An outage is tried again, a refused login is not; each account's state is its own, and the next day goes on."""
    north, south = accounts
    yesterday = south.world.today - timedelta(days=1)
    start = {"start_date": str(yesterday - timedelta(days=20)), "max_wait_minutes": 0.0001}
    write(tmp_path / "accounts/north.json", {**north.config, **start, "password": "another"})
    write(tmp_path / "accounts/south.json", {**south.config, **start})
    for name in ("north", "south"):
        target = {"destination_path": f"rows/{name}", "do_timestamp_file": False}
        write(tmp_path / f"targets/{name}.json", target)
    south.add_fault("status", status=503, times=1)
    tools = [command("tap-yoc").parent, ToJsonLines.command().parent]

    def morning() -> subprocess.CompletedProcess[str]:
        return run("bash", str(MORNING), cwd=tmp_path, path=tools, variables={"PAUSE_SECONDS": "0"})

    first = morning()
    assert first.returncode == ExitCode.ACCESS, first.stderr
    assert re.findall(r"exit (\d)\)|^(accounts/.*:)$", first.stderr, re.MULTILINE) == [
        ("", "accounts/north.json, try 1:"),
        ("3", ""),
        ("", "accounts/south.json, try 1:"),
        ("5", ""),
        ("", "accounts/south.json, try 2:"),
    ]
    assert json.loads((tmp_path / "state/north.json").read_text()) == {}
    bookmarks = json.loads((tmp_path / "state/south.json").read_text())["bookmarks"]
    assert bookmarks["site_daily"]["replication_key_value"] == str(yesterday)
    rows = [json.loads(line) for line in (tmp_path / "rows/south/site_daily.jsonl").read_text().splitlines()]
    table_of_rows = {(row["date"], row["site_visx_id"], row["currency"]): row["impressions"] for row in rows}
    assert sum(table_of_rows.values()) == sum(
        row["impressions"]
        for row in south.truth(
            group_by=["date"], data_fields=["impressions"], start=yesterday - timedelta(days=20), end=yesterday
        )
    )
    (tmp_path / "accounts/north.json").unlink()
    second = morning()
    assert second.returncode == 0, second.stderr
    assert re.findall(r" (\d+) days,", second.stderr.splitlines()[-1]) == ["7"]


def tried(folder: Path, *codes: int, target: int = 0) -> tuple[int, int, int]:
    """Return how often the script for cron starts a tap that ends with these codes, its pauses, and how it ends."""
    write(folder / "accounts/north.json", {})
    tap_yoc = ("echo >> tries", "code=$(head -n 1 codes)", "sed -i 1d codes", 'exit "$code"')
    script(folder / "bin/tap-yoc", "#!/bin/sh", *tap_yoc)
    script(folder / "bin/target-jsonl", "#!/bin/sh", "cat", f"exit {target}")
    script(folder / "bin/sleep", "#!/bin/sh", 'echo "$1" >> pauses')
    (folder / "codes").write_text("".join(f"{code}\n" for code in codes))
    for file in ("tries", "pauses"):
        (folder / file).write_text("")
    done = run("bash", str(MORNING), cwd=folder, path=[folder / "bin"])
    pauses = (folder / "pauses").read_text().splitlines()
    assert set(pauses) <= {"900"}
    return (folder / "tries").read_text().count("\n"), len(pauses), done.returncode


def test_tries_by_cron(tmp_path: Path) -> None:
    """Pauses are between tries, not after the last; a target that fails is not retried, and not forgotten."""
    assert tried(tmp_path, 5, 5, 5) == (3, 2, 5)
    assert tried(tmp_path, 4, 137, 0) == (3, 2, 0)
    assert tried(tmp_path, 0) == (1, 0, 0)
    assert tried(tmp_path, 0, target=1) == (1, 0, 1)


def test_a_morning_without_settings(tmp_path: Path) -> None:
    """One sentence, and the code for settings; nothing is made of the pattern that no file has matched."""
    for folders in ([], ["accounts"]):
        for folder in folders:
            (tmp_path / folder).mkdir()
        done = run("bash", str(MORNING), cwd=tmp_path, path=[])
        assert (
            done.stderr == f"There are no settings in {tmp_path}/accounts: one file an account, such as north.json.\n"
        )
        assert done.returncode == ExitCode.SETTINGS
        assert [path.name for path in tmp_path.iterdir()] == folders


def test_which_failures_are_repeated(tmp_path: Path) -> None:
    """Every exit code has its line, and the examples do what it says."""
    rows = {cells[0]: cells[1].startswith("yes") for cells in table(PAGE, "Which failures to retry")}
    assert set(rows) == {*(str(int(code)) for code in ExitCode), "128 + n"}
    for name, is_repeated in rows.items():
        for code in (143, -15) if name == "128 + n" else (int(name),):
            assert tap.TapFailed(code, "").is_worth_repeating == is_repeated
        code = 143 if name == "128 + n" else int(name)
        assert tried(tmp_path, code, code, code)[0] == (3 if is_repeated else 1)


# --- examples/pipeline


@contextmanager
def a_reader(database: Path) -> Iterator[None]:
    """Somebody else who has the database open, read only."""
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "1\n"
        yield
        reader.communicate(timeout=SECONDS)


def test_a_morning_without_an_engine(
    accounts: tuple[Sandbox, Sandbox],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every table sums up, also while somebody reads the database; one failure is reported and fails the whole.

    Renewing the database once took DuckDB's lock on it, so that a reader let the check fail.
    """
    north, south = accounts
    monkeypatch.setenv("PATH", os.pathsep.join([str(command("tap-yoc").parent), os.environ["PATH"]]))
    start = {"start_date": str(south.world.today - timedelta(days=2)), "max_wait_minutes": 0.0001}
    write(tmp_path / "accounts/north.json", {**north.config, **start})
    assert plain_morning.main(tmp_path / "accounts", tmp_path / "warehouse") == 0
    database = tmp_path / "warehouse" / warehouse.DATABASE
    write(tmp_path / "accounts/south.json", {**south.config, **start, "password": "another"})
    with a_reader(database):
        assert plain_morning.main(tmp_path / "accounts", tmp_path / "warehouse") == 1
    said = capsys.readouterr().out
    assert said.count("site_daily sums up to daily_totals") == 2
    assert re.search(r"^south-\S+: exit code 3: .*YOC refuses the login", said, re.MULTILINE)
    write(tmp_path / "accounts/south.json", {**south.config, **start})
    assert plain_morning.main(tmp_path / "accounts", tmp_path / "warehouse") == 0
    assert [path.name for path in database.parent.iterdir() if path.is_file()] == [warehouse.DATABASE]
    with duckdb.connect(str(database), read_only=True) as opened:
        found = opened.execute("SELECT DISTINCT account FROM sites ORDER BY 1").fetchall()
        money = opened.execute("SELECT sum(revenue) FROM site_daily GROUP BY account, currency").fetchall()
    assert found == [("north",), ("south",)]
    shown = warehouse.summary(tmp_path / "warehouse")
    assert re.findall(r"(north|south) +│ (CHF|EUR)", shown) == [
        (account, currency) for account in ("north", "south") for currency in ("CHF", "EUR")
    ], "money of two currencies is not added up"
    assert all(str(revenue) in shown for (revenue,) in money)


KINDS = {"date": "date", "fetched_at": "date-time"}
COLUMNS = {"site_daily": ("date", "site_visx_id", "impressions", "fetched_at"), "sites": ("site_visx_id", "fetched_at")}
SCHEMAS = [
    {
        "type": "SCHEMA",
        "stream": stream,
        "key_properties": [name for name in columns if name in {"date", "site_visx_id"}],
        "schema": {
            "properties": {
                name: {"type": "string", "format": KINDS[name]} if name in KINDS else {"type": "integer"}
                for name in columns
            }
        },
    }
    for stream, columns in COLUMNS.items()
]
"""What the tap says of a fact stream and of one without days, as far as the warehouse looks at it."""


def publish(run: dict[str, Any], site: int, folder: Path) -> None:
    """Publish a run that brings one impression of a site for each of its days."""
    first, last = date.fromisoformat(run["first_day"]), date.fromisoformat(run["last_day"])
    row = {"site_visx_id": site, "impressions": 1, "fetched_at": "2026-06-15T04:10:00Z"}
    records = [("sites", row)]
    records += [("site_daily", {**row, "date": str(day)}) for day in Window(first=first, last=last).days()]
    messages = [*SCHEMAS, *({"type": "RECORD", "stream": stream, "record": record} for stream, record in records)]
    lines = folder.parent / "lines.jsonl"
    lines.write_text("".join(json.dumps(message) + "\n" for message in messages), encoding="utf-8")
    assert set(warehouse.publish(run, lines, folder)) == set(COLUMNS)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            ["--today=2026-06-15", "--from=2026-06-01"],
            ["--today=2026-06-15", "--from=2026-06-10"],
            {1: ("2026-06-01", "2026-06-09", 9), 2: ("2026-06-10", "2026-06-14", 5)},
            id="from the middle of a month",
        ),
        pytest.param(
            ["--today=2026-06-15", "--from=2026-06-01"],
            ["--today=2026-06-15", "--from=2026-06-01", "--to=2026-06-05"],
            {1: ("2026-06-06", "2026-06-14", 9), 2: ("2026-06-01", "2026-06-05", 5)},
            id="to the middle of a month",
        ),
        pytest.param(
            ["--today=2026-06-15"],
            ["--today=2026-06-20"],
            {1: ("2025-12-16", "2025-12-20", 5), 2: ("2025-12-21", "2025-12-31", 11)},
            id="YOC no longer serves the first days",
        ),
        pytest.param(
            ["--today=2026-06-15", "--from=2026-06-01"],
            ["--today=2026-06-15", "--from=2026-06-01"],
            {2: ("2026-06-01", "2026-06-14", 14)},
            id="all of it again",
        ),
    ],
)
def test_a_run_replaces_its_own_days(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    before: list[str],
    after: list[str],
    expected: dict[int, tuple[str, str, int]],
) -> None:
    """Days of the file that it did not read stay, once they were lost; names are replaced as a whole.

    The first run finds site 1 alone, the second site 2 alone: where it has read, YOC took site 1 back.
    """
    write(tmp_path / "accounts/north.json", {})
    for site, options in ((1, before), (2, after)):
        assert fan_out_command.main([str(tmp_path / "accounts/north.json"), *options]) == 0
        publish(json.loads(capsys.readouterr().out)[0], site, tmp_path / "warehouse")
    with duckdb.connect(str(warehouse.show(tmp_path / "warehouse")), read_only=True) as database:
        found = database.execute(
            "SELECT site_visx_id, min(date)::VARCHAR, max(date)::VARCHAR, count(*) FROM site_daily GROUP BY ALL"
        ).fetchall()
        columns = [name for name, *_ in database.execute("DESCRIBE site_daily").fetchall()]
        names = database.execute("SELECT site_visx_id FROM sites").fetchall()
    assert {site: days for site, *days in found} == {site: list(days) for site, days in expected.items()}
    assert columns == [*COLUMNS["site_daily"], "account"]
    assert names == [(2,)]


def test_a_table_that_is_not_there_does_not_sum_up(tmp_path: Path) -> None:
    """A check before the first run says so."""
    assert warehouse.differences(tmp_path, "site_daily") == ["there is no site_daily yet"]
    assert warehouse.tables(tmp_path) == []


def test_a_folder_without_settings(tmp_path: Path) -> None:
    """The sentence names the folder, where the plan's own command would tell of its arguments."""
    sentence = f"exit code 2: there are no settings in {tmp_path}: one file an account, such as north.json."
    with pytest.raises(tap.TapFailed, match=re.escape(sentence)) as failure:
        tap.planned(tmp_path)
    assert not failure.value.is_worth_repeating


ENGINE = [
    "#!/usr/bin/env bash",
    "trap 'kill %1; echo closed; exit 3' INT TERM",
    "sleep 60 & echo open",
    "touch $0.is_open",
    "wait",
]
"""A command that takes its time to close, as an engine's page does."""


@contextmanager
def beside_sandboxes(folder: Path, *starter: str) -> Iterator[subprocess.Popen[str]]:
    """Run the engine beside two sandboxes, in a session of its own; yields the process that started them."""
    script(folder / "engine", *ENGINE)
    path = os.pathsep.join([str(command("tap-yoc").parent), os.environ["PATH"]])
    with subprocess.Popen(
        [sys.executable, *(starter or ("-m", "pipeline.sandboxes")), str(folder / "accounts"), str(folder / "engine")],
        cwd=ROOT / "examples",
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process


@pytest.mark.parametrize(("number", "is_of_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=["INT", "TERM"])
def test_what_is_stopped_beside_the_sandboxes_ends_by_itself(
    tmp_path: Path, number: signal.Signals, *, is_of_all: bool
) -> None:
    """Ctrl-C and `kill` let an engine's page close in its own time, and end in no traceback."""
    with beside_sandboxes(tmp_path) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        (os.killpg if is_of_all else os.kill)(process.pid, number)
        said, log = process.communicate(timeout=SECONDS)
    assert (said, log, process.returncode) == ("closed\n", "", 3)


STOPPED_AT_ONCE = """
import os, signal, subprocess, sys, time

class StoppedAtOnce(subprocess.Popen):
    def __init__(self, command, **options):
        super().__init__(command, **options)
        if command[0].endswith("/engine"):
            while not os.path.exists(command[0] + ".is_open"):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = StoppedAtOnce
from pipeline import sandboxes
sys.exit(sandboxes.main(sys.argv[1:]))
"""
"""A `kill` that comes once the command runs, and before whoever started it knows."""


def test_a_command_that_is_stopped_as_it_starts(tmp_path: Path) -> None:
    """It is reported anyway: it once ran on, beside sandboxes that were gone."""
    with beside_sandboxes(tmp_path, "-c", STOPPED_AT_ONCE) as process:
        said, log = process.communicate(timeout=SECONDS)
    assert (said, log, process.returncode) == ("open\nclosed\n", "", 3)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_sandboxes_that_are_stopped_as_they_start(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """They end, and so does whoever started them; the command is never run."""
    with beside_sandboxes(tmp_path) as process:
        while not (tmp_path / "accounts").exists():
            assert process.poll() is None
        os.kill(process.pid, number)
        said, log = process.communicate(timeout=SECONDS)
    assert (said, log, process.returncode) == ("", "", code)
