"""How long to wait for YOC, and how many requests to have in flight."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

import backoff
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeouts import SECONDS

from tap_yoc.api.rate_limiter import RateLimiter
from tap_yoc.api.retry import Retrier, retry_after_seconds
from tap_yoc.clock import Clock
from tap_yoc.errors import ExitCode, RequestRefusedError, RetryableError, RunStopped, UnavailableError
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 10, 21, 7, 28, tzinfo=timezone.utc)
"""No test waits longer for another thread."""


class VirtualClock(Clock):
    """A clock that threads share, and on which waiting costs no time."""

    def __init__(self) -> None:
        """Start at NOW."""
        self.seconds = 0.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the virtual instant."""
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Return the virtual seconds since the start."""
        return self.seconds

    def sleep(self, seconds: float, stop: threading.Event) -> None:
        """Move on at once."""
        del stop
        with self._lock:
            self.waits.append(seconds)
            self.seconds += seconds


class Server:
    """Fails so many times, then works; each answer takes a second."""

    def __init__(self, clock: VirtualClock, *failures: RetryableError) -> None:
        """Take the failures in their order."""
        self.clock = clock
        self.failures = list(failures)
        self.requests = 0

    def __call__(self) -> str:
        """Answer one request."""
        self.requests += 1
        self.clock.seconds += 1
        if self.failures:
            raise self.failures.pop(0)
        return "rows"


@pytest.fixture
def clock() -> VirtualClock:
    """A clock on which waiting costs no time."""
    return VirtualClock()


@pytest.fixture(autouse=True)
def full_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the upper end of the jitter, so that waits can be written down."""
    monkeypatch.setattr(backoff, "full_jitter", lambda value: value)


def retrier_of(
    clock: Clock, *, minutes: float = 30, concurrency: int = 4, summary: RunSummary | None = None
) -> Retrier:
    """Return the retrier of a run, with its rate limiter."""
    limiter = RateLimiter(concurrency=concurrency, clock=clock)
    return Retrier(budget_seconds=minutes * 60, limiter=limiter, clock=clock, summary=summary or RunSummary())


def slow_down(seconds: float | None = None) -> RetryableError:
    """Return what a 429 becomes."""
    return RetryableError("HTTP 429", retry_after=seconds, slow_down=True)


def fails(error: Exception) -> Callable[[], str]:
    """Return an attempt that always fails."""

    def attempt() -> str:
        raise error

    return attempt


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("120", 120.0, id="seconds"),
        pytest.param(" 120 ", 120.0, id="seconds-with-blanks"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("600", 600.0, id="ten-minutes"),
        pytest.param("601", 600.0, id="capped"),
        pytest.param("86400", 600.0, id="a-day"),
        pytest.param("1e300", 600.0, id="absurd"),
        pytest.param("inf", 600.0, id="infinite"),
        pytest.param("Wed, 21 Oct 2026 07:30:00 GMT", 120.0, id="date"),
        pytest.param("Wed, 21 Oct 2026 09:30:00 +0200", 120.0, id="date-with-offset"),
        pytest.param("21 Oct 2026 07:30:00", 120.0, id="date-without-zone-is-utc"),
        pytest.param("Wednesday, 21-Oct-26 07:30:00 GMT", 120.0, id="date-in-the-old-form"),
        pytest.param("Thu, 22 Oct 2026 07:28:00 GMT", 600.0, id="date-tomorrow-is-capped"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", None, id="date-now"),
        pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", None, id="date-past"),
        pytest.param("0", None, id="zero"),
        pytest.param("-5", None, id="negative"),
        pytest.param("nan", None, id="nan"),
        pytest.param("soon", None, id="garbage"),
        pytest.param("120 seconds", None, id="seconds-with-a-word"),
        pytest.param("Wed, 99 Foo 2026 07:28:00 GMT", None, id="garbage-date"),
        pytest.param("2026-10-21T07:30:00Z", None, id="iso-date"),
        pytest.param("", None, id="empty"),
        pytest.param("  ", None, id="blank"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_retry_after_is_understood_or_ignored(header: str | None, seconds: float | None) -> None:
    """Seconds and dates are obeyed up to ten minutes; what makes no sense is as good as no header."""
    assert retry_after_seconds(header, NOW) == seconds


@pytest.mark.parametrize(
    ("ahead", "seconds"),
    [
        pytest.param({"hours": 2}, 120.0, id="server-ahead"),
        pytest.param({"hours": -2}, 120.0, id="server-behind"),
        pytest.param({"days": -20000}, None, id="server-without-a-clock"),
        pytest.param({"days": 400}, 600.0, id="server-in-another-year"),
    ],
)
def test_a_date_counts_from_the_servers_clock(ahead: dict[str, int], seconds: float | None) -> None:
    """With a clock two hours off, a run waited ten minutes, or not at all; a server without a clock is not believed."""
    server_now = NOW + timedelta(**ahead)
    header = format_datetime(server_now + timedelta(seconds=120), usegmt=True)
    assert retry_after_seconds(header, NOW, server_now) == seconds
    assert retry_after_seconds("77", NOW, server_now) == 77.0


@given(header=st.text(max_size=40))
def test_no_retry_after_breaks_the_run(header: str) -> None:
    """Whatever text the header holds, it says how long to wait, or nothing."""
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or 0 < seconds <= 600


def test_what_works_is_returned_without_waiting(clock: VirtualClock) -> None:
    """A request that works at once costs no wait."""
    assert retrier_of(clock).call("Page 1", Server(clock)) == "rows"
    assert clock.waits == []


def test_waits_grow_up_to_two_minutes(clock: VirtualClock) -> None:
    """Faults without a header back off exponentially, at most two minutes and the smallest wait at a time."""
    server = Server(clock, *(RetryableError("HTTP 502") for _ in range(10)))
    assert retrier_of(clock).call("Page 1", server) == "rows"
    assert clock.waits == [1.5, 2.5, 4.5, 8.5, 16.5, 32.5, 64.5, 120.5, 120.5, 120.5]


def test_waits_are_jittered(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait is drawn from its range, so that many clients do not come back in step, and is never none."""
    monkeypatch.setattr(backoff, "full_jitter", lambda value: value / 4)
    server = Server(clock, *(RetryableError("HTTP 502") for _ in range(3)))
    retrier_of(clock).call("Page 1", server)
    assert clock.waits == [0.75, 1.0, 1.5]


@pytest.mark.parametrize("status", [pytest.param(True, id="429-or-503"), pytest.param(False, id="others")])
def test_the_wait_that_the_server_asks_for_is_obeyed(clock: VirtualClock, status: bool) -> None:  # noqa: FBT001 - a column
    """`Retry-After` takes the place of the own backoff."""
    server = Server(clock, RetryableError("HTTP 503", retry_after=77.0, slow_down=status))
    retrier_of(clock).call("Page 1", server)
    assert clock.waits == [77.0]


def test_each_request_starts_with_the_shortest_wait(clock: VirtualClock) -> None:
    """The backoff of one request does not lengthen that of the next."""
    retrier = retrier_of(clock)
    retrier.call("Page 1", Server(clock, *(RetryableError("HTTP 502") for _ in range(4))))
    clock.waits.clear()
    retrier.call("Page 2", Server(clock, RetryableError("HTTP 502")))
    assert clock.waits == [1.5]


def test_waits_are_announced_and_counted(clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> None:
    """Every wait is logged with its reason, and counted for the last line."""
    summary = RunSummary()
    with caplog.at_level(logging.INFO, logger="tap-yoc"):
        retrier_of(clock, summary=summary).call(
            "Page 3 of date", Server(clock, slow_down(5), RetryableError("HTTP 502"))
        )
    assert caplog.messages == [
        "Page 3 of date: HTTP 429; waiting 5.0 seconds.",
        "Page 3 of date: HTTP 502; waiting 1.5 seconds.",
    ]
    assert (summary.retries, summary.waited_seconds) == (2, 6.5)


def test_other_errors_are_not_repeated(clock: VirtualClock) -> None:
    """What will not work later either is raised at once."""
    with pytest.raises(RequestRefusedError):
        retrier_of(clock).call("Page 1", fails(RequestRefusedError("no")))
    assert clock.waits == []


def test_the_budget_of_one_request_ends(clock: VirtualClock) -> None:
    """After `max_wait_minutes` of failing, the run learns that YOC is unavailable, and what failed last."""
    server = Server(clock, *(RetryableError("HTTP 502") for _ in range(1000)))
    with pytest.raises(UnavailableError, match=r"Page 1 failed for longer than max_wait_minutes.*HTTP 502") as no:
        retrier_of(clock, minutes=5).call("Page 1", server)
    assert clock.seconds <= 300
    assert no.value.exit_code is ExitCode.UNAVAILABLE


def test_a_wait_longer_than_the_budget_is_not_begun(clock: VirtualClock) -> None:
    """When the server asks for a longer wait than the budget allows, the run ends at once."""
    with pytest.raises(UnavailableError):
        retrier_of(clock, minutes=1).call("Page 1", Server(clock, slow_down(90)))
    assert clock.waits == []


def test_the_budget_is_that_of_one_request(clock: VirtualClock) -> None:
    """A long run with many short troubles is not ended by their sum."""
    retrier = retrier_of(clock, minutes=1)
    for number in range(20):
        assert retrier.call(f"Page {number}", Server(clock, slow_down(50))) == "rows"
    assert clock.seconds > 1000


def test_after_an_outage_nobody_waits_again_until_something_works(clock: VirtualClock) -> None:
    """One exhausted budget is enough: later requests are tried once each, and wait again after the first success."""
    retrier = retrier_of(clock, minutes=1)
    with pytest.raises(UnavailableError):
        retrier.call("Page 1", fails(RetryableError("HTTP 502")))
    clock.waits.clear()
    dead = Server(clock, RetryableError("HTTP 502"))
    with pytest.raises(UnavailableError):
        retrier.call("Page 2", dead)
    assert (dead.requests, clock.waits) == (1, [])
    assert retrier.call("Page 3", Server(clock)) == "rows"
    assert retrier.call("Page 4", Server(clock, RetryableError("HTTP 502"))) == "rows"
    assert clock.waits == [1.5]


def in_flight_at_most(retrier: Retrier, workers: int) -> int:
    """Return how many of many requests were in flight together at most: each waits for the others as long as it may."""
    running, most = 0, 0
    changed = threading.Condition()

    def attempt() -> None:
        nonlocal running, most
        with changed:
            running += 1
            most = max(most, running)
            changed.notify_all()
            changed.wait_for(lambda: most == expected, timeout=SECONDS)
            running -= 1

    expected = vars(retrier.limiter)["_allowed_in_flight"]
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(retrier.call, f"Page {number}", attempt) for number in range(workers * 2)]:
            future.result(SECONDS)
    return most


@pytest.mark.parametrize("concurrency", [1, 2, 4])
def test_no_more_requests_are_in_flight_than_allowed(clock: VirtualClock, concurrency: int) -> None:
    """However many threads ask, at most `concurrency` requests are under way, and as many do get under way."""
    assert in_flight_at_most(retrier_of(clock, concurrency=concurrency), workers=8) == concurrency


def test_a_429_halves_the_requests_in_flight_down_to_one(clock: VirtualClock) -> None:
    """Each 429 to a request sent after the last halving halves again, and one request always stays."""
    retrier = retrier_of(clock, concurrency=8)
    for most in (4, 2, 1, 1):
        with pytest.raises(RequestRefusedError):
            retrier.call("Page 1", Scripted(clock, slow_down(5), RequestRefusedError("no")))
        assert in_flight_at_most_without_success(retrier) == most


class Scripted:
    """Raises one error after another."""

    def __init__(self, clock: VirtualClock, *errors: Exception) -> None:
        """Take the errors in their order."""
        self.clock = clock
        self.errors = list(errors)

    def __call__(self) -> str:
        """Raise the next error, a second later."""
        self.clock.seconds += 1
        raise self.errors.pop(0)


def in_flight_at_most_without_success(retrier: Retrier) -> int:
    """Return how many requests may be in flight, without any of them working."""
    return int(vars(retrier.limiter)["_allowed_in_flight"])


def test_a_burst_of_429_halves_once(clock: VirtualClock) -> None:
    """Four requests that were in flight together and got 429 each are one reason to slow down, and not four."""
    retrier = retrier_of(clock, concurrency=4)
    together = threading.Barrier(4)
    calls = threading.local()

    def attempt() -> str:
        if getattr(calls, "made", 0):
            return "rows"
        calls.made = 1
        together.wait(SECONDS)
        clock.seconds += 1
        together.wait(SECONDS)
        raise slow_down(30)

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(retrier.call, f"Page {number}", attempt) for number in range(4)]
        assert [future.result(SECONDS) for future in futures] == 4 * ["rows"]
    assert in_flight_at_most_without_success(retrier) == 2


def test_a_429_pauses_everybody() -> None:
    """While one request waits for a 429, no other one is sent."""
    sent_at: list[float] = []
    limited, both_wait = threading.Event(), threading.Event()

    class HeldClock(VirtualClock):
        def sleep(self, seconds: float, stop: threading.Event) -> None:
            if limited.is_set():
                both_wait.set()
            limited.set()
            assert both_wait.wait(SECONDS)
            super().sleep(seconds, stop)

    clock = HeldClock()
    retrier = retrier_of(clock, concurrency=4)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(retrier.call, "Page 1", Server(clock, slow_down(30)))
        assert limited.wait(SECONDS)
        two = pool.submit(retrier.call, "Page 2", lambda: sent_at.append(clock.seconds))
        one.result(SECONDS)
        two.result(SECONDS)
    assert sent_at[0] >= 31  # the answer took a second, the pause is 30


def test_other_faults_pause_nobody_and_slow_nobody_down(clock: VirtualClock) -> None:
    """A fault that says nothing about the rate leaves the requests in flight as they are."""
    retrier = retrier_of(clock, concurrency=4)
    retrier.call("Page 1", Server(clock, RetryableError("HTTP 502", retry_after=30)))
    assert in_flight_at_most(retrier, workers=8) == 4


def test_successes_bring_the_requests_in_flight_back(clock: VirtualClock) -> None:
    """After many answers in a row one more request is tried, until all of them are in flight again."""
    retrier = retrier_of(clock, concurrency=4)
    retrier.call("Page 1", Server(clock, slow_down(5)))
    allowed = []
    for number in range(120):
        retrier.call(f"Page {number}", Server(clock))
        allowed.append(in_flight_at_most_without_success(retrier))
    # The answer to page 1 was the first success: 20 for each request in flight make one more.
    assert [allowed.index(3) + 2, allowed.index(4) + 2] == [40, 100]
    assert in_flight_at_most(retrier, workers=8) == 4


def test_a_429_starts_the_count_of_successes_again(clock: VirtualClock) -> None:
    """Speeding up needs answers in a row."""
    retrier = retrier_of(clock, concurrency=4)
    retrier.call("Page 1", Server(clock, slow_down(5)))
    for number in range(38):
        retrier.call(f"Page {number}", Server(clock))
    retrier.call("Page 2", Server(clock, slow_down(5)))
    for number in range(18):
        retrier.call(f"Page {number}", Server(clock))
    assert in_flight_at_most_without_success(retrier) == 1
    retrier.call("Page 3", Server(clock))
    assert in_flight_at_most_without_success(retrier) == 2


def test_one_too_many_goes_back_to_what_worked(clock: VirtualClock) -> None:
    """A server that takes two at a time is not asked with one at a time because three were too many."""
    retrier = retrier_of(clock, concurrency=4)
    retrier.call("Page 1", Server(clock, slow_down(5)))
    for number in range(39):
        retrier.call(f"Page {number}", Server(clock))
    assert in_flight_at_most_without_success(retrier) == 3
    retrier.call("Page 2", Server(clock, slow_down(5)))
    assert in_flight_at_most_without_success(retrier) == 2
    for number in range(4 * 40 - 2):
        retrier.call(f"Page {number}", Server(clock))
    assert in_flight_at_most_without_success(retrier) == 2
    retrier.call("Page 3", Server(clock))
    assert in_flight_at_most_without_success(retrier) == 3


def test_a_request_within_a_request_does_not_wait_for_itself(clock: VirtualClock) -> None:
    """Renewing the token within a request takes no second place in flight, which with one place would never come."""
    retrier = retrier_of(clock, concurrency=1)

    def page() -> str:
        return retrier.call("The token", Server(clock, RetryableError("HTTP 502")), within_turn=True)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(retrier.call, "Page 1", page).result(SECONDS) == "rows"
    assert in_flight_at_most(retrier, workers=2) == 1


def test_a_failed_attempt_gives_its_place_back(clock: VirtualClock) -> None:
    """Errors of any kind leave the place in flight to the next request."""
    retrier = retrier_of(clock, concurrency=1)
    for error in (RequestRefusedError("no"), KeyError("x"), UnavailableError("no")):
        with pytest.raises(type(error)):
            retrier.call("Page 1", fails(error))
    assert in_flight_at_most(retrier, workers=2) == 1


def test_a_stopped_run_sends_nothing_more(clock: VirtualClock) -> None:
    """When the run has ended, requests that were still to be sent are not."""
    retrier = retrier_of(clock)
    retrier.limiter.stop.set()
    server = Server(clock)
    with pytest.raises(RunStopped):
        retrier.call("Page 1", server)
    assert server.requests == 0


def test_a_failure_after_the_end_is_not_reported(clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> None:
    """The last line of a run stays the last one: a request that fails behind it announces no wait."""
    retrier = retrier_of(clock)

    def attempt() -> str:
        retrier.limiter.stop.set()
        raise slow_down(500)

    with caplog.at_level("INFO"), pytest.raises(RunStopped):
        retrier.call("Page 1", attempt)
    assert caplog.messages == []
    assert clock.waits == []


def test_stopping_ends_a_wait_at_once() -> None:
    """Whoever waits for YOC on the real clock is let go when the run ends, and does not try again."""
    waiting = threading.Event()

    class RealClock(Clock):
        def sleep(self, seconds: float, stop: threading.Event) -> None:
            waiting.set()
            super().sleep(seconds, stop)

    retrier = retrier_of(RealClock(), minutes=60)
    requests: list[int] = []

    def attempt() -> str:
        requests.append(1)
        raise slow_down(500)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(retrier.call, "Page 1", attempt)
        assert waiting.wait(SECONDS)
        retrier.limiter.stop.set()
        with pytest.raises(RunStopped):
            future.result(SECONDS)
    assert len(requests) == 1


def test_the_real_clock_returns_utc_and_never_goes_backwards() -> None:
    """The clock of a real run gives an instant in UTC, and seconds for measuring."""
    clock = Clock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.parametrize(
    "header",
    [
        "Wed, 99999999999999999999 Oct 2026 07:28:00 GMT",
        "Wed, 21 Oct 2026 99999999999999999999:28:00 GMT",
        "Wed, 21 Oct 2026 07:28:00 +99999999999999999999",
    ],
)
def test_a_retry_after_of_absurd_digits_is_ignored(header: str) -> None:
    """A date with numbers that no calendar holds is garbage, and not the end of the run."""
    assert retry_after_seconds(header, NOW) is None


def test_a_request_that_nobody_wants_is_not_repeated(clock: VirtualClock) -> None:
    """A request whose result nobody needs ends with its first failure, without a wait."""
    answers = iter([True, False])
    summary = RunSummary()
    server = Server(clock, *(RetryableError("HTTP 502") for _ in range(9)))
    with pytest.raises(RunStopped):
        retrier_of(clock, summary=summary).call("Page 1", server, is_wanted=lambda: next(answers))
    assert server.requests == 2
    assert clock.waits == [1.5]
    assert summary.retries == 1


def test_a_429_to_a_request_that_nobody_wants_pauses_the_others(clock: VirtualClock) -> None:
    """The server asks everybody to wait, also in the answer to a page that is no longer needed."""
    retrier = retrier_of(clock)
    with pytest.raises(RunStopped):
        retrier.call("Page 2", Server(clock, slow_down(30)), is_wanted=lambda: False)
    answered = clock.seconds
    assert retrier.call("Page 1", lambda: clock.seconds) == answered + 30


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    """Of two answers that ask to wait 60 seconds and then 1, the longer wait holds for everybody."""

    class Asleep(Exception):  # noqa: N818 - no error: the thread would wait here
        """Whoever waits is left at that."""

    class Sleeper(VirtualClock):
        def sleep(self, seconds: float, stop: threading.Event) -> None:
            del stop
            self.waits.append(seconds)
            raise Asleep

    clock = Sleeper()
    retrier = retrier_of(clock, concurrency=4)

    def while_another_gets_a_longer_wait() -> str:
        with pytest.raises(Asleep):
            retrier.call("Page 1", fails(slow_down(60)))
        raise slow_down(1)

    with pytest.raises(Asleep):
        retrier.call("Page 2", while_another_gets_a_longer_wait)
    with pytest.raises(Asleep):
        retrier.call("Page 3", Server(clock))
    assert clock.waits == [60, 1, 60]
