"""Logging in to YOC: the sole owner of the token pair and the sole caller of the token endpoint."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from requests.auth import HTTPBasicAuth

from tap_yoc.api.token_store import NO_PAIR, TokenPair
from tap_yoc.api.transport import TOO_MANY_REQUESTS, UNAVAILABLE
from tap_yoc.errors import LoginError, NotSentError, RetryableError
from tap_yoc.exact_json import decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import requests

    from tap_yoc.api.retry import Retrier
    from tap_yoc.api.token_store import TokenStore
    from tap_yoc.api.transport import Response, Transport
    from tap_yoc.exact_json import Json
    from tap_yoc.settings.parsing import Settings

    Signer: TypeAlias = Callable[[requests.PreparedRequest], requests.PreparedRequest]
    """Puts a token on a request."""

logger = logging.getLogger("tap-yoc.auth")

TOKEN_PATH = "/api/v2/oauth/token"  # noqa: S105 - a path
MARGIN_SECONDS = 60.0
"""A token is renewed this long before it expires, so that no request carries one that dies on the way."""
MARGIN_SHARE = 0.2
"""Of a token that lives only minutes, this share of its life is the margin."""

WRONG_ADDRESS = frozenset({404, 405, 410})
WRONG_FORMAT = frozenset({406, 415, 422})


class TokenManager:
    """Signs requests with the access token, logging in and renewing as needed; one instance a run, safe under threads.

    A refresh token buys the next pair exactly once, so a refresh whose answer was lost is never repeated, and a login
    that was refused is not tried again.
    Source: YOC's help, "Access token"; rotation and the revoking of a family are assumed.
    """

    def __init__(self, settings: Settings, transport: Transport, retrier: Retrier, store: TokenStore) -> None:
        """Log in only when the first request needs it."""
        self._settings = settings
        self._transport = transport
        self._retrier = retrier
        self.endpoint = settings.auth_url + TOKEN_PATH
        self.store = store
        self._refused: LoginError | None = None
        self._renewing = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put a live access token on the request."""
        request.headers["Authorization"] = f"Bearer {self.access_token()}"
        return request

    def access_token(self, *, refused: str | None = None) -> str:
        """Return a token that is live and is not the one that YOC refused.

        Raises:
            LoginError: YOC refuses the login.
            UnavailableError: The token endpoint cannot be reached for too long.
        """
        pair = self.store.pair
        if pair and self._is_live(pair) and pair.access_token != refused:
            return pair.access_token
        # In a thread of its own, which a signal does not interrupt, so that `wait_for_renewal` can wait for it.
        apart = ThreadPoolExecutor(1, thread_name_prefix="tap-yoc-token")
        renewal = apart.submit(self._renewed, refused)
        apart.shutdown(wait=False)
        return renewal.result().access_token

    def renew(self, refused_header: str | None) -> None:
        """Replace the token that YOC refused with a 401, unless somebody else already has."""
        self.access_token(refused=(refused_header or "").removeprefix("Bearer "))

    def is_live(self, access_token: str | None) -> bool:
        """Say whether a request may carry this token: it is the newest one, and not about to expire."""
        pair = self.store.pair
        return bool(pair and pair.access_token == access_token and self._is_live(pair))

    def request_body(self) -> dict[str, str]:
        """Return what the next token request says: a refresh if there is a refresh token, else the login."""
        if refresh_token := self._refresh_token(self.store.pair):
            return self._body(_refresh_grant(refresh_token))
        return self._body(self._password_grant())

    def _is_live(self, pair: TokenPair) -> bool:
        return pair.expires_at is None or pair.expires_at > self._transport.clock.now().timestamp()

    def wait_for_renewal(self) -> None:
        """Wait, at the end of a run, until a pair that YOC may be sending is stored, or its time is over.

        The refresh token that buys it is used up, so that without it the next run could not go on.
        """
        with self._renewing:
            pass

    def _renewed(self, refused: str | None) -> TokenPair:
        """Return a pair whose token is live and is not the one that YOC refused, holding the store meanwhile."""
        with self.store.locked():
            pair = self.store.pair  # another thread or process may have been faster
            self._hide(pair)
            if not (pair and self._is_live(pair) and pair.access_token != refused):
                with self._renewing:
                    pair = self._renew(pair)
            return pair

    def _renew(self, pair: TokenPair | None) -> TokenPair:
        """Refresh first, then password; whoever calls holds the store's lock."""
        if self._refused:
            raise self._refused
        renewed = None
        if refresh_token := self._refresh_token(pair):
            # From here on the refresh token counts as used up, whatever becomes of the answer.
            renewed = self._refresh(refresh_token)
            if renewed is None:
                self.store.save(replace(pair or NO_PAIR, refresh_token=None))
        if renewed is None:
            renewed = self._log_in(had_refresh_token=bool(refresh_token))
        self._hide(renewed)
        self.store.save(renewed)
        return renewed

    def _refresh_token(self, pair: TokenPair | None) -> str | None:
        """Return what may buy the next pair: the one in the settings only until there is a pair."""
        return pair.refresh_token if pair else self._settings.refresh_token

    def _password_grant(self) -> dict[str, str]:
        """Return what a login says.

        Raises:
            LoginError: There is no password.
        """
        username, password = self._settings.username, self._settings.password
        if not (username and password):
            raise LoginError(
                "The refresh token is, or may be, used up or revoked, and there is no password to fall back to; "
                "set username and password, or a new refresh_token."
            )
        return {"grant_type": "password", "username": username, "password": password}

    def _hide(self, pair: TokenPair | None) -> None:
        """Keep a pair out of logs and messages from now on, wherever it came from."""
        if pair:
            self._transport.redactor.add(pair.access_token)
            self._transport.redactor.add(pair.refresh_token)

    def _refresh(self, refresh_token: str) -> TokenPair | None:
        """Return the next pair, or None when the refresh token bought none or its answer was lost."""

        def attempt() -> TokenPair | None:
            try:
                response, sent_at = self._ask(_refresh_grant(refresh_token))
            except NotSentError:
                raise
            except RetryableError:
                return None  # YOC may have rotated; using the old token again could revoke the whole family
            turned_away = {TOO_MANY_REQUESTS, UNAVAILABLE}  # assumed: before the token was looked at
            if response.status in turned_away:
                self._transport.raise_if_retryable(response)
            self._transport.raise_if_told(response, turned_away)
            return _pair_of(response, sent_at, previous_refresh_token=refresh_token)

        pair = self._retrier.call("Refreshing the token", attempt, within_turn=True)
        if pair is None:
            logger.info("The refresh token bought no new pair.")
        return pair

    def _log_in(self, *, had_refresh_token: bool) -> TokenPair:
        try:
            grant = self._password_grant()
        except LoginError as error:
            self._refused = error
            raise

        def attempt() -> TokenPair:
            response, sent_at = self._ask(grant)
            self._transport.raise_if_retryable(response)
            self._transport.raise_if_told(response)
            pair = _pair_of(response, sent_at)
            if pair is None and not (response.is_refusal or response.told):
                response.json()
                self._refused = LoginError(
                    "YOC's answer to the login holds no access_token that a header can carry; check auth_url."
                )
                raise self._refused
            if pair is None:
                self._refused = self._refusal(response)
                raise self._refused
            return pair

        logger.info("Logging in with the password%s.", " again" if had_refresh_token else "")
        return self._retrier.call("The login", attempt, within_turn=True)

    def _ask(self, grant: dict[str, str]) -> tuple[Response, float]:
        """Return the token endpoint's answer and the instant before the request, from which its token ages."""
        settings = self._settings
        auth: Signer = _unsigned
        if settings.client_auth == "basic":
            auth = HTTPBasicAuth(settings.client_id.encode(), settings.client_secret.encode())
        fields = self._body(grant)
        body = (
            {"json": fields} if settings.auth_format == "json" else {"files": {k: (None, v) for k, v in fields.items()}}
        )
        sent_at = self._transport.clock.now().timestamp()
        # Over a kept connection that was dropped unseen, a refresh that never arrived would count as lost.
        return self._transport.send("POST", self.endpoint, auth=auth, new_connection=True, **body), sent_at

    def _body(self, grant: dict[str, str]) -> dict[str, str]:
        """Return a grant with the client's credentials, unless they travel in a header."""
        if self._settings.client_auth == "basic":
            return grant
        return {**grant, "client_id": self._settings.client_id, "client_secret": self._settings.client_secret}

    def _refusal(self, response: Response) -> LoginError:
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


def _refresh_grant(refresh_token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def _pair_of(response: Response, sent_at: float, previous_refresh_token: str | None = None) -> TokenPair | None:
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
    if not (isinstance(access_token, str) and access_token and access_token.isascii() and access_token.isprintable()):
        return None
    refresh_token = body.get("refresh_token")
    return TokenPair(
        access_token=access_token,
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else previous_refresh_token,
        expires_at=_expiry(body.get("expires_in"), sent_at),
    )


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
