"""The DAG does what its README says, as `airflow dags test` runs it against two sandboxes."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from pipeline import warehouse
from pipeline.sandboxes import ask, sandboxes

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[1]


def airflow(folder: Path, *arguments: str) -> int:
    """Run a command of Airflow, its log into a file, and return its exit code."""
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLE / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "YOC_ACCOUNTS": str(folder / "accounts"),
        "YOC_WAREHOUSE": str(folder / "warehouse"),
        "YOC_RETRY_SECONDS": "1",  # Airflow really waits
        "TAP_YOC_MAX_WAIT_MINUTES": "0.0001",
    }
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        return subprocess.run(
            ["airflow", *arguments], env=env, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode


def password(folder: Path, account: str, new: str) -> str:
    """Give an account another password, and return the one that it had."""
    config = folder / "accounts" / f"{account}.json"
    settings = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**settings, "password": new}), encoding="utf-8")
    return str(settings["password"])


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Return what Airflow's own database says."""
    with closing(sqlite3.connect(folder / "airflow" / "airflow.db")) as database:
        return database.execute(query).fetchall()


def migrated(database: Path) -> None:
    """Make Airflow's database as a copy of one that is made once, beside the packages whose version it has."""
    if not (template := Path(sys.prefix) / "migrated").exists():
        (new := template.with_suffix(".unfinished")).mkdir(exist_ok=True)
        assert airflow(new, "db", "migrate") == 0, (new / "log.txt").read_text("utf-8")[-5000:]
        new.replace(template)
    shutil.copy(template / "airflow" / "airflow.db", database)


@dataclass(frozen=True, kw_only=True)
class Morning:
    """A run of the DAG: where everything is, how the command ended, and south's right password."""

    folder: Path
    exit_code: int
    password: str


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    """A migrated Airflow, and a run in which north has an outage and south a wrong password."""
    folder = tmp_path_factory.mktemp("yoc")
    (folder / "airflow").mkdir()
    migrated(folder / "airflow" / "airflow.db")
    with sandboxes(folder / "accounts"):
        ask(folder / "accounts", "north", "faults", {"kind": "status", "status": 503, "times": 1})
        right = password(folder, "south", "another")
        yield Morning(folder=folder, exit_code=airflow(folder, "dags", "test", "yoc"), password=right)


@pytest.fixture(scope="module")
def folder(morning: Morning) -> Path:
    """Where the run keeps everything."""
    return morning.folder


@pytest.fixture(scope="module")
def tries(folder: Path) -> dict[str, tuple[str, int]]:
    """Return state and number of tries by task, mapped ones by the name that the UI shows."""
    found = rows(folder, "SELECT task_id, rendered_map_index, state, try_number FROM task_instance")
    return {name or task: (state, number) for task, name, state, number in found}


def recent_months(account: str) -> list[str]:
    """Return what the plan calls the months of yesterday and the lookback."""
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    return sorted({f"{account}-{today - timedelta(days=n):%Y-%m}-01" for n in range(1, 9)})


def test_the_plan_is_mapped_and_an_outage_tried_again(folder: Path, tries: dict[str, tuple[str, int]]) -> None:
    """One task a run of the plan; exit code 5 costs one more try, of the run that met it alone."""
    assert {name for name in tries if "-" in name} == {*recent_months("north"), *recent_months("south")}, (
        folder / "log.txt"
    ).read_text("utf-8")[-5000:]
    assert sorted(tries[name] for name in recent_months("north")) == [
        *[("success", 1)] * (len(recent_months("north")) - 1),
        ("success", 2),
    ]


def test_a_refused_login_is_not_tried_again(folder: Path, tries: dict[str, tuple[str, int]]) -> None:
    """Exit code 3: one try, and the tap's own sentence in the log."""
    assert {tries[name] for name in recent_months("south")} == {("failed", 1)}
    log = (folder / "log.txt").read_text("utf-8")
    assert "exit code 3" in log
    assert "YOC refuses the login" in log


def test_the_other_account_is_there_and_sums_up(folder: Path, tries: dict[str, tuple[str, int]]) -> None:
    """One account's failure does not cost the rest: north equals the source, and the check says so."""
    assert tries["check"] == ("success", 1)
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    first = recent_months("north")[0].removeprefix("north-")
    truth = ask(
        folder / "accounts",
        "north",
        "truth",
        {
            "group_by": ["date", "site_visx_id"],
            "data_fields": ["impressions"],
            "start": first,
            "end": str(today - timedelta(days=1)),
        },
    )
    with duckdb.connect(str(folder / "warehouse" / warehouse.DATABASE), read_only=True) as database:
        mine = database.execute(
            "SELECT account, date::VARCHAR, site_visx_id, sum(impressions)::BIGINT FROM site_daily GROUP BY ALL"
        ).fetchall()
    assert sorted(mine) == sorted(("north", row["date"], row["site_visx_id"], row["impressions"]) for row in truth)


def test_a_run_fails_when_anything_in_it_failed(
    morning: Morning, folder: Path, tries: dict[str, tuple[str, int]]
) -> None:
    """The check ran all the same; the command's exit code says so; with the right password the next run is green."""
    assert tries["complete"] == ("upstream_failed", 0)
    assert morning.exit_code != 0
    assert rows(folder, "SELECT state FROM dag_run") == [("failed",)]
    password(folder, "south", morning.password)
    assert airflow(folder, "dags", "test", "yoc") == 0
    assert rows(folder, "SELECT state FROM dag_run ORDER BY id") == [("failed",), ("success",)]
