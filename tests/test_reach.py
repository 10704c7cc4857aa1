"""The days that a run can read: fewer than the calendar says if the server refuses the first or the last of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from harness import TODAY, VirtualClock, run_tap, settings_of

from tap_yoc.api.transport import Transport
from tap_yoc.dates import Window
from tap_yoc.decoding.page import Page
from tap_yoc.engine.reach import MOST_DAYS_REFUSED, Reach
from tap_yoc.engine.report_reading import Bookmark, ReportReading
from tap_yoc.engine.run import Run
from tap_yoc.engine.window_reading import Restart
from tap_yoc.errors import RequestRefusedError
from tap_yoc.redaction import Redactor
from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.api.transport import Response

AUGUST = date(2026, 8, 31)
LOGIN = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
NO_DATE = {"name": "sum", "group_by": ["publisher_visx_id"], "data_fields": ["impressions"]}


def on(day: date) -> VirtualClock:
    """Return a clock that stands at the morning of a day."""
    return VirtualClock(datetime(day.year, day.month, day.day, 6, tzinfo=timezone.utc))


def reach_on(
    today: date,
    warnings: list[str],
    serves: Callable[[date], bool] = lambda _: False,
    **settings: Any,  # noqa: ANN401 - any setting
) -> Reach:
    """Return the reach of a run on a day; if asked for a day, the server `serves` it or not."""
    return Reach(today=today, settings=settings_of({**LOGIN, **settings}), warn=warnings.append, serves=serves)


@pytest.mark.parametrize(
    ("form", "first", "lost"),
    [
        pytest.param("clamped", "2026-03-01", None, id="as-assumed"),
        pytest.param("overflowing", "2026-03-03", "2026-03-01 to 2026-03-02", id="31-february-is-3-march"),
        pytest.param("180_days", "2026-03-04", "2026-03-01 to 2026-03-03", id="180-days"),
    ],
)
@pytest.mark.parametrize("stream", ["site_daily", "sites", "sum"])
def test_a_refused_first_day_costs_only_itself(
    sandbox: Sandbox, form: str, first: str, lost: str | None, stream: str
) -> None:
    """Wherever the server sees six months, all is read from its first day on; days lost are reported once."""
    sandbox.today, sandbox.forms = AUGUST, replace(sandbox.forms, six_months=form)
    clock = on(AUGUST)
    sandbox.clock = clock.monotonic
    run = run_tap({**sandbox.config, "reports": [NO_DATE]}, streams=[stream], clock=clock)
    assert run.exit_code == 0, run.log
    assert run.log.count("YOC refuses ") == bool(lost)
    assert lost is None or f"YOC refuses {lost}, about six months back; these days cannot be read." in run.log
    if stream == "site_daily":
        assert run.days("site_daily")[0] == first
        assert run.bookmark("site_daily") == "2026-08-30"
        assert "cannot be read (" not in run.log, "the account's totals are compared"


def test_without_totals_a_stream_finds_the_first_day_itself(sandbox: Sandbox) -> None:
    """An account without any metric to compare reads its facts all the same."""
    sandbox.today, sandbox.forms = AUGUST, replace(sandbox.forms, six_months="overflowing")
    clock = on(AUGUST)
    sandbox.clock = clock.monotonic
    report = {"name": "money", "group_by": ["date"], "data_fields": ["revenue"], "query": {"eq": {"country": "DE"}}}
    sandbox.add_fault("status", where="report", status=403, times=-1, match="total_traffic")  # the account's totals
    run = run_tap({**sandbox.config, "reports": [report]}, streams=["money"], clock=clock)
    assert run.exit_code == 0, run.log
    assert "The account's totals cannot be read" in run.log
    assert run.days("money")[0] == "2026-03-03"


def test_a_day_that_is_not_over_where_the_server_is_waits_for_the_next_run(sandbox: Sandbox) -> None:
    """With a clock that is a day ahead, the newest day is left out, told once, and the bookmark stays before it."""
    clock = VirtualClock()
    sandbox.clock = lambda: clock.monotonic() - 86_400
    sandbox.today = clock.now().date() - timedelta(days=1)
    run = run_tap({**sandbox.config, "start_date": "2026-06-01"}, streams=["site_daily", "sites"], clock=clock)
    assert run.exit_code == 0, run.log
    assert run.days("site_daily")[-1] == "2026-06-13"
    assert run.bookmark("site_daily") == "2026-06-13"
    says = "YOC refuses 2026-06-14, which has not ended yet by its clock; reading up to 2026-06-13."
    assert run.log.count(says) == 1
    assert run.records("sites")


def test_an_empty_newest_day_is_asked_for_again_by_yocs_calendar() -> None:
    """The tap's clock is a day ahead and there is no lookback: the bookmark stays before YOC's empty yesterday."""
    clock = VirtualClock()
    today, gap = clock.now().date() - timedelta(days=1), date(2026, 6, 13)
    with Sandbox(today=today, gap_days=[gap], clock=lambda: clock.monotonic() - 86_400) as sandbox:
        config = {**sandbox.config, "start_date": "2026-06-01", "lookback_days": 0}
        run = run_tap(config, streams=["site_daily"], clock=clock)
    assert run.exit_code == 0, run.log
    assert run.bookmark("site_daily") == "2026-06-12"
    assert "YOC has no figures for yesterday (2026-06-13); the next run asks again." in run.log


def test_a_refusal_for_another_reason_is_bounded_and_told_as_it_is() -> None:
    """After some days it is not for the first day: the reach is as it was, and nobody tries again."""
    warnings: list[str] = []
    reach, error = reach_on(AUGUST, warnings), RequestRefusedError("no", status=422)
    tries = 0
    while reach.narrow(reach.days, error):
        tries += 1
    assert tries == MOST_DAYS_REFUSED
    assert reach.first == date(2026, 3, 1)
    assert not reach.narrow(reach.days, error)
    assert warnings == []


def test_only_a_query_from_the_first_day_on_can_be_refused_for_it() -> None:
    """A start date, or a first day that is served by itself, leave another reason."""
    error = RequestRefusedError("no", status=422)
    later = reach_on(AUGUST, [], start_date="2026-05-01")
    assert later.wanted
    assert not later.narrow(later.wanted, error)
    served = reach_on(AUGUST, [], serves=lambda _: True)
    assert not served.narrow(served.days, error)
    assert served.first == date(2026, 3, 1)


def test_a_refused_last_day_is_believed_only_by_the_servers_clock() -> None:
    """Without a date, or when the day is over there as well, the last day is not given up."""
    yesterday = Window(first=date(2026, 8, 30), last=date(2026, 8, 30))
    days = Window(first=date(2026, 8, 1), last=date(2026, 8, 30))
    for server_date in (None, datetime(2026, 8, 31, 6, tzinfo=timezone.utc)):
        assert not reach_on(AUGUST, []).narrow(days, RequestRefusedError("no", status=422, server_date=server_date))
    evening = RequestRefusedError("no", status=422, server_date=datetime(2026, 8, 30, 21, 59, tzinfo=timezone.utc))
    assert reach_on(AUGUST, []).narrow(days, evening)
    assert not reach_on(AUGUST, []).narrow(yesterday, evening), "nothing is left of the window"
    assert not reach_on(AUGUST, [], serves=lambda _: True).narrow(days, evening), "YOC serves the day"


def test_a_time_zone_ahead_of_yocs_own_waits_for_the_day_there() -> None:
    """By midnight in Auckland, yesterday has hours to go in Berlin; YOC refuses it until then."""
    warnings: list[str] = []
    reach = reach_on(AUGUST, warnings, timezone="Pacific/Auckland")
    noon = datetime(2026, 8, 30, 12, 1, tzinfo=timezone.utc)  # a minute past midnight of the 31st in Auckland
    assert reach.narrow(reach.days, RequestRefusedError("no", status=422, server_date=noon))
    assert reach.last == date(2026, 8, 29)
    assert "not ended yet" in warnings[0]
    after = datetime(2026, 8, 30, 22, 1, tzinfo=timezone.utc)  # the 31st has begun in Berlin as well
    assert not reach_on(AUGUST, [], timezone="Pacific/Auckland", start_date="2026-05-01").narrow(
        Window(first=date(2026, 5, 1), last=date(2026, 8, 30)), RequestRefusedError("no", status=422, server_date=after)
    )


def test_a_filtered_report_follows_the_accounts_totals(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Days on which the filter leaves nothing are complete when the account has figures for them."""
    report = {"name": "early", "group_by": ["date"], "data_fields": ["impressions"]}
    report["query"] = {"lt": {"date": "2026-06-12"}}  # type: ignore[assignment] # a filter, in YOC's syntax
    run = run_tap({**config, "reports": [report]}, streams=["early"])
    assert run.days("early")[-1] == "2026-06-11"
    assert run.bookmark("early") == "2026-06-14"
    assert {row["date"] for row in run.records("early") if row["is_final"]} == {
        f"2026-06-{day:02}" for day in range(1, 8)
    }
    assert sandbox.requests


def test_a_stream_that_never_had_a_row_has_no_bookmark(config: dict[str, Any]) -> None:
    """An empty report may be an outage: nothing is passed until the stream has seen a row, in some run."""
    report = {"name": "never", "group_by": ["date"], "data_fields": ["impressions"]}
    report["query"] = {"like": {"ad_unit_name": "no such unit"}}  # type: ignore[assignment] # a filter
    start = {"start_date": "2026-04-01", "reports": [report]}
    run = run_tap({**config, **start}, streams=["never"])
    assert run.exit_code == 0
    assert run.bookmark("never") is None
    state = {"bookmarks": {"never": {"replication_key": "date", "replication_key_value": "2026-05-01"}}}
    assert run_tap({**config, **start}, streams=["never"], state=state).bookmark("never") == "2026-06-14"


@dataclass
class ServersClock:
    """Counts reports; at the one whose number is `midnight`, the server's next day begins."""

    reports: int = 0
    midnight: int = -1


def pass_midnight_at_a_report(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> ServersClock:
    """Return what says when the server's next day begins."""
    clock, send = ServersClock(), Transport.send

    def counted(self: Transport, method: str, url: str, **options: Any) -> Response:  # noqa: ANN401 - as it is
        clock.reports += "page" in options.get("json", ())
        if clock.reports == clock.midnight:
            sandbox.today = TODAY + timedelta(days=1)
        return send(self, method, url, **options)

    monkeypatch.setattr(Transport, "send", counted)
    return clock


@pytest.mark.parametrize(
    ("settings", "forms"),
    [
        pytest.param({"end_date": "2026-01-15", "page_size": 150}, {}, id="many-pages"),
        pytest.param({"end_date": "2025-12-31", "window_days": 9}, {"total": "none", "past_end": "404"}, id="404"),
        pytest.param({"end_date": "2025-12-20", "window_days": 1, "concurrency": 1}, {}, id="days"),
        pytest.param({"end_date": "2025-12-20", "window_days": 2, "start_date": "2025-12-17"}, {}, id="start-date"),
    ],
)
def test_the_first_day_may_cease_to_be_served_at_any_request(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], forms: dict[str, str]
) -> None:
    """Midnight comes at one request after another: only the oldest day is lost, it is reported, and no stream fails."""
    sandbox.forms = sandbox.forms.but({"six_months": "180_days", **forms})
    truth = {
        str(row["date"]): row["impressions"]
        for row in sandbox.truth(group_by=["date"], data_fields=["impressions"], start=date(2025, 12, 18))
    }
    config = {**sandbox.config, "reports": [NO_DATE], **settings}
    clock = pass_midnight_at_a_report(monkeypatch, sandbox)
    for midnight in itertools.count(1):
        sandbox.today, clock.reports, clock.midnight = TODAY, 0, midnight
        run = run_tap(config, streams=["site_daily", "sites", "sum"])
        if clock.reports < midnight:
            break
        assert run.exit_code == 0, (midnight, run.log)
        assert "cannot be read (" not in run.log, "the account's totals are compared"
        assert run.log.count("these days cannot be read.") <= 2, run.log
        figures = dict.fromkeys(truth, 0)
        for row in run.newest_vintage("site_daily").values():
            if row["date"] in figures:
                figures[row["date"]] += row["impressions"]
        assert figures == {day: figure * (day <= settings["end_date"]) for day, figure in truth.items()}, midnight
        assert run.bookmark("site_daily") == settings["end_date"]
        assert run.records("sites")
        assert run.records("sum")
    assert midnight > 10


def test_pages_before_a_refusal_of_the_first_day_are_discarded(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table whose days are replaced as a whole would otherwise keep a part of the lost day, or a row twice."""
    sandbox.forms = replace(sandbox.forms, six_months="180_days")
    clock = pass_midnight_at_a_report(monkeypatch, sandbox)
    run = Run(settings_of({**sandbox.config, "page_size": 150, "concurrency": 1}), VirtualClock(), Redactor())
    assert run.control_totals.newest_day()
    clock.reports, clock.midnight = 0, 3
    (report,) = [report for report in run.reports if report.name == "site_daily"]
    parts: list[type] = []
    for part in ReportReading(run, report):
        parts.append(type(part))
        if isinstance(part, Bookmark):
            assert part.window.first == date(2025, 12, 18)
            break
    run.close()
    assert parts.index(Page) < parts.index(Restart)
    assert parts[-2:] == [Page, Bookmark]
