"""Catalogs, states and stream maps that do not fit the account: a warning or a sentence, and never a failed stream."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from harness import YESTERDAY, run_tap
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.errors import SettingsError
from tap_yoc.singer.state import check_state
from tap_yoc.singer.stream_maps import check_stream_maps
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    from tap_yoc.sandbox.server import Sandbox

STREAMS = ["site_daily", "sites", "daily_totals"]


def settings_of_two_days(sandbox: Sandbox, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - settings of any kind
    """Return the settings for two days of two reports."""
    first = str(YESTERDAY - timedelta(days=1))
    return {**sandbox.config, "start_date": first, "standard_reports": ["daily_totals", "site_daily"], **more}


def catalog_of(settings: dict[str, Any], *selected: str) -> dict[str, Any]:
    """Return the catalog that the tap discovers, with these streams selected."""
    tap = TapYOC(config=dict(settings), setup_mapper=False)
    catalog: dict[str, Any] = json.loads(tap.catalog_json_text)
    tap.run.close()
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in selected
    return catalog


@pytest.mark.parametrize(
    "maps",
    [
        pytest.param({"site_daily": {"site": "site_visx_id", "__key_properties__": ["site"]}}, id="of its own columns"),
        pytest.param({"*_daily": {"__filter__": "impressions > 0"}}, id="by a pattern"),
        pytest.param({"copy": {"__source__": "site_daily", "day": "date"}}, id="a copy"),
        pytest.param({"site_daily": None}, id="left out"),
    ],
)
def test_a_map_of_a_stream_that_is_not_selected_is_no_failure(sandbox: Sandbox, maps: dict[str, Any]) -> None:
    """One configuration serves pipelines that select differently."""
    settings = settings_of_two_days(sandbox, stream_maps=maps)
    run = run_tap(settings, catalog=catalog_of(settings_of_two_days(sandbox), "daily_totals"))
    assert run.exit_code == 0, run.log
    assert len(run.days("daily_totals")) == 2
    assert {message.get("stream") for message in run.messages} <= {None, "daily_totals"}


def test_a_map_of_a_selected_stream_still_works(sandbox: Sandbox) -> None:
    """With a catalog as without one."""
    settings = settings_of_two_days(sandbox, stream_maps={"site_daily": {"note": "'x'"}})
    run = run_tap(settings, catalog=catalog_of(settings_of_two_days(sandbox), "site_daily"))
    assert {row["note"] for row in run.records("site_daily")} == {"x"}


@pytest.mark.parametrize(
    ("maps", "says"),
    [
        ({"site_dayly": {"a": "b"}}, "there is no stream site_dayly (did you mean site_daily?)"),
        ({"copy": {"__source__": "sitess"}}, "there is no stream sitess (did you mean sites?)"),
        ({"hb_*": None}, "there is no stream hb_*."),
    ],
)
def test_a_map_for_no_stream_is_a_misspelling(maps: dict[str, Any], says: str) -> None:
    """A map that does nothing is reported before anything is asked."""
    with pytest.raises(SettingsError) as caught:
        check_stream_maps(maps, STREAMS)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "maps", [{"*": None}, {"site_daily": "__NULL__"}, {"__else__": None}, {"si*": {"a": "b("}}, {}]
)
def test_a_map_for_a_stream_is_left_to_the_sdk(maps: dict[str, Any]) -> None:
    """Whatever else is wrong with it, the SDK says."""
    check_stream_maps(maps, STREAMS)


def test_a_map_names_the_package_that_it_needs(sandbox: Sandbox) -> None:
    """Fake values need a package; it is named before the login. A text that says fake needs none."""
    maps = {"site_daily": {"name": "fake.name() if site_visx_id else None"}}
    with patch("tap_yoc.singer.stream_maps.find_spec", return_value=None):
        run = run_tap(settings_of_two_days(sandbox, stream_maps=maps))
        assert run.exit_code == 2
        assert str(run.error) == "Setting stream_maps: fake needs another package: pip install faker."
        assert sandbox.requests == []
        check_stream_maps({"site_daily": {"name": "'fake'", "real": "record['fake']"}}, STREAMS)
    with patch("tap_yoc.singer.stream_maps.find_spec"):
        check_stream_maps(maps, STREAMS)


def test_columns_that_the_catalog_lacks_are_reported_once(sandbox: Sandbox) -> None:
    """An account gets a metric: whoever keeps a catalog hears of it; of streams that are not selected, nobody does."""
    settings = settings_of_two_days(sandbox)
    catalog = catalog_of(settings, "daily_totals", "site_daily")
    for stream in catalog["streams"]:
        for name in ("clicks", "fetched_at"):
            stream["schema"]["properties"].pop(name, None)
    run = run_tap(settings, catalog=catalog)
    assert run.exit_code == 0
    lines = [line for line in run.log.splitlines() if "catalog lacks" in line]
    (line,) = lines
    assert line == (
        "WARNING The catalog lacks columns that the account has: clicks (daily_totals, site_daily); "
        "fetched_at (daily_totals, site_daily). Run --discover again to read them."
    )
    assert "clicks" not in run.records("site_daily")[0]


def test_a_catalog_kept_from_before_needs_no_descriptions(sandbox: Sandbox) -> None:
    """With its descriptions, without them or with other ones, a catalog gives the same messages, which have today's."""
    settings = settings_of_two_days(sandbox)
    messages = []
    for description in ({"description": "Something else."}, {}, None):
        catalog = catalog_of(settings, "site_daily", "sites", "report_fields")
        for stream in catalog["streams"]:
            for schema in stream["schema"]["properties"].values() if description is not None else ():
                del schema["description"]
                schema.update(description)
        run = run_tap(settings, catalog=catalog)
        assert run.exit_code == 0, run.log
        assert "WARNING" not in run.log
        for message in run.messages:
            message.pop("time_extracted", None)
            message.get("record", {}).pop("fetched_at", None)
        messages.append(run.messages)
    assert messages[0] == messages[1] == messages[2]
    for stream in ("site_daily", "sites", "report_fields"):
        columns = run.schema(stream)["schema"]["properties"].values()
        assert all(schema["description"] not in {"", "Something else."} for schema in columns)


def test_a_stream_without_any_metric_is_reported(sandbox: Sandbox) -> None:
    """All metrics deselected: the rows are of little use, and may be none."""
    settings = settings_of_two_days(sandbox)
    catalog = catalog_of(settings, "daily_totals", "site_daily")
    (totals,) = [stream for stream in catalog["streams"] if stream["tap_stream_id"] == "daily_totals"]
    for entry in totals["metadata"]:
        if entry["breadcrumb"] and entry["metadata"]["inclusion"] == "available":
            entry["metadata"]["selected"] = False
    run = run_tap(settings, catalog=catalog)
    assert run.log.count("no metric is selected") == 1
    assert "Stream daily_totals: no metric is selected, so its rows have keys only." in run.log


# --- states

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)),
    max_leaves=4,
)
PARTS = st.sampled_from(
    ["partitions", "progress_markers", "replication_key", "replication_key_signpost", "starting_replication_value"]
)


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param({"partitions": [{"context": {"id": 1}, "replication_key_value": "2026-01-01"}]}, id="partitions"),
        pytest.param({"partitions": [{}]}, id="partitions of nothing"),
        pytest.param({"progress_markers": "none"}, id="progress markers that are none"),
    ],
)
def test_a_state_of_another_tap_is_one_sentence(sandbox: Sandbox, mark: dict[str, Any]) -> None:
    """What the SDK would trip over, or read a stream several times for."""
    run = run_tap(settings_of_two_days(sandbox), state={"bookmarks": {"site_daily": mark}})
    assert run.exit_code == 2
    assert str(run.error) == (
        "The state of stream site_daily belongs to another tap; remove the stream's entry to read it from the start."
    )
    assert run.lines == []


@given(st.dictionaries(st.sampled_from(["site_daily", "gone"]), st.dictionaries(PARTS, JSON, max_size=3), max_size=2))
def test_the_sdk_takes_every_state_that_is_let_through(bookmarks: dict[str, Any]) -> None:
    """Whatever stands in it: a sentence, or what the SDK does with a state at the beginning of a run."""
    try:
        check_state({"bookmarks": bookmarks})
    except SettingsError:
        return
    tap = object.__new__(TapYOC)
    tap._state = {}
    tap.load_state({"bookmarks": bookmarks})
    tap._reset_state_progress_markers()
