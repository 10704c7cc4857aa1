"""Error answers."""

from __future__ import annotations

from dataclasses import dataclass, field

NO_CONTENT = 204
"""Not an error, but an answer without a body."""


@dataclass(kw_only=True)
class ApiError(Exception):
    """An error answer.

    `error` is its code, `message` says what is wrong; token errors put the message under RFC 6749's name.
    """

    status: int
    error: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, object]:
        """Return the JSON body. Shape: `{"error": ..., "message": ...}`."""
        return {"error": self.error, "message": self.message}


class TokenError(ApiError):
    """An error of the token endpoint."""

    @property
    def body(self) -> dict[str, object]:
        """Return the JSON body. Shape: `{"error": ..., "error_description": ...}` (RFC 6749, section 5.2)."""
        return {"error": self.error, "error_description": self.message}


def invalid(message: str) -> ApiError:
    """Return the error for an invalid request."""
    return ApiError(status=422, error="invalid_request", message=message)
