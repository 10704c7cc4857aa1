"""The standard reports, and the user's own, checked against the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_yoc.errors import SettingsError
from tap_yoc.reports.columns import Column, Role, kind_of
from tap_yoc.reports.custom import custom_reports
from tap_yoc.reports.metadata import AccountMetadata
from tap_yoc.reports.standard import ENTITIES, STANDARD_REPORTS, available_entities, standard_reports

if TYPE_CHECKING:
    from tap_yoc.reports.report import Report

DIMENSIONS = {
    "date": "DATE",
    "company_id": "INTEGER",
    "company_name": "STRING",
    "country": "STRING",
    "sap_publisher_account_id": "INTEGER",
    "sap_publisher_name": "STRING",
    "publisher_visx_id": "INTEGER",
    "publisher_name": "STRING",
    "site_visx_id": "INTEGER",
    "site_name": "STRING",
    "ad_unit_visx_id": "INTEGER",
    "ad_unit_name": "STRING",
}
METRICS = {
    "is_publisher_campaign": "BOOLEAN",
    "ad_requests": "INTEGER",
    "impressions": "INTEGER",
    "ctr_percent": "FLOAT",
    "revenue": "DECIMAL(10,2)",
    "currency": "STRING",
    "note": "STRING",
    "mystery": "BLOB",
}


def account_metadata(
    dimensions: dict[str, str] | None = None, metrics: dict[str, str] | None = None, *, without: tuple[str, ...] = ()
) -> AccountMetadata:
    """Return the columns of an account."""
    lists = (
        (Role.GROUP_BY, DIMENSIONS if dimensions is None else dimensions),
        (Role.DATA_FIELD, METRICS if metrics is None else metrics),
    )
    return AccountMetadata(
        Column(name=name, role=role, declared=declared, kind=kind_of(name, declared))
        for role, columns in lists
        for name, declared in columns.items()
        if name not in without
    )


def names(columns: tuple[Column, ...]) -> list[str]:
    """Return the names of columns."""
    return [column.name for column in columns]


def custom_report(**raw: Any) -> Report:  # noqa: ANN401 - whatever stands in the settings
    """Return one custom report with a name and a day, with changes."""
    (report,) = custom_reports([{"name": "mine", "group_by": ["date"], **raw}], account_metadata(), 7)
    return report


def refusal(*raw_reports: Any) -> str:  # noqa: ANN401 - whatever stands in the settings
    """Return the sentence with which reports are refused."""
    with pytest.raises(SettingsError) as caught:
        custom_reports(raw_reports, account_metadata(), 7)
    return str(caught.value)


def refused(**raw: Any) -> str:  # noqa: ANN401 - whatever stands in the settings
    """Return the sentence with which one custom report, with a name and a day, is refused."""
    return refusal({"name": "mine", "group_by": ["date"], **raw})


def test_the_standard_reports_are_those_of_the_contract() -> None:
    """Names and dimensions of the standard streams are public and stay."""
    assert {report.name: report.dimensions for report in STANDARD_REPORTS} == {
        "daily_totals": ("date",),
        "account_daily": ("date", "company_id", "sap_publisher_account_id"),
        "publisher_daily": ("date", "publisher_visx_id"),
        "country_daily": ("date", "publisher_visx_id", "country"),
        "site_daily": ("date", "publisher_visx_id", "site_visx_id"),
        "ad_unit_daily": ("date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id"),
        "ad_unit_country_daily": ("date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id", "country"),
    }
    assert [report.name for report in STANDARD_REPORTS if report.is_heavy] == ["ad_unit_country_daily"]


def test_the_entities_are_those_of_the_contract() -> None:
    """Each entity has its id, its name and its parent."""
    assert {entity.name: (entity.id_column, *entity.attributes) for entity in ENTITIES} == {
        "companies": ("company_id", "company_name"),
        "accounts": ("sap_publisher_account_id", "sap_publisher_name", "company_id"),
        "publishers": ("publisher_visx_id", "publisher_name", "sap_publisher_account_id"),
        "sites": ("site_visx_id", "site_name", "publisher_visx_id"),
        "ad_units": ("ad_unit_visx_id", "ad_unit_name", "site_visx_id"),
    }


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(
            None,
            ["daily_totals", "account_daily", "publisher_daily", "country_daily", "site_daily", "ad_unit_daily"],
            id="default-is-all-but-the-heavy",
        ),
        pytest.param(["ad_unit_country_daily"], ["ad_unit_country_daily"], id="a-heavy-one-by-name"),
        pytest.param(["site_daily", "daily_totals"], ["daily_totals", "site_daily"], id="in-their-own-order"),
        pytest.param(["site_daily", "site_daily"], ["site_daily"], id="named-twice"),
        pytest.param([], [], id="none"),
    ],
)
def test_standard_reports_are_chosen_by_name(wanted: list[str] | None, expected: list[str]) -> None:
    """Left out, all but the heavy ones exist; named, exactly those."""
    warnings: list[str] = []
    assert [report.name for report in standard_reports(wanted, account_metadata(), 7, warnings.append)] == expected
    assert warnings == []


def test_an_unknown_standard_report_is_refused() -> None:
    """A name that is no standard report is refused, with the closest one and the whole list."""
    with pytest.raises(SettingsError) as caught:
        standard_reports(["sites_daily"], account_metadata(), 7, pytest.fail)
    assert "standard_reports names sites_daily" in str(caught.value)
    assert "did you mean site_daily?" in str(caught.value)
    assert "ad_unit_country_daily" in str(caught.value)


def test_a_standard_report_asks_for_every_figure_and_the_currency() -> None:
    """Every numeric metric is asked for, types not explained too, and the currency, which belongs to the key."""
    (report,) = standard_reports(["site_daily"], account_metadata(), 7, pytest.fail)
    assert names(report.data_fields) == ["ad_requests", "impressions", "ctr_percent", "revenue", "currency", "mystery"]
    assert names(report.key) == ["date", "publisher_visx_id", "site_visx_id", "currency"]
    assert names(report.figures) == ["ad_requests", "impressions", "ctr_percent", "revenue", "mystery"]
    assert report.lookback_days == 7


def test_a_currency_that_is_a_dimension_already_is_not_asked_for_twice() -> None:
    """A column in both lists of the metadata is asked for as a dimension only."""
    both = account_metadata({**DIMENSIONS, "currency": "STRING", "revenue": "DECIMAL"})
    assert names(both.default_metrics) == ["ad_requests", "impressions", "ctr_percent", "mystery"]


def test_a_stream_without_its_dimensions_is_left_out_with_one_warning() -> None:
    """What the account may not see costs the streams that need it, one warning each, and no other."""
    warnings: list[str] = []
    found = standard_reports(None, account_metadata(without=("publisher_visx_id", "company_id")), 7, warnings.append)
    assert [report.name for report in found] == ["daily_totals"]
    assert len(warnings) == 5
    assert warnings[0] == "Stream account_daily is left out: the account does not have company_id."
    assert warnings[1] == "Stream publisher_daily is left out: the account does not have publisher_visx_id."


def test_an_entity_without_its_columns_is_left_out_with_one_warning() -> None:
    """An entity needs its id, its name and its parent."""
    warnings: list[str] = []
    found = available_entities(account_metadata(without=("site_name", "site_visx_id")), warnings.append)
    assert [entity.name for entity in found] == ["companies", "accounts", "publishers"]
    assert warnings == [
        "Stream sites is left out: the account does not have site_visx_id, site_name.",
        "Stream ad_units is left out: the account does not have site_visx_id.",
    ]


def test_additive_metrics_are_the_whole_numbers() -> None:
    """Only counts of events can be summed; rates and money of several currencies cannot."""
    assert names(account_metadata().additive) == ["ad_requests", "impressions"]


def test_types_that_are_not_explained_are_listed() -> None:
    """Columns of unknown type can be reported to the user."""
    assert names(account_metadata().of_unknown_type) == ["mystery"]


def test_the_schema_has_the_key_first_and_never_null() -> None:
    """A report's schema holds key, figures and the tap's own columns; only figures may be null."""
    data_fields = ["revenue", "is_publisher_campaign", "mystery"]
    (report,) = custom_reports(
        [{"name": "mine", "group_by": ["country", "date"], "data_fields": data_fields}],
        account_metadata(),
        7,
    )
    schema = report.json_schema()
    assert schema["required"] == ["date", "country", "is_publisher_campaign", "currency"]
    assert schema["properties"] == {
        "date": {"type": "string", "format": "date", "description": "Day of the figures."},
        "country": {"type": "string", "description": "Country, as ISO 3166 alpha-2."},
        "is_publisher_campaign": {
            "type": "boolean",
            "description": "Whether the campaign is the publisher's own.",
        },
        "currency": {"type": "string", "description": "Currency of the money, as ISO 4217."},
        "revenue": {"type": ["number", "null"], "description": "Money earned."},
        "mystery": {"type": ["string", "null"]},
        "fetched_at": {
            "type": "string",
            "format": "date-time",
            "description": "When YOC answered, in UTC; the same time for all rows of a window.",
        },
        "is_final": {
            "type": "boolean",
            "description": "Whether daily runs no longer read this day, as known when it was read.",
        },
    }


def test_a_report_without_days_has_no_final_days() -> None:
    """A report without `date` is one total: it cannot be incremental, and no day of it is final."""
    report = custom_report(group_by=["country"])
    assert not report.is_daily
    assert "is_final" not in report.json_schema()["properties"]
    assert "fetched_at" in report.json_schema()["properties"]


def test_a_custom_report_takes_what_it_names() -> None:
    """A custom report asks for exactly the columns that it names, blanks around them dropped."""
    report = custom_report(
        name="hb_units",
        group_by=["date", " ad_unit_visx_id "],
        data_fields=["impressions", "ad_requests"],
        query={"like": {"ad_unit_name": "%_HB"}},
        lookback_days=3,
    )
    assert names(report.group_by) == ["date", "ad_unit_visx_id"]
    assert names(report.data_fields) == ["impressions", "ad_requests"]
    assert (report.name, report.query, report.lookback_days) == ("hb_units", {"like": {"ad_unit_name": "%_HB"}}, 3)


@pytest.mark.parametrize(
    "data_fields", [pytest.param({}, id="left-out"), pytest.param({"data_fields": None}, id="null")]
)
def test_a_custom_report_without_metrics_gets_every_figure(data_fields: dict[str, None]) -> None:
    """Metrics left out are every numeric metric, and the currency that they are in."""
    report = custom_report(**data_fields)
    assert names(report.figures) == ["ad_requests", "impressions", "ctr_percent", "revenue", "mystery"]
    assert names(report.key) == ["date", "currency"]
    assert report.lookback_days == 7


def test_the_key_is_the_grain_with_the_day_first() -> None:
    """Every dimension and every metric that splits rows is in the key, and the day leads it."""
    report = custom_report(
        group_by=["country", "date", "site_visx_id"],
        data_fields=["impressions", "is_publisher_campaign", "note", "mystery", "currency"],
    )
    assert names(report.key) == ["date", "country", "site_visx_id", "is_publisher_campaign", "note", "currency"]
    assert names(report.figures) == ["impressions", "mystery"]


def test_a_report_may_have_nothing_but_metrics_that_split() -> None:
    """Without any figure, the key alone is asked for."""
    report = custom_report(data_fields=["is_publisher_campaign"])
    assert names(report.key) == ["date", "is_publisher_campaign"]
    assert report.figures == ()


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"eq": {"country": "DE"}}, id="eq"),
        pytest.param({"neq": {"country": "DE"}}, id="neq"),
        pytest.param({"gt": {"impressions": 100}}, id="gt"),
        pytest.param({"lt": {"impressions": 100}}, id="lt"),
        pytest.param({"gte": {"revenue": 0.5}}, id="gte"),
        pytest.param({"lte": {"revenue": "0.50"}}, id="lte"),
        pytest.param({"like": {"ad_unit_name": "%_HB"}}, id="like"),
        pytest.param({"notLike": {"ad_unit_name": "%test%"}}, id="notLike"),
        pytest.param({"in": {"company_id": [106, 107]}}, id="in"),
        pytest.param({"in": {"ad_unit_visx_id": ["191456"]}}, id="in-with-id-as-text"),
        pytest.param({"eq": {"country": None}}, id="null"),
        pytest.param({"eq": {"is_publisher_campaign": False}}, id="false"),
        pytest.param({"eq": {"company_id": 0}}, id="zero"),
        pytest.param({"and": [{"eq": {"country": "DE"}}]}, id="and-of-one"),
        pytest.param({"or": [{"eq": {"country": "DE"}}, {"eq": {"country": "AT"}}]}, id="or"),
        pytest.param(
            {"and": [{"or": [{"eq": {"country": "DE"}}, {"gt": {"impressions": 5}}]}, {"neq": {"site_name": "x"}}]},
            id="nested",
        ),
    ],
)
def test_filters_in_yocs_syntax_are_taken_as_they_are(query: dict[str, Any]) -> None:
    """Every operator of YOC's help is accepted, on dimensions and metrics, asked for or not."""
    assert custom_report(query=query).query == query


def test_a_filter_may_come_as_json_text() -> None:
    """A filter that arrives as text is read as JSON."""
    assert custom_report(query='{"like": {"ad_unit_name": "%_HB"}}').query == {"like": {"ad_unit_name": "%_HB"}}


@pytest.mark.parametrize("query", [None, {}, ""])
def test_an_empty_filter_is_none(query: object) -> None:
    """Nothing, an empty mapping and empty text filter nothing."""
    assert custom_report(query=query).query is None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        pytest.param({"equals": {"country": "DE"}}, "reports[0] (mine).query: there is no operator equals", id="name"),
        pytest.param({"notlike": {"country": "DE"}}, "did you mean notLike?", id="operator-in-other-case"),
        pytest.param({"AND": [{"eq": {"country": "DE"}}]}, "no operator AND", id="and-in-capitals"),
        pytest.param({"eq": {"contry": "DE"}}, "no column contry (did you mean country?)", id="column"),
        pytest.param({"eq": {"contry": "DE"}}, "reports[0] (mine).query.eq", id="place"),
        pytest.param({"eq": {"country": "DE"}, "gt": {"impressions": 1}}, "one operator", id="two-operators"),
        pytest.param({"eq": {"country": "DE", "site_name": "x"}}, "one column", id="two-columns"),
        pytest.param({"eq": "DE"}, "one column", id="no-column"),
        pytest.param({"eq": {}}, "one column", id="empty-comparison"),
        pytest.param({"eq": {"country": ["DE"]}}, "single value", id="list-for-a-value"),
        pytest.param({"eq": {"country": {"is": "DE"}}}, "single value", id="mapping-for-a-value"),
        pytest.param({"in": {"country": "DE"}}, "list of at least one value", id="value-for-a-list"),
        pytest.param({"in": {"country": []}}, "list of at least one value", id="in-of-none"),
        pytest.param({"and": []}, "list of at least one filter", id="and-of-none"),
        pytest.param({"or": {"eq": {"country": "DE"}}}, "list of at least one filter", id="or-without-list"),
        pytest.param({"and": [{"eq": {"country": "DE"}}, "x"]}, ".query.and[1]", id="place-within"),
        pytest.param({"and": [{"or": [{"eq": {"x": 1}}]}]}, ".query.and[0].or[0].eq", id="place-deep-within"),
        pytest.param(["eq"], "must be a filter", id="list"),
        pytest.param(5, "must be a filter", id="number"),
        pytest.param("{country: DE}", "must be a filter as JSON", id="no-json"),
        pytest.param('"eq"', "must be a filter", id="json-text"),
        pytest.param("   ", "must be a filter", id="blanks"),
    ],
)
def test_a_wrong_filter_is_refused_with_its_place(query: object, says: str) -> None:
    """A filter that YOC would not understand is refused before anything is asked, by place and reason."""
    assert says in refused(query=query)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param({"group_by": ["date", "contry"]}, "no column contry (did you mean country?)", id="unknown"),
        pytest.param({"group_by": ["date", "contry"]}, "reports[0] (mine).group_by", id="place"),
        pytest.param({"group_by": ["Country"]}, "did you mean country?", id="wrong-case"),
        pytest.param({"group_by": ["date", "impressions"]}, "impressions belongs in data_fields", id="metric"),
        pytest.param({"data_fields": ["country"]}, "country belongs in group_by", id="dimension"),
        pytest.param({"data_fields": ["impresions"]}, "did you mean impressions?", id="unknown-metric"),
        pytest.param({"group_by": []}, "list of at least one column", id="no-dimensions"),
        pytest.param({"data_fields": []}, "list of at least one column", id="no-metrics"),
        pytest.param({"group_by": "date"}, "list of at least one column", id="text-for-a-list"),
        pytest.param({"group_by": None}, "list of at least one column", id="null-for-a-list"),
        pytest.param({"group_by": [1]}, "list of at least one column", id="number-in-a-list"),
        pytest.param({"group_by": ["date", "date "]}, "names date twice", id="dimension-twice"),
        pytest.param({"data_fields": ["clicks", "impressions"]}, "no column clicks", id="not-offered"),
        pytest.param({"data_fields": ["impressions", "impressions"]}, "impressions twice", id="metric-twice"),
        pytest.param({"lookback_days": -1}, "lookback_days must be a whole number", id="negative-lookback"),
        pytest.param({"lookback_days": 1.5}, "lookback_days must be a whole number", id="fraction-lookback"),
        pytest.param({"lookback_days": "3"}, "lookback_days must be a whole number", id="text-lookback"),
        pytest.param({"lookback_days": True}, "lookback_days must be a whole number", id="boolean-lookback"),
        pytest.param({"grup_by": ["date"]}, "unknown entry grup_by (did you mean group_by?)", id="unknown-entry"),
        pytest.param({"name": None}, "reports[0].name", id="null-name"),
        pytest.param({"name": ""}, "reports[0].name", id="empty-name"),
        pytest.param({"name": "my report"}, "reports[0].name", id="blank-in-name"),
        pytest.param({"name": "1st"}, "reports[0].name", id="name-starts-with-a-digit"),
        pytest.param({"name": "über"}, "reports[0].name", id="umlaut-in-name"),
        pytest.param({"name": "x\n"}, "reports[0].name", id="line-break-in-name"),
        pytest.param({"name": 64 * "x"}, "63 at most", id="name-too-long"),
        pytest.param({"name": "site_daily"}, "site_daily is taken", id="name-of-a-standard-report"),
        pytest.param({"name": "Site_Daily"}, "Site_Daily is taken", id="name-in-another-case"),
        pytest.param({"name": "ad_unit_country_daily"}, "is taken", id="name-of-a-heavy-report"),
        pytest.param({"name": "companies"}, "companies is taken", id="name-of-an-entity"),
        pytest.param({"name": "report_fields"}, "report_fields is taken", id="name-of-the-metadata"),
    ],
)
def test_a_wrong_report_is_refused_in_one_sentence(raw: dict[str, Any], says: str) -> None:
    """A report that makes no sense is refused, with its place, the reason, and the closest name."""
    sentence = refused(**raw)
    assert says in sentence
    assert sentence.startswith("Setting reports[0]")


def test_a_report_without_group_is_refused() -> None:
    """`group_by` cannot be left out."""
    assert "reports[0] (mine).group_by" in refusal({"name": "mine"})


@pytest.mark.parametrize("raw", [None, "mine", ["date"], 5])
def test_a_report_is_a_mapping(raw: object) -> None:
    """What is no mapping is no report."""
    assert refusal(raw) == "Setting reports[0] must be a mapping with name and group_by."


def test_two_reports_of_one_name_are_refused_whatever_their_case() -> None:
    """Names that differ in case only would be one table in many warehouses."""
    first, second = {"name": "mine", "group_by": ["date"]}, {"name": "MINE", "group_by": ["country"]}
    assert "reports[1].name: MINE is taken" in refusal(first, second)


def test_a_column_offered_in_both_lists_is_used_in_one() -> None:
    """A column that is dimension and metric at once may be either in a report, and not both."""
    both = account_metadata({**DIMENSIONS, "currency": "STRING"})
    (report,) = custom_reports(
        [{"name": "mine", "group_by": ["date"], "data_fields": ["revenue", "currency"]}], both, 7
    )
    assert names(report.key) == ["date", "currency"]
    with pytest.raises(SettingsError, match="currency in group_by and in data_fields"):
        custom_reports([{"name": "mine", "group_by": ["date", "currency"], "data_fields": ["currency"]}], both, 7)


@pytest.mark.parametrize("text", ['{"gt": {"revenue": NaN}}', '{"gt": {"revenue": Infinity}}'])
def test_a_filter_with_nan_is_refused(text: str) -> None:
    """NaN cannot be sent as JSON: it is a wrong setting, and not half an hour of retries."""
    assert "reports[0] (mine).query" in refused(query=text)


def test_a_null_lookback_is_left_out() -> None:
    """Null means left out, as for the other entries of a report."""
    assert custom_report(lookback_days=None).lookback_days == 7
