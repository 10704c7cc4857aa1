"""Failures in the body of an answer with a good status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.decoding.failures import Verdict, signs_in
from tap_yoc.exact_json import decode

if TYPE_CHECKING:
    from tap_yoc.exact_json import Json

ROWS = [{"date": "2026-06-01", "clicks": 5}]


def verdict_on(**beside: Json) -> tuple[Verdict, int | None]:
    """Return the worst of what stands beside the rows, and the first status that it tells."""
    body = decode(json.dumps({**beside, "data": []}).encode())
    signs = signs_in(body, ("data",))
    verdict = max((sign.verdict for sign in signs), default=Verdict.FINE)
    return verdict, next((sign.status for sign in signs if sign.status), None)


FAILED: list[tuple[dict[str, Json], int | None]] = [
    ({"status": 500}, 500),
    ({"status": "500"}, 500),
    ({"status": " 503 "}, 503),
    ({"status": "503 Service Unavailable"}, 503),
    ({"status": "HTTP/1.1 502 Bad Gateway"}, 502),
    ({"status": 500.0}, 500),
    ({"code": 429, "message": "quota"}, 429),
    ({"statusCode": 404}, 404),
    ({"http_status": "401"}, 401),
    ({"HTTP-Status-Code": 403}, 403),
    ({"code": 202}, 202),
    ({"code": 206}, 206),
    ({"code": -1}, None),
    ({"status": "error"}, None),
    ({"status": "FAILED"}, None),
    ({"status": "failure"}, None),
    ({"status": "partial"}, None),
    ({"status": "nok"}, None),
    ({"status": False}, None),
    ({"state": "timed_out"}, None),
    ({"result": "error"}, None),
    ({"code": "RATE_LIMIT_EXCEEDED"}, None),
    ({"code": "QuotaExceeded"}, None),
    ({"code": "ERR_INTERNAL"}, None),
    ({"status": {"code": 429, "message": "x"}}, 429),
    ({"meta": {"status": 500}}, 500),
    ({"header": {"success": False}}, None),
    ({"success": False}, None),
    ({"success": "false"}, None),
    ({"success": " False "}, None),
    ({"success": 0}, None),
    ({"success": "0"}, None),
    ({"success": "no"}, None),
    ({"success": "failed"}, None),
    ({"ok": False}, None),
    ({"is_success": False}, None),
    ({"isSuccess": "FALSE"}, None),
    ({"error": "boom"}, None),
    ({"error": True}, None),
    ({"error": "true"}, None),
    ({"error": 1}, None),
    ({"error": 503}, 503),
    ({"error": {"code": 429, "message": "x"}}, 429),
    ({"error": {"message": "x", "inner": {"status": "503"}}}, 503),
    ({"errors": [{"message": "x"}]}, None),
    ({"errors": ["x"]}, None),
    ({"errors": {"0": "x"}}, None),
    ({"errors": 3}, None),
    ({"Error": "x"}, None),
    ({"error_code": 17}, None),
    ({"errorCode": "E17"}, None),
    ({"errorMessage": "x"}, None),
    ({"exception": {"class": "X"}}, None),
    ({"failed": True}, None),
    ({"has_errors": True}, None),
    ({"timed_out": True}, None),
    ({"success": False, "code": 503}, 503),
    ({"status": "error", "code": "503"}, 503),
]

UNCLEAR: list[dict[str, Json]] = [
    {"status": 1},
    {"status": 0},
    {"code": 40029},
    {"code": "E17"},
    {"status": "weird"},
    {"success": None},
    {"success": ""},
    {"success": "perhaps"},
    {"done": False},
    {"partial": True},
    {"message": "Quota exceeded"},
    {"message": "Service temporarily unavailable"},
    {"detail": "Internal server error"},
]

FINE: list[dict[str, Json]] = [
    {},
    {"status": "ok"},
    {"status": "OK"},
    {"status": 200},
    {"status": "200"},
    {"status": "200 OK"},
    {"status": 201},
    {"status": "success"},
    {"status": "Success."},
    {"status": "completed"},
    {"status": True},
    {"status": None},
    {"status": ""},
    {"status": "null"},
    {"status": {"code": 200, "message": "OK"}},
    {"status": "no data"},
    {"code": 0},
    {"code": "0"},
    {"code": 200},
    {"code": "OK"},
    {"code": "SUCCESS", "message": "ok"},
    {"success": True},
    {"success": "true"},
    {"success": 1},
    {"success": "1"},
    {"success": "yes"},
    {"ok": True},
    {"error": None},
    {"error": ""},
    {"error": " "},
    {"error": 0},
    {"error": "0"},
    {"error": False},
    {"error": "false"},
    {"error": []},
    {"error": {}},
    {"error": "none"},
    {"error": "No error"},
    {"error": {"code": 0, "message": ""}},
    {"error": {"code": 200, "message": "OK"}},
    {"errors": [None, "", {}]},
    {"errors": {"count": 0, "items": []}},
    {"errcode": 0, "errmsg": "ok"},
    {"error_code": "200"},
    {"failed": 0},
    {"done": True},
    {"done": None},
    {"partial": False},
    {"count": 500, "total": 429},
    {"page": 404, "page_size": 500},
    {"message": "No errors"},
    {"message": "0 rows"},
    {"message": "Finished without errors"},
    {"warnings": ["figures may change"]},
    {"totals": {"errors": 12, "status": 500}},
    {"query": {"eq": {"status": "error"}}},
]


@pytest.mark.parametrize(("beside", "status"), FAILED, ids=json.dumps)
def test_a_failure_is_recognised_in_every_spelling(beside: dict[str, Json], status: int | None) -> None:
    """Codes as numbers and as text, falsy success, errors that are not empty; with the status that they stand for."""
    assert verdict_on(**beside) == (Verdict.FAILED, status)


@pytest.mark.parametrize("beside", UNCLEAR, ids=json.dumps)
def test_what_may_be_a_failure_is_unclear(beside: dict[str, Json]) -> None:
    """Beside rows it is harmless; where there are none, it may be why."""
    assert verdict_on(**beside)[0] is Verdict.UNCLEAR


@pytest.mark.parametrize("beside", FINE, ids=json.dumps)
def test_what_looks_alike_is_harmless(beside: dict[str, Json]) -> None:
    """An answer that says that all is well is no failure, however it says so."""
    assert verdict_on(**beside) == (Verdict.FINE, None)


@pytest.mark.parametrize(("beside", "status"), FAILED, ids=json.dumps)
def test_a_failure_is_found_at_every_level(beside: dict[str, Json], status: int | None) -> None:
    """It may stand beside the rows, a level above them, or where there are no rows at all."""
    del status
    nested: Any = {"data": {**beside, "rows": ROWS}}
    for body, path in ((nested, ("data", "rows")), ({**beside, "data": {"rows": []}}, ("data", "rows"))):
        assert Verdict.FAILED in {sign.verdict for sign in signs_in(decode(json.dumps(body).encode()), path)}
    for body in (beside, {"data": beside}, {"response": beside}):
        assert Verdict.FAILED in {sign.verdict for sign in signs_in(decode(json.dumps(body).encode()), None)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["status", "code", "success", "error", "errors", "message", "done", "meta", "state", "error_code"]


@given(beside=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4))
def test_nothing_breaks_the_judgement(beside: dict[str, Json]) -> None:
    """Whatever stands there, there is a verdict, of bounded length."""
    for path in (("data",), None):
        assert all(len(sign.text) <= 500 for sign in signs_in({**beside, "data": []}, path))


@given(status=st.integers(300, 599), spelled=st.sampled_from(["{}", '"{}"', '"{} Reason"', "{}.0", '" {}"']))
def test_every_status_of_a_failure_is_reported(status: int, spelled: str) -> None:
    """A number that would be a failure as a status is one in the body."""
    for name in ("status", "code", "statusCode", "http_status"):
        body = decode(f'{{"{name}": {spelled.format(status)}, "data": []}}'.encode())
        assert [sign.status for sign in signs_in(body, ("data",))] == [status]
