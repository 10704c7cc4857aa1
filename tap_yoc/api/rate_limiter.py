"""The rate limiter: how many requests may be in flight, across all requests of a run."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_yoc.errors import RunStopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_yoc.clock import Clock

SUCCESSES_BEFORE_SPEEDING_UP = 20
"""Consecutive successes per allowed request before one more is allowed."""


class RateLimiter:
    """Allows fewer requests in flight when YOC asks to slow down, and more again when they succeed; thread-safe."""

    def __init__(self, *, concurrency: int, clock: Clock) -> None:
        """Start with the maximum number of requests in flight."""
        self.stop = threading.Event()
        """Set at the end of a run; waiting requests then give up."""
        self._clock = clock
        self._gate = threading.Condition()
        self._most_in_flight = concurrency
        self._allowed_in_flight = concurrency
        self._in_flight = 0
        self._proven_in_flight = 0
        """The number of requests that worked before one more is tried; 0 when no more are being tried."""
        self._successes_factor = 1
        self._successes = 0
        self._paused_until = 0.0
        self._slowed_at = 0.0

    @contextmanager
    def turn(self, places: int) -> Iterator[float]:
        """Wait for `places` in flight and for the end of a pause, then yield the time.

        Raises:
            RunStopped: The run ended in the meantime.
        """
        with self._gate:
            self._gate.wait_for(lambda: self._in_flight + places <= self._allowed_in_flight or not places)
            self._in_flight += places
        try:
            while (pause := self._paused_until - self._clock.monotonic()) > 0 and not self.stop.is_set():
                self._clock.sleep(pause, self.stop)
            if self.stop.is_set():
                raise RunStopped
            yield self._clock.monotonic()
        finally:
            with self._gate:
                self._in_flight -= places
                self._gate.notify_all()

    def slow_down(self, sent_at: float, until: float) -> None:
        """Pause all requests and allow fewer in flight; requests sent before the last slowdown do not count again.

        If one more request was being tried, return to the number that worked, and require four times as many
        successes before the next try. Otherwise, halve the number.
        """
        with self._gate:
            self._paused_until = max(self._paused_until, until)
            self._successes = 0
            if sent_at < self._slowed_at:
                return
            self._slowed_at = self._clock.monotonic()
            if self._proven_in_flight:
                self._allowed_in_flight, self._proven_in_flight = self._proven_in_flight, 0
                self._successes_factor *= 4
            else:
                self._allowed_in_flight = max(1, self._allowed_in_flight // 2)

    def count_success(self) -> None:
        """Count a success; after enough of them, allow one more request in flight."""
        with self._gate:
            if self._allowed_in_flight == self._most_in_flight:
                return
            self._successes += 1
            if self._successes >= SUCCESSES_BEFORE_SPEEDING_UP * self._allowed_in_flight * self._successes_factor:
                self._proven_in_flight = self._allowed_in_flight
                self._allowed_in_flight += 1
                self._successes = 0
                self._gate.notify_all()
