"""How long to wait for YOC, and how many requests to have in flight: one rule for all requests of a run."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

import backoff

from tap_yoc.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_yoc.clock import Clock
    from tap_yoc.summary import RunSummary

logger = logging.getLogger("tap-yoc")

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 600.0
"""No single wait is longer, whatever `Retry-After` says: a quota may be raised or reset earlier than announced."""
SHORTEST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 120.0
SUCCESSES_BEFORE_SPEEDING_UP = 20
"""Answers in a row, per request in flight, before one more is tried."""


class RetryableError(Exception):
    """A request that may work later."""

    def __init__(self, reason: str, *, retry_after: float | None = None, slow_down: bool = False) -> None:
        """Take what the server asked for: to wait so many seconds, or to send fewer requests."""
        super().__init__(reason)
        self.retry_after = retry_after
        self.slow_down = slow_down


class RunStopped(Exception):  # noqa: N818 - not an error: nobody waits for this request any more
    """The run ended while this request waited."""


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Return how long a `Retry-After` asks to wait, or None when it does not say anything usable.

    Shape: `"120"` or `"Wed, 21 Oct 2026 07:28:00 GMT"`.
    Units: seconds, above 0 and capped at `LONGEST_WAIT_SECONDS`.
    """
    text = (header or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (OverflowError, TypeError, ValueError):
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or timezone.utc) - now).total_seconds()
    return min(seconds, LONGEST_WAIT_SECONDS) if seconds > 0 else None


class Patience:
    """Repeats requests until they work or the budget is used up, and slows all of them down when YOC asks for it."""

    def __init__(self, *, budget_seconds: float, concurrency: int, clock: Clock, summary: RunSummary) -> None:
        """Take how long one request may be retried in all, and the most requests in flight."""
        self.clock = clock
        self.stop = threading.Event()
        self._budget_seconds = budget_seconds
        self._summary = summary
        self._gate = threading.Condition()
        self._most_in_flight = concurrency
        self._allowed_in_flight = concurrency
        self._in_flight = 0
        self._proven_in_flight = 0
        """The requests in flight from which one more is being tried; 0 when none is."""
        self._successes_factor = 1
        self._successes = 0
        self._paused_until = 0.0
        self._slowed_at = 0.0
        self._outage = False

    def run(
        self,
        what: str,
        attempt: Callable[[], T],
        *,
        within_turn: bool = False,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> T:
        """Return what the attempt returns, repeating it while it raises `RetryableError`.

        `within_turn` says that the caller already has its place in flight, as a request has that renews its token;
        `is_wanted` whether anybody still waits for the result.

        Raises:
            UnavailableError: The budget is used up; or an earlier request used it up and nothing has worked since.
            RunStopped: The run ended, or nobody wants the result any more.
        """
        started: float | None = None
        backoffs = backoff.expo(factor=1, max_value=LONGEST_BACKOFF_SECONDS)
        next(backoffs)
        while True:
            try:
                with self._turn(places=0 if within_turn else 1) as sent_at:
                    result = attempt()
            except RetryableError as failure:
                reason = failure
            else:
                self._succeeded()
                return result
            if not is_wanted():
                raise RunStopped
            now = self.clock.monotonic()
            started = sent_at if started is None else started
            wait = reason.retry_after or (SHORTEST_BACKOFF_SECONDS + backoff.full_jitter(next(backoffs)))
            if self._outage:
                raise UnavailableError(f"{what}: YOC is still not available ({reason}); run again later.") from reason
            if now + wait - started > self._budget_seconds:
                self._outage = True
                raise UnavailableError(
                    f"{what} failed for longer than max_wait_minutes allows ({reason}); run again later."
                ) from reason
            if reason.slow_down:
                self._slow_down(sent_at, now + wait)
            self._summary.count_retry(wait)
            logger.info("%s: %s; waiting %.1f seconds.", what, reason, wait)
            self.clock.sleep(wait, self.stop)

    @contextmanager
    def _turn(self, places: int) -> Iterator[float]:
        """Wait for a place in flight and for a pause to end, and yield the instant."""
        with self._gate:
            self._gate.wait_for(lambda: self._in_flight + places <= self._allowed_in_flight or not places)
            self._in_flight += places
        try:
            while (pause := self._paused_until - self.clock.monotonic()) > 0 and not self.stop.is_set():
                self.clock.sleep(pause, self.stop)
            if self.stop.is_set():
                raise RunStopped
            yield self.clock.monotonic()
        finally:
            with self._gate:
                self._in_flight -= places
                self._gate.notify_all()

    def _slow_down(self, sent_at: float, until: float) -> None:
        """Pause all requests, and have fewer in flight; once for all that were sent before the last time.

        If one request more than what had worked was being tried: back to that number, and four times as many answers
        before the next try. Otherwise half as many.
        """
        with self._gate:
            self._paused_until = max(self._paused_until, until)
            self._successes = 0
            if sent_at < self._slowed_at:
                return
            self._slowed_at = self.clock.monotonic()
            if self._proven_in_flight:
                self._allowed_in_flight, self._proven_in_flight = self._proven_in_flight, 0
                self._successes_factor *= 4
            else:
                self._allowed_in_flight = max(1, self._allowed_in_flight // 2)

    def _succeeded(self) -> None:
        with self._gate:
            self._outage = False
            if self._allowed_in_flight == self._most_in_flight:
                return
            self._successes += 1
            if self._successes >= SUCCESSES_BEFORE_SPEEDING_UP * self._allowed_in_flight * self._successes_factor:
                self._proven_in_flight = self._allowed_in_flight
                self._allowed_in_flight += 1
                self._successes = 0
                self._gate.notify_all()
