"""The README's first rows work as they stand, and its tables are those of the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import tomli
from documented_commands import FIRST_ROWS, RUN_BY
from harness import command
from pages import ROOT, commands, section, table, text_of
from reference import ROW_IS

from tap_yoc.errors import ExitCode
from tap_yoc.reports.standard import ENTITIES, REPORT_FIELDS, STANDARD_REPORTS
from tap_yoc.sandbox.server import Sandbox
from tap_yoc.settings.schema import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

README = "README.md"


def test_first_rows_work_in_the_order_of_the_page(tmp_path: Path) -> None:
    """First rows, as a reader gets them, from a sandbox instead of the one that the page starts."""
    today = date.today()  # noqa: DTZ011 - near enough; the sandbox's own day is Berlin's
    lines = [line for line in commands(README) if RUN_BY[line] == FIRST_ROWS]
    assert len(lines) == 7
    with Sandbox() as sandbox:
        start = (today - timedelta(days=10)).isoformat()
        (tmp_path / "config.json").write_text(json.dumps({**sandbox.config, "start_date": start}), encoding="utf-8")
        path = f"{command('tap-yoc').parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", "\n".join(lines)],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    catalog = json.loads((tmp_path / "catalog.json").read_text("utf-8"))
    assert len(catalog["streams"]) == len(STANDARD_REPORTS) - 1 + len(ENTITIES) + 1
    bookmarks = json.loads((tmp_path / "state.json").read_text("utf-8"))["bookmarks"]
    assert {name for name, mark in bookmarks.items() if mark} == {
        report.name for report in STANDARD_REPORTS if not report.is_heavy
    }
    assert "7 days" in done.stderr, "the run with the state reads the lookback"
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    assert {row["type"] for row in rows} == {"SCHEMA", "RECORD", "STATE"}


def test_first_rows_wait_for_the_sandbox() -> None:
    """It takes a second to come up, and whoever pastes the blocks does not."""
    lines = commands(README)
    start = lines.index("tap-yoc-sandbox --write-config config.json &")
    assert lines[start + 1] == "until test -s config.json || ! kill -0 $!; do sleep 0.1; done"


def test_every_extra_is_listed() -> None:
    """The README names each extra of pyproject.toml, and no other."""
    extras = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert sorted(row[0].strip("`") for row in table(README, "Installation")) == sorted(extras)


def test_waiting_for_a_sandbox_that_cannot_start_ends(tmp_path: Path) -> None:
    """With another one on its port there is no file to wait for."""
    with Sandbox() as sandbox:
        port = str(urlsplit(sandbox.url).port)
        lines = commands(README)
        start = next(number for number, line in enumerate(lines) if line.startswith("tap-yoc-sandbox --write-config"))
        script = "\n".join(lines[start : start + 2]).replace("--write-config", f"--port {port} --write-config")
        path = f"{command('tap-yoc').parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    assert "Cannot listen on" in done.stderr
    assert not (tmp_path / "config.json").exists()


def test_what_make_setup_installs_is_on_the_path_afterwards() -> None:
    """The bare commands of the page are those of the environment that it activates first."""
    lines = commands(README)
    assert lines[lines.index("make setup") + 1] == ". .venv/bin/activate"
    bare = {line.split()[0] for line in lines[lines.index("make setup") + 2 :]}
    folder = command("tap-yoc").parent
    assert {name for name in bare if (folder / name).exists()} >= {"tap-yoc", "tap-yoc-sandbox", "meltano", "uvx"}
    for line in lines[: lines.index("make setup")]:
        assert line.startswith("make ")


def test_what_first_rows_leave_is_no_part_of_the_repository() -> None:
    """Rows, catalog and state of a reader's own stay out of git, as the login does."""
    named = set(re.findall(r"\b(\w+\.jsonl?)\b", "\n".join(commands(README)))) - {"sample_config.json"}
    assert named == {"config.json", "catalog.json", "rows.jsonl", "state.json"}
    assert named <= {line.strip("/") for line in text_of(".gitignore").splitlines()}


def test_the_table_of_streams_is_complete() -> None:
    """Every stream is in it, and what it says of the facts is what the code says."""
    rows = {tuple(re.findall(r"`(\w+)`", cells[0])): cells for cells in table(README, "Streams")}
    assert [name for names in rows for name in names] == list(ROW_IS)
    assert tuple(entity.name for entity in ENTITIES) in rows
    for report in STANDARD_REPORTS:
        assert rows[report.name,][1] == ROW_IS[report.name]
        assert rows[report.name,][2].startswith(report.use)
        assert rows[report.name,][2].endswith("names it") == report.is_heavy
    assert rows[REPORT_FIELDS,][1] == ROW_IS[REPORT_FIELDS]
    assert "first seven streams are incremental" in section(README, "Streams")
    assert "every row of the first seven streams is also per currency" in section(README, "Streams")
    assert len(STANDARD_REPORTS) == 7


def test_the_settings_to_begin_with_are_the_required_ones() -> None:
    """Those that a password login needs, and no others."""
    named = re.findall(r"`([a-z_]+)`", section(README, "Settings").partition(", in `")[0])
    assert named == [*SETTINGS["required"], "username", "password"]


def test_the_exit_codes_are_complete() -> None:
    """The short list has every code, and signals."""
    line = " ".join(section(README, "What is guaranteed").partition("\n7. ")[2].split())
    assert re.findall(r"(?<= )\d(?= )", line) == [str(int(code)) for code in ExitCode]
    assert "128 + n" in line


def test_python_of_the_page_is_there() -> None:
    """The page says Python 3.10 or later, and so does the package."""
    assert "Python 3.10 or later" in text_of(README)
    assert 'requires-python = ">=3.10"' in (ROOT / "pyproject.toml").read_text("utf-8")
