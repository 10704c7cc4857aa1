"""Killed at any point and resumed from the last STATE, the upserted union equals one clean run."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from harness import TODAY, YESTERDAY, Outcome, assert_equal_to_source, command, run_command, run_tap
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sampling import examples

from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import VirtualClock

GAPS = [date(2026, 5, 20), *(date(2026, 4, 3) + timedelta(days=n) for n in range(14)), YESTERDAY]

SHAPES = st.fixed_dictionaries(
    {
        "group_by": st.sampled_from(
            [["date"], ["date", "country"], ["site_visx_id", "date"], ["date", "publisher_visx_id", "country"]]
        ),
        "data_fields": st.sampled_from(
            [["impressions"], ["impressions", "is_publisher_campaign"], ["revenue", "currency", "clicks"]]
        ),
        "lookback_days": st.integers(0, 9),
    }
)
RUNS = st.fixed_dictionaries(
    {
        "start_date": st.dates(date(2026, 3, 28), YESTERDAY).map(str),
        "window_days": st.integers(1, 40),
        "page_size": st.integers(5, 120),
        "concurrency": st.integers(1, 6),
    }
)


@pytest.fixture(scope="module")
def gappy() -> Iterator[Sandbox]:
    """A sandbox with an empty day, an empty fortnight and an empty yesterday."""
    with Sandbox(today=TODAY, gap_days=GAPS) as sandbox:
        yield sandbox


@settings(
    examples(12), phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(shape=SHAPES, run_settings=RUNS, kill_at=st.floats(0, 1), batches=st.booleans())
def test_killed_and_resumed_equals_one_clean_run(
    gappy: Sandbox,
    tmp_path: Path,
    shape: dict[str, Any],
    run_settings: dict[str, Any],
    kill_at: float,
    *,
    batches: bool,
) -> None:
    """Whatever the report, the windows, the pages, the gaps and the message after which the process dies."""
    gappy.reset()
    config = {**gappy.config, **run_settings, "reports": [{"name": "mine", **shape}]}
    if batches:
        config["batch_config"] = {
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": tmp_path.as_uri(), "prefix": "batch"},
            "batch_size": 50,
        }
    clean = run_tap(config, streams=["mine"])
    assert clean.exit_code == 0, clean.log
    dead = run_tap(config, streams=["mine"], stop_after=int(kill_at * len(clean.lines)))
    resumed = run_tap(config, streams=["mine"], state=dead.state)
    assert resumed.exit_code == 0, resumed.log
    bookmarks = [m["value"]["bookmarks"].get("mine", {}) for m in (*dead.messages, *resumed.messages) if "value" in m]
    days = [bookmark["replication_key_value"] for bookmark in bookmarks if bookmark]
    assert days == sorted(days), "a bookmark never moves back"
    both = with_batches_read(replace(resumed, lines=dead.lines + resumed.lines))
    figures = [name for name in shape["data_fields"] if name not in {"is_publisher_campaign", "currency"}]
    assert_equal_to_source(both, "mine", gappy, date.fromisoformat(run_settings["start_date"]), figures=figures)
    assert without_instants(both) == without_instants(with_batches_read(clean))


def with_batches_read(run: Outcome) -> Outcome:
    """Return the run with each BATCH replaced by the rows in its files."""
    lines: list[bytes] = []
    for line in run.lines:
        message = json.loads(line)
        if message["type"] != "BATCH":
            lines.append(line)
            continue
        for name in message["manifest"]:
            path = Path(url2pathname(urlsplit(name).path))
            with gzip.open(path, "rb") as rows:
                lines += [b'{"type":"RECORD","stream":"mine","record":' + row.strip() + b"}" for row in rows]
    return replace(run, lines=lines)


def without_instants(run: Outcome) -> dict[Any, Any]:
    """Return the table without what differs from run to run."""
    return {
        key: {name: Decimal(str(cell)) if isinstance(cell, float) else cell for name, cell in row.items()}
        | {"fetched_at": None}
        for key, row in run.table("mine").items()
    }


@pytest.mark.parametrize("after_lines", [1, 400, 1500])
def test_a_real_kill(tmp_path: Path, after_lines: int) -> None:
    """SIGKILL of the installed command; what had reached the pipe counts, the rest is read again."""
    with Sandbox() as sandbox:
        start, end = sandbox.today - timedelta(days=150), sandbox.today - timedelta(days=1)
        config = {**sandbox.config, "start_date": str(start), "end_date": str(end), "standard_reports": ["site_daily"]}
        (tmp_path / "config.json").write_text(json.dumps(config))
        lines: list[bytes] = []
        with subprocess.Popen(
            [command("tap-yoc"), "--config", "config.json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        ) as process:
            assert process.stdout
            for line in process.stdout:
                lines.append(line)
                if len(lines) == after_lines:
                    os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        dead = Outcome(lines=[line for line in lines if line.endswith(b"\n")], exit_code=-9, log="")
        (tmp_path / "state.json").write_text(json.dumps(dead.state))
        done = run_command("--config", "config.json", "--state", "state.json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        both = Outcome(lines=dead.lines + done.stdout.encode().splitlines(), exit_code=0, log="")
        assert_equal_to_source(both, "site_daily", sandbox, start, end)


def test_an_empty_fortnight_is_passed_only_when_it_is_old(gappy: Sandbox, clock: VirtualClock) -> None:
    """The bookmark passes empty days that are older than the lookback, and waits for those that are not."""
    gappy.reset()
    config = {**gappy.config, "start_date": "2026-04-03", "end_date": "2026-04-16"}
    before = {"bookmarks": {"daily_totals": {"replication_key": "date", "replication_key_value": "2026-04-02"}}}
    run = run_tap({**config, "lookback_days": 0}, streams=["daily_totals"], clock=clock, state=before)
    assert run.exit_code == 0, run.log
    assert run.records("daily_totals") == []
    assert run.bookmark("daily_totals") == "2026-04-16"
    run = run_tap({**gappy.config, "start_date": "2026-06-01"}, streams=["daily_totals"], clock=clock)
    assert run.bookmark("daily_totals") == "2026-06-13"
    assert run.log.count("YOC has no figures for yesterday (2026-06-14)") == 1


def test_a_gap_is_reported_once(gappy: Sandbox) -> None:
    """A day without rows between days with rows is one warning, whatever the number of streams."""
    gappy.reset()
    run = run_tap({**gappy.config, "start_date": "2026-05-15"})
    assert run.exit_code == 0, run.log
    assert run.log.count("YOC has no figures for 2026-05-20, although the days around it have some.") == 1
