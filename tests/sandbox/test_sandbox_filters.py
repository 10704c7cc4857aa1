"""Requests that are wrong, filters, and the days that are served."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from tap_yoc.sandbox.server import Forms

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tap_yoc.sandbox.server import Sandbox

    Call = Callable[..., requests.Response]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"group_by": ["day"]}, "'day' in group_by"),
        ({"group_by": ["impressions"]}, "'impressions' in group_by"),
        ({"group_by": ["date", "date"]}, "twice"),
        ({"data_fields": ["impression"]}, "'impression' in data_fields"),
        ({"group_by": [], "data_fields": [], "sort": []}, "at least one column"),
        ({"sort": ["+clicks"]}, "'clicks' in sort"),
        ({"query": {"eq": {"colour": 1}}}, "'colour' in the filter"),
        ({"query": {"is": {"date": 1}}}, "'is'"),
        ({"query": {"eq": {"date": "2026-06-01", "country": "DE"}}}, "one column"),
        ({"query": {"eq": {"date": "2026-06-01"}, "neq": {"country": "DE"}}}, "one operator"),
        ({"query": {"and": []}}, "'and'"),
        ({"query": {"in": {"country": "DE"}}}, "list of values"),
        ({"query": {"eq": {"company_id": "many"}}}, "company_id"),
        ({"query": {"gt": {"revenue": "nan"}}}, "revenue"),
        ({"query": {"eq": {"date": "01.06.2026"}}}, "date"),
        ({"query": {"like": {"country": 1}}}, "'like'"),
        ({"query": {"and": [{"or": [{"eq": {"site_visx_id": 1}}, {"gt": {"clicks": 1}}]}]}}, "site_visx_id"),
        ({"page_size": 501}, "page_size"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": "500"}, "page_size"),
        ({"page": -1}, "page"),
        ({"page": 0}, "page"),
        ({"limit": 5}, "limit"),
    ],
)
def test_mistakes_are_named(report: Call, changes: dict[str, object], named: str) -> None:
    """A wrong request answers 422 and says what is wrong with it."""
    answer = report(**changes)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "message"}
    assert named in answer.json()["message"]


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ({"eq": {"company_id": 106}}, "company_id = 106"),
        ({"eq": {"company_id": "106"}}, "company_id = 106"),
        ({"eq": {" ad_unit_name": 'Mystery "Scroller"'}}, "ad_unit_visx_id = 191407"),
        ({"neq": {"country": "DE"}}, "country <> 'DE'"),
        ({"eq": {"country": None}}, "country IS NULL"),
        ({"neq": {"ad_unit_visx_id": None}}, "ad_unit_visx_id IS NOT NULL"),
        ({"in": {"country": ["AT", "CH"]}}, "country IN ('AT', 'CH')"),
        ({"gt": {"site_visx_id": 8010}}, "site_visx_id > 8010"),
        ({"lt": {"site_visx_id": "8003"}}, "site_visx_id < 8003"),
        ({"like": {"ad_unit_name": "%_HB"}}, "suffix(ad_unit_name, '_HB')"),
        ({"notLike": {"ad_unit_name": "%_HB"}}, "NOT suffix(ad_unit_name, '_HB')"),
        ({"like": {"publisher_name": "O'N%"}}, "publisher_visx_id = 5003"),
        ({"like": {"company_name": "%Süß%"}}, "company_id = 106"),
        ({"like": {"country": "DE"}}, "country = 'DE'"),
        ({"like": {"ad_unit_visx_id": "1914%"}}, "CAST(ad_unit_visx_id AS VARCHAR) LIKE '1914%'"),
        ({"eq": {"is_publisher_campaign": True}}, "is_publisher_campaign"),
        ({"eq": {"is_publisher_campaign": "0"}}, "NOT is_publisher_campaign"),
        ({"eq": {"currency": "CHF"}}, "company_id = 318"),
        (
            {"and": [{"or": [{"eq": {"country": "DE"}}, {"eq": {"country": "AT"}}]}, {"lte": {"site_visx_id": 8005}}]},
            "country IN ('DE', 'AT') AND site_visx_id <= 8005",
        ),
    ],
)
def test_filters(sandbox: Sandbox, report: Call, query: dict[str, object], condition: str) -> None:
    """Each operator keeps the rows that the same condition in SQL keeps."""
    days = {"eq": {"date": "2026-06-09"}}
    body = report(data_fields=["impressions"], query={"and": [days, query]}).json()
    sql = "SELECT sum(impressions) FROM facts WHERE date = DATE '2026-06-09' AND "
    ((expected,),) = sandbox.world.facts.rows(sql + condition, [])
    assert [row["impressions"] for row in body["data"]] == [expected]


def test_filter_on_a_metric(report: Call) -> None:
    """A filter on a metric looks at the rows of the report."""
    everything = report().json()["data"]
    middle = sorted(row["impressions"] for row in everything)[7]
    body = report(query={"and": [{"gte": {"date": "2026-06-01"}}, {"gte": {"impressions": middle}}]}).json()
    assert body["data"] == [row for row in everything if row["impressions"] >= middle]


def test_default_reach_is_six_months(report: Call) -> None:
    """Without a filter the report spans six calendar months up to yesterday."""
    rows = report(query=None, page_size=500).json()["data"]
    assert (rows[0]["date"], rows[-1]["date"], len(rows)) == ("2025-12-15", "2026-06-14", 182)


def test_reach_is_clamped_to_the_end_of_the_month(sandbox: Sandbox, report: Call) -> None:
    """Six months before the 31st of August is the last day of February."""
    sandbox.today = date(2026, 8, 31)
    rows = report(query=None, page_size=500).json()["data"]
    assert (rows[0]["date"], rows[-1]["date"]) == ("2026-02-28", "2026-08-30")


@pytest.mark.parametrize(
    ("query", "is_inside"),
    [
        ({"gte": {"date": "2025-12-15"}}, True),
        ({"gt": {"date": "2025-12-14"}}, True),
        ({"lt": {"date": "2026-06-15"}}, True),
        ({"neq": {"date": "2020-01-01"}}, True),
        ({"gte": {"date": "2025-12-14"}}, False),
        ({"lte": {"date": "2026-06-15"}}, False),
        ({"gt": {"date": "2026-06-14"}}, False),
        ({"or": [{"eq": {"date": "2026-06-14"}}, {"eq": {"date": "2026-06-15"}}]}, False),
        ({"in": {"date": ["2026-06-14", "2025-12-01"]}}, False),
    ],
)
def test_dates_outside_the_reach_are_refused(
    sandbox: Sandbox, report: Call, query: dict[str, object], *, is_inside: bool
) -> None:
    """A day too early or too late fails the whole report, unless the form lets it pass."""
    assert report(query=query).status_code == (200 if is_inside else 422)
    sandbox.forms = Forms(enforce_reach=False)
    assert report(query=query).status_code == 200
