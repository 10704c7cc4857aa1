"""How often a run logs in again because YOC has ended its session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_yoc.errors import LoginError

if TYPE_CHECKING:
    from tap_yoc.clock import Clock

SHORT_SESSION_SECONDS = 600.0
"""A session that ends sooner was probably ended by another login; assumed to be shorter than any token's lifetime."""
MOST_SHORT_SESSIONS = 4
"""How many short sessions in a row a run replaces."""


class SessionLimit:
    """Keeps two runs from ending each other's sessions forever; one instance per run, under the token store's lock."""

    def __init__(self, clock: Clock) -> None:
        """Start without a session."""
        self._clock = clock
        self._began: float | None = None
        self._short_sessions = 0

    def note_login(self) -> None:
        """Note that a session begins."""
        self._began = self._clock.monotonic()

    def note_end(self) -> None:
        """Note that YOC has ended the session: it rejects the access token, and no refresh has replaced it.

        Raises:
            LoginError: Too many sessions in a row were short.
        """
        is_short = self._began is not None and self._clock.monotonic() - self._began < SHORT_SESSION_SECONDS
        self._short_sessions = self._short_sessions + 1 if is_short else 0
        if self._short_sessions > MOST_SHORT_SESSIONS:
            raise LoginError(
                f"YOC has ended {self._short_sessions} sessions of this run soon after they began: another run's "
                f"logins may end them; let all runs of this login share one token_cache, or run one at a time."
            )
