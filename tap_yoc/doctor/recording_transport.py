"""The tap's transport with a recording of all answers, from which the doctor describes the server."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_yoc.api.token_endpoint import TOKEN_PATH
from tap_yoc.api.transport import Transport, is_refusal
from tap_yoc.errors import RetryableError
from tap_yoc.exact_json import decode

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from tap_yoc.api.transport import Response
    from tap_yoc.clock import Clock
    from tap_yoc.exact_json import Json
    from tap_yoc.redaction import Redactor
    from tap_yoc.settings.parsing import Settings
    from tap_yoc.summary import RunSummary

TOKEN, METADATA, REPORT = "token", "metadata", "report"
OK = 200


@dataclass(frozen=True, kw_only=True)
class TokenTraits:
    """The format of a token answer, without the tokens."""

    lifetime_as: str
    """How `expires_in` was sent: as number, text or absent."""
    lifetime_seconds: float | None
    rotates: bool | None
    """Whether a refresh returned a new refresh token; None for a login."""


@dataclass(frozen=True, kw_only=True)
class RecordedAnswer:
    """One answer, or a broken connection."""

    place: str
    asked: Mapping[str, Json]
    """The body of a report's request; only the grant type of a token request."""
    status: int = 0
    """0 if the connection broke."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)
    """Empty if the answer contains tokens."""
    tokens: TokenTraits | None = None
    clock_offset_seconds: float | None = None
    """How far this machine's clock is ahead of the server's, to a second or so."""
    seconds: float = 0
    """From the request to the end of the answer."""

    @property
    def is_refusal(self) -> bool:
        """Whether the status is an error (4xx or 5xx)."""
        return is_refusal(self.status)

    @property
    def worked(self) -> bool:
        """Whether the request succeeded."""
        return self.status == OK


class RecordingTransport(Transport):
    """Sends requests as the tap does, and records the answers."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        redactor: Redactor,
        summary: RunSummary,
        *,
        recorded: list[RecordedAnswer],
    ) -> None:
        """Append the answers to `recorded`."""
        super().__init__(settings, clock, redactor, summary)
        self._recorded = recorded

    @override
    def send(
        self,
        method: str,
        url: str,
        *,
        auth: Callable[[requests.PreparedRequest], requests.PreparedRequest],
        **body: Any,
    ) -> Response:
        """Return the answer, and record it."""
        place = TOKEN if url.endswith(TOKEN_PATH) else METADATA if method == "GET" else REPORT
        sent: dict[str, Any] = body.get("json") or {name: part[1] for name, part in body.get("files", {}).items()}
        asked = {"grant_type": sent.get("grant_type")} if place == TOKEN else sent
        began = self.clock.monotonic()
        try:
            response = super().send(method, url, auth=auth, **body)
        except RetryableError:
            self._recorded.append(RecordedAnswer(place=place, asked=asked, seconds=self.clock.monotonic() - began))
            raise
        seconds = self.clock.monotonic() - began
        tokens = _tokens_in(response, sent.get("refresh_token")) if place == TOKEN else None
        self._recorded.append(
            RecordedAnswer(
                place=place,
                asked=asked,
                status=response.status,
                headers=response.headers,
                content=b"" if tokens else response.content,
                tokens=tokens,
                clock_offset_seconds=self._clock_offset(response),
                seconds=seconds,
            )
        )
        return response

    def _clock_offset(self, response: Response) -> float | None:
        server_now = response.date
        return (self.clock.now() - server_now).total_seconds() if server_now else None


def _tokens_in(response: Response, sent_refresh_token: str | None) -> TokenTraits | None:
    """Return the format of a token answer, None if it contains no tokens."""
    try:
        body = decode(response.content)
    except ValueError:
        return None
    if response.is_refusal or not isinstance(body, dict) or not body.get("access_token"):
        return None
    lifetime = body.get("expires_in")
    lifetime_as = "absent" if lifetime is None else "text" if isinstance(lifetime, str) else "number"
    seconds = None
    with suppress(TypeError, ValueError):
        seconds = float(lifetime or "")
    rotates = None
    if sent_refresh_token:
        rotates = body.get("refresh_token") not in {None, "", sent_refresh_token}
    return TokenTraits(lifetime_as=lifetime_as, lifetime_seconds=seconds, rotates=rotates)
