"""docs/orchestration.md: its script runs as it stands, and its table is what the examples do."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from harness import command
from loaders import ToJsonLines
from pages import ROOT, table

from tap_yoc.errors import ExitCode
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


def test_a_morning_by_cron(accounts: tuple[Sandbox, Sandbox], tmp_path: Path) -> None:
    """An outage is tried again, a refused login is not; each account's state is its own, and the next day goes on."""
    north, south = accounts
    yesterday = south.world.today - timedelta(days=1)
    for folder in ("accounts", "state", "rows"):
        (tmp_path / folder).mkdir()
    start = {"start_date": str(yesterday - timedelta(days=20)), "max_wait_minutes": 0.0001}
    (tmp_path / "accounts/north.json").write_text(json.dumps({**north.config, **start, "password": "another"}))
    (tmp_path / "accounts/south.json").write_text(json.dumps({**south.config, **start}))
    (tmp_path / "target.json").write_text(json.dumps({"destination_path": "rows", "do_timestamp_file": False}))
    south.add_fault("status", status=503, times=1)
    tools = [command("tap-yoc").parent, ToJsonLines.command().parent]

    def morning() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(MORNING)],
            cwd=tmp_path,
            env={**os.environ, "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]), "PAUSE_SECONDS": "0"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    first = morning()
    assert first.returncode == ExitCode.ACCESS, first.stderr
    assert re.findall(r"exit (\d)\)", first.stderr) == ["3", "5"]
    assert json.loads((tmp_path / "state/north.json").read_text()) == {}
    bookmarks = json.loads((tmp_path / "state/south.json").read_text())["bookmarks"]
    assert bookmarks["site_daily"]["replication_key_value"] == str(yesterday)
    rows = [json.loads(line) for line in (tmp_path / "rows/site_daily.jsonl").read_text().splitlines()]
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


def test_which_failures_are_repeated() -> None:
    """Every exit code has its line, and the examples do what it says."""
    sys.path.insert(0, str(ROOT / "examples"))
    tap = importlib.import_module("pipeline.tap")
    rows = {cells[0]: cells[1].startswith("yes") for cells in table(PAGE, "Which failures to repeat")}
    assert set(rows) == {*(str(int(code)) for code in ExitCode), "128 + n"}
    for name, is_repeated in rows.items():
        for code in (143, -15) if name == "128 + n" else (int(name),):
            assert tap.TapFailed(code, "").is_worth_repeating == is_repeated
