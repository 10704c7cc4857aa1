"""The dlt source with the real dlt, into DuckDB and PostgreSQL: what is in the tables is what the source has."""

from __future__ import annotations

import inspect
import logging
import re
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dlt.common import logger as dlt_logger
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed
from harness import TODAY, run_tap
from warehouse import FIGURES, UNIT, Warehouse, go_to

from tap_yoc.dlt import source as dlt_source
from tap_yoc.dlt import yoc
from tap_yoc.dlt.hints import fitting
from tap_yoc.errors import CellError, SettingsError
from tap_yoc.settings.parsing import Settings

if TYPE_CHECKING:
    import postgres as private_postgres
    from harness import VirtualClock

    from tap_yoc.sandbox.server import Sandbox

SITE = ["date", "publisher_visx_id", "site_visx_id"]


pytestmark = pytest.mark.usefixtures("quiet_dlt")


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    sandbox: Sandbox,
    clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Warehouse:
    """An empty warehouse, on the morning of the sandbox's day."""
    monkeypatch.setattr(dlt_source, "Clock", lambda: clock)
    if request.param == "duckdb":
        return Warehouse(tmp_path / "pipelines", sandbox, dlt.destinations.duckdb(str(tmp_path / "yoc.duckdb")))
    database: private_postgres.Database = request.getfixturevalue("postgres")
    return Warehouse(tmp_path / "pipelines", sandbox, dlt.destinations.postgres(database.url))


in_duckdb = pytest.mark.parametrize("warehouse", ["duckdb"], indirect=True)
"""For what does not depend on the destination."""


def test_two_mornings(warehouse: Warehouse, sandbox: Sandbox, clock: VirtualClock) -> None:
    """Every figure is there, exact and once; revisions, names and rows taken back are as the source has them."""
    streams, start = ("ad_unit_daily", "ad_units", "report_fields"), "2026-05-10"
    go_to(date(2026, 5, 29), sandbox, clock)
    warehouse.load(*streams, start_date=start)
    old = warehouse.facts()
    assert old == warehouse.source_facts(start)
    assert warehouse.bookmark("ad_unit_daily") == "2026-05-28"
    old_names = dict(warehouse.rows("SELECT ad_unit_visx_id, ad_unit_name FROM ad_units"))
    go_to(TODAY, sandbox, clock)
    sandbox.world.revisions = 1  # an ad unit and all its rows are gone
    warehouse.load(*streams, start_date=start)
    read_again = "2026-05-22"
    new = [row for row in warehouse.facts() if str(row[0]) >= read_again]
    assert new == warehouse.source_facts(read_again)
    assert {row[3] for row in old} - {row[3] for row in new}, "the sandbox took an ad unit back"
    before = [row for row in old if str(row[0]) < read_again]
    assert [row for row in warehouse.facts() if str(row[0]) < read_again] == before
    named = sandbox.truth(group_by=["date", "ad_unit_visx_id", "ad_unit_name"], data_fields=["impressions"])
    newest = {row["ad_unit_visx_id"]: row["ad_unit_name"] for row in named if row["ad_unit_visx_id"]}
    names = warehouse.rows("SELECT ad_unit_visx_id, ad_unit_name FROM ad_units")
    assert len(names) == len(dict(names))
    assert dict(names).items() >= newest.items()
    assert newest.items() - old_names.items(), "a unit was renamed in June"


def test_a_day_that_lost_all_its_rows_is_empty(warehouse: Warehouse, sandbox: Sandbox) -> None:
    """What YOC took back is gone also where nothing is left of the day, and the table holds no mark of it."""
    report = {"name": "one_unit", "group_by": ["date", "ad_unit_visx_id"], "data_fields": ["impressions"]}
    gone = {row["ad_unit_visx_id"] for row in sandbox.truth(group_by=UNIT, data_fields=["impressions"])}
    sandbox.world.revisions = 1
    gone -= {row["ad_unit_visx_id"] for row in sandbox.truth(group_by=UNIT, data_fields=["impressions"])}
    sandbox.world.revisions = 0
    report["query"] = {"in": {"ad_unit_visx_id": sorted(gone)}}  # type: ignore[assignment] # a filter
    warehouse.load("one_unit", reports=[report])
    days = {row[0] for row in warehouse.rows("SELECT date FROM one_unit")}
    assert max(days) > date(2026, 6, 7) > min(days)
    sandbox.world.revisions = 1
    warehouse.load("one_unit", reports=[report])
    assert {row[0] for row in warehouse.rows("SELECT date FROM one_unit")} == {
        day for day in days if day < date(2026, 6, 8)
    }
    assert warehouse.rows("SELECT count(*) FROM one_unit WHERE is_deleted IS NOT NULL") == [(0,)]


def test_totals_and_columns_replace_the_last_ones(warehouse: Warehouse, sandbox: Sandbox) -> None:
    """A report without days, and the account's columns, are what they are now; nothing is left of the last run."""
    total = {"name": "by_country", "group_by": ["country"], "data_fields": ["revenue"]}
    sandbox.forms = sandbox.forms.but({"columns": "old"})
    warehouse.load("by_country", "report_fields", reports=[total])
    assert ("vtr",) in warehouse.rows("SELECT name FROM report_fields")
    old = warehouse.rows("SELECT country, revenue FROM by_country")
    sandbox.forms = sandbox.forms.but({"columns": "current"})
    sandbox.world.revisions = 1
    warehouse.load("by_country", "report_fields", reports=[total])
    names = [name for (name,) in warehouse.rows("SELECT name FROM report_fields")]
    assert len(names) == len(set(names))
    assert {"vtr_percent", "ctr_percent"} <= set(names)
    assert not {"vtr", "ctr"} & set(names)
    source = sandbox.truth(group_by=["country"], data_fields=["currency", "revenue"], start=date(2026, 6, 1))
    new = warehouse.rows("SELECT country, currency, revenue FROM by_country")
    assert sorted(new) == sorted((row["country"] or "", row["currency"], row["revenue"]) for row in source)
    assert {row[::2] for row in new} != set(old)


@in_duckdb
def test_a_backfilled_day_is_emptied_by_the_first_run_without_a_bookmark(
    warehouse: Warehouse, sandbox: Sandbox
) -> None:
    """A backfill loads rows and moves no bookmark; days that have lost them are emptied all the same."""
    gone = sorted(_units_of(sandbox, revisions=0) - _units_of(sandbox, revisions=1))
    query = {"in": {"ad_unit_visx_id": gone}}
    report = {"name": "mine", "group_by": ["date"], "data_fields": ["impressions"], "query": query}
    sandbox.world.revisions = 0
    warehouse.load("mine", reports=[report], backfill_from="2026-06-01", backfill_to="2026-06-14")
    loaded = {row[0] for row in warehouse.rows("SELECT date FROM mine")}
    assert warehouse.bookmark("mine") is None
    sandbox.world.revisions = 1
    warehouse.load("mine", reports=[report])
    left = sandbox.truth(group_by=["date"], data_fields=["impressions"], query=query, start=date(2026, 6, 1))
    assert {row[0] for row in warehouse.rows("SELECT date FROM mine")} == {row["date"] for row in left} < loaded


def test_a_failure_loads_nothing_and_the_next_run_goes_on(warehouse: Warehouse, sandbox: Sandbox) -> None:
    """A window that cannot be whole fails the pipeline with the tap's sentence, before anything is loaded.

    Not even of other streams; these can be loaded without the bad one.
    """
    warehouse.load("ad_unit_daily", "site_daily", end_date="2026-06-07")
    sandbox.add_fault("drop_row", times=-1, match="ad_unit_visx_id")
    with pytest.raises(PipelineStepFailed, match="the bookmark stays before it, so run again"):
        warehouse.load("ad_unit_daily", "site_daily", window_days=4)
    for stream, dimensions in (("ad_unit_daily", UNIT), ("site_daily", SITE)):
        assert warehouse.bookmark(stream) == "2026-06-07"
        before = [row for row in warehouse.source_facts(dimensions=dimensions) if str(row[0]) <= "2026-06-07"]
        assert warehouse.facts(stream, [*dimensions, *FIGURES]) == before
    warehouse.load("site_daily")
    assert warehouse.facts("site_daily", [*SITE, *FIGURES]) == warehouse.source_facts(dimensions=SITE)
    sandbox.clear_faults()
    warehouse.load("ad_unit_daily")
    assert warehouse.facts() == warehouse.source_facts()


def test_a_reading_that_turns_out_faulty_is_not_loaded(
    warehouse: Warehouse, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window that is read once more is loaded once; dlt's trace and log have its figures, warning and lines."""
    log = logging.getLogger("dlt")
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    monkeypatch.setattr(log, "level", logging.INFO)
    monkeypatch.setattr(dlt_logger, "LOGGER", log)
    sandbox.add_fault("drop_row", page=2, match="ad_unit_visx_id")  # when the first page has been handed over
    info = warehouse.load("ad_unit_daily", page_size=100)
    log.removeHandler(handler)
    assert warehouse.facts() == warehouse.source_facts()
    assert sum("reading it once more" in line for line in lines) == 1
    assert sum(line.startswith("ad_unit_daily: 2026-06-01 to 2026-06-14") for line in lines) == 1
    assert not info.has_failed_jobs
    trace: Any = warehouse.pipeline.last_trace
    (metrics,) = trace.last_extract_info.metrics.values()
    told = metrics[0]["resource_metrics"]["ad_unit_daily"].custom_metrics
    assert any(re.match("Stream ad_unit_daily.*reading it once more", warning) for warning in told["warnings"])
    assert told["days"] == 14
    assert told["rows"] == len(warehouse.source_facts())
    assert told["requests"] > 2 * told["rows"] / 100


def test_limits_refresh_and_backfills_behave_as_in_dlt(warehouse: Warehouse) -> None:
    """After `add_limit` the next run goes on, a refresh starts again, and a backfill moves no bookmark."""
    source = warehouse.source(window_days=5).with_resources("site_daily")
    warehouse.pipeline.run(source.add_limit(1))
    assert warehouse.bookmark("site_daily") == "2026-06-05"
    warehouse.load("site_daily")
    whole = warehouse.source_facts(dimensions=SITE)
    assert warehouse.facts("site_daily", [*SITE, *FIGURES]) == whole
    warehouse.load("site_daily", backfill_from="2026-06-02", backfill_to="2026-06-03")
    assert warehouse.bookmark("site_daily") == "2026-06-14"
    assert warehouse.facts("site_daily", [*SITE, *FIGURES]) == whole
    warehouse.pipeline.run(
        warehouse.source(start_date="2026-06-10").with_resources("site_daily"), refresh="drop_resources"
    )
    assert warehouse.rows("SELECT min(date) FROM site_daily") == [(date(2026, 6, 10),)]


def test_all_streams_have_their_types_and_descriptions(warehouse: Warehouse) -> None:
    """Dates are dates, money is exact, keys are never null, and instants have their zone."""
    warehouse.load(reports=[{"name": "sum", "group_by": ["country"], "data_fields": ["revenue"]}])
    tables = warehouse.pipeline.default_schema.tables
    assert {"daily_totals", "site_daily", "sites", "companies", "report_fields", "sum"} <= set(tables)
    columns = tables["site_daily"]["columns"]
    assert columns["date"]["data_type"] == "date"
    assert columns["date"]["merge_key"] is True
    assert columns["date"]["nullable"] is False
    assert (columns["revenue"]["data_type"], columns["revenue"]["precision"]) == ("decimal", 38)
    assert columns["fetched_at"]["data_type"] == "timestamp"
    assert columns["is_final"]["data_type"] == "bool"
    assert columns["revenue"]["description"] == "Money earned."
    assert tables["sites"]["columns"]["site_name"]["description"] == "Newest name of the site."
    of_dlt = {"_dlt_load_id", "_dlt_id"}
    for name in ("site_daily", "sites", "report_fields", "sum"):
        assert all(column.get("description") for key, column in tables[name]["columns"].items() if key not in of_dlt)
    stored = warehouse.rows(
        "SELECT column_name, data_type, numeric_precision, numeric_scale FROM information_schema.columns"
        " WHERE table_schema = 'ads' AND table_name = 'site_daily'"
    )
    types = {name: (re.sub(r"\(.*", "", kind).lower(), digits, scale) for name, kind, digits, scale in stored}
    assert {types[name][0] for name in ("revenue", "vtr_percent")} <= {"decimal", "numeric"}
    assert (types["revenue"][1:], types["vtr_percent"][1:]) == ((38, 9), (38, 24))
    kinds = {name: types[name][0] for name in ("date", "site_visx_id", "clicks", "fetched_at", "is_final")}
    assert kinds == {
        "date": "date",
        "site_visx_id": "bigint",
        "clicks": "bigint",
        "fetched_at": "timestamp with time zone",
        "is_final": "boolean",
    }
    assert tables["sites"]["columns"]["site_visx_id"]["primary_key"] is True
    assert warehouse.rows("SELECT count(*) FROM site_daily WHERE fetched_at IS NULL OR is_final IS NULL") == [(0,)]
    assert all("last_value" not in str(state) for state in warehouse.pipeline.state["sources"].values())


def test_a_number_that_does_not_fit_is_an_error() -> None:
    """Digits are never cut."""
    money: Any = {"revenue": {"data_type": "decimal", "precision": 38, "scale": 9}}
    table = pa.table({"revenue": [Decimal("0.123456789")]})
    assert fitting(table, money)["revenue"].to_pylist() == [Decimal("0.123456789")]
    with pytest.raises(CellError, match="Column revenue has a number that does not fit"):
        fitting(pa.table({"revenue": [Decimal("0.1234567891")]}), money)


@in_duckdb
def test_a_window_is_one_table_once_it_was_checked(warehouse: Warehouse, sandbox: Sandbox) -> None:
    """However many pages it has; a smaller window holds less, and one that fails yields nothing."""
    whole = [len(table) for table in warehouse.source(page_size=50).with_resources("ad_unit_daily")]
    assert whole == [len(warehouse.source_facts())]
    assert whole[0] > 500
    parts = list(warehouse.source(page_size=50, window_days=5).with_resources("ad_unit_daily"))
    assert [(str(table["date"][0]), str(table["date"][-1])) for table in parts] == [
        ("2026-06-01", "2026-06-05"),
        ("2026-06-06", "2026-06-10"),
        ("2026-06-11", "2026-06-14"),
    ]
    sandbox.add_fault("drop_row", times=-1, match="2026-06-10")
    tables: list[Any] = []
    with pytest.raises(ResourceExtractionError, match="the bookmark stays before it"):
        tables.extend(warehouse.source(page_size=50, window_days=5).with_resources("ad_unit_daily"))
    assert [len(table) for table in tables] == [len(parts[0])]


def test_plain_files_are_added(
    sandbox: Sandbox, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `merge`, each run adds rows, and a day that has lost all of them gets a marked one.

    `add_map` has Arrow tables, and the file format is dlt's.
    """
    monkeypatch.setattr(dlt_source, "Clock", lambda: clock)
    files = Warehouse(tmp_path / "pipelines", sandbox, dlt.destinations.filesystem(str(tmp_path / "files")))
    kept = set(map(str, _units_of(sandbox, revisions=1)))
    gone = sorted(set(map(str, _units_of(sandbox, revisions=0))) - kept)
    report = {
        "name": "one_unit",
        "group_by": ["date", "ad_unit_visx_id"],
        "data_fields": ["impressions"],
        "query": {"in": {"ad_unit_visx_id": gone}},
    }
    for revisions in (0, 1):
        sandbox.world.revisions = revisions
        source = files.source(reports=[report]).with_resources("one_unit")
        source.one_unit.add_map(lambda table: table.append_column("note", pa.array(["seen"] * len(table))))
        files.pipeline.run(source, loader_file_format="parquet")
    first, second = (
        pq.read_table(path).to_pylist() for path in sorted((tmp_path / "files").rglob("one_unit/*.parquet"))
    )
    assert {row["note"] for row in first} == {"seen"}
    assert {row["is_deleted"] for row in first} == {None}
    days = {row["date"] for row in first if row["date"] >= date(2026, 6, 8)}
    assert days
    assert days <= {row["date"] for row in second if row["is_deleted"]}
    assert all(row["impressions"] is None for row in second)


def _units_of(sandbox: Sandbox, revisions: int) -> set[int]:
    sandbox.world.revisions = revisions
    rows = sandbox.truth(group_by=UNIT, data_fields=["impressions"])
    return {row["ad_unit_visx_id"] for row in rows if row["ad_unit_visx_id"]}


def test_a_dataset_named_like_the_file_can_be_renamed(
    sandbox: Sandbox, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB refuses it; with another name, the next run loads all days."""
    monkeypatch.setattr(dlt_source, "Clock", lambda: clock)
    destination = dlt.destinations.duckdb(str(tmp_path / "yoc.duckdb"))
    with suppress(PipelineStepFailed):
        Warehouse(tmp_path / "pipelines", sandbox, destination, dataset="yoc").load("site_daily")
    renamed = Warehouse(tmp_path / "pipelines", sandbox, destination)
    renamed.load("site_daily")
    assert renamed.facts("site_daily", [*SITE, *FIGURES]) == renamed.source_facts(dimensions=SITE)


def test_the_token_cache_is_the_taps(
    sandbox: Sandbox, clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One login serves the pipeline and the tap."""
    monkeypatch.setattr(dlt_source, "Clock", lambda: clock)
    settings = {**sandbox.config, "token_cache": str(tmp_path / "tokens.json")}
    assert yoc(**settings).resources
    run = run_tap({**settings, "start_date": "2026-06-14"}, streams=["daily_totals"], clock=clock)
    assert run.exit_code == 0, run.log
    assert sum(request.kind == "token" for request in sandbox.requests) == 1


PAGE = Path(__file__).parents[1] / "docs" / "dlt.md"
SEEN_BY = {
    "facts": (test_two_mornings, test_a_day_that_lost_all_its_rows_is_empty),
    "entities": (test_two_mornings,),
    "custom reports without `date`, and `report_fields`": (test_totals_and_columns_replace_the_last_ones,),
    "if one stream fails, the others finish": (test_a_failure_loads_nothing_and_the_next_run_goes_on,),
    "rows are written page by page": (test_a_window_is_one_table_once_it_was_checked,),
    "a window that is read again is emitted again": (test_a_reading_that_turns_out_faulty_is_not_loaded,),
    "the last line, `summary_format`": (test_a_reading_that_turns_out_faulty_is_not_loaded,),
    "exit codes": (test_a_failure_loads_nothing_and_the_next_run_goes_on,),
    "stream maps and batch files": (test_plain_files_are_added,),
}
"""Which tests have seen each row of the page's tables."""


def test_each_row_of_the_page_was_seen() -> None:
    """The page claims nothing that no test has seen."""
    rows = [line.split(" | ")[0].strip("| ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    assert [row for row in rows if row not in {"stream", "the tap", "---|---"}] == list(SEEN_BY)


def test_settings_are_the_taps(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arguments are the tap's settings, filled in from dlt's configuration, and checked by the tap."""
    arguments = set(inspect.signature(yoc).parameters)
    of_the_command = {"summary_format", "backfill"}
    own = {*Settings.__dataclass_fields__, "backfill_from", "backfill_to"} - of_the_command
    assert arguments == own
    for name, value in sandbox.config.items():
        monkeypatch.setenv(f"SOURCES__YOC__{name.upper()}", str(value))
    monkeypatch.setenv("SOURCES__YOC__STANDARD_REPORTS", '["site_daily"]')
    assert "ad_unit_daily" not in yoc().resources
    with pytest.raises(SettingsError, match="Setting page_size must be a whole number from 1 to 500"):
        yoc(page_size=501)
    login = dict(re.findall(r'^(\w+) = "(.*)"$', PAGE.read_text("utf-8"), re.MULTILINE))
    with pytest.raises(SettingsError, match="Not filled in: client_id, client_secret, username, password"):
        yoc(**login)


def test_no_secret_is_in_what_dlt_keeps_or_logs(
    warehouse: Warehouse, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither its files, nor its trace, nor its log has a password or a token."""
    caplog.set_level(logging.DEBUG)
    sandbox.add_fault("echo_secrets", where="report", times=-1)
    with pytest.raises(PipelineStepFailed) as failure:
        warehouse.load("site_daily")
    trace: Any = warehouse.pipeline.last_trace
    texts = [str(failure.value), caplog.text, trace.asstr(2)]
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".duckdb"]
    for name in ("client_secret", "password"):
        secret = str(sandbox.config[name])
        assert not any(secret in text for text in texts)
        assert not any(secret.encode() in content for content in kept)
