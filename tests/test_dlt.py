"""The dlt source with the real dlt, into DuckDB and PostgreSQL: what is in the tables is what the source has."""

from __future__ import annotations

import inspect
import logging
import re
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from harness import TODAY

from tap_yoc.dlt import source as dlt_source
from tap_yoc.dlt import yoc
from tap_yoc.errors import SettingsError
from tap_yoc.settings.parsing import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import postgres as private_postgres
    from harness import VirtualClock

    from tap_yoc.sandbox.server import Sandbox

UNIT = ["date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id"]
FIGURES = ["currency", "total_traffic", "impressions", "clicks", "vtr_percent", "revenue", "ecpm"]


class Warehouse:
    """A dlt pipeline, and what is in its tables."""

    def __init__(self, folder: Path, sandbox: Sandbox, destination: Any) -> None:  # noqa: ANN401 - dlt's
        """Load nothing yet."""
        self.sandbox = sandbox
        self.pipeline = dlt.pipeline(
            "yoc", pipelines_dir=str(folder), destination=destination, dataset_name="ads", dev_mode=False
        )

    def source(self, **settings: Any) -> Any:  # noqa: ANN401 - any setting, and dlt's source
        """Return the source, as a user calls it."""
        return yoc(**{**self.sandbox.config, "start_date": "2026-06-01", **settings})

    def load(self, *streams: str, **settings: Any) -> Any:  # noqa: ANN401 - likewise
        """Run the pipeline."""
        source = self.source(**settings)
        return self.pipeline.run(source.with_resources(*streams) if streams else source)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query gives."""
        with self.pipeline.sql_client() as client:
            return [tuple(row) for row in client.execute_sql(sql) or ()]

    def facts(self, stream: str = "ad_unit_daily", columns: list[str] | None = None) -> list[tuple[Any, ...]]:
        """Return a fact table, sorted by its key."""
        names = ", ".join(f'"{name}"' for name in columns or [*UNIT, *FIGURES])
        found = self.rows(f"SELECT {names} FROM {stream}")  # noqa: S608 - names of columns
        return sorted(found, key=lambda row: tuple(map(str, row)))

    def source_facts(self, start: str = "2026-06-01", dimensions: list[str] | None = None) -> list[tuple[Any, ...]]:
        """Return the same of the source."""
        found = self.sandbox.truth(group_by=dimensions or UNIT, data_fields=FIGURES, start=date.fromisoformat(start))
        names = [*(dimensions or UNIT), *FIGURES]
        rows = [tuple(_without_gaps(name, row[name]) for name in names) for row in found]
        return sorted(rows, key=lambda row: tuple(map(str, row)))

    def bookmark(self, stream: str) -> str | None:
        """Return the bookmark in dlt's state."""
        resources = self.pipeline.state["sources"]["yoc"].get("resources", {})
        bookmark: str | None = resources.get(stream, {}).get("bookmark")
        return bookmark


def _without_gaps(name: str, value: Any) -> Any:  # noqa: ANN401 - any cell
    """Return a cell as the tap writes it: a missing id is 0, and figures are exact decimals."""
    if name.endswith("_id"):
        return value or 0
    return Decimal(str(value)) if isinstance(value, float) else value


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep dlt's files, settings and telemetry out of the machine, and its log handlers out of other tests."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    logger = logging.getLogger("tap-yoc")
    handlers, level = [*logger.handlers], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


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


def go_to(day: date, sandbox: Sandbox, clock: VirtualClock) -> None:
    """Let it be another morning."""
    sandbox.today = day
    clock.instant = datetime(day.year, day.month, day.day, 6, tzinfo=timezone.utc)


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


def test_a_failure_loads_nothing_and_the_next_run_goes_on(warehouse: Warehouse, sandbox: Sandbox) -> None:
    """A window that cannot be whole fails the pipeline with the tap's sentence, before anything of it is loaded."""
    warehouse.load("ad_unit_daily", end_date="2026-06-07")
    sandbox.add_fault("drop_row", times=-1)
    with pytest.raises(PipelineStepFailed, match="the bookmark stays before it, so run again"):
        warehouse.load("ad_unit_daily", window_days=4)
    assert warehouse.bookmark("ad_unit_daily") == "2026-06-07"
    assert warehouse.facts() == [row for row in warehouse.source_facts() if str(row[0]) <= "2026-06-07"]
    sandbox.clear_faults()
    warehouse.load("ad_unit_daily")
    assert warehouse.facts() == warehouse.source_facts()


def test_a_reading_that_turns_out_faulty_is_not_loaded(warehouse: Warehouse, sandbox: Sandbox) -> None:
    """A window that is read once more is loaded once, and its warning is in dlt's trace."""
    sandbox.add_fault("drop_row", page=2, match="ad_unit_visx_id")  # when the first page has been handed over
    info = warehouse.load("ad_unit_daily", page_size=100)
    assert warehouse.facts() == warehouse.source_facts()
    assert not info.has_failed_jobs
    trace: Any = warehouse.pipeline.last_trace
    (metrics,) = trace.last_extract_info.metrics.values()
    told = metrics[0]["resource_metrics"]["ad_unit_daily"].custom_metrics
    assert any(re.match("Stream ad_unit_daily.*reading it once more", warning) for warning in told["warnings"])
    assert told["days"] == 14


def test_limits_refresh_and_backfills_behave_as_in_dlt(warehouse: Warehouse) -> None:
    """After `add_limit` the next run goes on, a refresh starts anew, and a backfill moves no bookmark."""
    source = warehouse.source(window_days=5).with_resources("site_daily")
    warehouse.pipeline.run(source.add_limit(1))
    assert warehouse.bookmark("site_daily") == "2026-06-05"
    warehouse.load("site_daily")
    site = ["date", "publisher_visx_id", "site_visx_id"]
    whole = warehouse.source_facts(dimensions=site)
    assert warehouse.facts("site_daily", [*site, *FIGURES]) == whole
    warehouse.load("site_daily", backfill_from="2026-06-02", backfill_to="2026-06-03")
    assert warehouse.bookmark("site_daily") == "2026-06-14"
    assert warehouse.facts("site_daily", [*site, *FIGURES]) == whole
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
    assert tables["sum"]["write_disposition"] == "replace"
    assert tables["sites"]["columns"]["site_visx_id"]["primary_key"] is True
    assert warehouse.rows("SELECT count(*) FROM site_daily WHERE fetched_at IS NULL OR is_final IS NULL") == [(0,)]
    assert all("last_value" not in str(state) for state in warehouse.pipeline.state["sources"].values())


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
