"""The tap under the real Meltano, with meltano.yml as it stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import preloaded
import pytest
import yaml
from filelock import FileLock
from pages import PAGES, commands, snippets

from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from postgres import Database

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
LOOKBACK = 7
FOLDER = Path(sys.prefix) / "meltano"
INSTALLED = FOLDER / ".meltano/extractors/installed-from"
STATE_ID = "sandbox:tap-yoc-to-target-jsonl"
(MAPS,) = [text for _, text in snippets("docs/targets.md") if "stream_maps:" in text]


@dataclass(frozen=True, kw_only=True)
class Project:
    """A Meltano project, and the sandbox that it reads."""

    folder: Path
    env: dict[str, str]
    sandbox: Sandbox

    @property
    def login(self) -> dict[str, str]:
        """Where YOC is and who logs in, as variables: what the environment `sandbox` has, and `production` has not."""
        return {f"TAP_YOC_{name.upper()}": value for name, value in self.sandbox.config.items()}

    @property
    def today(self) -> date:
        """The sandbox's day."""
        return self.sandbox.today

    def start(self, *arguments: str, **variables: str) -> preloaded.Started:
        """Start a command."""
        return preloaded.start_listening("meltano", *arguments, cwd=self.folder, env={**self.env, **variables})

    def meltano(self, *arguments: str, **variables: str) -> str:
        """Return what a command says, which must succeed."""
        with self.start(*arguments, **variables) as process:
            said = process.communicate()
        assert process.returncode == 0, said
        return said

    def state(self, state_id: str = STATE_ID) -> dict[str, Any]:
        """Return the bookmarks that Meltano keeps, by stream."""
        said = self.meltano("--log-level=error", "state", "get", state_id)
        (kept,) = [line for line in said.splitlines() if line.startswith("{")]
        bookmarks = json.loads(kept)["singer_state"]["bookmarks"]
        return {stream: bookmark["replication_key_value"] for stream, bookmark in bookmarks.items() if bookmark}

    def set_state(self, day: date) -> None:
        """Set all bookmarks to a day."""
        bookmark = {"replication_key": "date", "replication_key_value": str(day)}
        state = {"singer_state": {"bookmarks": {"site_daily": bookmark, "hb_units": bookmark}}}
        self.meltano("state", "set", "--force", STATE_ID, json.dumps(state))

    def run(self, *options: str, **variables: str) -> tuple[int, int]:
        """Run the pipeline; return the days and rows that the tap says it read."""
        log = self.meltano("run", *options, "tap-yoc", "target-jsonl", **variables)
        (counts,) = re.findall(r"Done: \d+ streams, (\d+) days, (\d+) rows, .*\.", log)
        return int(counts[0]), int(counts[1])

    def lines(self, stream: str) -> list[dict[str, Any]]:
        """Return what the loader has written of a stream since the project began."""
        written = (self.folder / f"output/tap_yoc/{stream}.jsonl").read_text("utf-8")
        return [json.loads(line) for line in written.splitlines()]


def said_until(word: str, process: preloaded.Started) -> str:
    """Return what a process says up to the line with a word in it."""
    assert process.said
    said = ""
    for line in process.said:
        said += line
        if word in line:
            break
    return said


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """The repository's meltano.yml beside the repository's package, installed.

    Its environment `sandbox` has another port than usual; which days and reports are wanted comes as variables. The
    second account has the stream maps of docs/targets.md. Only the plugins' environments stay from one session to the
    next, until what they are installed from changes.
    """
    written = (ROOT / "meltano.yml").read_text("utf-8")
    second = "    load_schema: yoc_south\n"
    assert written.count(second) == 1
    written = written.replace(second, second + textwrap.indent(MAPS, "    "))
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    with FileLock(f"{FOLDER}.lock"), Sandbox(today=today) as sandbox:
        installed_from = "\n".join([written, (ROOT / "pyproject.toml").read_text("utf-8"), metadata.version("meltano")])
        is_installed = INSTALLED.exists() and INSTALLED.read_text("utf-8") == installed_from
        forget(*(path for path in FOLDER.glob("*") if path.name != ".meltano" or not is_installed))
        forget(*(path for path in FOLDER.glob(".meltano/*") if path.name not in {"extractors", "loaders"}))
        FOLDER.mkdir(exist_ok=True)
        for name in ("LICENSE", "README.md", "pyproject.toml", "tap_yoc"):
            (FOLDER / name).symlink_to(ROOT / name)
        (FOLDER / "meltano.yml").write_text(written.replace("http://127.0.0.1:8098", sandbox.url), encoding="utf-8")
        settings = {
            "start_date": (today - timedelta(days=DAYS)).isoformat(),
            "reports": json.dumps([REPORT]),
            "standard_reports": '["site_daily"]',
            "request_timeout": "30",
        }
        others = ("TAP_YOC_", "TARGET_", "MELTANO_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        env |= {f"TAP_YOC_{name.upper()}": value for name, value in settings.items()}
        env |= {"NO_COLOR": "1", "UV_SYSTEM_CERTS": "1", "UV_LINK_MODE": "copy"}
        env["MELTANO_CLI_DISABLE_VERSION_CHECK"] = "1"  # every command would ask PyPI
        project = Project(folder=FOLDER, env=env, sandbox=sandbox)
        if not is_installed:
            project.meltano("install")
            INSTALLED.write_text(installed_from, encoding="utf-8")
        yield project


def forget(*paths: Path) -> None:
    """Remove files and folders."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def test_the_tap_is_added_to_a_project_by_one_command(project: Project, tmp_path: Path) -> None:
    """A project of one's own gets the tap with all settings and commands, and runs it."""
    (added,) = [line for line in commands("README.md") if line.startswith("meltano add tap-yoc")]
    mine = replace(project, folder=tmp_path, env={**project.env, **project.login, "YOC_TAP_PACKAGE": str(ROOT)})
    mine.meltano("init", "--no-usage-stats", ".")
    mine.meltano(*added.replace("../tap-yoc/", f"{ROOT}/").split()[1:])
    listed = mine.meltano("config", "list", "tap-yoc", "--all")
    definition = yaml.safe_load((ROOT / "docs/meltanohub/tap-yoc.yml").read_text("utf-8"))
    for setting in definition["settings"]:
        assert f"[env: TAP_YOC_{setting['name'].upper()}]" in listed
    assert "All is well" in mine.meltano("invoke", "tap-yoc:doctor", "--text")


def test_settings_are_listed_and_secrets_are_not(project: Project) -> None:
    """`meltano config list` names every setting, and shows neither password nor client secret."""
    listed = project.meltano("--environment=sandbox", "config", "list", "tap-yoc", "--all")
    for name in ("client_id", "lookback_days", "reports", "user_agent"):
        assert re.search(rf"^{name} .*\[env: TAP_YOC_{name.upper()}\]", listed, re.MULTILINE), name
    assert project.sandbox.config["password"] not in listed
    assert project.sandbox.config["client_secret"] not in listed


def test_streams_are_selected_and_keys_cannot_be_left_out(project: Project) -> None:
    """`meltano select --list` shows the user's custom report; its whole grain is automatic."""
    listed = project.meltano("--environment=sandbox", "select", "tap-yoc", "--list", "--all")
    for column in ("date", "ad_unit_visx_id", "is_publisher_campaign"):
        assert re.search(rf"\[automatic *\] hb_units\.{column}\b", listed)
    assert re.search(r"\[selected *\] hb_units\.impressions\b", listed)


def test_first_second_and_full_refresh(project: Project) -> None:
    """The first run reads all days, also after a cleared state, the second the lookback, a full refresh all again."""
    project.set_state(project.today)
    project.meltano("state", "clear", "--force", STATE_ID)
    assert STATE_ID not in project.meltano("state", "list")
    days, rows = project.run()
    assert days == DAYS
    first = [line["date"] for line in project.lines("site_daily")]
    assert {first[0], first[-1]} == {str(project.today - timedelta(days=n)) for n in (DAYS, 1)}
    assert {line["is_publisher_campaign"] for line in project.lines("hb_units")} == {True, False}

    days_again, rows_again = project.run()
    assert days_again == LOOKBACK
    assert 0 < rows_again < rows
    second = [line["date"] for line in project.lines("site_daily")[len(first) :]]
    assert min(second) == str(project.today - timedelta(days=LOOKBACK))

    selected = '["*.*", "!site_daily.clicks", "!site_daily.site_visx_id"]'
    assert project.run("--full-refresh", TAP_YOC__SELECT=selected) == (DAYS, rows)
    newest = project.lines("site_daily")[-1]
    assert "clicks" not in newest, "a metric can be switched off"
    assert {"date", "site_visx_id", "impressions", "fetched_at"} <= set(newest), "and a key cannot"


def test_the_doctor_is_a_command_of_the_plugin(project: Project) -> None:
    """`meltano invoke tap-yoc:doctor` reads the project's settings, and takes options."""
    said = project.meltano("--log-level=error", "invoke", "tap-yoc:doctor", "--json")
    told = json.loads(said[said.index("{") :])
    assert told["account"]["streams"][:2] == ["site_daily", "hb_units"]
    assert (told["exit_code"], told["account"]["has_newest_wanted"]) == (0, True)


def test_the_doctor_runs_where_a_run_would_not(project: Project) -> None:
    """With a wrong password the command of the pages says what to do, with the doctor's exit code."""
    (documented,) = {line for page in PAGES for line in commands(page) if "tap-yoc:doctor" in line}
    with project.start(*documented.split()[1:], TAP_YOC_PASSWORD="not-the-password") as process:
        said = process.communicate()
    assert process.returncode == 3, said
    assert "This will not work yet: login failed (exit code 3)." in said
    assert "Log in at hub.yoc.com with the same username and password" in said
    assert "discovery" not in said


def test_meltano_test_says_whether_a_run_will_work(project: Project) -> None:
    """`meltano test tap-yoc` fails where a run would, and says why in the tap's words."""
    assert "1 test(s) successful. 0 test(s) failed." in project.meltano("test", "tap-yoc")
    with project.start("test", "tap-yoc", TAP_YOC_PASSWORD="not-the-password") as process:
        said = process.communicate()
    assert process.returncode == 1
    assert "YOC refuses the login (HTTP 400: invalid_grant" in said
    assert "Catalog discovery failed" in said


def test_the_exit_code_is_in_the_last_line(project: Project) -> None:
    """Meltano ends with 1 whatever the tap ends with."""
    variables = {"TAP_YOC_PASSWORD": "not-the-password", "TAP_YOC_SUMMARY_FORMAT": "json"}
    with project.start("run", "tap-yoc", "target-jsonl", **variables) as process:
        said = process.communicate()
    assert process.returncode == 1
    assert '{"outcome": "failed", "exit_code": 3, ' in said


def test_env_example_leaves_the_sandbox(project: Project) -> None:
    """A login that is put into a copy of it is not sent to the sandbox's address."""
    env = project.folder / ".env"
    env.write_text((ROOT / ".env.example").read_text("utf-8"), encoding="utf-8")
    try:
        said = project.meltano("config", "print", "tap-yoc", "--format=json")
    finally:
        env.unlink()
    assert "Environment 'production' is active" in said
    assert '"api_url": "https://api.yoc.com"' in said
    assert '"username": "reporting@publisher.example"' in said


def test_meltano_can_test_the_settings(project: Project) -> None:
    """`meltano config test` says that the login works."""
    assert "Plugin configuration is valid" in project.meltano("--environment=sandbox", "config", "test", "tap-yoc")


def test_the_tap_gets_its_settings_with_their_types(project: Project) -> None:
    """`meltano config print` shows what the tap is given: an array, numbers, dates; and no secret."""
    options = ("--log-level=error", "--environment=sandbox")
    said = project.meltano(*options, "config", "print", "tap-yoc", "--format=json", TAP_YOC_FLATTENING_ENABLED="true")
    printed = json.loads(said[said.index("{") :])
    assert printed["flattening_enabled"] is True, "the SDK's settings are declared"
    assert printed["reports"] == [REPORT]
    assert (printed["standard_reports"], printed["request_timeout"]) == (["site_daily"], 30)
    assert printed["start_date"] == str(project.today - timedelta(days=DAYS))
    assert printed["client_id"] == project.sandbox.config["client_id"]
    assert project.sandbox.config["password"] not in said
    assert project.sandbox.config["client_secret"] not in said


def test_a_backfill_by_variables_leaves_the_bookmarks(project: Project) -> None:
    """Days long read are read again, and the next run goes on as if nothing had been."""
    before = project.state()
    first, last = (str(project.today - timedelta(days=ago)) for ago in (15, 13))
    assert project.run(TAP_YOC_BACKFILL_FROM=first, TAP_YOC_BACKFILL_TO=last)[0] == 3
    assert {line["date"] for line in project.lines("hb_units")[-3:]} <= {first, last}
    assert project.state() == before != {}


def test_state_is_shown_and_set(project: Project) -> None:
    """A bookmark set by hand is where the next run goes on."""
    yesterday = str(project.today - timedelta(days=1))
    assert project.state() == {"site_daily": yesterday, "hb_units": yesterday}
    project.set_state(project.today - timedelta(days=4))
    assert project.run()[0] == 3 + LOOKBACK


def test_two_runs_at_a_time_have_a_state_each(project: Project) -> None:
    """`meltano run` with a suffix, and once it reads, `meltano el` with a state id."""
    # Nobody gets an answer before both have asked, however long Meltano takes to start.
    project.sandbox.add_fault("status", where="report", status=503, retry_after="1", times=-1)
    day = str(project.today - timedelta(days=3))
    with project.start("run", "--state-id-suffix=north", "tap-yoc", "target-jsonl") as north:
        north_said = said_until("Beginning", north)
        window_options = ("--state-id=window", "tap-yoc", "target-jsonl")
        with project.start("el", *window_options, TAP_YOC_START_DATE=day) as window:
            window_said = said_until("Beginning", window)
            assert north.poll() is None, "they did not meet"
            project.sandbox.clear_faults()
            window_said += window.communicate()
        north_said += north.communicate()
    assert (north.returncode, window.returncode) == (0, 0), north_said + window_said
    assert (f"{DAYS} days" in north_said, "3 days" in window_said) == (True, True), north_said + window_said
    yesterday = str(project.today - timedelta(days=1))
    for state_id in (f"{STATE_ID}:north", "window"):
        assert project.state(state_id)["site_daily"] == yesterday, state_id


def test_a_second_account_has_settings_state_and_folder_of_its_own(project: Project) -> None:
    """What its own variables do not say, those of the first account do; its stream maps are its own."""
    with Sandbox(today=project.today) as south:
        address = south.config["api_url"]
        variables = {"TAP_YOC_SOUTH_API_URL": address, "TAP_YOC_SOUTH_AUTH_URL": address}
        project.meltano("run", "tap-yoc-south", "target-jsonl", **variables)
        assert len(south.requests) > 3
        project.meltano("invoke", "tap-yoc-south:doctor", "--text", **variables)
    folder = project.folder / "output/yoc_south"
    rows = (folder / "site_daily.jsonl").read_text("utf-8")
    assert str(project.today - timedelta(days=DAYS)) in rows
    assert project.state("sandbox:tap-yoc-south-to-target-jsonl") == project.state()
    columns = set(json.loads(rows.splitlines()[0]))
    assert "avails" in columns
    assert not {"total_traffic", "ecpm"} & columns, "what the page leaves out is loaded"
    assert {path.stem for path in folder.iterdir()} & {"sites", "hb_units", "header_bidding"} == {"header_bidding"}
    units = [json.loads(row) for row in (folder / "ad_units.jsonl").read_text("utf-8").splitlines()]
    assert all(re.fullmatch("[0-9a-f]{64}", unit["ad_unit_name"]) for unit in units)


def test_the_morning_schedule_fills_postgres(project: Project, postgres: Database) -> None:
    """The job runs in production, whatever the default is; rows read again replace the old ones."""
    variables = {
        **project.login,
        "TARGET_POSTGRES_PORT": str(postgres.port),
        "TARGET_POSTGRES_HOST": postgres.host,
        "TARGET_POSTGRES_USER": postgres.user,
        "TARGET_POSTGRES_PASSWORD": postgres.password,
        "TARGET_POSTGRES_DATABASE": postgres.name,
    }
    listed = project.meltano("--log-level=error", "schedule", "list", "--format=json")
    (schedule,) = json.loads(listed[listed.index("{") :])["schedules"]["job"]
    assert (schedule["name"], schedule["cron_interval"]) == ("every-morning", "10 6 * * *")
    counted = []
    for _ in ("first", "second"):
        said = project.meltano("schedule", "run", "every-morning", **variables)
        assert postgres.password not in said
        counted += postgres.rows("SELECT count(*), min(date), max(date) FROM tap_yoc.site_daily")
    assert counted[0] == counted[1]
    assert counted[0]["min"] == project.today - timedelta(days=DAYS)
    assert project.state("production:tap-yoc-to-target-postgres")["site_daily"] == str(counted[0]["max"])
