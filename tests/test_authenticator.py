"""The SDK's authenticator on the run's tokens: its hooks work, and the guarantees stay those of `TokenManager`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from harness import run_tap, settings_of
from singer_sdk.authenticators import OAuthAuthenticator

from tap_yoc.engine.run import Run
from tap_yoc.redaction import Redactor
from tap_yoc.singer.authenticator import YOCAuthenticator

if TYPE_CHECKING:
    from harness import VirtualClock

    from tap_yoc.sandbox.server import Sandbox


@pytest.fixture
def run(sandbox: Sandbox, clock: VirtualClock) -> Run:
    """A run that nobody has logged in."""
    return Run(settings_of(sandbox.config), clock, Redactor())


@pytest.fixture
def authenticator(run: Run) -> YOCAuthenticator:
    """The SDK's authenticator of the run."""
    return YOCAuthenticator(run.tokens, run.settings)


def signed(authenticator: OAuthAuthenticator) -> str:
    """Return what the authenticator puts on a request."""
    request = requests.Request("GET", "https://yoc.example/reports", auth=authenticator).prepare()
    return request.headers["Authorization"]


def test_the_hooks_of_the_sdk(authenticator: YOCAuthenticator, run: Run, sandbox: Sandbox) -> None:
    """What is sent is `oauth_request_body`; the token is valid once it is updated."""
    assert isinstance(authenticator, OAuthAuthenticator)
    assert authenticator.auth_endpoint == f"{sandbox.config['auth_url']}/api/v2/oauth/token"
    assert not authenticator.is_token_valid()
    login = authenticator.oauth_request_body
    assert login["grant_type"] == "password"
    assert signed(authenticator) == f"Bearer {authenticator.access_token}"
    assert authenticator.is_token_valid()
    assert run.tokens.store.pair
    assert authenticator.oauth_request_body == {
        "grant_type": "refresh_token",
        "refresh_token": run.tokens.store.pair.refresh_token,
        "client_id": sandbox.config["client_id"],
        "client_secret": sandbox.config["client_secret"],
    }
    assert [set(request.body) for request in sandbox.requests] == [set(login)]


def test_a_token_that_was_renewed_elsewhere_is_taken(
    authenticator: YOCAuthenticator, run: Run, sandbox: Sandbox
) -> None:
    """After a 401 the client renews the run's token, and the authenticator signs with it without asking again."""
    before = signed(authenticator)
    run.tokens.renew(before)
    assert not authenticator.is_token_valid()
    assert signed(authenticator) != before
    assert len(sandbox.requests) == 2


def test_the_tap_signs_with_it(config: dict[str, Any], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request of the Singer tap passes through the SDK's authenticator."""
    passed: list[str | None] = []
    sign = OAuthAuthenticator.authenticate_request

    def noting(self: OAuthAuthenticator, request: requests.PreparedRequest) -> requests.PreparedRequest:
        passed.append(request.url)
        return sign(self, request)

    monkeypatch.setattr(OAuthAuthenticator, "authenticate_request", noting)
    assert run_tap(config, streams=["daily_totals"]).exit_code == 0
    assert len(passed) == sum(request.kind != "token" for request in sandbox.requests) > 1
