"""The tap under the real Meltano, with meltano.yml as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

# One project is installed for all of these: keep them in one process, and in order.
pytestmark = pytest.mark.xdist_group("meltano")

ROOT = Path(__file__).parents[1]
REPORT = {
    "name": "hb_units",
    "group_by": ["date", "ad_unit_visx_id"],
    "data_fields": ["impressions", "is_publisher_campaign"],
    "query": {"like": {"ad_unit_name": "%_HB"}},
}
DAYS = 20


@dataclass(frozen=True, kw_only=True)
class Project:
    """A Meltano project, and the sandbox that it reads."""

    folder: Path
    env: dict[str, str]
    today: date

    def meltano(self, *arguments: str, **variables: str) -> str:
        """Return what a command says, which must succeed."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("meltano")), *arguments],
            cwd=self.folder,
            env={**self.env, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def run(self, *options: str, **variables: str) -> tuple[int, int]:
        """Run the pipeline; return the days and rows that the tap says it read."""
        log = self.meltano("run", *options, "tap-yoc", "target-jsonl", **variables)
        (counts,) = re.findall(r"Done: \d+ streams, (\d+) days, (\d+) rows, .*\.", log)
        return int(counts[0]), int(counts[1])

    def lines(self, stream: str) -> list[dict[str, Any]]:
        """Return what the loader has written of a stream since the project began."""
        return [json.loads(line) for line in (self.folder / f"output/{stream}.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The repository's meltano.yml beside the repository's package, installed; settings come as variables."""
    folder = tmp_path_factory.mktemp("project")
    copyfile(ROOT / "meltano.yml", folder / "meltano.yml")
    for name in ("LICENSE", "README.md", "pyproject.toml", "tap_yoc"):
        (folder / name).symlink_to(ROOT / name)
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    with Sandbox(today=today) as sandbox:
        settings = {
            **sandbox.config,
            "start_date": (today - timedelta(days=DAYS)).isoformat(),
            "reports": json.dumps([REPORT]),
            "standard_reports": '["site_daily"]',
            "request_timeout": "30",
        }
        env = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_YOC_", "MELTANO_"))}
        env |= {f"TAP_YOC_{name.upper()}": value for name, value in settings.items()}
        env |= {"NO_COLOR": "1", "UV_SYSTEM_CERTS": "1", "UV_LINK_MODE": "copy"}
        installed = Project(folder=folder, env=env, today=today)
        installed.meltano("install")
        yield installed


def test_settings_are_listed_and_secrets_are_not(project: Project) -> None:
    """`meltano config list` names every setting, and shows neither password nor client secret."""
    listed = project.meltano("config", "list", "tap-yoc", "--all")
    for name in ("client_id", "lookback_days", "reports", "user_agent"):
        assert re.search(rf"^{name} .*\[env: TAP_YOC_{name.upper()}\]", listed, re.MULTILINE), name
    assert project.env["TAP_YOC_PASSWORD"] not in listed
    assert project.env["TAP_YOC_CLIENT_SECRET"] not in listed


def test_streams_are_selected_and_keys_cannot_be_left_out(project: Project) -> None:
    """`meltano select --list` shows the user's own report; its whole grain is automatic."""
    listed = project.meltano("select", "tap-yoc", "--list", "--all")
    for column in ("date", "ad_unit_visx_id", "is_publisher_campaign"):
        assert re.search(rf"\[automatic *\] hb_units\.{column}\b", listed)
    assert re.search(r"\[selected *\] hb_units\.impressions\b", listed)


def test_first_second_and_full_refresh(project: Project) -> None:
    """The first run reads all days, the second the lookback, and a full refresh all days again."""
    days, rows = project.run()
    assert days == DAYS
    first = [line["date"] for line in project.lines("site_daily")]
    assert {first[0], first[-1]} == {str(project.today - timedelta(days=n)) for n in (DAYS, 1)}
    assert {line["is_publisher_campaign"] for line in project.lines("hb_units")} == {True, False}

    days_again, rows_again = project.run()
    assert days_again == 7
    assert 0 < rows_again < rows
    second = [line["date"] for line in project.lines("site_daily")[len(first) :]]
    assert min(second) == str(project.today - timedelta(days=7))

    selected = '["*.*", "!site_daily.clicks", "!site_daily.site_visx_id"]'
    assert project.run("--full-refresh", TAP_YOC__SELECT=selected) == (DAYS, rows)
    newest = project.lines("site_daily")[-1]
    assert "clicks" not in newest, "a metric can be switched off"
    assert {"date", "site_visx_id", "impressions", "fetched_at"} <= set(newest), "and a key cannot"


def test_meltano_can_test_the_settings(project: Project) -> None:
    """`meltano config test` says that the login works."""
    assert "Plugin configuration is valid" in project.meltano("config", "test", "tap-yoc")
