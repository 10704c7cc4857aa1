"""The instants of a run, in this process, at which it may be killed or stopped."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Killed(BaseException):
    """The process is dead; whatever it still does is not seen by anybody."""


class Instants:
    """Counts what happens, and kills or stops the run at the instant that is planned.

    An instant is `send`, `leaving`, `answered`, `write`, `sleep`, `flush` or `flushed`; the first three have ` token`
    behind them if they are about the token endpoint.
    """

    def __init__(self) -> None:
        self.on_death: Callable[[], None] = lambda: None
        self.is_dead = False
        self.stopped_by: int | None = None
        self.is_running = False
        self.writes_after_stop = 0
        self._plans: list[tuple[str, int, int | None]] = []
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def plan(self, instant: str, number: int, signal: int | None) -> None:
        """Kill the run at an instant of a kind (`any` for all) by its number, or send it a signal then."""
        self._plans.append((instant, number, signal))

    def passing(self, instant: str) -> None:
        """Note an instant.

        Raises:
            Killed: The run dies here, or is dead already.
        """
        with self._lock:
            if self.is_dead:
                raise Killed
            if not self.is_running:
                return
            self.writes_after_stop += instant == "write" and self.stopped_by is not None
            for kind in {instant, "any"}:
                self._counts[kind] = self._counts.get(kind, 0) + 1
                for plan, number, signal in self._plans:
                    if plan == kind and number == self._counts[kind]:
                        self._act(signal)

    def _act(self, signal: int | None) -> None:
        if signal is None:
            self.on_death()
            self.is_dead = True
            raise Killed
        if self.stopped_by is None:
            self.stopped_by = signal
            os.kill(os.getpid(), signal)
