"""The page's files, and what the control endpoints tell it, over real HTTP."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_yoc.sandbox import request_log
from tap_yoc.sandbox.faults import KINDS, Fault
from tap_yoc.sandbox.forms import Forms
from tap_yoc.sandbox.request_log import MASK, RequestLog, Requests, window_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.sandbox.server import Sandbox

    Call = Callable[..., requests.Response]


@pytest.fixture
def control(sandbox: Sandbox, http: requests.Session) -> Callable[..., Any]:
    """Return a call to a control endpoint that gives its JSON."""

    def call(method: str, path: str, **options: object) -> object:
        answer = http.request(method, f"{sandbox.url}/_sandbox/{path}", timeout=10, **options)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer.json()

    return call


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_are_served_with_all_they_load(sandbox: Sandbox, http: requests.Session, path: str) -> None:
    """What a page loads comes from the sandbox itself, so that it works without any other host."""
    page = http.get(sandbox.url + path, timeout=10)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    loaded = re.findall(r'<(?:link|script)[^>]* (?:href|src)="(?!data:)([^"]+)"', page.text)
    assert len(loaded) >= 2
    assert [name for name in loaded if "//" in name] == []
    for name in loaded:
        assert http.get(f"{sandbox.url}/{name.lstrip('/')}", timeout=10).content, name


def test_page_may_ask_nobody_else(sandbox: Sandbox, http: requests.Session) -> None:
    """The browser must load nothing from elsewhere; other files of the package are not served."""
    policy = http.get(sandbox.url, timeout=10).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for name in ("page.py", "..%2Fpage.py", "%2Fetc%2Fhostname"):
        assert http.get(f"{sandbox.url}/_sandbox/static/{name}", timeout=10).status_code == 404, name


def test_config_has_the_address_that_was_asked(
    sandbox: Sandbox, control: Callable[..., Any], http: requests.Session
) -> None:
    """The settings reach the sandbox by the name it was reached by, a container's for one."""
    assert control("GET", "config") == sandbox.config
    answer = http.get(f"{sandbox.url}/_sandbox/config", headers={"Host": "yoc.test:8098"}, timeout=10).json()
    assert answer == {**sandbox.config, "api_url": "http://yoc.test:8098", "auth_url": "http://yoc.test:8098"}


def test_options_are_all_that_can_be_switched(sandbox: Sandbox, control: Callable[..., Any]) -> None:
    """The page offers every form and every fault with a sentence, and the sandbox takes what it offers."""
    options = control("GET", "options")
    assert [form["name"] for form in options["forms"]] == [item.name for item in fields(Forms)]
    for form in options["forms"]:
        assert form["about"].endswith("."), form
        for choice in form.get("choices", [form["healthy"]]):
            assert control("PATCH", "forms", json={form["name"]: choice})[form["name"]] == choice
        control("PATCH", "forms", json={form["name"]: form["healthy"]})
    assert sandbox.forms == Forms()

    assert [fault["kind"] for fault in options["faults"]] == list(KINDS)
    known = {item.name for item in fields(Fault)}
    for fault in options["faults"]:
        assert fault["about"].endswith("."), fault
        assert set(fault["options"]) <= known - {"kind", "where", "times", "after", "page", "match"}
        assert set(re.findall(r"`(\w+)`", fault["about"])) & known <= set(fault["options"]), fault
        assert Fault.from_dict({"kind": fault["kind"], "location": "/"}).where == fault["where"]


def test_requests_are_listed_with_their_answers(
    sandbox: Sandbox, control: Callable[..., Any], report: Call, metadata: Call
) -> None:
    """Who watches from outside sees what was asked and what was answered, by number."""
    metadata()
    days = {"and": [{"gte": {"date": "2026-06-01"}}, {"lt": {"date": "2026-06-14"}}]}
    report(query=days, page=2, page_size=5)
    sandbox.add_fault("wrong_total")
    report()
    sandbox.add_fault("reset_before", page=4)
    with pytest.raises(requests.ConnectionError):
        report(page=4)
    _, columns, paged, spoilt, lost = told = control("GET", "requests")
    newest = told[-1]["number"]
    assert [one["number"] for one in told] == list(range(newest - 4, newest + 1))
    assert (columns["kind"], columns["status"], columns["body"], columns["window"]) == ("metadata", 200, {}, None)
    assert (paged["window"], paged["rows"], paged["total"], paged["fault"]) == (
        ["2026-06-01", "<2026-06-14"],
        5,
        13,
        None,
    )
    assert (paged["body"]["page"], paged["body"]["group_by"]) == (2, ["date"])
    assert 0 < paged["milliseconds"] < 10_000
    assert (spoilt["window"], spoilt["rows"], spoilt["total"], spoilt["fault"]) == (
        ["2026-06-01", ""],
        14,
        15,
        "wrong_total",
    )
    assert (lost["status"], lost["rows"], lost["fault"], lost["body"]["page"]) == (0, None, "reset_before", 4)

    assert control("GET", f"requests?after={newest - 1}") == [lost]
    assert control("GET", "requests?most=2") == [spoilt, lost]
    assert control("GET", "requests?failed=true&most=2") == [spoilt, lost]
    assert {request["status"] for request in control("GET", "requests?failed=true") if not request["fault"]} & {
        200
    } == set()
    assert control("GET", f"requests?after={newest}") == control("GET", f"requests?after={newest + 50}") == []


def test_requests_are_listed_without_secrets(
    sandbox: Sandbox, control: Callable[..., Any], login: Call, http: requests.Session
) -> None:
    """Of a login only grant, client and username are listed: anything else may be a secret."""
    pair = login(pasword="misspelt-secret").json()
    login(grant_type="refresh_token", refresh_token=pair["refresh_token"])
    sandbox.add_fault("status", where="token")
    login()
    form = {name: (None, value) for name, value in {**sandbox.config, "grant_type": "password"}.items()}
    http.post(f"{sandbox.url}/api/v2/oauth/token", files=form, timeout=10)
    told = control("GET", "requests")
    bodies = [one["body"] for one in told]
    assert [body["grant_type"] for body in bodies] == ["password", "refresh_token", "password", "password"]
    assert [one["status"] for one in told] == [200, 200, 503, 200]
    assert (bodies[0]["client_id"], bodies[0]["client_secret"]) == ("canary-client-4711", MASK)
    assert bodies[0]["pasword"] == bodies[0]["password"] == bodies[1]["refresh_token"] == MASK
    text = str(told)
    secrets = [sandbox.config["client_secret"], sandbox.config["password"], pair["refresh_token"], "misspelt-secret"]
    assert [secret for secret in secrets if secret in text] == []
    assert sandbox.requests[0].body["password"] == sandbox.config["password"]


def test_state_counts_requests(sandbox: Sandbox, control: Callable[..., Any], report: Call) -> None:
    """Forgetting the requests starts the count again; numbers are never given twice."""
    report()
    first = control("GET", "state")
    assert (first["requests"], first["newest_request"] - first["oldest_request"]) == (2, 1)
    control("DELETE", "requests")
    second = control("GET", "state")
    assert (second["requests"], second["newest_request"]) == (0, first["newest_request"])
    assert second["oldest_request"] == first["newest_request"] + 1
    report()
    (told,) = control("GET", "requests")
    assert told["number"] == second["oldest_request"]
    assert second["started"] == first["started"] == sandbox.world.started


def test_faults_are_dropped_by_number(control: Callable[..., Any], report: Call) -> None:
    """One fault goes, the others stay; one that is gone already may be dropped again."""
    rules = [{"kind": "status", "status": 500}, {"kind": "status", "status": 503}]
    first, second = [control("POST", "faults", json=rule)[-1]["number"] for rule in rules]
    assert [rule["number"] for rule in control("DELETE", f"faults/{first}")] == [second]
    assert [report().status_code, report().status_code] == [503, 200]
    assert control("DELETE", f"faults/{second}") == []


@pytest.mark.parametrize(
    ("characters", "most"),
    [(0, request_log.MOST_REQUESTS), (9_000_000, 2), (25_000_000, 1)],
    ids=["many", "long", "huge"],
)
def test_log_is_bounded(characters: int, most: int) -> None:
    """However long a sandbox runs, and however long the bodies are, it keeps the newest requests only."""
    log = Requests()
    for number in range(1, most + 4):
        log.add(RequestLog(kind="report", status=200 + number % 2), characters)
    assert len(log.kept()) == most
    assert log.counts() == {"requests": most + 3, "oldest_request": 4, "newest_request": most + 3}
    assert log.without_secrets(most=1) == log.without_secrets(after=most + 2)
    assert log.without_secrets(most=1)[0]["number"] == most + 3
    log.clear()
    log.add(RequestLog(kind="report"), characters)
    assert len(log.kept()) == 1


@pytest.mark.parametrize(
    ("query", "window"),
    [
        (None, None),
        ("2026-06-01", None),
        ({"and": [{"gte": {"date": "2026-06-01"}}, {"lte": {"date": "2026-06-14"}}]}, ["2026-06-01", "2026-06-14"]),
        ({"and": [{"and": [{"gt": {"date": "2026-06-01"}}]}, {"in": {"site_visx_id": [1]}}]}, [">2026-06-01", ""]),
        ({"eq": {"date": "2026-06-01"}}, ["2026-06-01", "2026-06-01"]),
        ({"or": [{"eq": {"date": "2026-06-01"}}, {"eq": {"date": "2026-06-02"}}]}, None),
        ({"gte": {"date": 20260601}, "and": "x"}, None),
        ({"eq": {"site_visx_id": 1}}, None),
    ],
)
def test_window(query: object, window: list[str] | None) -> None:
    """Days that a filter bounds on both its ends, one, or none."""
    assert window_of(query) == window
