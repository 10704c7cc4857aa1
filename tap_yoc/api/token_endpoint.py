"""YOC's token endpoint: the body of a token request, and the meaning of its answer."""

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
"""How long before its expiry a token is renewed, so that it does not expire on the way."""
MARGIN_SHARE = 0.2
"""For short-lived tokens, the margin as a share of the lifetime."""

WRONG_URL = frozenset({404, 405, 410})
WRONG_FORMAT = frozenset({406, 415, 422})


class TokenEndpoint:
    """Requests token pairs, without retries; thread-safe."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        """Send nothing yet."""
        self.url = settings.auth_url + TOKEN_PATH
        self._settings = settings
        self._transport = transport

    def ask(self, grant: dict[str, str], before_first_byte: Callable[[], None] | None = None) -> tuple[Response, float]:
        """Return the answer to a grant, and the time before the request, from which the token's lifetime counts.

        `before_first_byte` is called before the request is sent; if it raises, nothing is sent.

        Raises:
            NotSentError: Nothing was sent.
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
        # A kept connection may be dead already; a refresh sent over it would count as lost.
        response = self._transport.send(
            "POST", self.url, auth=auth, new_connection=True, before_first_byte=before_first_byte, **body
        )
        return response, sent_at

    def body(self, grant: dict[str, str]) -> dict[str, str]:
        """Return a grant with the client's credentials, unless they are sent in a header."""
        if self._settings.client_auth == "basic":
            return grant
        return {**grant, "client_id": self._settings.client_id, "client_secret": self._settings.client_secret}

    def refusal(self, response: Response) -> LoginError:
        """Return the error for an answer without a token pair."""
        said = self._transport.excerpt(response)
        if response.status in WRONG_URL:
            advice = "check auth_url"
        elif "invalid_client" in said:
            advice = "check client_id and client_secret, and whether client_auth should be the other one"
        elif response.status in WRONG_FORMAT:
            advice = "check whether auth_format should be the other one"
        else:
            advice = "check username and password by logging in at hub.yoc.com, then client_id and client_secret"
        return LoginError(f"YOC refuses the login ({said}); {advice}.")

    def refuses_the_request(self, response: Response) -> bool:
        """Return whether an answer rejects the URL, the format or the client, so that the grant was not looked at."""
        said = self._transport.excerpt(response)
        if "invalid_grant" in said:
            return False
        return response.status in WRONG_URL | WRONG_FORMAT or (response.is_refusal and "invalid_client" in said)


def pair_in(response: Response, sent_at: float, previous_refresh_token: str | None = None) -> TokenPair | None:
    """Return the token pair in an answer, None if there is none.

    Shape: `{"access_token": "…", "refresh_token": "…", "expires_in": 3600, …}`; the lifetime in seconds may be text or
    missing (then the token lives until a 401), the refresh token may be missing (then the previous one stays).
    """
    try:
        body: Json = decode(response.content)
    except ValueError:
        return None
    is_one = isinstance(body, dict) and not (response.is_refusal or response.failure_in_body)
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
    """Return an answer's status, or the failure status in its body if its own is good."""
    return (response.failure_in_body and response.failure_in_body.status) or response.status


def _expiry(expires_in: Json, sent_at: float) -> float | None:
    try:
        lifetime = float(expires_in)
    except (TypeError, ValueError):
        return None
    if not 0 < lifetime < float("inf"):
        return None
    return sent_at + lifetime - min(MARGIN_SECONDS, MARGIN_SHARE * lifetime)


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from reading credentials from a `.netrc`."""
    return request
