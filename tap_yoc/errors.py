"""All expected errors, grouped by what the user can do about them.

A message is one or two sentences that say what happened, where, and what to do, for readers who only have the log. It
never contains a secret, and quotes from an answer are shortened.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class ExitCode(IntEnum):
    """The command's exit codes, for schedulers; `128 + n` stands for signal n."""

    COMPLETE = 0
    UNEXPECTED = 1
    SETTINGS = 2
    ACCESS = 3
    INCOMPLETE = 4
    UNAVAILABLE = 5


class YOCError(Exception):
    """An error whose message says what to do; shown without a traceback."""

    exit_code = ExitCode.UNEXPECTED
    is_logged = False
    """Whether the last line of the run has already logged it."""


class OutputError(YOCError):
    """Stdout cannot be written, so no stream can continue."""


class SettingsError(YOCError):
    """A setting, a catalog or a state is wrong; the user has to fix it."""

    exit_code = ExitCode.SETTINGS


class LoginError(YOCError):
    """YOC rejects the login; retrying with the same credentials would not help, so the run stops at once."""

    exit_code = ExitCode.ACCESS


class PermissionDeniedError(YOCError):
    """The login works, but the account may not see the requested data."""

    exit_code = ExitCode.ACCESS


class IncompleteDataError(YOCError):
    """YOC's answers do not add up to complete days; the bookmark stays before them."""

    exit_code = ExitCode.INCOMPLETE


class UnknownEnvelopeError(IncompleteDataError):
    """An answer has no rows or columns in any known form."""


class FailureInBodyError(UnknownEnvelopeError):
    """The body of an answer with a good status contains a failure."""

    def __init__(self, *, names: str, text: str, status: int | None) -> None:
        """Take the keys of the failure, its text, and its HTTP status if it has one."""
        super().__init__(f"YOC answered with HTTP success but an error in the body (see {names}); please report this.")
        self.names = names
        self.text = text
        self.status = status


class CellError(IncompleteDataError):
    """A value does not have the type that the metadata declares for its column."""


class RequestRefusedError(IncompleteDataError):
    """YOC refuses a request as malformed (400, 404, 422 and the like)."""

    def __init__(self, says: str, *, status: int | None = None, server_date: datetime | None = None) -> None:
        """Take the status, and the time by the server's clock if the answer has a `Date`."""
        super().__init__(says)
        self.status = status
        self.server_date = server_date


class UnavailableError(YOCError):
    """YOC cannot be reached, fails, or refuses further requests for longer than `max_wait_minutes`."""

    exit_code = ExitCode.UNAVAILABLE


class InconsistentWindowError(Exception):
    """A window's rows contradict each other or the total: read it once more."""


class RetryableError(Exception):
    """A request that may work later."""

    def __init__(
        self, reason: str, *, status: int | None = None, retry_after: float | None = None, slow_down: bool = False
    ) -> None:
        """Take the answer's status, the wait in seconds that it asks for, and whether to send fewer requests."""
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after
        self.slow_down = slow_down


class NotSentError(RetryableError):
    """The request was certainly not sent."""


class RunStopped(Exception):  # noqa: N818 - not an error: the result is no longer needed
    """The run ended while this request waited."""
