"""Promises to users, each held by a run of the whole tap where one is needed."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from harness import TODAY, YESTERDAY, VirtualClock, assert_equal_to_source, run_tap, settings_of

from tap_yoc.api.transport import Response, Transport
from tap_yoc.engine import entity_reading
from tap_yoc.engine.prefetch import Reader
from tap_yoc.errors import RetryableError
from tap_yoc.redaction import Redactor
from tap_yoc.sandbox.server import Sandbox
from tap_yoc.singer.messages import YOCMessageWriter
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from tap_yoc.api.query import Query
    from tap_yoc.reports.report import Report

T = TypeVar("T")


def state_of(stream: str, day: str) -> dict[str, Any]:
    """Return a state that names the newest complete day of one stream."""
    return {"bookmarks": {stream: {"replication_key": "date", "replication_key_value": day}}}


def test_the_days_of_daily_totals_are_compared_as_well(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """If a repeated page makes page 0 look superfluous, an empty report is no day without figures."""
    sandbox.forms = replace(sandbox.forms, first_page=0, total="none")
    sandbox.add_fault("repeat_page", where="report", match='"page": 1,', times=1)
    short = {**config, "start_date": YESTERDAY.isoformat(), "page_size": 60, "concurrency": 1}
    run = run_tap(short, streams=["daily_totals"])
    assert run.exit_code == 4, run.log
    assert run.bookmark("daily_totals") is None


def reports_asked(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the bodies of the report requests so far."""
    return [request.body for request in sandbox.requests if request.kind == "report"]


@pytest.fixture
def echo() -> Iterator[str]:
    """Serve an API that refuses everything and repeats what it was sent in its message."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"message": f"refused: {self.headers.get('Authorization')}"}).encode()
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - as the base class looks for it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_token_that_an_answer_repeats_is_hidden(sandbox: Sandbox, config: dict[str, Any], echo: str) -> None:
    """An error that quotes the Authorization header shows no token, neither in the log nor in the exception."""
    run = run_tap({**config, "api_url": echo})
    tokens = [request for request in sandbox.requests if request.kind == "token"]
    assert run.exit_code
    assert len(tokens) == 1
    assert "refused: Bearer ***" in run.log
    assert "refused: Bearer ***" in str(run.error)


def test_a_token_out_of_the_cache_is_hidden(
    sandbox: Sandbox, config: dict[str, Any], echo: str, tmp_path: Path
) -> None:
    """A pair that an earlier run left is as secret as one that was just fetched."""
    cached = {**config, "token_cache": str(tmp_path / "token.json")}
    assert run_tap(cached, streams=["report_fields"]).exit_code == 0
    run = run_tap({**cached, "api_url": echo})
    assert [request.kind for request in sandbox.requests].count("token") == 1
    assert "refused: Bearer ***" in run.log
    assert "refused: Bearer ***" in str(run.error)


def test_a_basic_header_that_an_answer_repeats_is_hidden(config: dict[str, Any], echo: str) -> None:
    """Client id and secret in Base64 are hidden, too."""
    run = run_tap({**config, "client_auth": "basic", "auth_url": echo})
    assert run.exit_code == 3
    assert "refused: Basic ***" in run.log


def test_an_empty_yesterday_is_one_warning_and_not_complete() -> None:
    """Yesterday without rows is reported once whatever the number of streams, and the bookmark stays before it."""
    clock = VirtualClock()
    with Sandbox(today=TODAY, gap_days=[YESTERDAY], clock=lambda: clock.now().timestamp()) as sandbox:
        config = {**sandbox.config, "start_date": "2026-06-10"}
        streams = ["daily_totals", "publisher_daily", "site_daily"]
        run = run_tap(config, streams=streams, clock=clock)
        earlier = run_tap({**config, "end_date": "2026-06-12"}, streams=streams, clock=clock)
    assert run.exit_code == 0, run.log
    assert run.log.count("YOC has no figures for yesterday (2026-06-14)") == 1
    assert run.bookmark("site_daily") == "2026-06-13"
    assert ", 1 warning," in run.log
    assert "no figures for" not in earlier.log


def test_an_empty_end_date_in_the_past_is_no_yesterday() -> None:
    """The last day wanted is not called yesterday where it is not."""
    clock = VirtualClock()
    with Sandbox(today=TODAY, gap_days=[date(2026, 6, 12)], clock=lambda: clock.now().timestamp()) as sandbox:
        config = {**sandbox.config, "start_date": "2026-06-10", "end_date": "2026-06-12"}
        run = run_tap(config, streams=["site_daily"], clock=clock)
    assert run.exit_code == 0, run.log
    assert "yesterday" not in run.log
    assert run.bookmark("site_daily") == "2026-06-11"


@pytest.mark.parametrize(
    ("settings", "day"),
    [
        pytest.param({"lookback_days": 0}, "2026-06-14", id="all is read and nothing is read again"),
        pytest.param({"start_date": "2026-06-15"}, None, id="the first day wanted is not over"),
        pytest.param({"start_date": None, "end_date": "2025-11-30"}, None, id="YOC no longer serves the last one"),
    ],
)
def test_a_run_with_nothing_to_read_is_complete(config: dict[str, Any], settings: dict[str, Any], day: str) -> None:
    """Where no day is left to read, the run ends well, without a row, and with the bookmark where it was.

    A run with no window at all once failed unexpectedly.
    """
    config = {name: value for name, value in {**config, **settings}.items() if value is not None}
    run = run_tap(config, streams=["site_daily"], state=state_of("site_daily", day) if day else None)
    assert run.exit_code == 0, run.log
    assert run.records("site_daily") == []
    assert run.bookmark("site_daily") == day


def test_a_filtered_report_is_not_compared_with_the_totals(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A report with a filter cannot sum up to the account's totals, so even `fail` lets it through, read once."""
    report = {
        "name": "german",
        "group_by": ["date"],
        "data_fields": ["impressions"],
        "query": {"eq": {"country": "DE"}},
    }
    run = run_tap({**config, "reports": [report], "on_incomplete_day": "fail"}, streams=["german"])
    assert run.exit_code == 0, run.log
    assert "once more" not in run.log
    assert len(run.records("german")) == len(run.table("german")) == 14
    assert run.bookmark("german") == "2026-06-14"
    asked = [body for body in reports_asked(sandbox) if body["data_fields"] == ["impressions"]]
    assert asked
    assert all(body["group_by"] == ["date"] and "eq" in str(body["query"]) for body in asked)


def test_a_refused_token_ends_the_run_at_once(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """After a 401 that a renewed token does not fix, no other stream asks for anything."""
    sandbox.add_fault("status", status=401, times=-1)
    run = run_tap(config)
    assert run.exit_code == 3, run.log
    assert "FAILED (account_daily; exit 3): 1 stream, 0 days, 0 rows" in run.log
    # Page 1, and page 0 beside it, each with two tokens at most.
    assert 2 <= len(reports_asked(sandbox)) <= 4
    assert {body["page"] for body in reports_asked(sandbox)} <= {0, 1}
    grants = [request.grant for request in sandbox.requests if request.kind == "token"]
    assert grants[0] == "password"
    assert set(grants[1:]) == {"refresh_token"}
    assert 1 <= len(grants[1:]) <= 2, "one a page"


def test_a_refused_login_is_one_request(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """What could not be sent without a token is not counted as sent."""
    run = run_tap({**config, "password": "not-the-password"}, streams=["site_daily"])
    assert run.exit_code == 3
    assert len(sandbox.requests) == 1
    assert ", 1 request, " in run.log


def test_the_last_line_counts_what_happened(sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock) -> None:
    """The last line has the true numbers: days, rows, requests, retries, waited seconds and the oldest revised day."""
    sandbox.add_fault("status", status=503, retry_after="7")
    state = state_of("publisher_daily", "2026-06-13")
    run = run_tap(config, streams=["publisher_daily"], state=state, clock=clock)
    rows = len(run.records("publisher_daily"))
    last = run.log.splitlines()[-1]
    assert rows > 8
    assert last == (
        f"INFO Done: 1 stream, 8 days, {rows} rows, {len(sandbox.requests)} requests, 1 retry, 7.0 s waited, "
        f"oldest day read again: 2026-06-07, 0 warnings, 7.0 s in all."
    )


def test_without_lookback_no_day_is_read_again(config: dict[str, Any]) -> None:
    """Days right after the bookmark were never read before."""
    state = state_of("publisher_daily", "2026-06-12")
    run = run_tap({**config, "lookback_days": 0}, streams=["publisher_daily"], state=state)
    assert "2 days" in run.log.splitlines()[-1]
    assert "oldest day read again: none" in run.log.splitlines()[-1]


def test_a_report_s_own_lookback_counts(config: dict[str, Any]) -> None:
    """`lookback_days` of a report, and not the tap's, says which days it reads again and which are final."""
    report = {"name": "days", "group_by": ["date"], "data_fields": ["impressions"], "lookback_days": 2}
    run = run_tap({**config, "reports": [report]}, streams=["days"], state=state_of("days", "2026-06-13"))
    assert run.days("days") == ["2026-06-12", "2026-06-13", "2026-06-14"]
    assert [row["is_final"] for row in run.records("days")] == [True, False, False]


def test_a_report_s_own_lookback_lets_the_bookmark_pass_empty_days() -> None:
    """Days stay open for the report's own lookback: the bookmark passes older empty ones, and no newer."""
    clock = VirtualClock()
    gaps = [date(2026, 6, day) for day in range(5, 15)]
    report = {"name": "days", "group_by": ["date"], "data_fields": ["impressions"], "lookback_days": 2}
    with Sandbox(today=TODAY, gap_days=gaps, clock=lambda: clock.now().timestamp()) as sandbox:
        config = {**sandbox.config, "start_date": "2026-06-01", "reports": [report]}
        run = run_tap(config, streams=["days", "daily_totals"], clock=clock)
    assert run.bookmark("days") == "2026-06-11"
    assert run.bookmark("daily_totals") == "2026-06-06"


def test_fetched_at_is_when_the_windows_first_answer_arrived(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """All rows of a window have the instant of its first answer; a second reading's is later, even within one tick."""
    run = run_tap({**config, "window_days": 7}, streams=["site_daily"])
    first, last = (
        {row["fetched_at"] for row in run.records("site_daily") if row["date"] == day}
        for day in ("2026-06-01", "2026-06-14")
    )
    assert first == last == {"2026-06-15T06:00:00.000000Z"}
    sandbox.add_fault("duplicate_row", match="site_visx_id", page=2)
    run = run_tap({**config, "page_size": 20, "concurrency": 1}, streams=["site_daily"])
    assert "once more" in run.log
    assert len({row["fetched_at"] for row in run.records("site_daily")} - first) == 1


def test_every_request_asks_for_the_page_size(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """`page_size` holds for facts, control figures and entities alike."""
    run_tap({**config, "page_size": 70}, streams=["site_daily", "sites"])
    assert {body["page_size"] for body in reports_asked(sandbox)} == {70}


def test_entities_keep_to_the_days_from_start_date(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Names are looked for from `start_date` on, not further back."""
    run_tap(config, streams=["sites"])
    asked = reports_asked(sandbox)
    assert asked
    assert all({"gte": {"date": "2026-06-01"}} in body["query"]["and"] for body in asked)
    assert all({"lte": {"date": "2026-06-14"}} in body["query"]["and"] for body in asked)


def test_entities_asked_for_in_several_queries_are_all_there(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each id with several names gets its newest, however many queries the ids take."""
    whole = run_tap(sandbox.config, streams=["ad_units"])
    asked = len(reports_asked(sandbox))
    monkeypatch.setattr(entity_reading, "IDS_A_QUERY", 1)
    one_by_one = run_tap(sandbox.config, streams=["ad_units"])
    assert len(reports_asked(sandbox)) > 2 * asked - 1
    assert one_by_one.table("ad_units") == whole.table("ad_units")


def test_every_query_sorts_by_its_whole_grain(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Facts, control figures, totals without days and entities: each sorts by all of its key, ascending."""
    report = {"name": "split", "group_by": ["country"], "data_fields": ["impressions", "is_publisher_campaign"]}
    run_tap({**config, "reports": [report]})
    for body in reports_asked(sandbox):
        splitting = [name for name in body["data_fields"] if name in {"currency", "is_publisher_campaign"}]
        assert sorted(body["sort"]) == sorted(f"+{name}" for name in [*body["group_by"], *splitting])


def test_the_totals_are_read_once_for_all_streams(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Several streams and windows are compared with one reading of the account's totals."""
    run = run_tap({**config, "window_days": 5}, streams=["country_daily", "publisher_daily", "site_daily"])
    totals = [body for body in reports_asked(sandbox) if body["group_by"] == ["date"]]
    assert run.exit_code == 0, run.log
    assert [body["page"] for body in totals].count(1) == 1


def test_a_backfill_after_the_bookmark_leaves_it(config: dict[str, Any]) -> None:
    """A backfill of days newer than the bookmark does not move it over the days between."""
    backfill = {**config, "backfill_from": "2026-06-08", "backfill_to": "2026-06-10"}
    run = run_tap(backfill, streams=["site_daily"], state=state_of("site_daily", "2026-06-04"))
    assert run.days("site_daily") == ["2026-06-08", "2026-06-09", "2026-06-10"]
    assert run.bookmark("site_daily") in {None, "2026-06-04"}


@pytest.mark.parametrize(("choice", "code", "bookmark"), [("warn", 0, "2026-06-14"), ("fail", 4, None)])
def test_a_day_that_stays_unequal_warns_or_fails(
    sandbox: Sandbox, config: dict[str, Any], choice: str, code: int, bookmark: str | None
) -> None:
    """After exactly one more reading, `on_incomplete_day` decides between a warning and exit 4 before the day."""
    sandbox.forms = sandbox.forms.but({"total": "none"})
    sandbox.add_fault("drop_row", times=-1, match='"publisher_visx_id"')
    run = run_tap({**config, "on_incomplete_day": choice}, streams=["publisher_daily"])
    assert run.exit_code == code, run.log
    assert run.bookmark("publisher_daily") == bookmark
    assert run.log.count("reading it once more") == 1
    assert ("the day may be incomplete" in run.log) == (choice == "warn")
    assert ("FAILED (publisher_daily; exit 4)" in run.log) == (choice == "fail")


def test_all_days_that_stay_unequal_are_reported(
    sandbox: Sandbox, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log names the first and says how many more there are; the JSON object names them all."""
    sandbox.forms = sandbox.forms.but({"total": "none"})

    def without_two_days(query: Any, content: bytes) -> bytes:  # noqa: ANN401 - JSON
        if "publisher_visx_id" not in (query or {}).get("group_by", []):
            return content
        rows = json.loads(content)["data"]
        return json.dumps({"data": [row for row in rows if row["date"] not in {"2026-06-03", "2026-06-07"}]}).encode()

    alter(monkeypatch, without_two_days)
    run = run_tap({**config, "summary_format": "json"}, streams=["publisher_daily"])
    assert run.exit_code == 0, run.log
    assert re.search(r"of 2026-06-03 .* is \d+ \(and 1 day more\); the day may be incomplete", run.log)
    told = json.loads(run.log.splitlines()[-1].partition(" ")[2])
    assert told["incomplete_days"] == ["2026-06-03", "2026-06-07"]


def test_a_day_that_is_equal_at_the_second_reading_is_complete(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """One unequal reading costs one more, and nothing else."""
    sandbox.forms = sandbox.forms.but({"total": "none"})
    sandbox.add_fault("drop_row", match='"publisher_visx_id"')
    run = run_tap({**config, "on_incomplete_day": "fail"}, streams=["publisher_daily"])
    assert run.exit_code == 0, run.log
    assert run.log.count("reading it once more") == 1
    assert run.bookmark("publisher_daily") == "2026-06-14"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_waited_for(
    sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock, status: int
) -> None:
    """A status that may pass costs a retry and no row."""
    sandbox.add_fault("status", status=status, after=2, match='"publisher_visx_id"')
    run = run_tap({**config, "page_size": 20}, streams=["publisher_daily"], clock=clock)
    assert run.exit_code == 0, run.log
    assert f"HTTP {status}; waiting" in run.log
    assert ", 1 retry, " in run.log
    assert run.bookmark("publisher_daily") == "2026-06-14"


@pytest.mark.parametrize(("status", "slows"), [(429, True), (503, True), (500, False), (504, False)])
def test_which_answers_slow_all_requests_down(status: int, *, slows: bool) -> None:
    """429 and 503 ask for fewer requests; a fault of the server's own does not."""
    settings = settings_of({"client_id": "c", "client_secret": "secret", "username": "u", "password": "password"})
    transport = Transport(settings, VirtualClock(), Redactor(), RunSummary())
    answer = Response(status=status, headers={"Retry-After": "9"}, content=b"", sent_headers={})
    with pytest.raises(RetryableError) as raised:
        transport.raise_if_retryable(answer)
    transport.close()
    assert raised.value.retry_after == 9
    assert raised.value.slow_down is slows


@pytest.mark.parametrize(("client_auth", "in_body"), [("body", True), ("basic", False)])
def test_client_credentials_are_sent_as_configured(
    sandbox: Sandbox, config: dict[str, Any], client_auth: str, *, in_body: bool
) -> None:
    """`body` puts the client credentials into the body, `basic` keeps them out of it."""
    run = run_tap({**config, "client_auth": client_auth}, streams=["report_fields"])
    (login,) = [request.body for request in sandbox.requests if request.kind == "token"]
    assert run.exit_code == 0, run.log
    assert ("client_secret" in login) is in_body
    assert ("client_id" in login) is in_body


def test_a_backfill_is_compared_with_totals_of_its_own_days(config: dict[str, Any]) -> None:
    """Days that a backfill reads behind `end_date` have totals, too, and do not fail without them."""
    backfill = {"end_date": "2026-06-05", "backfill_from": "2026-06-08", "backfill_to": "2026-06-10"}
    run = run_tap({**config, **backfill, "on_incomplete_day": "fail"}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert run.days("site_daily") == ["2026-06-08", "2026-06-09", "2026-06-10"]
    assert "once more" not in run.log


def test_the_next_window_is_asked_for_before_this_one_is_written(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pages of the windows that follow are on their way before the last page of this one is written."""
    done: list[str] = []
    write_records = YOCMessageWriter.write_records

    class Pool(ThreadPoolExecutor):
        def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:  # noqa: ANN401 - as in Executor
            query, number = args[:2]
            if "site_visx_id" in query.group_by and number == 1:
                done.append(f"asked for {query.window}")
            return super().submit(fn, *args, **kwargs)

    def noting(writer: YOCMessageWriter, stream: str, *page: Any) -> None:  # noqa: ANN401 - as the writer has it
        done.append(f"wrote {stream}")
        write_records(writer, stream, *page)

    monkeypatch.setattr("tap_yoc.engine.run.ThreadPoolExecutor", Pool)
    monkeypatch.setattr(YOCMessageWriter, "write_records", noting)
    run = run_tap({**config, "window_days": 5}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert done[:3] == [
        "asked for 2026-06-01 to 2026-06-05",
        "asked for 2026-06-06 to 2026-06-10",
        "asked for 2026-06-11 to 2026-06-14",
    ]
    assert set(done[3:]) == {"wrote site_daily"}


@pytest.mark.parametrize(
    ("rows", "dated", "site"),
    [
        pytest.param([("Site", 3)], [], ("Site", 3), id="both are there"),
        pytest.param([("", 3)], [], (None, 3), id="no name"),
        pytest.param([("Site", 0)], [], ("Site", None), id="no parent"),
        pytest.param([("Site", 0), ("Site", 3)], [("Site", 3), ("Site", 0)], ("Site", None), id="no longer a parent"),
    ],
)
def test_a_name_or_parent_that_is_missing_is_null(
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, int]],
    dated: list[tuple[str, int]],
    site: tuple[str | None, int | None],
) -> None:
    """The stand-ins that keys need are none of a name's or parent's values: the newest row's gap is a null."""

    def given(_: Reader, report: Report, __: Query) -> Iterator[dict[str, Any]]:
        has_days = "date" in [column.name for column in report.group_by]
        for day, (name, publisher) in enumerate(dated if has_days else rows, 1):
            row = {"site_visx_id": 7, "site_name": name, "publisher_visx_id": publisher}
            yield {**row, "date": f"2026-06-0{day}"} if has_days else row

    monkeypatch.setattr(Reader, "rows", given)
    run = run_tap(config, streams=["sites"])
    assert run.exit_code == 0, run.log
    assert run.records("sites") == [{"site_visx_id": 7, "site_name": site[0], "publisher_visx_id": site[1]}]


# --- Answers that look healthy and are not


def alter(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any, bytes], bytes]) -> None:
    """Let answers come as `change(body of the request, content)` makes them."""
    send = Transport.send

    def altered(self: Transport, method: Any, url: str, **request: Any) -> Response:  # noqa: ANN401 - as it has them
        response = send(self, method, url, **request)
        return replace(response, content=change(request.get("json"), response.content))

    monkeypatch.setattr(Transport, "send", altered)


@pytest.mark.parametrize("after", range(1, 9))
@pytest.mark.parametrize("total", ["none", "total"])
def test_a_gateway_that_says_404_for_a_while_hides_no_row(
    sandbox: Sandbox, config: dict[str, Any], after: int, total: str
) -> None:
    """What stands in for YOC while it is down says 404 to everything, and that is no end of a report."""
    sandbox.forms = sandbox.forms.but({"total": total})
    config = {**config, "start_date": "2026-04-01", "window_days": 10, "concurrency": 1}
    sandbox.add_fault("status", status=404, where="report", after=after, times=6)
    run = run_tap(config, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert_equal_to_source(run, "site_daily", sandbox, date(2026, 4, 1))


@pytest.mark.parametrize(("status", "times"), [(404, 1), (500, 3)])
def test_a_first_page_that_is_refused_once_is_asked_for_again(
    sandbox: Sandbox, config: dict[str, Any], status: int, times: int
) -> None:
    """Page 0 would be lost with every report if its refusal in a bad moment were believed."""
    sandbox.forms = sandbox.forms.but({"first_page": 0, "total": "none"})
    sandbox.add_fault("status", status=status, where="report", match='"page": 0,', times=times)
    run = run_tap({**config, "page_size": 20, "concurrency": 1}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert_equal_to_source(run, "site_daily", sandbox, date.fromisoformat(config["start_date"]))


def test_days_that_vanish_from_report_and_totals_alike_are_not_complete(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While everything is empty, empty days agree with the totals; those known from before are remembered."""
    asked: set[str] = set()

    def emptied(query: Any, content: bytes) -> bytes:  # noqa: ANN401 - JSON
        asked.update((query or {}).get("group_by", []))
        return b'{"data": [], "total": 0}' if "site_visx_id" in asked else content

    alter(monkeypatch, emptied)
    run = run_tap(config, streams=["site_daily"])
    assert run.exit_code == 4, run.log
    assert "no longer has figures for" in run.log
    assert run.bookmark("site_daily") is None


def test_figures_under_other_names_fail_the_stream(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows whose figures are called otherwise than in the metadata would all be null, and pass for read."""

    def shouted(query: Any, content: bytes) -> bytes:  # noqa: ANN401 - JSON
        for name in (query or {}).get("data_fields", []):
            content = content.replace(f'"{name}"'.encode(), f'"{name.upper()}"'.encode())
        return content

    alter(monkeypatch, shouted)
    run = run_tap(config, streams=["site_daily"])
    assert run.exit_code == 4, run.log
    assert "Stream site_daily: YOC's rows have none of the requested figures (" in run.log
    assert run.bookmark("site_daily") is None


def test_names_that_cannot_be_distinguished_by_day_fail_their_stream(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id with two names with no known newest one has no row."""

    def unanswered(query: Any, content: bytes) -> bytes:  # noqa: ANN401 - JSON
        is_dated = bool(query) and {"date", "ad_unit_visx_id"} <= set(query.get("group_by", []))
        return b'{"data": [], "total": 0}' if is_dated else content

    alter(monkeypatch, unanswered)
    run = run_tap(sandbox.config, streams=["ad_units"])
    assert run.exit_code == 4, run.log
    assert "Stream ad_units: YOC has several names or parents for ad_unit_visx_id " in run.log
    assert run.records("ad_units") == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("group_by", "YOC offers it no column `date`."), ("data_fields", "YOC offers it no metric.")],
)
def test_an_account_that_is_offered_nothing_is_no_success(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    """An account without days or figures has lost its permissions; a run over nothing would hide it."""

    def emptied(query: Any, content: bytes) -> bytes:  # noqa: ANN401 - JSON
        if query is not None:
            return content
        metadata = json.loads(content)
        metadata["modifications"][name] = []
        return json.dumps(metadata).encode()

    alter(monkeypatch, emptied)
    run = run_tap(config)
    assert run.exit_code == 3
    assert sentence in run.log
