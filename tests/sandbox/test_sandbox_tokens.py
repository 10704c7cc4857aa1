"""The token endpoint: two grants, two content types, strict rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tap_yoc.sandbox.server import Forms

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.sandbox.server import Sandbox

    Call = Callable[..., requests.Response]

TOKEN = "/api/v2/oauth/token"
REPORTING = "/api/v1/reporting/publishers"


def status_with(sandbox: Sandbox, access_token: str) -> int:
    """Return the status of a metadata call."""
    headers = {"Authorization": f"Bearer {access_token}"}
    return requests.get(sandbox.url + REPORTING, headers=headers, timeout=10).status_code


def test_login_returns_the_published_fields(login: Call) -> None:
    """A password login answers with a pair and all that the help page lists."""
    answer = login()
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"user_uuid", "jti", "token_type", "expires_in", "access_token", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["jti"] != login().json()["jti"]


def test_multipart_and_basic(sandbox: Sandbox) -> None:
    """The body may be multipart, and the client's credentials may travel in a header."""
    config = sandbox.config
    fields = {"grant_type": "password", "username": config["username"], "password": config["password"]}
    parts = {name: (None, value.encode()) for name, value in fields.items()}
    basic = (config["client_id"], config["client_secret"])
    assert requests.post(sandbox.url + TOKEN, files=parts, auth=basic, timeout=10).status_code == 200
    assert requests.post(sandbox.url + TOKEN, json=fields, auth=basic, timeout=10).status_code == 200
    assert [request.grant for request in sandbox.requests] == ["password", "password"]


def test_url_encoded_is_refused(sandbox: Sandbox) -> None:
    """A form as HTTP clients send it by default is not on the list of what YOC takes."""
    answer = requests.post(sandbox.url + TOKEN, data={**sandbox.config, "grant_type": "password"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (415, "invalid_request")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": None}, 401, "invalid_client"),
        ({"password": "wrong"}, 400, "invalid_grant"),
        ({"username": ""}, 400, "invalid_request"),
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "made up"}, 400, "invalid_grant"),
    ],
)
def test_refusals(login: Call, changes: dict[str, object], status: int, error: str) -> None:
    """Each mistake has its code of RFC 6749."""
    answer = login(**changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


def test_a_refresh_token_works_once(sandbox: Sandbox, login: Call) -> None:
    """A second use ends the family: both pairs are dead."""
    first = login().json()
    second = login(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert status_with(sandbox, second["access_token"]) == 200
    again = login(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert status_with(sandbox, first["access_token"]) == 401
    assert status_with(sandbox, second["access_token"]) == 401
    assert login(grant_type="refresh_token", refresh_token=second["refresh_token"]).status_code == 400


def test_access_tokens_expire_by_the_clock(sandbox: Sandbox, login: Call) -> None:
    """The clock decides, to the second; refresh tokens outlive it."""
    before = sandbox.clock
    now = [1_000_000.0]
    sandbox.clock = lambda: now[0]
    try:
        pair = login().json()
        now[0] += 3599
        assert status_with(sandbox, pair["access_token"]) == 200
        now[0] += 1
        assert status_with(sandbox, pair["access_token"]) == 401
        assert login(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 200
    finally:
        sandbox.clock = before


def test_expire_at_once(sandbox: Sandbox, login: Call) -> None:
    """All access tokens can be expired by order."""
    pair = login().json()
    sandbox.expire_access_tokens()
    assert status_with(sandbox, pair["access_token"]) == 401
    assert login(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        (Forms(expires_in=60), 60),
        (Forms(expires_in=60, expires_in_as="text"), "60"),
        (Forms(expires_in_as="absent"), None),
    ],
)
def test_forms_of_expires_in(sandbox: Sandbox, login: Call, forms: Forms, expected: object) -> None:
    """A lifetime may be sent as a number, as text, or not at all."""
    sandbox.forms = forms
    assert login().json().get("expires_in") == expected


def test_refresh_without_rotation(sandbox: Sandbox, login: Call) -> None:
    """With `keep` the refresh token stays good, and no new one is sent."""
    sandbox.forms = Forms(rotation="keep")
    refresh_token = login().json()["refresh_token"]
    for _ in range(2):
        answer = login(grant_type="refresh_token", refresh_token=refresh_token)
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()


def test_login_may_end_sessions(sandbox: Sandbox, login: Call) -> None:
    """A login ends earlier sessions only where the form says so."""
    first = login().json()
    second = login().json()
    assert status_with(sandbox, first["access_token"]) == 200
    sandbox.forms = Forms(login_ends_sessions=True)
    third = login().json()
    assert status_with(sandbox, second["access_token"]) == 401
    assert status_with(sandbox, third["access_token"]) == 200
