"""The fault matrix, row by row, over real connections; and that no row shows a secret."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from fault_matrix import CASES, PAGE, page
from harness import assert_equal_to_source, run_tap
from sampling import TIMES

from tap_yoc.clock import Clock
from tap_yoc.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault_matrix import Case
    from harness import Outcome, VirtualClock

    from tap_yoc.sandbox.server import Sandbox

FIRST = date(2026, 6, 1)
CONCURRENCIES = (1, 4)
SPOILT, SOUND = ("site_daily", "ad_unit_daily"), "publisher_daily"


def rows() -> Iterator[Any]:
    """Yield each row at one number of requests in flight, each kind of fault at both; by night each row at both."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for name, case in CASES.items():
        by_kind[case.faults[-1]["kind"]].append(name)
    for names in by_kind.values():
        for place, name in enumerate(names):
            is_at_both = len(names) == 1 or TIMES > 1
            for concurrency in CONCURRENCIES if is_at_both else CONCURRENCIES[place % 2 :][:1]:
                yield pytest.param(CASES[name], concurrency, id=f"{name}-{concurrency}")


@pytest.mark.parametrize(("case", "concurrency"), [*rows()])
def test_each_fault_ends_as_the_matrix_says(
    sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock, case: Case, concurrency: int
) -> None:
    """Right rows, or a sentence and an exit code; never fewer rows and success."""
    sandbox.forms = sandbox.forms.but(case.forms)
    sandbox.clock = lambda: clock.now().timestamp() + case.server_is_ahead_seconds
    for fault in case.faults:
        sandbox.add_fault(Fault(**fault))
    settings = {"page_size": 60, "concurrency": concurrency, **case.settings}
    streams = [SOUND, *(SPOILT if "ad_unit" in str(case.faults) else SPOILT[:1])]
    run = run_tap({**config, **settings}, streams=streams, clock=clock)
    assert run.exit_code == case.code, run.log
    assert case.sees in run.log
    assert "Traceback" not in run.log
    assert run.bookmark("site_daily") == case.bookmark
    if case.code == 0 and "incomplete" not in case.sees:
        for stream in streams:
            # What a revision removes between two readings stays in an upserted table, with an older `fetched_at`.
            assert_equal_to_source(run, stream, sandbox, FIRST, newest_vintage="revise" in str(case.faults))
    if case.others_finish and case.code:
        assert_equal_to_source(run, SOUND, sandbox, FIRST)
        assert re.search(rf"FAILED \(site_daily; exit {case.code}\)", run.log)
    assert_no_secret(run, sandbox)


def assert_no_secret(run: Outcome, sandbox: Sandbox) -> None:
    """Fail where a credential or token of the sandbox stands in anything that the run wrote."""
    tokens = sandbox.world.tokens
    secrets = [sandbox.config["client_secret"], sandbox.config["password"], *tokens._access, *tokens._refresh]  # noqa: SLF001 - theirs
    written = run.log + repr(run.error) + b"".join(run.lines).decode()
    assert secrets
    for secret in secrets:
        assert secret not in written


def test_the_page_is_the_matrix() -> None:
    """The documentation shows what the tests hold."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make docs"


def test_an_outage_is_waited_for_once(sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock) -> None:
    """When YOC stays away, the first stream waits for it; the others try, and do not wait again.

    One request at a time: the waits of two add up on this clock, and either may be the first to give up.
    """
    sandbox.add_fault("status", status=503, times=-1)
    run = run_tap({**config, "max_wait_minutes": 10, "concurrency": 1}, clock=clock)
    assert run.exit_code == 5, run.log
    assert 400 < sum(clock.slept) <= 600
    assert run.log.count("longer than max_wait_minutes allows") == 2, "once, and in the last line"
    assert run.log.count("YOC is still not available (HTTP 503)") == 10


def test_a_quota_that_comes_back_ends_the_outage(sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock) -> None:
    """After something worked again, the next fault is waited for as the first one was."""
    sandbox.add_fault("status", status=503, times=-1, match='"company_id"')
    sandbox.add_fault("status", status=503, times=3, match='"site_visx_id"')
    run = run_tap(config, clock=clock, streams=["account_daily", "publisher_daily", "site_daily"])
    assert run.exit_code == 5, run.log
    assert run.bookmark("site_daily") == "2026-06-14"
    assert "FAILED (account_daily; exit 5)" in run.log


def test_the_requests_in_flight_fall_and_rise(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A server that takes two at a time is read completely by sixteen workers."""
    sandbox.forms = sandbox.forms.but({"max_in_flight": 2, "rate_limit_retry_after": "1", "latency_ms": 5})
    run = run_tap({**config, "concurrency": 16, "page_size": 10}, streams=["ad_unit_daily"])
    assert run.exit_code == 0, run.log
    assert_equal_to_source(run, "ad_unit_daily", sandbox, FIRST)


def test_a_body_that_drips_is_cut_off(sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock) -> None:
    """An answer has `request_timeout` in all, not between two drops."""

    class Real(Clock):
        def now(self) -> Any:  # noqa: ANN401 - as the base has it
            return clock.now()

    sandbox.add_fault("slow_body", seconds=4, match='"site_visx_id"')
    run = run_tap({**config, "request_timeout": 1}, streams=["site_daily"], clock=Real())
    assert run.exit_code == 0, run.log
    assert "seconds; waiting" in run.log
    assert_equal_to_source(run, "site_daily", sandbox, FIRST)
