"""Every fault on demand, one row each, over real connections."""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_yoc.sandbox.faults import KINDS, Fault, FaultError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.sandbox.server import Sandbox

    Call = Callable[..., requests.Response]

REPORTING = "/api/v1/reporting/publishers"


@pytest.mark.parametrize(
    ("kind", "options", "status", "part"),
    [
        ("status", {}, 503, '"server_error"'),
        ("status", {"status": 429, "retry_after": "3"}, 429, '"too_many_requests"'),
        ("html_200", {}, 200, "<!doctype html>"),
        ("json_scalar", {}, 200, "42"),
        ("no_rows_key", {}, 200, '{"status":"ok"}'),
        ("deep_json", {}, 200, "[" * 100_000),
        ("zip_bomb", {}, 200, "\0" * 18 * 2**24),
        ("huge_total", {}, 200, "9" * 5000),
        ("odd_packing", {}, 200, "[]"),
        ("body_status", {"retry_after": "3"}, 200, '{"status":500,"data":[]}'),
        ("body_code", {"status": 503}, 200, '{"code":503,"message":"quota","data":[]}'),
        ("body_flag", {}, 200, '{"success":"false","data":[]}'),
        ("nested_error", {}, 200, '{"data":{"error":"boom","rows":[]}}'),
        ("error_beside_rows", {}, 200, '"error":"partial"'),
        ("redirect", {"location": "http://127.0.0.1:9/elsewhere"}, 307, ""),
        ("echo_secrets", {}, 400, "Bearer yoc-access-"),
    ],
)
def test_other_answers(
    sandbox: Sandbox, report: Call, kind: str, options: dict[str, Any], status: int, part: str
) -> None:
    """The fault's answer comes once; the next one is healthy again."""
    sandbox.add_fault(kind, **options)
    answer = report()
    assert answer.status_code == status
    assert part in answer.text
    assert answer.headers.get("Retry-After") == options.get("retry_after")
    assert answer.headers.get("Location") == options.get("location")
    assert [report().status_code, sandbox.requests[-2].status] == [200, status]


@pytest.mark.parametrize(
    ("kind", "error", "logged"),
    [
        ("reset_before", "reset by peer", 0),
        ("lost_rotation", "reset by peer", 0),
        ("reset_after_headers", "reset by peer", 200),
        ("cut_body", "IncompleteRead", 200),
    ],
)
def test_broken_connections(sandbox: Sandbox, report: Call, kind: str, error: str, logged: int) -> None:
    """The connection really breaks, where the fault says; the next one holds."""
    sandbox.add_fault(kind, where="report")
    with pytest.raises(requests.RequestException, match=error):
        report()
    assert sandbox.requests[-1].status == logged
    assert report().status_code == 200


def test_half_of_the_json(sandbox: Sandbox, report: Call) -> None:
    """The HTTP is fine, the JSON is not."""
    sandbox.add_fault("cut_json")
    answer = report()
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("kind", ["slow", "slow_body"])
def test_slowness(sandbox: Sandbox, report: Call, kind: str) -> None:
    """The answer is healthy, but takes its time."""
    healthy = report().json()
    sandbox.add_fault(kind, seconds=0.3)
    started = time.monotonic()
    assert report().json() == healthy
    assert time.monotonic() - started >= 0.29


def test_slow_body_sends_its_headers_first(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """Only the body drips."""
    seconds = 60.0
    sandbox.add_fault("slow_body", where="metadata", seconds=seconds)
    started = time.monotonic()
    with requests.get(sandbox.url + REPORTING, headers=headers, timeout=2 * seconds, stream=True) as answer:
        assert answer.status_code == 200
        assert time.monotonic() - started < seconds


def test_lost_rotation(sandbox: Sandbox, login: Call) -> None:
    """The rotation happened, though its answer is lost: a second try ends the family."""
    refresh_token = login().json()["refresh_token"]
    sandbox.add_fault("lost_rotation")
    with pytest.raises(requests.ConnectionError):
        login(grant_type="refresh_token", refresh_token=refresh_token)
    again = login(grant_type="refresh_token", refresh_token=refresh_token)
    assert (again.status_code, "used before" in again.text) == (400, True)


@pytest.mark.parametrize(("kind", "renewed"), [("expire_access", 200), ("revoke_family", 400)])
def test_dead_tokens(sandbox: Sandbox, login: Call, kind: str, renewed: int) -> None:
    """Access tokens die in the middle of it; refresh tokens only with their family."""
    pair = login().json()
    sandbox.add_fault(kind, where="metadata")
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    assert requests.get(sandbox.url + REPORTING, headers=headers, timeout=10).status_code == 401
    assert login(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == renewed


def days(answer: requests.Response) -> list[int]:
    """Return the days of the month in an answer."""
    return [int(row["date"][-2:]) for row in answer.json()["data"]]


@pytest.mark.parametrize(
    ("kind", "expected", "total"),
    [
        ("repeat_page", [1, 2, 3, 4], 14),
        ("shuffle", [8, 7, 6, 5], 14),
        ("duplicate_row", [5, 5, 7, 8], 14),
        ("drop_row", [5, 6, 7], 14),
        ("foreign_day", [5, 6, 7, 15], 14),
        ("wrong_total", [5, 6, 7, 8], 15),
    ],
)
def test_spoilt_pages(sandbox: Sandbox, report: Call, kind: str, expected: list[int], total: int) -> None:
    """Page 2 of 4 days each comes spoilt once."""
    sandbox.add_fault(kind, page=2)
    assert days(report(page=1, page_size=4)) == [1, 2, 3, 4]
    answer = report(page=2, page_size=4)
    assert days(answer) == expected
    assert answer.json()["total"] == total
    assert days(report(page=2, page_size=4)) == [5, 6, 7, 8]


def test_spoilt_cells(sandbox: Sandbox, report: Call) -> None:
    """A cell of the first row is not what its column promises."""
    fields = ["impressions", "clicks", "currency"]
    for kind, options in (
        ("null_date", {}),
        ("garbage_cell", {}),
        ("garbage_cell", {"column": "clicks"}),
        ("nan_cell", {}),
        ("nul_cell", {}),
    ):
        sandbox.add_fault(kind, **options)
    # Not `.json()`, since some of the modules that requests may pick refuse NaN.
    rows = [json.loads(report(data_fields=fields).text)["data"][0] for _ in range(5)]
    assert rows[0]["date"] is None
    assert rows[1]["impressions"] == "n/a"
    assert rows[2]["clicks"] == "n/a"
    assert math.isnan(rows[3]["impressions"])
    assert rows[4]["currency"].endswith("\0")


def test_revised_between_pages(sandbox: Sandbox, report: Call) -> None:
    """An ad unit vanishes between two pages; with the next revision another does, and it is back."""
    body: dict[str, Any] = {"group_by": ["ad_unit_visx_id"], "sort": ["+ad_unit_visx_id"], "query": None}
    ids = [row["ad_unit_visx_id"] for row in report(**body).json()["data"]]
    seen = []
    for _ in range(2):
        sandbox.add_fault("revise")
        seen.append([row["ad_unit_visx_id"] for row in report(**body).json()["data"]])
    assert seen == [ids[1:], [ids[0], *ids[2:]]]
    assert [row["ad_unit_visx_id"] for row in sandbox.truth(group_by=["ad_unit_visx_id"], data_fields=[])] == seen[1]


def test_where_and_when(sandbox: Sandbox, report: Call, login: Call) -> None:
    """A fault waits for its place, its text and its turn, and goes after its times are up."""
    sandbox.add_fault("status", match='"clicks"', after=1, times=2, status=500)
    assert [report(data_fields=["clicks"]).status_code for _ in range(4)] == [200, 500, 500, 200]
    sandbox.add_fault("status", times=-1, where="token", status=502)
    assert [login().status_code, report().status_code, login().status_code] == [502, 200, 502]
    sandbox.clear_faults()
    assert login().status_code == 200


def test_faults_queue_up(sandbox: Sandbox, report: Call) -> None:
    """Rules for the same requests come one after the other."""
    sandbox.add_fault("status", status=500)
    sandbox.add_fault("status", status=429)
    assert [report().status_code for _ in range(3)] == [500, 429, 200]


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "meteor"},
        {"kind": "slow", "where": "docs"},
        {"kind": "slow", "times": 0},
        {"kind": "slow", "colour": "red"},
        {"kind": "slow", "seconds": "1"},
        {"kind": "status", "status": 1000},
        {"kind": "redirect"},
        {"where": "token"},
    ],
)
def test_wrong_faults_are_refused(options: dict[str, Any]) -> None:
    """A fault that does not exist, or options that make no sense, are refused when ordered."""
    with pytest.raises(FaultError):
        Fault.from_dict(options)


def test_every_fault_says_what_it_does() -> None:
    """Each fault has a description."""
    assert all(KINDS.values())
