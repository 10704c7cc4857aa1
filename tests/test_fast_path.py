"""Rows written a page at once, which are what the SDK's own way writes, message for message."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from harness import ListWriter, Outcome, VirtualClock, run_tap
from singer_sdk import Stream, Tap
from test_end_to_end import run_tap_catalog

from tap_yoc.engine.prefetch import Reader
from tap_yoc.singer.base_stream import YOCStream
from tap_yoc.singer.messages import YOCMessageWriter
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.sandbox.server import Sandbox

WITH_DATE = {
    "name": "own_daily",
    "group_by": ["date", "country", "ad_unit_name"],
    "data_fields": ["impressions", "is_publisher_campaign", "ctr_percent", "revenue"],
    "query": {"like": {"ad_unit_name": "%_HB"}},
}
WITHOUT_DATE = {"name": "own_total", "group_by": ["country"], "data_fields": ["impressions"]}
OWN = [WITH_DATE, WITHOUT_DATE]
ENTITIES = ["accounts", "ad_units", "companies", "publishers", "sites", "report_fields"]
SMALL_PAGES = {"page_size": 40, "window_days": 6}
THREE = ["site_daily", "own_daily", "ad_units"]
STATE = {"bookmarks": {"site_daily": {"replication_key": "date", "replication_key_value": "2026-06-12"}}}


def both_ways(sandbox: Sandbox, run: Callable[[], Outcome], forms: dict[str, Any] | None = None) -> list[Outcome]:
    """Run twice over a sandbox that is as new: as the tap does, and in the SDK's own way."""
    outcomes = []
    write_records = YOCMessageWriter.write_records
    pages = 0

    def counting(writer: YOCMessageWriter, stream: str, *page: Any) -> None:  # noqa: ANN401 - as the writer has it
        nonlocal pages
        pages += 1
        write_records(writer, stream, *page)

    for plain in (YOCStream._has_plain_rows, lambda _: False):  # noqa: SLF001 - the switch between the two
        sandbox.reset()
        sandbox.forms = sandbox.forms.but(forms or {})
        with (
            patch.object(YOCStream, "_has_plain_rows", plain),
            patch.object(YOCMessageWriter, "write_records", counting),
        ):
            outcomes.append(run())
        assert (pages > 0) is (len(outcomes) == 1), "one run writes pages at once, the other one no page"
        pages = 0
    return outcomes


def lines_of(outcome: Outcome) -> list[str]:
    """Return what was written, letter for letter, but for the instants of reading and writing."""
    instants = re.compile(r'"(fetched_at|time_extracted)":"[^"]*"')
    return [instants.sub(r'"\1":"…"', line.decode().strip()) for line in outcome.lines]


def counters_of(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the metrics that were logged, timers without their times."""
    points = [json.loads(line) for line in re.findall(r"METRIC: (\{.*\})", outcome.log)]
    for point in points:
        point["tags"].pop("pid", None)
        if point["type"] == "timer":
            del point["value"]
    return points


def last_line_of(outcome: Outcome) -> str:
    """Return the summary of a run, but for its requests, some of which lie past the end and are dropped or not."""
    line = next(line for line in reversed(outcome.log.splitlines()) if re.search(r"\d streams?, ", line))
    return re.sub(r"\d+ requests?", "… requests", line)


def assert_the_same(outcomes: list[Outcome]) -> None:
    """Fail where two runs differ in what they wrote, counted, or ended with."""
    mine, theirs = outcomes
    assert mine.exit_code == theirs.exit_code
    assert mine.state == theirs.state
    assert lines_of(mine) == lines_of(theirs)
    assert counters_of(mine) == counters_of(theirs)
    assert last_line_of(mine) == last_line_of(theirs)


def selecting(config: dict[str, Any], *columns: str) -> dict[str, Any]:
    """Return a catalog in which of each stream's columns only these are selected."""
    catalog = run_tap_catalog(config)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            item["metadata"]["selected"] = item["breadcrumb"][-1:] in ([], *([column] for column in columns))
    return catalog


def test_by_default_the_messages_are_the_same(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """All standard streams: the same messages in the same order, the same state, the same counts."""
    outcomes = both_ways(sandbox, lambda: run_tap(config))
    assert outcomes[0].exit_code == 0, outcomes[0].log
    assert_the_same(outcomes)
    counted = {
        point["tags"]["stream"]: point["value"]
        for point in counters_of(outcomes[0])
        if point["metric"] == "record_count"
    }
    assert counted["site_daily"] == len(outcomes[0].records("site_daily")) > 0
    assert counted["ad_units"] == len(outcomes[0].records("ad_units")) > 0


@pytest.mark.parametrize(
    "forms",
    [
        pytest.param({"numbers": "text"}, id="numbers-as-text"),
        pytest.param({"missing": "absent"}, id="missing-absent"),
        pytest.param({"missing": "empty"}, id="missing-empty"),
        pytest.param({"types": "odd"}, id="types-odd"),
        pytest.param({"account": "narrow"}, id="narrow-account"),
        pytest.param({"dates": "datetime_z", "booleans": "text_int", "row_blanks": True}, id="dates-booleans-blanks"),
        pytest.param({"page_cap": 7, "cap_steps": "asked"}, id="a-window-read-twice"),
        pytest.param({"total": "none", "past_end": "last", "first_page": 0}, id="odd-paging"),
    ],
)
def test_in_every_form_the_messages_are_the_same(
    sandbox: Sandbox, config: dict[str, Any], forms: dict[str, Any]
) -> None:
    """Odd cells, odd paging, and rows that are written again with their window."""
    settings = {**config, **SMALL_PAGES, "start_date": "2026-06-03", "reports": [] if "account" in forms else OWN}
    streams = ["site_daily", "daily_totals", "own_daily", "own_total", "ad_units", "sites"]
    outcomes = both_ways(sandbox, lambda: run_tap(settings, streams=streams), forms)
    assert outcomes[0].exit_code == 0, outcomes[0].log
    assert_the_same(outcomes)


@pytest.mark.parametrize(
    ("settings", "streams", "state"),
    [
        pytest.param({"reports": OWN}, ["own_daily"], None, id="own-with-date"),
        pytest.param({"reports": OWN}, ["own_total"], None, id="own-without-date"),
        pytest.param({}, ENTITIES, None, id="entities"),
        pytest.param({}, ["site_daily", "publisher_daily"], STATE, id="with-a-state"),
        pytest.param(
            {"backfill_from": "2026-03-01", "backfill_to": "2026-03-03"}, ["site_daily"], STATE, id="backfill"
        ),
        pytest.param({"start_date": "2026-05-01"}, ["site_daily", "ad_units"], None, id="many-windows"),
    ],
)
def test_of_every_kind_of_stream_the_messages_are_the_same(
    sandbox: Sandbox,
    config: dict[str, Any],
    settings: dict[str, Any],
    streams: list[str],
    state: dict[str, Any] | None,
) -> None:
    """Reports with and without days, entities and metadata, first runs and later ones."""
    settings = {**config, **SMALL_PAGES, **settings}
    outcomes = both_ways(sandbox, lambda: run_tap(settings, streams=streams, state=json.loads(json.dumps(state))))
    assert outcomes[0].exit_code == 0, outcomes[0].log
    assert_the_same(outcomes)


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(["impressions", "fetched_at"], id="one-figure"),
        pytest.param(["impressions", "revenue", "is_final"], id="without-fetched-at"),
        pytest.param([], id="keys-alone"),
        pytest.param(["ad_unit_name", "site_name"], id="an-attribute"),
    ],
)
def test_of_selected_columns_the_messages_are_the_same(
    sandbox: Sandbox, config: dict[str, Any], columns: list[str]
) -> None:
    """What the catalog deselects is left out in both ways, and keys stay."""
    settings = {**config, "start_date": "2026-06-10", "reports": OWN}
    catalog = json.dumps(selecting(settings, *columns))
    outcomes = both_ways(sandbox, lambda: run_tap(settings, catalog=json.loads(catalog)))
    assert outcomes[0].exit_code == 0, outcomes[0].log
    assert_the_same(outcomes)


def test_a_stream_without_rows_writes_none(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """An entity of which no id came has no RECORD, and no line that is not JSON."""
    reports = [{**WITH_DATE, "query": {"like": {"ad_unit_name": "no such unit"}}}]
    nothing = iter(())
    for plain in (YOCStream._has_plain_rows, lambda _: False):  # noqa: SLF001 - the switch between the two
        sandbox.reset()
        with (
            patch.object(YOCStream, "_has_plain_rows", plain),
            patch.object(Reader, "rows", lambda *_: nothing),
        ):
            run = run_tap({**config, "reports": reports}, streams=["sites", "own_daily"])
        assert run.exit_code == 0, run.log
        assert [message["type"] for message in run.messages if message["type"] == "RECORD"] == []
        assert "Traceback" not in run.log


def test_what_was_written_before_a_failure_is_the_same(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """A stream that fails in a later page leaves the same rows, the same bookmark and the same exit code."""
    pages = Reader.pages

    def failing(reader: Reader, *arguments: Any) -> Any:  # noqa: ANN401 - as `Reader.pages`
        for number, page in enumerate(pages(reader, *arguments)):
            if number == 2 and arguments[0].stream == "site_daily":
                raise KeyError("bug")
            yield page

    with patch.object(Reader, "pages", failing):
        outcomes = both_ways(sandbox, lambda: run_tap({**config, "page_size": 40}, streams=["site_daily", "sites"]))
    assert outcomes[0].exit_code == 1
    assert 0 < len(outcomes[0].records("site_daily")) <= 80
    assert_the_same(outcomes)


def tap_with(config: dict[str, Any], **options: Any) -> TapYOC:  # noqa: ANN401 - as of Tap
    """Return the tap on a virtual clock, its messages kept."""

    class Clocked(TapYOC):
        clock = VirtualClock()

    return Clocked(config=dict(config), message_writer=ListWriter(), **options)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"stream_maps": {"site_daily": {"twice": "clicks * 2"}}}, id="a-column-more"),
        pytest.param({"stream_maps": {"site_daily": {"__filter__": "clicks > 5"}}}, id="filter"),
        pytest.param({"stream_maps": {"site_daily": {"__alias__": "sites_by_day"}}}, id="alias"),
        pytest.param({"stream_maps": {"site_daily": None}}, id="removed"),
        pytest.param({"flattening_enabled": True, "flattening_max_depth": 1}, id="flattening"),
    ],
)
def test_maps_and_flattening_are_left_to_the_sdk(
    sandbox: Sandbox, config: dict[str, Any], settings: dict[str, Any]
) -> None:
    """As soon as something is done to each row, the SDK does it, and nothing is written past it."""
    settings = {**config, "start_date": "2026-06-13", **settings}
    tap = tap_with(settings)
    assert tap.streams["site_daily"]._has_plain_rows() is False  # type: ignore[attr-defined] # noqa: SLF001
    assert tap.streams["sites"]._has_plain_rows() is ("stream_maps" in settings)  # type: ignore[attr-defined] # noqa: SLF001
    tap.run.close()
    usual = run_tap(settings, streams=["site_daily"])
    sandbox.reset()
    with patch.object(YOCStream, "_has_plain_rows", lambda _: False):
        theirs = run_tap(settings, streams=["site_daily"])
    assert usual.exit_code == 0, usual.log
    assert_the_same([usual, theirs])


def test_without_maps_the_rows_are_plain(config: dict[str, Any]) -> None:
    """The usual run is the fast one; a row limit is the SDK's."""
    tap = tap_with(config)
    assert all(stream._has_plain_rows() for stream in tap.streams.values())  # type: ignore[attr-defined] # noqa: SLF001
    for stream in tap.streams.values():
        stream.ABORT_AT_RECORD_COUNT = 1
    assert not any(stream._has_plain_rows() for stream in tap.streams.values())  # type: ignore[attr-defined] # noqa: SLF001
    tap.run.close()


def test_the_limit_of_a_test_run_holds(sandbox: Sandbox, config: dict[str, Any]) -> None:
    """`--test` writes no more than one row of each stream, in either way."""
    counts = []
    for plain in (YOCStream._has_plain_rows, lambda _: False):  # noqa: SLF001 - the switch between the two
        sandbox.reset()
        with patch.object(YOCStream, "_has_plain_rows", plain):
            tap = tap_with(config)
            writer = tap.message_writer
            assert isinstance(writer, ListWriter)
            assert tap.run_connection_test()
            tap.run.close()
        rows = [message["stream"] for message in map(json.loads, writer.lines) if message["type"] == "RECORD"]
        assert sorted(rows) == sorted(tap.streams)
        counts.append(lines_of(Outcome(lines=writer.lines, exit_code=0, log="")))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("owner", "name", "signature"),
    [
        pytest.param(
            Stream,
            "_sync_records",
            "(self, context: 'types.Context | None' = None, *, write_messages: 'bool' = True)"
            " -> 't.Generator[dict, t.Any, t.Any]'",
            id="_sync_records",
        ),
        pytest.param(
            Stream,
            "_increment_stream_state",
            "(self, latest_record: 'types.Record', *, context: 'types.Context | None' = None) -> 'None'",
            id="_increment_stream_state",
        ),
        pytest.param(
            Stream,
            "_write_starting_replication_value",
            "(self, context: 'types.Context | None') -> 'None'",
            id="_write_starting_replication_value",
        ),
        pytest.param(Stream, "_finalize_state", "(self, state: 'dict | None' = None) -> 'None'", id="_finalize_state"),
        pytest.param(Stream, "_write_state_message", "(self) -> 'None'", id="_write_state_message"),
        pytest.param(
            Tap, "_validate_config", "(self, *, raise_errors: 'bool' = True) -> 'list[str]'", id="_validate_config"
        ),
        pytest.param(
            Tap, "_handle_termination", "(self, signum: 'int', frame: 'FrameType | None') -> 'None'",
            id="_handle_termination",
        ),
    ],
)  # fmt: skip
def test_the_private_methods_of_the_sdk_are_those_of_0_54(owner: type, name: str, signature: str) -> None:
    """What the tap replaces or calls without the SDK's promise is still there, in the form it was written for."""
    assert str(inspect.signature(getattr(owner, name))) == signature
