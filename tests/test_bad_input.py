"""Hand-edited catalogs and states, stale ones, and leftovers of other taps: a sentence each, and nothing lost."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from harness import assert_equal_to_source, run_tap
from test_end_to_end import run_tap_catalog

if TYPE_CHECKING:
    from tap_yoc.sandbox.server import Sandbox

FIRST = date(2026, 6, 1)


def only(catalog: dict[str, Any], stream: str) -> dict[str, Any]:
    """Select one stream of a catalog and return its entry."""
    for entry in catalog["streams"]:
        root = next(item for item in entry["metadata"] if item["breadcrumb"] in ([], ()))
        root["metadata"]["selected"] = entry["tap_stream_id"] == stream
    chosen: dict[str, Any] = next(entry for entry in catalog["streams"] if entry["tap_stream_id"] == stream)
    return chosen


@pytest.fixture
def catalog(config: dict[str, Any]) -> dict[str, Any]:
    """What --discover prints, as plain JSON."""
    return run_tap_catalog(config)


def test_a_narrower_key_is_refused(config: dict[str, Any], catalog: dict[str, Any]) -> None:
    """Under a key without the site the sites of a publisher would overwrite each other."""
    only(catalog, "site_daily")["key_properties"] = ["date", "publisher_visx_id"]
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 2
    assert "The catalog gives stream site_daily the key date, publisher_visx_id" in run.log
    assert run.lines == []


def test_a_catalog_that_names_the_key_in_its_metadata_alone(config: dict[str, Any], catalog: dict[str, Any]) -> None:
    """Targets get the key anyway; without one they would add rows that are read again."""
    entry = only(catalog, "site_daily")
    key = entry.pop("key_properties")
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 0, run.log
    assert run.schema("site_daily")["key_properties"] == list(key)


def test_a_key_column_cannot_be_deselected(config: dict[str, Any], catalog: dict[str, Any]) -> None:
    """A catalog that another tool wrote may call it available; its rows need it."""
    entry = only(catalog, "site_daily")
    for item in entry["metadata"]:
        if item["breadcrumb"][-1:] == ["site_visx_id"]:
            item["metadata"] = {"inclusion": "available", "selected": False}
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 0, run.log
    assert "site_visx_id" in run.schema("site_daily")["schema"]["properties"]
    assert all("site_visx_id" in row for row in run.records("site_daily"))


def test_a_stale_key_of_a_stream_that_is_not_selected_is_no_error(
    config: dict[str, Any], catalog: dict[str, Any]
) -> None:
    """What a catalog says of a stream that nobody reads cannot let rows overwrite each other."""
    only(catalog, "daily_totals")
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "site_daily":
            entry["key_properties"] = ["date", "publisher_visx_id"]
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 0, run.log
    assert run.days("daily_totals")[-1] == "2026-06-14"
    assert run.records("site_daily") == []


def test_a_stale_column_is_left_out_with_a_warning(
    sandbox: Sandbox, config: dict[str, Any], catalog: dict[str, Any]
) -> None:
    """A column that the account has no longer is neither announced nor asked for."""
    entry = only(catalog, "site_daily")
    entry["schema"]["properties"]["viewability"] = {"type": ["number", "null"]}
    entry["metadata"].append({"breadcrumb": ["properties", "viewability"], "metadata": {"selected": True}})
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 0, run.log
    assert "Stream site_daily: the catalog lists viewability, which the account does not have" in run.log
    assert "viewability" not in run.schema("site_daily")["schema"]["properties"]
    assert_equal_to_source(run, "site_daily", sandbox, FIRST)


def test_a_catalog_without_a_new_column_does_not_get_it(
    sandbox: Sandbox, config: dict[str, Any], catalog: dict[str, Any]
) -> None:
    """A column that came after the catalog was made waits for the next selection."""
    entry = only(catalog, "site_daily")
    del entry["schema"]["properties"]["clicks"]
    entry["metadata"] = [item for item in entry["metadata"] if item["breadcrumb"][-1:] not in (["clicks"], ("clicks",))]
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 0, run.log
    assert all("clicks" not in row for row in run.records("site_daily"))
    figures = ["impressions", "revenue"]
    assert_equal_to_source(run, "site_daily", sandbox, FIRST, figures=figures)


def test_the_account_s_type_wins_over_the_catalog_s(config: dict[str, Any], catalog: dict[str, Any]) -> None:
    """The SCHEMA tells what the rows hold, whatever type an old catalog remembers."""
    only(catalog, "site_daily")["schema"]["properties"]["revenue"]["type"] = ["integer", "null"]
    run = run_tap(config, catalog=catalog)
    assert run.schema("site_daily")["schema"]["properties"]["revenue"]["type"] == ["number", "null"]


def test_a_selected_stream_that_is_gone_is_named(config: dict[str, Any], catalog: dict[str, Any]) -> None:
    """A report that was taken out of the settings is left out, with a warning."""
    entry = only(catalog, "site_daily")
    catalog["streams"].append({**entry, "tap_stream_id": "hb_units", "stream": "hb_units"})
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 0, run.log
    assert "The catalog selects hb_units, which does not exist;" in run.log


def test_key_columns_cannot_be_deselected(config: dict[str, Any], catalog: dict[str, Any]) -> None:
    """Regardless of the catalog, a row keeps what makes it unique."""
    entry = only(catalog, "site_daily")
    for item in entry["metadata"]:
        if item["breadcrumb"] not in ([], ()):
            item["metadata"]["selected"] = False
    run = run_tap(config, catalog=catalog)
    assert run.exit_code == 0, run.log
    assert all(
        set(row) == {"date", "publisher_visx_id", "site_visx_id", "currency"} for row in run.records("site_daily")
    )
    assert len(run.table("site_daily")) == 168


def test_a_full_table_override_reads_from_the_start(
    sandbox: Sandbox, config: dict[str, Any], catalog: dict[str, Any]
) -> None:
    """FULL_TABLE in the catalog disregards the bookmark and leaves it alone."""
    entry = only(catalog, "site_daily")
    entry["replication_method"] = "FULL_TABLE"
    state = {"bookmarks": {"site_daily": {"replication_key": "date", "replication_key_value": "2026-06-14"}}}
    run = run_tap(config, catalog=catalog, state=state)
    assert run.exit_code == 0, run.log
    assert_equal_to_source(run, "site_daily", sandbox, FIRST)
    assert run.bookmark("site_daily") == "2026-06-14"


def test_what_another_tap_left_in_the_state_stays(config: dict[str, Any]) -> None:
    """Entries of streams that are not ours are neither used nor dropped."""
    state = {"bookmarks": {"orders": {"replication_key": "id", "replication_key_value": 17}}}
    run = run_tap(config, state=state, streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert run.state["bookmarks"]["orders"] == {"replication_key": "id", "replication_key_value": 17}


BOOKMARKS = [
    pytest.param({"replication_key_value": "2026-06-16"}, "has not ended yet", id="future"),
    pytest.param({"replication_key_value": "2026-06-15"}, "has not ended yet", id="today"),
    pytest.param({"replication_key_value": 20260614}, "is not a bookmark of this tap", id="number"),
    pytest.param({"replication_key_value": "yesterday"}, "is not a bookmark of this tap", id="word"),
    pytest.param(
        {"replication_key": "updated_at", "replication_key_value": "2026-06-10"}, "is not a bookmark", id="other key"
    ),
]


@pytest.mark.parametrize(("bookmark", "sentence"), BOOKMARKS)
def test_a_bookmark_that_cannot_be_fails_its_stream(
    config: dict[str, Any], bookmark: dict[str, Any], sentence: str
) -> None:
    """The stream says what to fix; the others are read, and the exit code tells."""
    run = run_tap(config, state={"bookmarks": {"site_daily": bookmark}}, streams=["site_daily", "daily_totals"])
    assert run.exit_code == 2, run.log
    assert sentence in run.log
    assert run.records("site_daily") == []
    assert len(run.days("daily_totals")) == 14


@pytest.mark.parametrize("value", ["2026-06-10", "2026-06-10T00:00:00Z", "2026-06-10 12:00:00"])
def test_a_bookmark_with_a_time_is_cut(config: dict[str, Any], value: str) -> None:
    """A date-time is the day it begins with."""
    state = {"bookmarks": {"site_daily": {"replication_key": "date", "replication_key_value": value}}}
    run = run_tap(config, state=state, streams=["site_daily"])
    assert run.days("site_daily")[0] == "2026-06-04"
