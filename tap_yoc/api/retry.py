"""Retries: how long to wait between two attempts of a request, and when to give up."""

from __future__ import annotations

import logging
from datetime import timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

import backoff

from tap_yoc.api.background import off_the_main_thread
from tap_yoc.errors import RetryableError, RunStopped, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_yoc.api.rate_limiter import RateLimiter
    from tap_yoc.clock import Clock
    from tap_yoc.summary import RunSummary

logger = logging.getLogger("tap-yoc")

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 600.0
"""The longest single wait, even if `Retry-After` asks for more: a quota may be reset earlier than announced."""
SHORTEST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 120.0


MOST_CLOCK_DIFFERENCE = timedelta(days=1)
"""If the server's clock differs by more than this, it is ignored."""


def http_date(header: str | None) -> datetime | None:
    """Return the time in a header, or None if it has none; a time without a zone is UTC.

    Shape: `"Wed, 21 Oct 2026 07:28:00 GMT"`.
    """
    try:
        moment = parsedate_to_datetime((header or "").strip())
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (OverflowError, TypeError, ValueError):
        return None


def retry_after_seconds(header: str | None, now: datetime, server_now: datetime | None = None) -> float | None:
    """Return how long a `Retry-After` asks to wait, or None if it is not usable.

    Shape: `"120"` or `"Wed, 21 Oct 2026 07:28:00 GMT"`; a date is compared with the server's clock if it is known,
    because this machine's may be hours off.
    Units: seconds, above 0 and capped at `LONGEST_WAIT_SECONDS`.
    """
    text = (header or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        if (moment := http_date(text)) is None:
            return None
        if server_now and abs(server_now - now) <= MOST_CLOCK_DIFFERENCE:
            now = server_now
        seconds = (moment - now).total_seconds()
    return min(seconds, LONGEST_WAIT_SECONDS) if seconds > 0 else None


class Retrier:
    """Retries a request until it works or the time budget is used up; one instance for all requests of a run."""

    def __init__(self, *, budget_seconds: float, limiter: RateLimiter, clock: Clock, summary: RunSummary) -> None:
        """Retry each request for `budget_seconds` at most."""
        self._budget_seconds = budget_seconds
        self.limiter = limiter
        self._clock = clock
        self._summary = summary
        self._outage = False
        """Whether a request has used up its budget and no request has succeeded since."""

    def call(
        self,
        what: str,
        attempt: Callable[[], T],
        *,
        within_turn: bool = False,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> T:
        """Return the result of `attempt`, retrying it while it raises `RetryableError`.

        With `within_turn` the caller already counts as in flight: a request that renews its token. `is_wanted` returns
        whether the result is still needed.

        Raises:
            UnavailableError: The budget is used up, or an earlier request used it up and none has succeeded since.
            RunStopped: The run ended, or the result is no longer needed.
        """
        return off_the_main_thread(lambda: self._repeated(what, attempt, is_wanted, places=0 if within_turn else 1))

    def _repeated(self, what: str, attempt: Callable[[], T], is_wanted: Callable[[], bool], *, places: int) -> T:
        started: float | None = None
        backoffs = backoff.expo(factor=1, max_value=LONGEST_BACKOFF_SECONDS)
        next(backoffs)
        while True:
            try:
                with self.limiter.turn(places) as sent_at:
                    result = attempt()
            except RetryableError as failure:
                reason = failure
            else:
                self._outage = False
                self.limiter.count_success()
                return result
            now = self._clock.monotonic()
            if not is_wanted() or self.limiter.stop.is_set():
                if reason.slow_down:
                    self.limiter.slow_down(sent_at, now + (reason.retry_after or 0.0))
                raise RunStopped
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
                self.limiter.slow_down(sent_at, now + wait)
            self._summary.count_retry(wait)
            logger.info("%s: %s; waiting %.1f seconds.", what, reason, wait)
            self._clock.sleep(wait, self.limiter.stop)
