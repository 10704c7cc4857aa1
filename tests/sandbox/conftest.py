"""One sandbox for all tests of this folder, put back to its start before each."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "/api/v2/oauth/token"
REPORTING = "/api/v1/reporting/publishers"
TODAY = date(2026, 6, 15)


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """Yield a sandbox that serves."""
    with Sandbox(today=TODAY, seed=7) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """Return the sandbox in its first state."""
    running.reset()
    return running


@pytest.fixture
def http() -> Iterator[requests.Session]:
    """Yield a session that gives up soon and never follows redirects."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def login(sandbox: Sandbox, http: requests.Session) -> Callable[..., requests.Response]:
    """Return a call to the token endpoint; JSON, the password grant, by default."""

    def call(**fields: object) -> requests.Response:
        config = sandbox.config
        names = ("client_id", "client_secret", "username", "password")
        body = {"grant_type": "password", **{name: config[name] for name in names}, **fields}
        return http.post(sandbox.url + TOKEN, json=body, timeout=10)

    return call


@pytest.fixture
def headers(login: Callable[..., requests.Response]) -> dict[str, str]:
    """Return the Authorization header of a fresh login."""
    return {"Authorization": f"Bearer {login().json()['access_token']}"}


@pytest.fixture
def report(sandbox: Sandbox, http: requests.Session, headers: dict[str, str]) -> Callable[..., requests.Response]:
    """Return a call for a report: impressions by day, from the first of June on, by default."""

    def call(**body: object) -> requests.Response:
        whole: dict[str, Any] = {
            "group_by": ["date"],
            "data_fields": ["impressions"],
            "sort": ["+date"],
            "query": {"gte": {"date": "2026-06-01"}},
            **body,
        }
        return http.post(sandbox.url + REPORTING, json=whole, headers=headers, timeout=10, allow_redirects=False)

    return call


@pytest.fixture
def metadata(sandbox: Sandbox, http: requests.Session, headers: dict[str, str]) -> Callable[[], dict[str, Any]]:
    """Return a call for the metadata's `modifications`, as `{kind: {name: type}}`."""

    def call() -> dict[str, Any]:
        answer = http.get(sandbox.url + REPORTING, headers=headers, timeout=10)
        answer.raise_for_status()
        kinds = answer.json()["modifications"]
        return {kind: {column["name"]: column["type"] for column in kinds[kind]} for kind in kinds}

    return call
