"""What a run did, in its last line."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tap_yoc.errors import ExitCode, IncompleteDataError, LoginError, UnavailableError
from tap_yoc.summary import RunSummary
from tap_yoc.wording import counted

if TYPE_CHECKING:
    from tap_yoc.errors import YOCError


def test_the_last_line_says_what_the_run_did() -> None:
    """A run that worked ends with streams, days, rows, requests, retries, waits, oldest revised day and warnings."""
    seconds = iter([100.0, 142.34])
    summary = RunSummary(
        monotonic=lambda: next(seconds), streams=3, rows=1200, days={date(2026, 6, 13), date(2026, 6, 14)}
    )
    summary.count_request()
    summary.count_request()
    summary.count_retry(1.5)
    summary.count_retry(30)
    summary.count_reread(date(2026, 6, 8))
    summary.count_reread(date(2026, 6, 7))
    summary.count_reread(date(2026, 6, 9))
    summary.warn("one")
    assert summary.line() == (
        "Done: 3 streams, 2 days, 1,200 rows, 2 requests, 2 retries, 31.5 s waited, "
        "oldest day read again: 2026-06-07, 1 warning, 42.3 s in all."
    )
    assert summary.exit_code == 0


def test_a_run_that_did_nothing_has_its_last_line_too() -> None:
    """The line has every figure also where there was nothing to do."""
    assert RunSummary(monotonic=lambda: 7.0).line() == (
        "Done: 0 streams, 0 days, 0 rows, 0 requests, 0 retries, 0.0 s waited, oldest day read again: none, "
        "0 warnings, 0.0 s in all."
    )


def test_failed_streams_are_named_with_the_first_ones_code() -> None:
    """The line of a failed run starts with the streams that failed, and the code that the command exits with."""
    summary = RunSummary(streams=2)
    summary.fail("site_daily", IncompleteDataError("rows are missing"))
    summary.fail("companies", UnavailableError("down"))
    assert summary.line().startswith("FAILED (site_daily, companies; exit 4): 2 streams, ")
    assert summary.exit_code == 4


def test_the_first_failure_of_a_stream_counts() -> None:
    """A stream that fails twice failed for its first reason."""
    summary = RunSummary()
    summary.fail("site_daily", UnavailableError("down"))
    summary.fail("site_daily", IncompleteDataError("rows are missing"))
    assert summary.exit_code == 5


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        pytest.param(LoginError("no"), ExitCode.ACCESS, id="login"),
        pytest.param(IncompleteDataError("no"), ExitCode.INCOMPLETE, id="incomplete"),
        pytest.param(UnavailableError("no"), ExitCode.UNAVAILABLE, id="unavailable"),
        pytest.param(KeyError("no"), ExitCode.UNEXPECTED, id="unexpected"),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(failure: YOCError | KeyError, code: ExitCode) -> None:
    """The exit code tells a scheduler what kind of failure came first."""
    summary = RunSummary()
    summary.fail("site_daily", failure)
    summary.fail("companies", IncompleteDataError("later"))
    assert summary.exit_code == code


def test_a_warning_is_reported_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    """The same warning is logged once a run, however often there is reason for it."""
    summary = RunSummary()
    with caplog.at_level(logging.WARNING, logger="tap-yoc"):
        for message in ("100% empty", "100% empty", "another one"):
            summary.warn(message)
    assert caplog.messages == ["100% empty", "another one"]
    assert summary.warnings == 2


def test_missing_key_values_are_reported_by_stream_and_column(caplog: pytest.LogCaptureFixture) -> None:
    """How many rows had no value in a key is reported for the stream that has finished, and for no other."""
    summary = RunSummary()
    summary.missing["country_daily", "country"] += 3
    summary.missing["country_daily", "publisher_visx_id"] += 1
    summary.missing["site_daily", "site_visx_id"] += 5
    with caplog.at_level(logging.INFO, logger="tap-yoc"):
        summary.log_missing("country_daily")
    assert caplog.messages == [
        "Stream country_daily: country was missing in 3 rows.",
        "Stream country_daily: publisher_visx_id was missing in 1 row.",
    ]


def test_counting_is_safe_under_threads() -> None:
    """Requests that threads count at the same time are all counted."""
    summary = RunSummary()

    def work() -> None:
        for _ in range(500):
            summary.count_request()
            summary.count_retry(0.5)
            summary.warn("the same warning")

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(8)]:
            future.result(10)
    assert (summary.requests, summary.retries, summary.waited_seconds, summary.warnings) == (4000, 4000, 2000.0, 1)


class Watch:
    """Seconds that go on when told."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Return the present second."""
        return self.seconds


def test_what_each_stream_took_is_kept_apart() -> None:
    """Rows, requests and seconds belong to the stream during whose reading they came; laps add up to it."""
    watch = Watch()
    summary = RunSummary(monotonic=watch)
    summary.count_request()  # the login
    watch.seconds += 1
    summary.begin("site_daily")
    summary.plan("site_daily", date(2026, 6, 1), date(2026, 6, 14))
    summary.rows += 30
    summary.count_request()
    watch.seconds += 2
    first = summary.since_last_log("site_daily")
    summary.complete("site_daily", [date(2026, 6, 1), date(2026, 6, 2)])
    summary.rows += 12
    watch.seconds += 4
    second = summary.since_last_log("site_daily")
    summary.end("site_daily")
    watch.seconds += 100
    summary.begin("companies")
    summary.rows += 3
    watch.seconds += 0.5
    assert (first, second) == ((30, 1, 2.0), (12, 0, 4.0))
    assert summary.as_json()["by_stream"] == {
        "site_daily": {
            "first_day": "2026-06-01",
            "last_day": "2026-06-14",
            "days": 2,
            "rows": 42,
            "requests": 1,
            "seconds": 6.0,
        },
        "companies": {"first_day": None, "last_day": None, "days": 0, "rows": 3, "requests": 0, "seconds": 0.5},
    }


def test_the_last_line_as_json() -> None:
    """The same figures under names that stay, one JSON object on one line, whatever a message holds."""
    watch = Watch()
    summary = RunSummary(monotonic=watch)
    summary.begin("site_daily")
    summary.rows = 1200
    summary.days.add(date(2026, 6, 14))
    summary.count_request()
    summary.count_retry(1.5)
    summary.count_reread(date(2026, 6, 7))
    summary.warn("one")
    summary.fail("site_daily", IncompleteDataError('rows of "Zürich"\nare missing'))
    watch.seconds += 42.3456
    line = summary.as_log_line("json")
    assert line.count("\n") == 0
    told = json.loads(line)
    assert told.pop("by_stream")["site_daily"]["rows"] == 1200
    assert told == {
        "outcome": "failed",
        "exit_code": 4,
        "signal": None,
        "failures": {"site_daily": 'rows of "Zürich"\nare missing'},
        "streams": 1,
        "days": 1,
        "rows": 1200,
        "requests": 1,
        "retries": 1,
        "waited_seconds": 1.5,
        "seconds": 42.346,
        "oldest_day_read_again": "2026-06-07",
        "incomplete_days": [],
        "warnings": 1,
    }
    assert summary.as_log_line("text") == summary.line()


def test_what_a_failure_says_is_reported_without_secrets() -> None:
    """The last line is clean by itself, in either form, whatever becomes of it."""
    summary = RunSummary(clean=lambda text: text.replace("s3cret", "***"))
    summary.fail("companies", ValueError("no header: 's3cret'"))
    assert summary.line().endswith(" no header: '***'")
    assert summary.as_json()["failures"] == {"companies": "no header: '***'"}


def test_the_outcome_of_a_run_that_was_stopped() -> None:
    """A signal outranks failures, in both forms."""
    summary = RunSummary()
    assert summary.outcome == "done"
    summary.fail("site_daily", IncompleteDataError("no"))
    assert summary.outcome == "failed"
    summary.stopped_by_signal = 15
    assert (summary.outcome, summary.as_json()["signal"], summary.as_json()["exit_code"]) == ("stopped", 15, 143)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (999, "999 rows"), (14203, "14,203 rows")]
)
def test_numbers_with_their_nouns(number: int, text: str) -> None:
    """One row is a row, and thousands can be read."""
    assert counted(number, "row") == text


def test_days_that_lie_behind_are_those_of_the_rows_or_of_the_windows() -> None:
    """Within a window the newest row tells how far it is; a window read in full is behind, be its last days empty."""
    summary = RunSummary()
    summary.begin("site_daily")
    (reading,) = summary.readings
    summary.plan("site_daily", date(2026, 6, 1), date(2026, 6, 28))
    passed = [reading.days_passed]
    summary.note_newest_day("site_daily", date(2026, 6, 5))
    passed.append(reading.days_passed)
    summary.complete("site_daily", [date(2026, 6, day) for day in range(1, 15)])
    passed.append(reading.days_passed)
    summary.note_newest_day("site_daily", date(2026, 6, 21))
    passed.append(reading.days_passed)
    assert passed == [0, 4, 14, 20]
