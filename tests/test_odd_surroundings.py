"""What a machine, a caller or a server may be like, and what once ended a run without a word, or with too many."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from harness import TODAY, command, last_days, run_command, run_tap, settings_of

from tap_yoc.api.transport import Transport
from tap_yoc.doctor.checks import examine
from tap_yoc.doctor.observed_tap import ObservedTap
from tap_yoc.errors import ExitCode, SettingsError
from tap_yoc.plan.fan_out import Account, fan_out
from tap_yoc.redaction import Redactor
from tap_yoc.reports.columns import Column, Role, kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from tap_yoc.api.transport import Response
    from tap_yoc.sandbox.server import Sandbox

LOGIN = {"client_id": "c", "client_secret": "s3cret-s3cret", "username": "u", "password": "p4ssword"}


@pytest.mark.parametrize(
    ("declared", "cell", "becomes"),
    [
        pytest.param("STRING", "Sitebar_\ud83d", "Sitebar_\ufffd", id="half a character at the end"),
        pytest.param("STRING", "\ude00x", "\ufffdx", id="the other half at the start"),
        pytest.param("STRING", "\ud83d\ude00", "\U0001f600", id="two halves that fit"),
        pytest.param("BLOB7", ["\ud83d"], '["\ufffd"]', id="within a list"),
    ],
)
def test_half_a_character_is_replaced(declared: str, cell: object, becomes: str) -> None:
    """A name that was cut within an emoji can be written; it once ended the run."""
    column = Column(name="ad_unit_name", role=Role.GROUP_BY, declared=declared, kind=kind_of("ad_unit_name", declared))
    assert column.cast(cell) == becomes
    becomes.encode()


def test_an_unencodable_secret_is_a_setting_to_fix() -> None:
    """Bytes of a variable that are no UTF-8 are refused by the setting's name, and hidden all the same."""
    with pytest.raises(SettingsError, match=r"^Setting password must be text in UTF-8\.$"):
        settings_of({**LOGIN, "password": "p\udce4ssword"})
    assert Redactor(["p\udce4ssword"]).clean("p\udce4ssword") == "***"


@pytest.mark.parametrize("agent", ["a\nb", "tap €", "\x00"])
def test_a_user_agent_that_no_header_can_hold_is_refused(agent: str) -> None:
    """It is a wrong setting, so there is nothing to retry."""
    with pytest.raises(SettingsError, match="user_agent"):
        settings_of({**LOGIN, "user_agent": agent})


def test_an_address_with_an_empty_label_is_refused() -> None:
    """Such a host cannot be looked up."""
    with pytest.raises(SettingsError, match="api_url"):
        settings_of({**LOGIN, "api_url": "https://api..example.com"})


def test_batch_files_and_stream_maps_exclude_each_other() -> None:
    """Batch files are written without maps, so that a column that was to be hidden would be in them."""
    batch = {"encoding": {"format": "jsonl"}, "storage": {"root": "file:///tmp/batches"}}
    with pytest.raises(SettingsError, match="batch_config and stream_maps cannot be combined"):
        settings_of({**LOGIN, "batch_config": batch, "stream_maps": {"site_daily": {"revenue": None}}})


@pytest.mark.parametrize(
    ("form", "root", "says"),
    [
        pytest.param("parquet", "file:///tmp/batches", "parquet needs another package: pip install pyarrow", id="form"),
        pytest.param("jsonl", "s3://bucket/batches", "storage.root: Install s3fs to access S3", id="storage"),
        pytest.param("jsonl", "s4://bucket/batches", "storage.root: Protocol not known: s4", id="no storage"),
    ],
)
def test_what_batch_files_need_is_looked_for_first(
    form: str, root: str, says: str, sandbox: Sandbox, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that is missing is a sentence before anything is asked, and no traceback at the first file."""
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.setattr("tap_yoc.singer.sdk_settings.find_spec", lambda _: None)
    run = run_tap({**config, "batch_config": {"encoding": {"format": form}, "storage": {"root": root}}})
    assert run.exit_code == ExitCode.SETTINGS, run.log
    assert says in run.log
    assert sandbox.requests == []


@pytest.mark.parametrize("query", [[], False, 0])
def test_a_filter_that_is_none_is_refused(config: dict[str, Any], query: object) -> None:
    """Only a filter that is left out, null or empty asks for everything."""
    report = {"name": "mine", "group_by": ["date"], "data_fields": ["clicks"], "query": query}
    run = run_tap({**config, "reports": [report]})
    assert run.exit_code == ExitCode.SETTINGS
    assert "must be a filter with one operator" in run.log


def test_a_map_that_fails_costs_its_stream_only(config: dict[str, Any]) -> None:
    """Whatever an expression raises, the sentence names the setting, and the others finish."""
    maps = {"companies": {"x": "md5(company_id)"}}
    run = run_tap({**config, "stream_maps": maps}, streams=["companies", "publishers"])
    assert run.exit_code == ExitCode.SETTINGS, run.log
    assert "Stream companies: its stream map fails" in run.log
    assert "FAILED (companies; exit 2): 2 streams" in run.log
    assert run.records("publishers")


@pytest.mark.parametrize(
    ("settings", "says_so"),
    [
        pytest.param({"start_date": None, "end_date": "2025-11-30"}, True, id="end before the reach"),
        pytest.param({"backfill_from": "2026-06-20"}, True, id="backfill of days to come"),
        pytest.param({"lookback_days": 0}, False, id="all is read"),
    ],
)
def test_nothing_to_read_is_reported_without_requests(
    sandbox: Sandbox, config: dict[str, Any], settings: dict[str, Any], *, says_so: bool
) -> None:
    """No query for days that cannot be, no complaint about its refusal; one warning where it is not as usual."""
    config = {name: value for name, value in {**config, **settings}.items() if value is not None}
    state = {"bookmarks": {"site_daily": {"replication_key": "date", "replication_key_value": "2026-06-14"}}}
    run = run_tap(config, streams=["site_daily"], state=None if "end_date" in settings else state)
    assert run.exit_code == 0, run.log
    assert run.log.count("There is nothing to read") == says_so
    assert "cannot be read" not in run.log
    refused = [request for request in sandbox.requests if request.status == 422]
    assert [request for request in refused if request.body["page"]] == []


def test_names_without_days_are_reported(config: dict[str, Any]) -> None:
    """Entities and totals say that there is nothing to read, too, once for all of them."""
    total = {"name": "total", "group_by": ["country"], "data_fields": ["clicks"]}
    config = {**config, "start_date": "2025-01-01", "end_date": "2025-02-01", "reports": [total]}
    run = run_tap(config, streams=["companies", "total"])
    assert run.exit_code == 0, run.log
    assert run.log.count("There is nothing to read") == 1


@pytest.mark.parametrize(
    ("lookback_days", "bookmark"), [pytest.param(0, "2026-06-13", id="none"), pytest.param(1, "2026-06-14", id="a day")]
)
def test_the_plans_state_skips_no_day(lookback_days: int, bookmark: str) -> None:
    """A daily run that goes on from the plan's state reads yesterday, which may not have been there yet."""
    reports = [{"name": "mine", "group_by": ["date"], "lookback_days": 3}]
    settings = settings_of({**LOGIN, "lookback_days": lookback_days, "reports": reports})
    (run, *_) = fan_out(Account(name="north", config="north.json", settings=settings), today=TODAY, length="month").runs
    assert run.state["bookmarks"]["site_daily"]["replication_key_value"] == bookmark
    assert run.state["bookmarks"]["mine"]["replication_key_value"] == "2026-06-14"


def test_a_login_without_a_token_is_not_repeated(
    sandbox: Sandbox, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is well and holds no token is as final as a refusal, whatever waits for it."""
    send = Transport.send

    def without_token(self: Transport, method: str, url: str, **body: Any) -> Response:  # noqa: ANN401 - as it is
        response = send(self, method, url, **body)
        return replace(response, content=response.content.replace(b"access_token", b"accessToken"))

    monkeypatch.setattr(Transport, "send", without_token)
    run = run_tap({**config, "concurrency": 16})
    assert run.exit_code == ExitCode.ACCESS
    assert "no usable access_token" in run.log
    assert [request.kind for request in sandbox.requests] == ["token"]


@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        pytest.param("http://user:pass@host:port", "The proxy in HTTPS_PROXY", id="no address"),
        pytest.param("socks5://127.0.0.1:9", "This kind of proxy", id="a kind that needs more"),
    ],
)
def test_a_wrong_proxy_is_called_so(proxy: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable must be fixed, not the URL; the proxy's password is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    run = run_tap({**LOGIN, "max_wait_minutes": 0.001})
    assert run.exit_code == ExitCode.SETTINGS, run.log
    assert says in run.log
    assert "user:pass" not in run.log


def test_the_doctor_says_what_nobody_foresaw() -> None:
    """Even a mistake before the first step is a finding."""

    def new_observed() -> ObservedTap:
        raise ZeroDivisionError("with a p4ssword")

    found = examine(new_observed)
    assert found.exit_code == ExitCode.UNEXPECTED
    assert found.steps[0].says.startswith("This failed unexpectedly (ZeroDivisionError in checks.py, line ")


def test_the_doctor_sends_nobody_to_the_settings_for_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong stands in a variable of the environment."""
    monkeypatch.setenv("HTTPS_PROXY", "http://host:port")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    found = examine(lambda: ObservedTap(config=LOGIN))
    (failed,) = [step for step in found.steps if step.do]
    assert failed.says.startswith("The proxy in HTTPS_PROXY")
    assert failed.do.startswith("Fix the environment variable HTTPS_PROXY")


@pytest.mark.parametrize("option", ["--state", "--catalog"])
def test_a_file_that_is_no_text_is_no_json_object(live: Sandbox, tmp_path: Path, option: str) -> None:
    """State and catalog in an unknown encoding are a file to fix."""
    (tmp_path / "config.json").write_text(json.dumps(last_days(live, "daily_totals")))
    (tmp_path / "latin").write_bytes(b'{"bookmarks": {"stra\xdfe": {}}}')
    done = run_command("--config", "config.json", option, "latin", cwd=tmp_path)
    assert done.returncode == ExitCode.SETTINGS
    assert "must be text in UTF-8" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_stderr_costs_nothing(live: Sandbox, tmp_path: Path) -> None:
    """Rows are written and the exit code is 0 without anybody to tell."""
    (tmp_path / "config.json").write_text(json.dumps(last_days(live, "daily_totals")))
    script = f"'{command('tap-yoc')}' --config config.json 2>&-"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0
    days = re.findall(r'"type":"RECORD","stream":"daily_totals","record":{"date":"([\d-]+)"', done.stdout)
    assert len(set(days)) == 14
