"""The reporting endpoints of a healthy sandbox."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_yoc.sandbox.server import Forms

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.sandbox.server import Sandbox

    Call = Callable[..., requests.Response]

REPORTING = "/api/v1/reporting/publishers"
GRAIN = ["date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id", "country"]


def test_metadata_lists_the_annex(metadata: Callable[[], dict[str, dict[str, str]]]) -> None:
    """All published columns are there, with the published stray blank, and money beyond them."""
    columns = metadata()
    assert next(iter(columns["group_by"])) == "date"
    assert columns["group_by"][" ad_unit_name"] == "STRING"
    assert len(columns["group_by"]) == 12
    fields = columns["data_fields"]
    assert (fields["total_traffic"], fields["vtr_percent"], fields["revenue"]) == ("INTEGER", "FLOAT", "DECIMAL")
    assert (fields["is_publisher_campaign"], fields["currency"]) == ("BOOLEAN", "STRING")


@pytest.mark.parametrize("authorization", ["", "Bearer made-up", "Basic abc"])
def test_bearer_is_required(sandbox: Sandbox, authorization: str) -> None:
    """Without a live token both calls answer 401 and say how to authenticate."""
    for method in ("GET", "POST"):
        answer = requests.request(
            method, sandbox.url + REPORTING, json={}, headers={"Authorization": authorization}, timeout=10
        )
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["error"] == "unauthorized"


def test_pages_add_up_to_the_truth(sandbox: Sandbox, report: Call) -> None:
    """All pages together are the truth, row by row, in order, money to the last digit."""
    fields = ["total_traffic", "impressions", "revenue", "vtr_percent", "ecpm", "is_publisher_campaign", "currency"]
    grain = [*GRAIN, "is_publisher_campaign", "currency"]
    rows: list[dict[str, Any]] = []
    for page in range(1, 100):
        answer = report(
            group_by=GRAIN, data_fields=fields, sort=[f"+{name}" for name in grain], page=page, page_size=500
        )
        body = json.loads(answer.text, parse_float=Decimal)
        rows += body["data"]
        assert (body["page"], body["page_size"]) == (page, 500)
        if len(rows) >= body["total"]:
            break
    truth = sandbox.truth(group_by=GRAIN, data_fields=fields, start=date(2026, 6, 1))
    assert len(rows) == len(truth) == body["total"] > 2000
    for row, true in zip(rows, truth, strict=True):
        assert row["date"] == true["date"].isoformat()
        assert str(row["revenue"]) == str(true["revenue"])
        assert {name: row[name] for name in grain if name != "date"} == {
            name: true[name] for name in grain if name != "date"
        }
        assert row["vtr_percent"] is None or float(row["vtr_percent"]) == true["vtr_percent"]
    assert {request.rows for request in sandbox.requests[1:-1]} == {500}


def test_truth_is_the_sum_of_facts(sandbox: Sandbox) -> None:
    """The truth agrees with SQL written by hand, ratios being those of sums."""
    ((traffic, revenue, vtr, ecpm),) = sandbox.world.facts.rows(
        "SELECT sum(total_traffic), sum(revenue), 100 * sum(views) / sum(vtr_imps),"
        " 1000 * CAST(sum(revenue) AS DOUBLE) / sum(impressions) FROM facts"
        " WHERE date = DATE '2026-06-10' AND ad_unit_name LIKE '%HB'",
        [],
    )
    (row,) = sandbox.truth(
        group_by=["date"],
        data_fields=["total_traffic", "revenue", "vtr_percent", "ecpm"],
        start=date(2026, 6, 10),
        end=date(2026, 6, 10),
        query={"like": {"ad_unit_name": "%_HB"}},
    )
    assert row["date"] == date(2026, 6, 10)
    # The name of a renamed unit ends otherwise for a quarter; both filters then leave it out.
    assert (row["total_traffic"], row["revenue"]) == (traffic, revenue)
    assert row["vtr_percent"] == pytest.approx(vtr, abs=0.006)
    assert row["ecpm"] == pytest.approx(ecpm, abs=0.00006)


def test_money_keeps_its_digits(report: Call) -> None:
    """Revenue is a JSON number with six decimals, trailing noughts included."""
    body = json.loads(report(data_fields=["revenue"]).text, parse_float=str)
    assert len(body["data"]) == 14
    assert all(len(row["revenue"].partition(".")[2]) == 6 for row in body["data"])


def test_sort_is_descending_without_a_sign(report: Call) -> None:
    """Only a plus sorts ascending."""
    upwards = [row["date"] for row in report(sort=["+date"]).json()["data"]]
    assert upwards == sorted(upwards)
    for sign in ("-", ""):
        assert [row["date"] for row in report(sort=[f"{sign}date"]).json()["data"]] == upwards[::-1]
    amounts = [row["impressions"] for row in report(sort=["impressions"]).json()["data"]]
    assert amounts == sorted(amounts, reverse=True)


def test_rows_the_sort_leaves_equal_wander(sandbox: Sandbox, report: Call) -> None:
    """Sorting by less than the grain gives pages that do not fit together, unless the form says stable."""
    body: dict[str, object] = {"group_by": ["date", "site_visx_id"], "page_size": 50}
    first, second = report(**body).json()["data"], report(**body).json()["data"]
    assert first != second
    assert [row["date"] for row in first] == [row["date"] for row in second]
    sandbox.forms = Forms(stable_sort=True)
    assert report(**body).json() == report(**body).json()


def test_page_size_defaults_to_100(report: Call) -> None:
    """Page and page size may be left out."""
    body = report(group_by=GRAIN).json()
    assert (body["page"], body["page_size"], len(body["data"])) == (1, 100, 100)


def test_total_row(report: Call) -> None:
    """A report without group_by is one row; without metrics, the groups alone."""
    assert len(report(group_by=[], sort=[]).json()["data"]) == 1
    rows = report(group_by=["company_id", "company_name"], data_fields=[], sort=["+company_id"]).json()["data"]
    assert [row["company_id"] for row in rows] == [106, 212, 318]
    assert rows[0]["company_name"] == 'Bäckerei "Süß" & Söhne'


def test_answers_are_zipped_on_request(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """A client that takes gzip gets it."""
    for encoding, expected in (("gzip", "gzip"), ("identity", None)):
        answer = requests.get(sandbox.url + REPORTING, headers={**headers, "Accept-Encoding": encoding}, timeout=10)
        assert answer.headers.get("Content-Encoding") == expected
        assert "modifications" in answer.json()
    sandbox.forms = Forms(compression="none")
    assert "Content-Encoding" not in requests.get(sandbox.url + REPORTING, headers=headers, timeout=10).headers


def test_answers_have_the_sandboxs_time(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """The `Date` of an answer is by the clock that tokens age by, so that a clock that goes wrong can be played."""
    sandbox.clock = lambda: 0.0
    answer = requests.get(sandbox.url + REPORTING, headers=headers, timeout=10)
    assert answer.raw.headers.getlist("Date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]


def test_description(sandbox: Sandbox) -> None:
    """The public description names every property, both content types, and what is assumed."""
    described = requests.get(sandbox.url + "/openapi.json", timeout=10).json()
    assert "Assumed" in described["info"]["description"]
    token = described["paths"]["/api/v2/oauth/token"]["post"]
    assert set(token["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    models = described["components"]["schemas"]
    for name in ("ReportRequest", "ReportAnswer", "TokenRequest", "TokenAnswer", "Problem"):
        assert all("title" in each and "examples" in each for each in models[name]["properties"].values()), name
    references = json.dumps(described).split('"$ref": "#/components/schemas/')[1:]
    assert {reference.partition('"')[0] for reference in references} <= set(models)
    assert requests.get(sandbox.url + "/docs", timeout=10).status_code == 200
