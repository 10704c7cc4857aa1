"""Every foreseeable error, by what the user can do about it.

A message is one sentence or two for whoever has only the log: what happened, where, what to do. It never holds a
secret, and pieces of an answer are cut short.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class ExitCode(IntEnum):
    """What the command's exit code tells a scheduler; `128 + n` stands for signal n."""

    ALL_THERE = 0
    UNEXPECTED = 1
    SETTINGS = 2
    ACCESS = 3
    INCOMPLETE = 4
    UNAVAILABLE = 5


class YOCError(Exception):
    """An error whose message alone tells the user what to do; shown without a traceback."""

    exit_code = ExitCode.UNEXPECTED
    is_logged = False
    """Whether the log has it already, in the last line of a run."""


class OutputError(YOCError):
    """Stdout takes nothing more, so that no stream can go on."""


class SettingsError(YOCError):
    """A setting, a catalog or a state is wrong; the user has to fix it."""

    exit_code = ExitCode.SETTINGS


class LoginError(YOCError):
    """YOC refuses the login; trying again with the same credentials is pointless, so the run stops at once."""

    exit_code = ExitCode.ACCESS


class PermissionDeniedError(YOCError):
    """The login works, but the account may not see what was asked for."""

    exit_code = ExitCode.ACCESS


class IncompleteDataError(YOCError):
    """YOC's answers do not add up to complete days; the bookmark stays before them."""

    exit_code = ExitCode.INCOMPLETE


class UnknownEnvelopeError(IncompleteDataError):
    """An answer has no rows, columns or token where any known form keeps them."""


class FailureToldError(UnknownEnvelopeError):
    """The body of an answer with a good status contains a failure."""

    def __init__(self, *, names: str, text: str, status: int | None) -> None:
        """Take where it stands, what stands there, and the HTTP status that it stands for, if it is one."""
        super().__init__(f"YOC answered with HTTP success but an error in the body (see {names}); please report this.")
        self.names = names
        self.text = text
        self.status = status


class CellError(IncompleteDataError):
    """A value does not fit the type that the metadata declares for its column."""


class RequestRefusedError(IncompleteDataError):
    """YOC refuses a request as malformed (400, 404, 422 and the like)."""

    def __init__(self, says: str, *, status: int | None = None, server_date: datetime | None = None) -> None:
        """Take the status, and the answer's `Date`: the instant by the server's clock, None where it does not tell."""
        super().__init__(says)
        self.status = status
        self.server_date = server_date


class UnavailableError(YOCError):
    """YOC cannot be reached, fails, or has no quota left, for longer than `max_wait_minutes`."""

    exit_code = ExitCode.UNAVAILABLE


class InconsistentWindowError(Exception):
    """A window's rows contradict each other or the total: read it once more."""


class RetryableError(Exception):
    """A request that may work later."""

    def __init__(
        self, reason: str, *, status: int | None = None, retry_after: float | None = None, slow_down: bool = False
    ) -> None:
        """Take the answer's status, and what the server asked for: to wait so many seconds, or to send less."""
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after
        self.slow_down = slow_down


class NotSentError(RetryableError):
    """The request surely never reached the server."""


class RunStopped(Exception):  # noqa: N818 - not an error: nobody waits for this request any more
    """The run ended while this request waited."""
