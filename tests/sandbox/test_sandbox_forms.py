"""Every plausible form of an answer, one row each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from timeouts import SECONDS

from tap_yoc.sandbox import reporting
from tap_yoc.sandbox.forms import FormError, Forms

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tap_yoc.sandbox.exchange import Exchange, Reply
    from tap_yoc.sandbox.server import Sandbox

    Call = Callable[..., requests.Response]
    Columns = Callable[[], dict[str, dict[str, str]]]

DAYS = 14
REPORTING = "/api/v1/reporting/publishers"


@pytest.mark.parametrize(
    ("envelope", "keys"),
    [
        ("data", ["data"]),
        ("bare", []),
        ("items", ["items"]),
        ("results", ["results"]),
        ("rows", ["rows"]),
        ("records", ["records"]),
        ("nested", ["data", "rows"]),
        ("other", ["publisher_report"]),
    ],
)
def test_envelopes(sandbox: Sandbox, report: Call, envelope: str, keys: list[str]) -> None:
    """The rows are where the form says, and nowhere else."""
    sandbox.forms = Forms(envelope=envelope)
    body = report().json()
    if keys:
        assert set(body) == {keys[0], "total", "page", "page_size"}
    for key in keys:
        body = body[key]
    assert [row["date"] for row in body] == [f"2026-06-{day:02}" for day in range(1, 15)]


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        ("total", {"total": DAYS, "page": 1, "page_size": 5}),
        ("none", {}),
        ("total_count", {"total_count": DAYS, "page": 1, "page_size": 5}),
        ("count", {"count": DAYS, "page": 1, "page_size": 5}),
        ("total_items", {"total_items": DAYS, "page": 1, "page_size": 5}),
        ("pagination", {"pagination": {"total": DAYS, "page": 1, "page_size": 5}}),
        ("paging", {"paging": {"total": DAYS, "page": 1, "page_size": 5}}),
        ("meta", {"meta": {"total": DAYS, "page": 1, "page_size": 5}}),
        ("header", {}),
        ("page_count", {"count": 5, "page": 1, "page_size": 5}),
    ],
)
def test_totals(sandbox: Sandbox, report: Call, total: str, expected: dict[str, Any]) -> None:
    """The total is where the form says; `page_count` counts this page only."""
    sandbox.forms = Forms(total=total)
    answer = report(page_size=5)
    body = answer.json()
    assert len(body.pop("data")) == 5
    assert body == expected
    assert answer.headers.get("X-Total-Count") == ("14" if total == "header" else None)


def test_total_as_text(sandbox: Sandbox, report: Call) -> None:
    """A total may be text."""
    sandbox.forms = Forms(total_as_text=True)
    assert report().json()["total"] == "14"


@pytest.mark.parametrize(
    ("forms", "page", "status", "first_day"),
    [
        (Forms(), 1, 200, "2026-06-01"),
        (Forms(), 2, 200, "2026-06-11"),
        (Forms(), 0, 422, None),
        (Forms(before_first="first"), 0, 200, "2026-06-01"),
        (Forms(before_first="empty"), 0, 200, None),
        (Forms(before_first="404"), 0, 404, None),
        (Forms(first_page=0), 0, 200, "2026-06-01"),
        (Forms(first_page=0), None, 200, "2026-06-01"),
        (Forms(first_page=0), 1, 200, "2026-06-11"),
        (Forms(first_page=0), -1, 422, None),
        (Forms(), 3, 200, None),
        (Forms(past_end="204"), 3, 204, None),
        (Forms(past_end="404"), 3, 404, None),
        (Forms(past_end="last"), 9, 200, "2026-06-11"),
        (Forms(first_page=0, past_end="404"), 2, 404, None),
    ],
)
def test_page_numbers(
    sandbox: Sandbox, report: Call, forms: Forms, page: int | None, status: int, first_day: str | None
) -> None:
    """Pages are counted from the first, and what lies outside answers as the form says."""
    sandbox.forms = forms
    answer = report(page=page, page_size=10)
    assert answer.status_code == status
    if status == 200:
        rows = answer.json()["data"]
        assert (rows[0]["date"] if rows else None) == first_day


def test_page_cap(sandbox: Sandbox, report: Call) -> None:
    """A silent cap makes pages shorter without losing rows between them."""
    sandbox.forms = Forms(page_cap=6)
    days = [[row["date"][-2:] for row in report(page=page, page_size=10).json()["data"]] for page in (1, 2, 3)]
    assert [len(page) for page in days] == [6, 6, 2]
    assert sum(days, []) == [f"{day:02}" for day in range(1, 15)]  # noqa: RUF017 - three short lists


@pytest.mark.parametrize(
    ("errors", "kind", "start"), [("json", "application/json", "{"), ("html", "text/html", "<"), ("empty", "", "")]
)
def test_error_bodies(sandbox: Sandbox, report: Call, login: Call, errors: str, kind: str, start: str) -> None:
    """Errors of both endpoints have the body the form says."""
    sandbox.forms = Forms(errors=errors)
    for answer, status in ((report(page_size=501), 422), (login(password="wrong"), 400)):
        assert answer.status_code == status
        assert answer.headers.get("Content-Type", "").startswith(kind)
        assert answer.text[:1] == start


@pytest.mark.parametrize("retry_after", ["", "7"])
def test_too_many_at_once(sandbox: Sandbox, report: Call, monkeypatch: pytest.MonkeyPatch, retry_after: str) -> None:
    """Beyond the limit a report answers 429, with Retry-After where the form gives one."""
    sandbox.forms = Forms(max_in_flight=1, rate_limit_retry_after=retry_after)
    has_begun, may_end = threading.Event(), threading.Event()
    answer_of = reporting._report  # noqa: SLF001 - where a report takes its time

    def held(exchange: Exchange) -> Reply:
        has_begun.set()
        may_end.wait(SECONDS)
        return answer_of(exchange)

    monkeypatch.setattr(reporting, "_report", held)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(report)
        assert has_begun.wait(SECONDS)
        refused = report()
        may_end.set()
        assert first.result(SECONDS).status_code == 200
    assert (refused.status_code, refused.headers.get("Retry-After", "")) == (429, retry_after)
    assert report().status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"envelope": "list"},
        {"page_cap": -1},
        {"page_cap": "6"},
        {"total_as_text": 1},
        {"first_page": 2},
        {"colour": "red"},
    ],
)
def test_wrong_forms_are_refused(wrong: dict[str, Any]) -> None:
    """A form that does not exist, or a value it cannot take, is named."""
    with pytest.raises(FormError, match=next(iter(wrong))):
        Forms().but(wrong)


def test_forms_from_texts() -> None:
    """A command line's texts become forms of the right kind."""
    forms = Forms().but_text(["envelope=bare", "first_page=0", "row_blanks=yes", "metadata_blanks=false"])
    assert forms == Forms(envelope="bare", first_page=0, row_blanks=True, metadata_blanks=False)
    for wrong in ("envelope", "first_page=one", "row_blanks=maybe", "colour=red"):
        with pytest.raises(FormError):
            Forms().but_text([wrong])


def test_every_form_says_what_it_is() -> None:
    """Each form has a description."""
    assert all(item.metadata["about"] for item in fields(Forms))
