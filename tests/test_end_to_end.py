"""Runs of the whole tap against the sandbox, whose own aggregation is what must come out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from harness import FIGURES, TODAY, YESTERDAY, assert_equal_to_source, run_tap

if TYPE_CHECKING:
    from harness import VirtualClock

    from tap_yoc.sandbox.server import Sandbox

FIRST = date(2026, 6, 1)
FACTS = ["account_daily", "ad_unit_daily", "country_daily", "daily_totals", "publisher_daily", "site_daily"]
ENTITIES = ["accounts", "ad_units", "companies", "publishers", "sites"]
ONE_DAY = timedelta(days=1)


def test_every_standard_table_equals_the_source(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Every figure of every day is there, once, whatever the stream."""
    run = run_tap(config)
    assert run.exit_code == 0, run.log
    for stream in FACTS:
        assert_equal_to_source(run, stream, sandbox, FIRST)
        assert len(run.records(stream)) == len(run.table(stream)), "no row came twice"
        assert run.bookmark(stream) == "2026-06-14"
    assert "Done: 12 streams, 14 days" in run.log


def test_six_months_are_read_in_windows(sandbox: Sandbox) -> None:
    """Without a start date the tap reads all that is served, one day inside the reach."""
    run = run_tap(sandbox.config, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert run.days("site_daily")[0] == "2025-12-16"
    assert_equal_to_source(run, "site_daily", sandbox, date(2025, 12, 16))
    states = [m["value"]["bookmarks"]["site_daily"] for m in run.messages if m["type"] == "STATE"]
    days = [state["replication_key_value"] for state in states if state]
    assert days == sorted(days)
    assert days == ["2026-01-15", "2026-02-15", "2026-03-18", "2026-04-18", "2026-05-19", "2026-06-14"]


def test_the_second_run_reads_the_lookback_and_the_new_day(
    sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock
) -> None:
    """A run with the first one's state reads seven finished days again, and yesterday."""
    first = run_tap(config, clock=clock)
    clock.instant += ONE_DAY
    sandbox.today = TODAY + ONE_DAY
    second = run_tap(config, state=first.state, clock=clock)
    assert second.exit_code == 0, second.log
    assert second.days("site_daily") == [f"2026-06-{day:02d}" for day in range(8, 16)]
    assert second.bookmark("site_daily") == "2026-06-15"
    both = replace(second, lines=first.lines + second.lines)
    assert_equal_to_source(both, "site_daily", sandbox, FIRST, TODAY)
    assert first.table("site_daily") != {k: v for k, v in both.table("site_daily").items() if k[0] <= "2026-06-14"}


def test_final_days_are_not_read_again(sandbox: Sandbox, config: dict[str, Any], clock: VirtualClock) -> None:
    """`is_final` says exactly which days the next daily run leaves alone."""
    first = run_tap(config, clock=clock, streams=["daily_totals"])
    clock.instant += ONE_DAY
    sandbox.today = TODAY + ONE_DAY
    second = run_tap(config, state=first.state, clock=clock, streams=["daily_totals"])
    final = {row["date"] for row in first.records("daily_totals") if row["is_final"]}
    assert final == set(first.days("daily_totals")) - set(second.days("daily_totals"))
    assert len(final) == 7


def test_entities_have_the_newest_name_and_parent(sandbox: Sandbox) -> None:
    """A renamed site and a moved ad unit stand there once, as they are now; missing ids are left out."""
    run = run_tap(sandbox.config, streams=ENTITIES)
    assert run.exit_code == 0, run.log
    for stream, key, attributes in (
        ("ad_units", "ad_unit_visx_id", ("ad_unit_name", "site_visx_id")),
        ("sites", "site_visx_id", ("site_name", "publisher_visx_id")),
        ("companies", "company_id", ("company_name",)),
    ):
        newest: dict[Any, Any] = {}
        days = sandbox.truth(group_by=["date", key, *attributes], data_fields=["impressions"], end=YESTERDAY)
        for row in sorted(days, key=lambda row: row["date"]):
            if row[key] is not None:
                newest[row[key]] = tuple(row[name] for name in attributes)
        records = run.records(stream)
        assert len(records) == len(newest)
        assert {row[key]: tuple(row[name] for name in attributes) for row in records} == newest


def test_entities_ask_with_dates_only_for_what_is_ambiguous(sandbox: Sandbox) -> None:
    """One cheap query; the ids with several names or parents are requested once more, by day."""
    run_tap(sandbox.config, streams=["ad_units"])
    reports = [request.body for request in sandbox.requests if request.kind == "report"]
    assert "date" not in reports[0]["group_by"]
    dated = [body for body in reports if "date" in body["group_by"]]
    assert dated
    for body in dated:
        (chosen,) = [tree["in"]["ad_unit_visx_id"] for tree in body["query"]["and"] if "in" in tree]
        assert set(chosen) == {191421, 191456}


@pytest.mark.parametrize("columns", ["current", "old"])
def test_every_published_column_is_described(sandbox: Sandbox, config: dict[str, Any], columns: str) -> None:
    """SCHEMA messages say what each column means, also in custom reports and by the names that it had before."""
    sandbox.forms = sandbox.forms.but({"columns": columns})
    fields = run_tap({**config, "standard_reports": []}).records("report_fields")
    names = {kind: [row["name"] for row in fields if row["kind"] == kind] for kind in ("group_by", "data_fields")}
    run = run_tap({**config, "standard_reports": [], "reports": [{"name": "everything", **names}]})
    described = run.schema("everything")["schema"]["properties"]
    assert described.keys() > {*names["group_by"], *names["data_fields"]}
    assert all(schema["description"].endswith(".") for schema in described.values())
    assert run.schema("sites")["schema"]["properties"]["site_name"]["description"] == "Newest name of the site."


def test_report_fields_are_the_metadata(config: dict[str, Any]) -> None:
    """The columns that the account may request are a table, names trimmed."""
    run = run_tap(config, streams=["report_fields"])
    rows = run.records("report_fields")
    assert {"kind": "group_by", "name": "ad_unit_name", "type": "STRING"} in rows
    assert {"kind": "data_fields", "name": "impressions", "type": "INTEGER"} in rows
    assert run.schema("report_fields")["key_properties"] == ["kind", "name"]


def test_custom_report_with_filter_and_splitting_boolean(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A filter narrows the rows, and a boolean metric splits them, so that it belongs to the key."""
    query = {"like": {"ad_unit_name": "%_HB"}}
    report = {
        "name": "hb_units",
        "group_by": ["ad_unit_visx_id", "date", "ad_unit_name"],
        "data_fields": ["ad_requests", "impressions", "is_publisher_campaign"],
        "query": query,
        "lookback_days": 3,
    }
    run = run_tap({**config, "reports": [report]}, streams=["hb_units"])
    assert run.exit_code == 0, run.log
    assert run.schema("hb_units")["key_properties"] == [
        "date", "ad_unit_visx_id", "ad_unit_name", "is_publisher_campaign",
    ]  # fmt: skip
    assert_equal_to_source(run, "hb_units", sandbox, FIRST, figures=["ad_requests", "impressions"], query=query)
    assert run.records("hb_units")


def test_custom_report_without_date_is_one_total(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A report without days is one total over the days wanted, read in full every time, and says so."""
    report = {"name": "totals_by_country", "group_by": ["country"], "data_fields": ["impressions"]}
    run = run_tap({**config, "reports": [report]}, streams=["totals_by_country"])
    assert run.exit_code == 0, run.log
    assert_equal_to_source(run, "totals_by_country", sandbox, FIRST, figures=["impressions"])
    assert "one total over 2026-06-01 to 2026-06-14" in run.log
    assert run.bookmark("totals_by_country") is None
    assert "is_final" not in run.schema("totals_by_country")["schema"]["properties"]


def test_deselected_metrics_are_not_asked_for(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """What the catalog deselects is neither asked for nor written; key columns stay regardless of the catalog."""
    catalog = run_tap_catalog(config)
    for entry in catalog["streams"]:
        wanted = entry["tap_stream_id"] == "site_daily"
        for item in entry["metadata"]:
            item["metadata"]["selected"] = wanted and item["breadcrumb"][-1:] in ([], ["impressions"], ["fetched_at"])
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 0, run.log
    columns = ["date", "publisher_visx_id", "site_visx_id", "currency", "impressions", "fetched_at"]
    assert all(sorted(row) == sorted(columns) for row in run.records("site_daily"))
    assert sorted(run.schema("site_daily")["schema"]["properties"]) == sorted(columns)
    site_queries = [r.body for r in sandbox.requests if r.kind == "report" and "site_visx_id" in r.body["group_by"]]
    assert all(sorted(body["data_fields"]) == ["currency", "impressions"] for body in site_queries)
    assert_equal_to_source(run, "site_daily", sandbox, FIRST, figures=["impressions"])


def run_tap_catalog(config: dict[str, Any]) -> dict[str, Any]:
    """Return what --discover would print."""
    from harness import VirtualClock as Virtual  # noqa: PLC0415 - the class, not the fixture's type

    from tap_yoc.tap import TapYOC  # noqa: PLC0415 - likewise

    class Clocked(TapYOC):
        clock = Virtual()

    catalog: dict[str, Any] = Clocked(config=dict(config), setup_mapper=False).catalog_dict
    return catalog


@pytest.mark.parametrize("day", ["2026-06-01", "2026-06-14"])
def test_start_and_end_are_inclusive(sandbox: Sandbox, config: dict[str, Any], day: str) -> None:
    """`start_date` and `end_date` are both read."""
    run = run_tap({**config, "start_date": day, "end_date": day}, streams=["site_daily"])
    assert run.days("site_daily") == [day]
    assert_equal_to_source(run, "site_daily", sandbox, date.fromisoformat(day), date.fromisoformat(day))


def test_backfill_reads_a_range_again_and_leaves_the_bookmark(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A backfill is independent of state and lookback, and does not touch the bookmark."""
    state = {"bookmarks": {"site_daily": {"replication_key": "date", "replication_key_value": "2026-06-14"}}}
    backfill = {**config, "backfill_from": "2026-03-01", "backfill_to": "2026-03-03"}
    run = run_tap(backfill, state=state, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert run.days("site_daily") == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert run.bookmark("site_daily") == "2026-06-14"
    assert "oldest day read again: none" in run.log.splitlines()[-1], "whether any run had read them is not known"
    assert_equal_to_source(run, "site_daily", sandbox, date(2026, 3, 1), date(2026, 3, 3))


def test_an_old_bookmark_names_the_lost_days(config: dict[str, Any]) -> None:
    """Days that were never read and that YOC no longer serves are named, once."""
    state = {"bookmarks": {"site_daily": {"replication_key": "date", "replication_key_value": "2025-11-10"}}}
    run = run_tap({**config, "start_date": "2025-11-01"}, state=state, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert run.log.count("no longer serves 2025-11-11 to 2025-12-15") == 1
    assert run.days("site_daily")[0] == "2025-12-16"


def test_a_backfill_names_the_days_that_are_gone(config: dict[str, Any]) -> None:
    """They may have been read long ago; only this backfill has to do without them."""
    days = {"backfill_from": "2025-12-01", "backfill_to": "2025-12-17"}
    run = run_tap({**config, **days}, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert "no longer serves 2025-12-01 to 2025-12-15; the backfill skips these days." in run.log
    assert "never read" not in run.log


def test_one_login_serves_all_streams(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """One token pair a run, whatever the number of streams and threads."""
    run_tap({**config, "concurrency": 16})
    assert [request.grant for request in sandbox.requests if request.kind == "token"] == ["password"]


@pytest.mark.parametrize("concurrency", [1, 16])
def test_the_output_does_not_depend_on_concurrency(config: dict[str, Any], concurrency: int) -> None:
    """Rows come in the same order whatever number of requests is in flight."""
    usual = run_tap({**config, "page_size": 20}, streams=["ad_unit_daily"])
    other = run_tap({**config, "page_size": 20, "concurrency": concurrency}, streams=["ad_unit_daily"])
    assert strip(usual.records("ad_unit_daily")) == strip(other.records("ad_unit_daily"))


def strip(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave the instant of fetching out."""
    return [{name: cell for name, cell in row.items() if name != "fetched_at"} for row in records]


def test_names_and_units_with_blanks_quotes_and_umlauts_survive(config: dict[str, Any]) -> None:
    """Text comes out as it went in."""
    report = {"name": "names", "group_by": ["publisher_name"], "data_fields": ["impressions"]}
    run = run_tap({**config, "reports": [report]}, streams=["names", "publishers"])
    names = {row["publisher_name"] for row in run.records("names")}
    assert names >= {row["publisher_name"] for row in run.records("publishers")}
    assert any("ü" in name for name in names)
    assert any('"' in name or "'" in name for name in names)


def test_a_narrow_account_gets_what_it_can_see(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """Streams whose dimensions the account does not have are left out with one warning each."""
    sandbox.forms = sandbox.forms.but({"account": "narrow"})
    run = run_tap(config)
    assert run.exit_code == 0, run.log
    assert run.log.count("Stream account_daily is left out: the account does not have company_id") == 1
    figures = [name for name in FIGURES if name not in {"revenue", "ecpm"}]
    assert run.schema("site_daily")["key_properties"] == ["date", "publisher_visx_id", "site_visx_id"]
    assert_equal_to_source(run, "site_daily", sandbox, FIRST, figures=figures)


def test_renamed_columns_need_no_change(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """The metadata, not a list in code, says which columns there are."""
    sandbox.forms = sandbox.forms.but({"columns": "old"})
    run = run_tap(config, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert {"vtr", "ctr"} <= set(run.records("site_daily")[0])
    assert "vtr_percent" not in run.records("site_daily")[0]
