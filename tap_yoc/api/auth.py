"""The login: decides when to request a token, and with which grant; nothing else touches the token pair."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tap_yoc.api.background import in_background
from tap_yoc.api.session_limit import SessionLimit
from tap_yoc.api.token_endpoint import TokenEndpoint, pair_in, status_of
from tap_yoc.api.token_store import TokenPair
from tap_yoc.api.transport import LEAST_REFUSAL, TOO_MANY_REQUESTS, UNAVAILABLE
from tap_yoc.errors import LoginError, NotSentError, RetryableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import requests

    from tap_yoc.api.retry import Retrier
    from tap_yoc.api.token_store import TokenStore
    from tap_yoc.api.transport import Transport
    from tap_yoc.settings.parsing import Settings

    Signer: TypeAlias = Callable[[requests.PreparedRequest], requests.PreparedRequest]
    """Puts a token on a request."""

logger = logging.getLogger("tap-yoc.auth")

SETTLING_SECONDS = 5.0
"""How long the end of a run waits for a pending token request; a longer wait would delay the stop."""
INTERNAL_ERROR = 500
NOT_PROCESSED = frozenset({TOO_MANY_REQUESTS, UNAVAILABLE})
"""Statuses that YOC sends without looking at the grant (assumed)."""


class TokenManager:
    """Signs requests with the access token, logging in and renewing as needed; one instance per run, thread-safe.

    A refresh token works only once, so the store notes that it is being sent before the request leaves. If the answer
    was not stored (a crash, a lost connection), the token is not sent again, unless there is no password: then once.
    A rejected login is not retried.
    Source: YOC's help, "Access token"; that tokens rotate and reuse revokes the whole session is assumed.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        retrier: Retrier,
        store: TokenStore,
        warn: Callable[[str], None] = logger.warning,
    ) -> None:
        """Log in only when the first request needs it."""
        self.endpoint = TokenEndpoint(settings, transport)
        self.store = store
        self._settings = settings
        self._transport = transport
        self._retrier = retrier
        self._warn = warn
        self._refused: LoginError | None = None
        self._sessions = SessionLimit(transport.clock)
        self._renewing = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add a valid access token to the request."""
        request.headers["Authorization"] = f"Bearer {self.access_token()}"
        return request

    def access_token(self, *, refused: str | None = None) -> str:
        """Return a valid token, other than the one that YOC rejected.

        Raises:
            LoginError: YOC rejects the login.
            UnavailableError: The token endpoint cannot be reached for too long.
        """
        pair = self.store.pair
        if pair and self._is_live(pair) and pair.access_token != refused:
            return pair.access_token
        return in_background(partial(self._renewed, refused)).access_token

    def renew(self, refused_header: str | None) -> None:
        """Replace the token that YOC rejected with a 401, unless another thread already has."""
        self.access_token(refused=(refused_header or "").removeprefix("Bearer "))

    def is_live(self, access_token: str | None) -> bool:
        """Return whether a request may carry this token: it is the newest one, and not about to expire."""
        pair = self.store.pair
        return bool(pair and pair.access_token == access_token and self._is_live(pair))

    def request_body(self) -> dict[str, str]:
        """Return the body of the next token request: a refresh if there is a refresh token, else the login."""
        pair = self._held(self.store.pair)
        return self.endpoint.body(_refresh_grant(pair) if pair.refresh_token else self._password_grant())

    def settle(self) -> None:
        """At the end of a run, wait briefly for a pending token request: its answer saves the next run a login.

        If it does not arrive in time, the store still notes that the refresh token was sent.
        """
        if self._renewing.acquire(timeout=SETTLING_SECONDS):
            self._renewing.release()

    def _is_live(self, pair: TokenPair) -> bool:
        now = self._transport.clock.now().timestamp()
        return bool(pair.access_token) and (pair.expires_at is None or pair.expires_at > now)

    def _renewed(self, refused: str | None) -> TokenPair:
        """Return a pair with a valid token, other than the one that YOC rejected; lock the store meanwhile."""
        with self.store.locked():
            pair = self.store.pair  # another thread or process may have been faster
            self._redact(pair)
            if not (pair and self._is_live(pair) and pair.access_token != refused):
                with self._renewing:
                    pair = self._renew(pair, is_rejected=refused is not None)
            return pair

    def _renew(self, pair: TokenPair | None, *, is_rejected: bool) -> TokenPair:
        """Try the refresh token, then the password; the caller holds the store's lock.

        `is_rejected` says whether YOC rejected the access token with a 401.
        """
        if self._refused:
            raise self._refused
        held = self._held(pair)
        renewed = self._refresh(held) or self._log_in(
            had_refresh_token=bool(held.refresh_token), is_rejected=is_rejected
        )
        self._redact(renewed)
        self.store.save(renewed)
        return renewed

    def _held(self, pair: TokenPair | None) -> TokenPair:
        """Return the stored pair; until there is one, a pair with the refresh token from the settings."""
        return pair or TokenPair(access_token="", refresh_token=self._settings.refresh_token, expires_at=0.0)

    def _redact(self, pair: TokenPair | None) -> None:
        """Redact a pair in all logs and messages from now on."""
        if pair:
            self._transport.redactor.add(pair.access_token)
            self._transport.redactor.add(pair.refresh_token)

    def _refresh(self, pair: TokenPair) -> TokenPair | None:
        """Return the next pair, or None if only a login with the password can get one."""
        if pair.refresh_token and not pair.is_refresh_sent:
            if renewed := self._exchange(pair, replace(pair, is_refresh_sent=True)):
                return renewed
            pair = self.store.pair or pair
        if not (pair.refresh_token and pair.is_refresh_sent):
            return None
        if self._has_password:
            logger.info("The answer to a refresh was never stored, so its refresh token may be used up.")
            return None
        self._warn(
            "The answer to a refresh was never stored, so its refresh token may be used up. There is no password, so "
            "the token is tried one last time."
        )
        return self._exchange(pair, _without_refresh_token(pair))

    def _exchange(self, pair: TokenPair, pending: TokenPair) -> TokenPair | None:
        """Exchange a refresh token for the next pair; `pending` is stored before the request leaves.

        Return None if YOC sent no pair, or if the answer was lost; the store then shows which.
        """

        def attempt() -> TokenPair | None:
            try:
                response, sent_at = self.endpoint.ask(_refresh_grant(pair), lambda: self.store.save(pending))
            except NotSentError:
                raise
            except RetryableError:
                return None  # YOC may have rotated the token; reusing the old one could revoke the whole session
            if status_of(response) in NOT_PROCESSED:
                self.store.save(pair)
                self._transport.raise_if_retryable(response)
                self._transport.raise_if_retryable_in_body(response)
            renewed = pair_in(response, sent_at, previous_refresh_token=pair.refresh_token)
            if renewed is None and self.endpoint.refuses_the_request(response):
                self.store.save(pair)
                if not self._has_password:
                    self._refused = self.endpoint.refusal(response)
                    raise self._refused
            elif renewed is None and LEAST_REFUSAL <= status_of(response) < INTERNAL_ERROR:
                self.store.save(_without_refresh_token(pair))
            return renewed

        renewed = self._retrier.call("Refreshing the token", attempt, within_turn=True)
        if renewed is None:
            logger.info("YOC returned no new tokens for the refresh token.")
        return renewed

    @property
    def _has_password(self) -> bool:
        return bool(self._settings.username and self._settings.password)

    def _password_grant(self) -> dict[str, str]:
        """Return the grant of a login.

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

    def _log_in(self, *, had_refresh_token: bool, is_rejected: bool) -> TokenPair:
        try:
            grant = self._password_grant()
            if is_rejected:
                self._sessions.note_end()
        except LoginError as error:
            self._refused = error
            raise

        def attempt() -> TokenPair:
            response, sent_at = self.endpoint.ask(grant)
            self._transport.raise_if_retryable(response)
            self._transport.raise_if_retryable_in_body(response)
            pair = pair_in(response, sent_at)
            if pair is None and not (response.is_refusal or response.failure_in_body):
                response.json()
                self._refused = LoginError("YOC's answer to the login has no usable access_token; check auth_url.")
                raise self._refused
            if pair is None:
                self._refused = self.endpoint.refusal(response)
                raise self._refused
            return pair

        logger.info("Logging in with the password%s.", " again" if had_refresh_token else "")
        pair = self._retrier.call("The login", attempt, within_turn=True)
        self._sessions.note_login()
        return pair


def _refresh_grant(pair: TokenPair) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": str(pair.refresh_token)}


def _without_refresh_token(pair: TokenPair) -> TokenPair:
    """Return the pair without its used refresh token, so that the one in the settings is not used again either."""
    return replace(pair, refresh_token=None, is_refresh_sent=False)
