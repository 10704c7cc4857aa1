"""What a run says while it runs and at its end: one line a window, and a last line that machines can read."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from harness import command, run_command, run_tap
from pages import snippets, table
from timeouts import SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from harness import VirtualClock

    from tap_yoc.sandbox.server import Sandbox


def last_message(log: str) -> str:
    """Return what the last line of a log says, behind time, level and logger."""
    return log.strip().splitlines()[-1].split(" | ")[-1].removeprefix("INFO ").removeprefix("ERROR ")


def test_each_window_is_one_line(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Days, rows, requests and seconds; requests are those of the window, though the next one's are sent ahead."""
    run = run_tap({**config, "window_days": 5, "page_size": 20}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    lines = [line for line in run.log.splitlines() if "INFO site_daily: " in line]
    rows = [sum(first <= row["date"] <= last for row in run.records("site_daily")) for first, last in WINDOWS]
    assert lines == [
        f"INFO site_daily: {first} to {last}, {count} rows in {asked} requests, 0.0 s."
        for (first, last), count, asked in zip(WINDOWS, rows, sent_for(sandbox), strict=True)
    ]
    assert min(rows) > 40


WINDOWS = [("2026-06-01", "2026-06-05"), ("2026-06-06", "2026-06-10"), ("2026-06-11", "2026-06-14")]


def sent_for(sandbox: Sandbox) -> list[int]:
    """Return how many requests the sandbox got for each window of `site_daily`."""
    bodies = [str(request.body) for request in sandbox.requests if "site_visx_id" in str(request.body)]
    return [sum(first in body and last in body for body in bodies) for first, last in WINDOWS]


def test_repetitions_count_as_requests_and_a_renewed_token_too(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """What a window cost is all that was sent for it: after a 503, after a 401, and when it was read twice."""
    sandbox.forms = sandbox.forms.but({"total": "none"})
    sandbox.add_fault("status", status=503, match='"publisher_visx_id"')
    sandbox.add_fault("status", status=401, match='"publisher_visx_id"')
    sandbox.add_fault("drop_row", match='"publisher_visx_id"')
    run = run_tap(config, streams=["publisher_daily"])
    assert run.exit_code == 0, run.log
    assert run.log.count("reading it once more") == 1
    asked = [r.status for r in sandbox.requests if r.kind == "report" and r.body.get("group_by") != ["date"]]
    assert asked == [503, 401, 200, 200, 200, 200]
    (line,) = [line for line in run.log.splitlines() if "INFO publisher_daily: " in line]
    assert re.fullmatch(r"INFO publisher_daily: 2026-06-01 to 2026-06-14, 70 rows in 6 requests, \d+\.\d s\.", line)


def test_streams_without_windows_have_one_line_as_well(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Names, metadata and totals over all days: one line each."""
    total = {"name": "total", "group_by": ["country"], "data_fields": ["impressions"]}
    run = run_tap({**config, "reports": [total]}, streams=["companies", "report_fields", "total"])
    assert run.exit_code == 0, run.log
    asked = sum("company_id" in str(request.body) for request in sandbox.requests)
    assert re.findall(r"INFO (\w+: .* s\.)", run.log) == [
        f"companies: 2026-06-01 to 2026-06-14, 3 rows in {asked} requests, 0.0 s.",
        "report_fields: 26 rows in 0 requests, 0.0 s.",
        f"total: 2026-06-01 to 2026-06-14, {len(run.records('total'))} rows in 1 request, 0.0 s.",
    ]


def test_a_stream_that_fails_has_no_line_for_the_window(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A window that was not read in full is not reported as read."""
    sandbox.add_fault("drop_row", times=-1, match='"publisher_visx_id"')
    run = run_tap(config, streams=["publisher_daily"])
    assert run.exit_code == 4
    assert "INFO publisher_daily: " not in run.log


def test_the_time_of_a_window_holds_its_waits(sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock) -> None:
    """A window that YOC let wait says so by its seconds."""
    sandbox.add_fault("status", status=429, retry_after="40", match='"publisher_visx_id"')
    run = run_tap(config, streams=["publisher_daily"], clock=clock)
    assert "rows in 2 requests, 40.0 s." in run.log


@pytest.mark.parametrize(
    ("variables", "metrics"),
    [({}, 0), ({"TAP_YOC_LOGLEVEL": "DEBUG"}, 2), ({"SINGER_SDK_LOG_CONFIG": "log.yml"}, 2)],
    ids=["for people", "for debugging", "for machines"],
)
def test_metrics_are_left_out_of_logs_for_people(
    config: dict[str, Any], tmp_path: Path, variables: dict[str, str], metrics: int
) -> None:
    """The SDK's JSON is most of a small run's log; it stays in logs that Meltano and others set up."""
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "end_date": "2026-06-14", "standard_reports": ["daily_totals"]}), "utf-8"
    )
    (tmp_path / "log.yml").write_text(LOG_CONFIG, "utf-8")
    done = run_command("--config", "config.json", cwd=tmp_path, env={**os.environ, **variables})
    assert done.returncode == 0, done.stderr
    records = re.findall(r'METRIC.*"stream": ?"daily_totals"', done.stderr)
    assert len(records) == metrics


LOG_CONFIG = """
version: 1
disable_existing_loggers: false
formatters: {structured: {(): singer_sdk.logging.StructuredFormatter}}
handlers: {console: {class: logging.StreamHandler, formatter: structured}}
root: {level: INFO, handlers: [console]}
"""


def test_json_of_a_run_that_worked(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """The last line is one JSON object, and its figures are those of the run."""
    run = run_tap({**config, "summary_format": "json"}, streams=["site_daily", "companies"])
    told = json.loads(last_message(run.log))
    rows = {name: len(run.records(name)) for name in ("site_daily", "companies")}
    assert (told["outcome"], told["exit_code"], told["failures"]) == ("done", 0, {})
    assert (told["streams"], told["days"], told["rows"]) == (2, 14, sum(rows.values()))
    assert told["requests"] == len(sandbox.requests)
    assert {name: stream["rows"] for name, stream in told["by_stream"].items()} == rows
    assert told["by_stream"]["site_daily"]["last_day"] == "2026-06-14"


def test_json_of_a_stream_that_failed(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """The failed stream is named with its sentence; the days that it was to read are not counted as read."""
    sandbox.add_fault("drop_row", times=-1, match='"publisher_visx_id"')
    run = run_tap({**config, "summary_format": "json"}, streams=["publisher_daily", "companies"])
    told = json.loads(last_message(run.log))
    assert (told["outcome"], told["exit_code"], list(told["failures"])) == ("failed", 4, ["publisher_daily"])
    assert "twice; the bookmark stays before it" in told["failures"]["publisher_daily"]
    assert told["by_stream"]["publisher_daily"] == {
        **told["by_stream"]["publisher_daily"],
        "first_day": "2026-06-01",
        "last_day": "2026-06-14",
        "days": 0,
    }
    assert told["by_stream"]["companies"]["rows"] == 3


def test_the_last_line_carries_its_figures_for_logs_that_are_json(
    config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever formats log records as JSON has the figures in `run_summary`, also when the line itself is text."""
    with caplog.at_level(logging.INFO, logger="tap-yoc"):
        run_tap(config, streams=["report_fields"])
    last = caplog.records[-1]
    assert last.getMessage().startswith("Done: 1 stream, ")
    assert vars(last)["run_summary"]["rows"] == 26


@pytest.mark.parametrize(
    ("settings", "code", "sentence"),
    [
        pytest.param({"password": "not-the-password"}, 3, "YOC refuses the login", id="login"),
        pytest.param({"page_size": 501}, 2, "Setting page_size must be a whole number", id="setting"),
    ],
)
def test_json_of_a_run_that_never_began(
    sandbox: Sandbox, tmp_path: Path, settings: dict[str, Any], code: int, sentence: str
) -> None:
    """A refused login and a wrong setting end in the JSON object, too: once, with the sentence, without secrets."""
    config = {**sandbox.config, "summary_format": "json", **settings}
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = run_command("--config", "config.json", cwd=tmp_path)
    told = json.loads(last_message(done.stderr))
    assert (done.returncode, told["outcome"], told["exit_code"]) == (code, "failed", code)
    assert told["failures"]["tap-yoc"].startswith(sentence)
    assert done.stderr.count(sentence) == 1
    assert done.stdout == ""
    assert "not-the-password" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--config=ENV", "--config", "nowhere.json"], id="the environment first"),
        pytest.param(["--config", "nowhere.json", "--config=ENV"], id="the file first"),
    ],
)
def test_json_asked_for_by_the_environment_and_a_file_that_is_missing(tmp_path: Path, arguments: list[str]) -> None:
    """What can be known of the wish is honoured: a variable counts when the config cannot be read."""
    done = run_command(*arguments, cwd=tmp_path, env={"TAP_YOC_SUMMARY_FORMAT": "json"})
    assert json.loads(last_message(done.stderr))["failures"] == {
        "tap-yoc": "The config nowhere.json cannot be read (No such file or directory)."
    }
    assert done.returncode == 2


@pytest.mark.parametrize(("where", "streams"), [("metadata", 0), ("report", 1)])
def test_json_of_a_run_that_was_killed(sandbox: Sandbox, tmp_path: Path, where: str, streams: int) -> None:
    """SIGTERM leaves the JSON object as the last line, also before the first stream has begun."""
    sandbox.add_fault("status", where=where, status=429, retry_after="60", times=-1)
    config = {**sandbox.config, "summary_format": "json", "start_date": "2026-06-01"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    arguments = [str(command("tap-yoc")), "--config", "config.json"]
    with subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if "waiting" in line:
                break
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=SECONDS)
    told = json.loads(last_message(stderr))
    assert (process.returncode, told["outcome"], told["signal"], told["exit_code"]) == (143, "stopped", 15, 143)
    assert told["streams"] == streams
    assert told["failures"] == {}


# --- The page about it

PAGE = "docs/running.md"


def without_seconds(text: str) -> str:
    """Return text with the seconds that a run took left out."""
    return re.sub(r"\d+\.\d s\b", "… s", text)


def test_the_pages_lines_are_those_of_a_run(config: dict[str, Any]) -> None:
    """The lines for windows, and the last line, are what a run logs."""
    run = run_tap({**config, "start_date": "2026-05-01"}, streams=["ad_unit_daily", "companies"])
    windows, last = (text for language, text in snippets(PAGE)[2:4] if language == "text")
    said = [line.removeprefix("INFO ") for line in run.log.splitlines()]
    told = [line for line in said if re.match(r"\w+: 2026", line)]
    assert without_seconds("\n".join(told)) == without_seconds(windows.strip())
    assert without_seconds(said[-1]) == without_seconds(last.strip())


def test_the_pages_json_is_that_of_a_run(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """The object is what a run with a failed stream ends with, and every name in it is explained."""
    sandbox.add_fault("drop_row", times=-1, match='"publisher_visx_id"')
    run = run_tap({**config, "summary_format": "json"}, streams=["publisher_daily", "companies"])
    ((_, example),) = [snippet for snippet in snippets(PAGE) if snippet[0] == "json"]
    real, shown = json.loads(last_message(run.log)), json.loads(example)
    for told in (real, shown):
        for timed in (told, *told["by_stream"].values()):
            assert isinstance(timed.pop("seconds"), float)
    assert shown == real
    names = [cells[0].strip("`") for cells in table(PAGE, "The last line as JSON")]
    assert names == list(json.loads(example))
