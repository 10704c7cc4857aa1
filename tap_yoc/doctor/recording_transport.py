"""The tap's transport, overheard: what every answer looked like, for whoever describes the server."""

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
    """What a token answer looked like; neither token is in it."""

    told_as: str
    """How `expires_in` came: number, text or absent."""
    lifetime_seconds: float | None
    rotates: bool | None
    """Whether a refresh brought another refresh token; None for a login."""


@dataclass(frozen=True, kw_only=True)
class RecordedAnswer:
    """One answer, or the lack of it."""

    place: str
    asked: Mapping[str, Json]
    """A report's request; of a token request no more than the grant."""
    status: int = 0
    """0 where the connection broke."""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)
    """Empty for tokens that were given."""
    tokens: TokenTraits | None = None
    clock_offset_seconds: float | None = None
    """How far this machine's clock is ahead of the server's, to a second or so."""
    seconds: float = 0
    """From the request to the end of the answer."""

    @property
    def is_refusal(self) -> bool:
        """Whether the server answered that it would not."""
        return is_refusal(self.status)

    @property
    def worked(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status == OK


class RecordingTransport(Transport):
    """Sends as the tap does, and keeps what it hears."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        redactor: Redactor,
        summary: RunSummary,
        *,
        recorded: list[RecordedAnswer],
    ) -> None:
        """Put what is recorded into a list."""
        super().__init__(settings, clock, redactor, summary)
        self._heard = recorded

    @override
    def send(
        self,
        method: str,
        url: str,
        *,
        auth: Callable[[requests.PreparedRequest], requests.PreparedRequest],
        **body: Any,
    ) -> Response:
        """Return the answer, once it is noted."""
        place = TOKEN if url.endswith(TOKEN_PATH) else METADATA if method == "GET" else REPORT
        sent: dict[str, Any] = body.get("json") or {name: part[1] for name, part in body.get("files", {}).items()}
        asked = {"grant_type": sent.get("grant_type")} if place == TOKEN else sent
        began = self.clock.monotonic()
        try:
            response = super().send(method, url, auth=auth, **body)
        except RetryableError:
            self._heard.append(RecordedAnswer(place=place, asked=asked, seconds=self.clock.monotonic() - began))
            raise
        seconds = self.clock.monotonic() - began
        tokens = _tokens_in(response, sent.get("refresh_token")) if place == TOKEN else None
        self._heard.append(
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
        told = response.date
        return (self.clock.now() - told).total_seconds() if told else None


def _tokens_in(response: Response, sent_refresh_token: str | None) -> TokenTraits | None:
    """Return what a pair looks like, None where the answer holds none."""
    try:
        body = decode(response.content)
    except ValueError:
        return None
    if response.is_refusal or not isinstance(body, dict) or not body.get("access_token"):
        return None
    lifetime = body.get("expires_in")
    told_as = "absent" if lifetime is None else "text" if isinstance(lifetime, str) else "number"
    seconds = None
    with suppress(TypeError, ValueError):
        seconds = float(lifetime or "")
    rotates = None
    if sent_refresh_token:
        rotates = body.get("refresh_token") not in {None, "", sent_refresh_token}
    return TokenTraits(told_as=told_as, lifetime_seconds=seconds, rotates=rotates)
