"""The installed command, as a Singer user calls it: options, streams of output, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness import command, last_days, run_command
from raw_server import RawServer, ok, sends
from timeouts import SECONDS

from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

    from tap_yoc.sandbox.server import Sandbox


def write_config(folder: Path, sandbox: Sandbox, **settings: Any) -> str:  # noqa: ANN401 - settings of any kind
    """Write a config file of the last few days; None leaves a setting out."""
    values = {**last_days(sandbox, "site_daily"), **settings}
    values = {name: value for name, value in values.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(values))
    return "config.json"


def last_line(text: str) -> str:
    """Return the last line of a log, without its time."""
    return text.strip().splitlines()[-1].split(" | ")[-1]


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_about_needs_nothing_and_keeps_stdout_clean(tmp_path: Path, form: str) -> None:
    """`--about` works without a config and without a network, and prints nothing else."""
    done = run_command("--about", f"--format={form}", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    if form == "json":
        about = json.loads(done.stdout)
        assert about["settings"]["required"] == ["client_id", "client_secret"]
        assert about["settings"]["properties"]["password"]["secret"] is True
    else:
        assert done.stdout.startswith("# `tap-yoc`")


def test_about_as_text_explains_every_setting(tmp_path: Path) -> None:
    """Whoever reads `--about` learns what each setting means, its default and its choices."""
    text = run_command("--about", cwd=tmp_path).stdout
    heads = re.findall(r"^  - Name: (\w+)$", text, re.MULTILINE)
    assert heads == list(TapYOC.known_settings()["properties"])
    assert text.count("    Description: ") == len(heads) == text.count("Environment Variable: TAP_YOC_")
    assert re.search(r"Name: client_secret\n    Type: string, required, secret\n", text)
    assert re.search(r"Name: lookback_days\n    Type: integer\n    Default: 7\n", text)
    assert re.search(r"Name: client_auth\n    Type: string\n    Choices: body, basic\n    Default: body\n", text)
    assert "\n    Description: The API client's secret, from your YOC account manager.\n" in text
    assert max(map(len, text.splitlines())) <= 120


def test_version() -> None:
    """`--version` names the tap and the SDK; `python -m tap_yoc` is the same command."""
    installed, module = (
        subprocess.run([*words, "--version"], capture_output=True, text=True, check=True).stdout
        for words in ([command("tap-yoc")], [sys.executable, "-m", "tap_yoc"])
    )
    assert installed.startswith("tap-yoc v")
    assert module == installed


def test_catalog_snapshot(live: Sandbox, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """What --discover prints changes only on purpose."""
    report = {"name": "hb_units", "group_by": ["date", "ad_unit_name"], "data_fields": ["is_publisher_campaign"]}
    config = write_config(tmp_path, live, standard_reports=["ad_unit_country_daily", "daily_totals"], reports=[report])
    done = run_command("--config", config, "--discover", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for stream in json.loads(done.stdout)["streams"]:
        assert stream == snapshot(name=stream["tap_stream_id"])


def test_discover_catalog_state_round(live: Sandbox, tmp_path: Path) -> None:
    """The catalog that --discover prints and the state that a run ends with are good for the next run."""
    config = write_config(tmp_path, live)
    (tmp_path / "catalog.json").write_text(run_command("--config", config, "--discover", cwd=tmp_path).stdout)
    first = run_command("--config", config, "--catalog", "catalog.json", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert last_line(first.stderr).startswith("Done: 7 streams")
    state = json.loads(first.stdout.splitlines()[-1])
    assert state["type"] == "STATE"
    (tmp_path / "state.json").write_text(json.dumps(state["value"]))
    again = run_command("--config", config, "--state", "state.json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    messages = [json.loads(line) for line in again.stdout.splitlines()]
    days = {m["record"]["date"] for m in messages if m["type"] == "RECORD" and m["stream"] == "site_daily"}
    assert len(days) <= 7
    assert messages[-1]["value"] == state["value"]


def test_config_from_environment(live: Sandbox, tmp_path: Path) -> None:
    """`--config=ENV` reads TAP_YOC_*, lists and numbers as text."""
    report = [{"name": "by_country", "group_by": ["date", "country"], "data_fields": ["impressions"]}]
    env = {
        **os.environ,
        **{f"TAP_YOC_{name.upper()}": value for name, value in live.config.items()},
        "TAP_YOC_START_DATE": last_days(live, "site_daily")["start_date"],
        "TAP_YOC_LOOKBACK_DAYS": "3",
        "TAP_YOC_REQUEST_TIMEOUT": "30",
        "TAP_YOC_STANDARD_REPORTS": "[]",
        "TAP_YOC_REPORTS": json.dumps(report),
        "TAP_YOC_END_DATE": "",
    }
    done = run_command("--config=ENV", "--discover", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    names = {stream["tap_stream_id"] for stream in json.loads(done.stdout)["streams"]}
    assert names == {"by_country", "report_fields", "companies", "accounts", "publishers", "sites", "ad_units"}
    wrong = run_command("--config=ENV", "--discover", cwd=tmp_path, env={**env, "TAP_YOC_PAGE_SIZE": "many"})
    assert wrong.returncode == 2
    assert last_line(wrong.stderr) == "Setting page_size must be a whole number from 1 to 500."


@pytest.mark.parametrize("mode", ["--test", "--test=schema"])
def test_connection_test(live: Sandbox, tmp_path: Path, mode: str) -> None:
    """`--test` reads one row a stream, `--test=schema` none."""
    done = run_command("--config", write_config(tmp_path, live), mode, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds.count("SCHEMA") == 7
    assert kinds.count("RECORD") == (7 if mode == "--test" else 0)
    assert ", 0 warnings, " in last_line(done.stderr)


def test_connection_test_fails_where_a_run_would(live: Sandbox, tmp_path: Path) -> None:
    """A failure under `--test` has a run's exit code."""
    live.add_fault("no_rows_key", times=-1)
    done = run_command("--config", write_config(tmp_path, live), "--test", cwd=tmp_path)
    assert done.returncode == 4, done.stderr


FAILURES = [
    pytest.param({"password": "not-the-password"}, 3, "YOC refuses the login", id="wrong password"),
    pytest.param({"page_size": 501}, 2, "Setting page_size must be a whole number from 1 to 500.", id="wrong setting"),
    pytest.param({"pagesize": 5}, 2, "There is no setting pagesize (did you mean page_size?).", id="unknown setting"),
    pytest.param(
        {"client_secret": ""}, 2, "Missing: client_secret; set the login in the --config file", id="empty secret"
    ),
    pytest.param(
        {"reports": [{"name": "mine", "group_by": ["date", "site_visx"]}]},
        2,
        "the account has no column site_visx (did you mean site_visx_id?)",
        id="unknown column",
    ),
    pytest.param({"standard_reports": ["site_dayly"]}, 2, "did you mean site_daily?", id="unknown report"),
    pytest.param(
        {"api_url": "http://127.0.0.1:9", "max_wait_minutes": 0.005}, 5, "no connection", id="unreachable host"
    ),
    pytest.param(
        {"auth_url": "http://127.0.0.1:9", "max_wait_minutes": 0.005}, 5, "no connection", id="unreachable login"
    ),
    pytest.param({"api_url": "http://example.com"}, 2, "must start with https", id="plain http"),
    pytest.param({"timezone": "Europe/Berlin2"}, 2, "Setting timezone must be an IANA zone", id="unknown zone"),
    pytest.param({"start_date": "2026-02-30"}, 2, "Setting start_date must be a valid date", id="impossible day"),
]


@pytest.mark.parametrize(("settings", "code", "sentence"), FAILURES)
@pytest.mark.parametrize("mode", [(), ("--discover",)], ids=["run", "discover"])
def test_each_failure_is_one_sentence_and_its_exit_code(
    live: Sandbox, tmp_path: Path, settings: dict[str, Any], code: int, sentence: str, mode: tuple[str, ...]
) -> None:
    """Foreseeable errors are one clear sentence on stderr, without a traceback."""
    done = run_command("--config", write_config(tmp_path, live, **settings), *mode, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert sentence in last_line(done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("ERROR") == 1
    for secret in ("not-the-password", live.config["client_secret"], live.config["password"]):
        assert secret not in done.stderr + done.stdout


FILES = [
    pytest.param("config.json", "[]", "The config config.json must be a JSON object.", id="config list"),
    pytest.param("config.json", "{\n", "The config config.json is not JSON: Expecting property name", id="config cut"),
    pytest.param("state.json", "[]", "The state must be a JSON object.", id="state list"),
    pytest.param("state.json", '{"bookmarks": []}', "The state must look like", id="state of another shape"),
    pytest.param(
        "state.json",
        '{"bookmarks": {"site_daily": {"replication_key": "id", "replication_key_value": "17"}}}',
        "The state of stream site_daily is not a bookmark of this tap",
        id="state of another tap",
    ),
    pytest.param(
        "state.json",
        '{"bookmarks": {"site_daily": {"replication_key": "date", "replication_key_value": "2999-01-01"}}}',
        "names 2999-01-01, which has not ended yet",
        id="bookmark in the future",
    ),
    pytest.param("catalog.json", "{}", "The catalog does not come from --discover", id="catalog empty"),
    *(
        pytest.param(
            "catalog.json",
            json.dumps(
                {
                    "streams": [
                        {
                            "tap_stream_id": "site_daily",
                            "metadata": [{"breadcrumb": breadcrumb, "metadata": {"selected": "false"}}],
                        }
                    ]
                }
            ),
            "In the catalog, selected of stream site_daily must be true or false, without quotes.",
            id=f"selected as text, {where}",
        )
        for where, breadcrumb in {"stream": [], "column": ["properties", "revenue"]}.items()
    ),
]


@pytest.mark.parametrize(("name", "content", "sentence"), FILES)
def test_wrong_files(live: Sandbox, tmp_path: Path, name: str, content: str, sentence: str) -> None:
    """A file that is none costs a sentence and exit 2, not a traceback."""
    config = write_config(tmp_path, live)
    (tmp_path / name).write_text(content)
    option = f"--{name.removesuffix('.json')}"
    done = run_command("--config", config, *([option, name] if option != "--config" else []), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    """The sentence names the file."""
    done = run_command("--config", "nowhere.json", cwd=tmp_path)
    assert done.returncode == 2
    assert last_line(done.stderr) == "The config nowhere.json cannot be read (No such file or directory)."


@pytest.mark.parametrize("variable", ["TAP_YOC_LOGLEVEL", "LOGLEVEL"])
def test_a_log_level_that_does_not_exist(tmp_path: Path, variable: str) -> None:
    """The sentence is all there is, and names the variables."""
    done = run_command("--about", cwd=tmp_path, env={**os.environ, variable: "verbose"})
    assert done.returncode == 2
    assert done.stderr.startswith("The log level in TAP_YOC_LOGLEVEL or LOGLEVEL does not exist; choose DEBUG")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_ends_the_run_with_128_and_its_number(live: Sandbox, tmp_path: Path, name: str, code: int) -> None:
    """A killed run is never a success, ends at once, and its last line is the summary."""
    live.add_fault("status", status=429, retry_after="60", after=3, times=-1)
    config = write_config(tmp_path, live)
    with subprocess.Popen(
        [command("tap-yoc"), "--config", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if "waiting" in line:
                break
        process.send_signal(getattr(signal, name))
        stdout, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == code
    assert f"Stopped by signal {code - 128}" in stderr
    assert last_line(stderr).startswith(f"STOPPED (signal {code - 128}): ")
    for line in stdout.splitlines():
        json.loads(line)


PAIR = b'{"access_token": "access-%d", "refresh_token": "refresh-%d"}'
METADATA = b'{"group_by": [{"name": "date", "type": "DATE"}], "data_fields": [{"name": "clicks", "type": "INTEGER"}]}'
LOGGED_IN = [sends(ok(PAIR % (1, 1))), sends(ok(METADATA)), sends(ok(status="401 Unauthorized"))]


@pytest.mark.parametrize(
    "before", [pytest.param([], id="as the run begins"), pytest.param(LOGGED_IN, id="in a worker")]
)
def test_a_pair_that_is_on_its_way_is_kept_when_a_signal_comes(
    tmp_path: Path, before: list[Callable[[socket.socket, threading.Event], None]]
) -> None:
    """A refresh token that is used up has bought the next one, without which the next run could not log in."""
    asked, stopped = threading.Event(), threading.Event()

    def late(connection: socket.socket, _: threading.Event) -> None:
        asked.set()
        stopped.wait(SECONDS)
        connection.sendall(ok(PAIR % (2, 2)))

    login = {"client_id": "c", "client_secret": "s3cret-s3cret", "refresh_token": "seed", "token_cache": "token.json"}
    with RawServer(*before, late) as server:
        config = {**login, "api_url": server.url, "auth_url": server.url, "concurrency": 1}
        (tmp_path / "config.json").write_text(json.dumps(config))
        with subprocess.Popen(
            [command("tap-yoc"), "--config", "config.json"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        ) as process:
            assert asked.wait(SECONDS)
            process.send_signal(signal.SIGTERM)
            assert process.stderr
            assert any("Stopped by signal 15" in line for line in process.stderr)
            stopped.set()
            process.communicate(timeout=SECONDS)
    assert process.returncode == 143
    (pair,) = json.loads((tmp_path / "token.json").read_text()).values()
    assert pair["refresh_token"] == "refresh-2"
