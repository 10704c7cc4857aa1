"""YOC's token endpoint: what a token request says, and what its answer means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.auth import HTTPBasicAuth

from tap_yoc.api.token_store import TokenPair, is_header_text
from tap_yoc.errors import LoginError
from tap_yoc.exact_json import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tap_yoc.api.transport import Response, Transport
    from tap_yoc.exact_json import Json
    from tap_yoc.settings.parsing import Settings

TOKEN_PATH = "/api/v2/oauth/token"  # noqa: S105 - a path
MARGIN_SECONDS = 60.0
"""A token is renewed this long before it expires, so that no request carries one that dies on the way."""
MARGIN_SHARE = 0.2
"""Of a token that lives only minutes, this share of its life is the margin."""

WRONG_ADDRESS = frozenset({404, 405, 410})
WRONG_FORMAT = frozenset({406, 415, 422})


class TokenEndpoint:
    """Asks for token pairs, once each; safe under threads."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        """Ask nothing yet."""
        self.url = settings.auth_url + TOKEN_PATH
        self._settings = settings
        self._transport = transport

    def ask(self, grant: dict[str, str], before_first_byte: Callable[[], None] | None = None) -> tuple[Response, float]:
        """Return the answer to a grant, and the instant before the request, from which its token ages.

        `before_first_byte` is called before the request leaves, and keeps it from leaving if it raises.

        Raises:
            NotSentError: No byte was sent.
            RetryableError: The answer is lost.
        """
        settings = self._settings
        auth: Callable[[requests.PreparedRequest], requests.PreparedRequest] = _unsigned
        if settings.client_auth == "basic":
            auth = HTTPBasicAuth(settings.client_id.encode(), settings.client_secret.encode())
        fields = self.body(grant)
        body = (
            {"json": fields} if settings.auth_format == "json" else {"files": {k: (None, v) for k, v in fields.items()}}
        )
        sent_at = self._transport.clock.now().timestamp()
        # Over a kept connection that was dropped unseen, a refresh that never arrived would count as lost.
        response = self._transport.send(
            "POST", self.url, auth=auth, new_connection=True, before_first_byte=before_first_byte, **body
        )
        return response, sent_at

    def body(self, grant: dict[str, str]) -> dict[str, str]:
        """Return a grant with the client's credentials, unless they travel in a header."""
        if self._settings.client_auth == "basic":
            return grant
        return {**grant, "client_id": self._settings.client_id, "client_secret": self._settings.client_secret}

    def refusal(self, response: Response) -> LoginError:
        """Return what to tell the user about an answer that gives no pair."""
        said = self._transport.excerpt(response)
        if response.status in WRONG_ADDRESS:
            advice = "check auth_url"
        elif "invalid_client" in said:
            advice = "check client_id and client_secret, and whether client_auth should be the other one"
        elif response.status in WRONG_FORMAT:
            advice = "check whether auth_format should be the other one"
        else:
            advice = "check username and password by logging in at hub.yoc.com, then client_id and client_secret"
        return LoginError(f"YOC refuses the login ({said}); {advice}.")

    def refuses_the_request(self, response: Response) -> bool:
        """Say whether a refusal is one of the address, the format or the client, for which no grant is looked at."""
        said = self._transport.excerpt(response)
        if "invalid_grant" in said:
            return False
        return response.status in WRONG_ADDRESS | WRONG_FORMAT or (response.is_refusal and "invalid_client" in said)


def pair_in(response: Response, sent_at: float, previous_refresh_token: str | None = None) -> TokenPair | None:
    """Return the pair that an answer holds; None when it is no such answer.

    Shape: `{"access_token": "…", "refresh_token": "…", "expires_in": 3600, …}`; the lifetime in seconds may be text or
    missing (then the token lives until a 401), the refresh token may be missing (then the previous one stays).
    """
    try:
        body: Json = decode(response.content)
    except ValueError:
        return None
    is_one = isinstance(body, dict) and not (response.is_refusal or response.told)
    access_token = body.get("access_token") if is_one else None
    if not is_header_text(access_token):
        return None
    refresh_token = body.get("refresh_token")
    return TokenPair(
        access_token=access_token,
        refresh_token=refresh_token if is_header_text(refresh_token) else previous_refresh_token,
        expires_at=_expiry(body.get("expires_in"), sent_at),
    )


def status_of(response: Response) -> int:
    """Return an answer's status, or the one that its body tells of though its own is good."""
    return (response.told and response.told.status) or response.status


def _expiry(expires_in: Json, sent_at: float) -> float | None:
    try:
        lifetime = float(expires_in)
    except (TypeError, ValueError):
        return None
    if not 0 < lifetime < float("inf"):
        return None
    return sent_at + lifetime - min(MARGIN_SECONDS, MARGIN_SHARE * lifetime)


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from looking for credentials of its own in a `.netrc`."""
    return request
