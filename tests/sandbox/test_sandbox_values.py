"""Forms of cells, columns and types, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_yoc.sandbox.forms import Forms

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tap_yoc.sandbox.server import Sandbox

    Call = Callable[..., requests.Response]
    Columns = Callable[[], dict[str, dict[str, str]]]

DAYS = 14


@pytest.mark.parametrize(
    ("forms", "column", "expected"),
    [
        (Forms(), "date", "2026-06-01"),
        (Forms(dates="datetime"), "date", "2026-06-01T00:00:00"),
        (Forms(dates="datetime_space"), "date", "2026-06-01 00:00:00"),
        (Forms(dates="datetime_z"), "date", "2026-06-01T00:00:00Z"),
        (Forms(), "is_publisher_campaign", False),
        (Forms(booleans="int"), "is_publisher_campaign", 0),
        (Forms(booleans="text_int"), "is_publisher_campaign", "0"),
        (Forms(booleans="text"), "is_publisher_campaign", "false"),
        (Forms(), "country", None),
        (Forms(missing="empty"), "country", ""),
        (Forms(missing="absent"), "country", "(no key)"),
    ],
)
def test_cells(sandbox: Sandbox, report: Call, forms: Forms, column: str, expected: object) -> None:
    """A day, a boolean and a missing value look as the form says."""
    sandbox.forms = forms
    query = {"and": [{"eq": {"date": "2026-06-01"}}, {"eq": {"country": None}}]}
    fields = ["impressions", "is_publisher_campaign"]
    row = report(group_by=["date", "country"], data_fields=fields, sort=["+is_publisher_campaign"], query=query).json()[
        "data"
    ][0]
    assert row.get(column, "(no key)") == expected
    assert type(row.get(column, "(no key)")) is type(expected)


def test_numbers_as_text(sandbox: Sandbox, report: Call) -> None:
    """Whole numbers, money and rates become text with the same digits."""
    fields = ["impressions", "revenue", "vtr_percent"]
    as_numbers = report(data_fields=fields, group_by=["date", "company_id"], sort=["+date", "+company_id"])
    sandbox.forms = Forms(numbers="text")
    row = report(data_fields=fields, group_by=["date", "company_id"], sort=["+date", "+company_id"]).json()["data"][0]
    assert all(isinstance(row[name], str) for name in (*fields, "company_id"))
    for name in fields:
        assert f'"{name}":{row[name]}' in as_numbers.text


def test_missing_numbers_and_ids(sandbox: Sandbox, report: Call) -> None:
    """A missing id takes the form of a missing value; a metric without a value is null in every form."""
    sandbox.forms = Forms(missing="empty")
    query = {"and": [{"eq": {"date": "2026-06-01"}}, {"eq": {"ad_unit_visx_id": None}}]}
    row = report(group_by=["ad_unit_visx_id"], sort=[], query=query).json()["data"][0]
    assert row["ad_unit_visx_id"] == ""
    nothing = {"and": [{"eq": {"date": "2026-06-01"}}, {"eq": {"ad_unit_visx_id": 1}}]}
    total = report(group_by=[], sort=[], data_fields=["vtr_percent"], query=nothing).json()["data"]
    assert total == [{"vtr_percent": None}]


def test_old_columns(sandbox: Sandbox, report: Call, metadata: Columns) -> None:
    """The older annex has other names for the rates, in metadata, requests and rows."""
    sandbox.forms = Forms(columns="old")
    assert {"vtr", "ctr"} < set(metadata()["data_fields"])
    assert "vtr_percent" not in metadata()["data_fields"]
    assert "vtr" in report(data_fields=["vtr"]).json()["data"][0]
    assert report(data_fields=["vtr_percent"]).status_code == 422


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("upper", ["DATE", "STRING", "INTEGER", "FLOAT", "BOOLEAN", "DECIMAL"]),
        ("lower", ["date", "string", "integer", "float", "boolean", "decimal"]),
        ("odd", ["Date", "VARCHAR", "INTEGER", "PERCENT", "Bool", "MONEY"]),
    ],
)
def test_types(sandbox: Sandbox, metadata: Columns, types: str, expected: list[str]) -> None:
    """Types are spelt as the form says."""
    sandbox.forms = Forms(types=types)
    columns = metadata()
    both = {**columns["group_by"], **columns["data_fields"]}
    names = ("date", "country", "clicks", "vtr_percent", "is_publisher_campaign", "revenue")
    assert [both[name] for name in names] == expected


def test_unexplained_type(sandbox: Sandbox, report: Call, metadata: Columns) -> None:
    """Among the odd types is one that nothing explains, on a text that does not split rows."""
    sandbox.forms = Forms(types="odd")
    assert metadata()["data_fields"]["quality_band"] == "BLOB7"
    rows = report(data_fields=["quality_band"]).json()["data"]
    assert len(rows) == DAYS
    assert all(row["quality_band"][0] == "Q" for row in rows)


def test_blanks(sandbox: Sandbox, report: Call, metadata: Columns) -> None:
    """The stray blank can be absent from the metadata, and present in rows; requests take both names."""
    for name in ("ad_unit_name", " ad_unit_name"):
        assert "ad_unit_name" in report(group_by=[name], sort=[f"+{name}"]).json()["data"][0]
    sandbox.forms = Forms(metadata_blanks=False, row_blanks=True)
    assert "ad_unit_name" in metadata()["group_by"]
    assert " ad_unit_name" in report(group_by=["ad_unit_name"], sort=[]).json()["data"][0]


def test_narrow_account(sandbox: Sandbox, report: Call, metadata: Columns) -> None:
    """An account that may see less is offered less, and refused the rest, in filters too."""
    sandbox.forms = Forms(account="narrow")
    columns = metadata()
    hidden = {"company_id", "company_name", "sap_publisher_account_id", "sap_publisher_name", "revenue", "ecpm"}
    assert not hidden & {*columns["group_by"], *columns["data_fields"]}
    assert report(group_by=["company_id"], sort=[]).status_code == 422
    assert report(data_fields=["currency"]).status_code == 422
    assert report(query={"eq": {"company_id": 106}}).status_code == 422
    assert report().status_code == 200


def test_account_without_columns(sandbox: Sandbox, metadata: Columns) -> None:
    """An account that may see nothing is offered nothing, not even columns of odd types."""
    sandbox.forms = Forms(account="none", types="odd")
    assert metadata() == {"group_by": {}, "data_fields": {}}
