"""What the README says is tried: its commands, its snippets, its dates and its messages."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from harness import command

from tap_yoc.columns import columns_of
from tap_yoc.errors import ExitCode
from tap_yoc.own_reports import own
from tap_yoc.reports import ENTITIES, REPORT_FIELDS, STANDARD_REPORTS, Offer
from tap_yoc.sandbox.columns import metadata
from tap_yoc.sandbox.forms import Forms
from tap_yoc.sandbox.server import Sandbox
from tap_yoc.windows import Window, advance, plan

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for language, text in BLOCKS if language in {"sh", "bash"} for line in text.splitlines() if line]

# Commands that this module does not run, each with the test that runs it.
ELSEWHERE = {
    "make demo": "test_demo.py::test_demo_from_nothing",
    "make test": "test_readme.py::test_every_command_is_run_or_named",
    "pip install '.[sandbox,token-cache]'": "test_packaging.py::test_wheel_declares_its_commands",
    "tap-yoc-sandbox --write-config config.json &": "sandbox/test_sandbox_command.py::test_serves_until_stopped",
    "meltano install": "test_meltano.py::project",
    "meltano run tap-yoc target-jsonl": "test_meltano.py::test_first_second_and_full_refresh",
    "meltano --environment=production run tap-yoc target-jsonl": "test_meltano.py::test_first_second_and_full_refresh",
    "meltano --environment=production config test tap-yoc": "test_meltano.py::test_meltano_can_test_the_settings",
    "meltano --environment=sandbox config list tap-yoc --all": (
        "test_meltano.py::test_settings_are_listed_and_secrets_are_not"
    ),
    "meltano --environment=sandbox select tap-yoc --list --all": (
        "test_meltano.py::test_streams_are_selected_and_keys_cannot_be_left_out"
    ),
    "meltano run --full-refresh tap-yoc target-jsonl": "test_meltano.py::test_first_second_and_full_refresh",
}
HERE = [line for line in COMMANDS if line not in ELSEWHERE]


def section(title: str) -> str:
    """Return the text below a heading of the second level."""
    found = README.partition(f"\n## {title}\n")[2]
    assert found, title
    return found.partition("\n## ")[0]


def table(title: str) -> list[list[str]]:
    """Return the rows of a section's only table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def messages() -> Iterator[str]:
    """Yield all texts of the tap's code, with … in place of what is filled in."""
    for path in sorted((ROOT / "tap_yoc").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
                yield re.sub("…+", "…", "".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value.replace("%s", "…")


def test_every_command_is_run_or_named() -> None:
    """A command of the README that nothing runs would be a promise nobody keeps."""
    assert set(ELSEWHERE) <= set(COMMANDS)
    for name in ELSEWHERE.values():
        module, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / "tests" / module).read_text("utf-8"), name
    assert all(line.startswith(("tap-yoc --", "grep ")) for line in HERE), HERE


def test_commands_work_in_the_order_of_the_page(tmp_path: Path) -> None:
    """First rows, as a reader gets them, from a sandbox instead of the one that the page starts."""
    today = date.today()  # noqa: DTZ011 - near enough; the sandbox's own day is Berlin's
    with Sandbox() as sandbox:
        start = (today - timedelta(days=10)).isoformat()
        (tmp_path / "config.json").write_text(json.dumps({**sandbox.config, "start_date": start}), encoding="utf-8")
        path = f"{command('tap-yoc').parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", "\n".join(HERE)],
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


@pytest.mark.parametrize(("language", "text"), BLOCKS, ids=[text.splitlines()[0][:40] for _, text in BLOCKS])
def test_snippets_parse(language: str, text: str) -> None:
    """Every snippet is well-formed in its language, and says which that is."""
    if language == "python":
        ast.parse(text)
    elif language == "json":
        json.loads(text)
    elif language == "yaml":
        yaml.safe_load(text)
    else:
        assert language == "sh"
        subprocess.run(["bash", "-n", "-c", text], check=True)


def test_the_example_reports_are_accepted() -> None:
    """The tap takes the example as it stands, and its keys are what the page says."""
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    offer = Offer(columns_of(json.loads(json.dumps(metadata(Forms())))))
    hb_units, campaigns, countries = own(yaml.safe_load(text)["reports"], offer, 7)
    assert [column.name for column in hb_units.key] == ["date", "ad_unit_visx_id", "ad_unit_name", "currency"]
    assert hb_units.lookback_days == 3
    assert [column.name for column in campaigns.key] == ["date", "site_visx_id", "is_publisher_campaign"]
    assert not countries.is_daily


def test_the_table_of_streams_is_complete() -> None:
    """Names and keys are those of the code."""
    rows = {cells[0].strip("`"): cells for cells in table("Streams")}
    keys = {name: tuple(re.findall(r"`(\w+)`", cells[2])) for name, cells in rows.items()}
    expected: dict[str, tuple[str, ...]] = {report.name: report.dimensions for report in STANDARD_REPORTS}
    expected |= {entity.name: (entity.id_column,) for entity in ENTITIES}
    assert keys == {**expected, REPORT_FIELDS: ("kind", "name")}
    for report in STANDARD_REPORTS:
        assert rows[report.name][3] == "incremental"
        assert rows[report.name][4].startswith(report.use)


@pytest.mark.parametrize("cells", table("How incremental runs work"), ids=lambda cells: " ".join(cells[:2]))
def test_the_dates_are_what_the_tap_does(cells: list[str]) -> None:
    """Each row of the table is a run, and the code reads just these days."""
    today, bookmark = date.fromisoformat(cells[0]), None if cells[1] == "none" else date.fromisoformat(cells[1])
    days = plan(
        today=today,
        start_date=date(2026, 1, 1),
        end_date=None,
        bookmark=bookmark,
        lookback_days=7,
        window_days=31,
    )
    read = Window(first=days.windows[0].first, last=days.windows[-1].last)
    assert str(read) == cells[2]
    after = bookmark
    for window in days.windows:
        after = advance(after, window=window, newest_with_rows=window.last, today=today, lookback_days=7)
    assert str(after) == cells[3]
    if days.lost:
        assert f"{days.lost} are lost" in cells[4]
    else:
        assert "lost" not in cells[4]


def test_the_exit_codes_are_complete() -> None:
    """The table has a row for every code, and signals."""
    assert [cells[0] for cells in table("What is guaranteed")] == [*(str(int(code)) for code in ExitCode), "128 + n"]


@pytest.mark.parametrize("cells", table("What the messages ask you to do"), ids=lambda cells: cells[0].strip("`"))
def test_the_messages_are_the_taps(cells: list[str]) -> None:
    """Each message stands in the code, so that whoever searches for it finds it here."""
    message = cells[0].strip("`")
    assert any(message in text for text in messages()), message
    assert cells[1] in {"warning", *(str(int(code)) for code in ExitCode)}


@pytest.mark.parametrize("cells", table("What is assumed about the API"), ids=lambda cells: cells[0])
def test_the_places_of_assumptions_exist(cells: list[str]) -> None:
    """Files and names that the page points at are there."""
    for path, names in re.findall(r"`(tap_yoc/\w+\.py)` \(([^)]*)\)", cells[1]):
        code = (ROOT / path).read_text("utf-8")
        for name in re.findall(r"`([\w.]+)`", names):
            assert re.search(rf"\b{name.rpartition('.')[2]}\b", code), (path, name)


def test_links_inside_the_page_lead_somewhere() -> None:
    """An anchor is a heading, a path is a file."""
    titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    links: list[Any] = re.findall(r"\]\(([^)]+)\)", README)
    for link in links:
        if link.startswith("#"):
            assert link[1:] in headings
        elif not link.startswith("https://"):
            assert (ROOT / link).exists()


def test_python_of_the_page_is_there() -> None:
    """The page says Python 3.10 or later, and so does the package."""
    assert sys.version_info >= (3, 10)
    assert "Python 3.10 or later" in README
    assert 'requires-python = ">=3.10"' in (ROOT / "pyproject.toml").read_text("utf-8")
