"""The tap's rows in real loaders: every cell of docs/targets.md is seen here."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml
from harness import ADDITIVE, VirtualClock, run_tap, truth
from loaders import SCHEMA, ToCsv, ToDuckdb, ToJsonLines, ToParquet, ToPostgres, as_documented, shipped
from moto.server import ThreadedMotoServer
from pages import ROOT, snippets
from target_matrix import MATRIX, PAGE, SETTINGS, TABLE, Kept, release, speed, table

from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Outcome
    from loaders import Loader
    from postgres import PostgresServer

    Row = dict[str, Any]

# Each loader loads once for all of its cells: keep them in one process.
pytestmark = pytest.mark.xdist_group("targets")

FIRST_MORNING = datetime(2026, 7, 1, 6, 0, 0, 123456, tzinfo=timezone.utc)
SECOND_MORNING = FIRST_MORNING + timedelta(days=1)
# By the lookback of seven days, the second run reads again all that the first one read.
START, LAST = date(2026, 6, 24), date(2026, 7, 1)
STREAMS = ["site_daily", "hb_units", "sites", "ad_units"]
KEY = ["date", "ad_unit_visx_id", "is_publisher_campaign", "currency"]
FIGURES = [*ADDITIVE, "vtr_percent", "ctr_percent", "revenue", "ecpm"]
REPORT = {
    "name": "hb_units",
    "group_by": ["date", "ad_unit_visx_id"],
    "data_fields": ["is_publisher_campaign", *FIGURES],
    "query": {"like": {"ad_unit_name": "%_HB"}},
}
SITE_KEY = ["date", "publisher_visx_id", "site_visx_id", "currency"]
RENAMED_SITE, OLD_NAME, NEW_NAME = "8004", "kuestenbote.example", "Küstenbote"
UNIT_TAKEN_BACK, ITS_ID = 4, "191428"

# What the sandbox has no values for: more digits than floating point holds, a null beside an empty text.
DIGITS = "12345678901234567.123456789"
PROBE_SCHEMA = (
    b'{"type":"SCHEMA","stream":"probe","schema":{"type":"object","required":["id"],"properties":{"id":{"type":'
    b'"integer"},"amount":{"type":["number","null"]},"note":{"type":["string","null"]}}},"key_properties":["id"]}'
)
PROBE_ROWS = [
    f'{{"id":1,"amount":{DIGITS},"note":null}}'.encode(),
    b'{"id":2,"amount":null,"note":""}',
    b'{"id":3,"amount":0,"note":"x"}',
]
PROBE = [PROBE_SCHEMA, *(b'{"type":"RECORD","stream":"probe","record":' + row + b"}" for row in PROBE_ROWS)]

# Set in meltano.yml for speed; all else there is the loader's default.
TUNED = {"use_copy": True, "validate_records": False, "add_record_metadata": False, "activate_version": False}

(MAPS,) = [
    yaml.safe_load(text)["config"]["stream_maps"] for _, text in snippets("docs/targets.md") if "stream_maps:" in text
]


@dataclass(frozen=True, kw_only=True)
class Mornings:
    """Two daily runs, with a night of revisions between, and what the sandbox has at the end."""

    first: Outcome
    second: Outcome
    batch: list[bytes]
    mapped: Outcome
    flat: Outcome
    facts: dict[tuple[Any, ...], Row]
    sites: dict[tuple[Any, ...], Row]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A loader after both runs."""

    loader: Loader
    facts: list[Row]
    sites: list[Row]
    probe: list[Row]

    def newest(self) -> dict[tuple[Any, ...], Row]:
        """Return each day's rows as they were read last, by key."""
        latest: dict[str, str] = {}
        for row in self.facts:
            day = str(row["date"])
            latest[day] = max(latest.get(day, ""), str(row["fetched_at"]))
        return {
            tuple(str(row[name]) for name in KEY): row
            for row in self.facts
            if str(row["fetched_at"]) == latest[str(row["date"])]
        }


@pytest.fixture(scope="module")
def mornings(tmp_path_factory: pytest.TempPathFactory) -> Mornings:
    """The tap's own lines: a first run, and one a day later when a site is renamed and an ad unit taken back."""
    with Sandbox(today=FIRST_MORNING.date()) as sandbox:
        config = {**sandbox.config, "start_date": str(START), "reports": [REPORT]}
        first = run_tap(config, clock=VirtualClock(FIRST_MORNING), streams=STREAMS)
        sandbox.today = SECOND_MORNING.date()
        sandbox.world.revisions = UNIT_TAKEN_BACK
        clock = VirtualClock(SECOND_MORNING)
        second = run_tap(config, clock=clock, streams=STREAMS, state=first.state)
        folder = tmp_path_factory.mktemp("batches")
        storage = {"root": folder.as_uri(), "prefix": "yoc-"}
        encoding = {"format": "jsonl", "compression": "gzip"}
        batched = run_tap(
            {**config, "batch_config": {"encoding": encoding, "storage": storage}}, clock=clock, streams=["hb_units"]
        )
        mapped = run_tap({**config, "stream_maps": MAPS}, clock=clock, streams=STREAMS)
        flat = run_tap(
            {**config, "flattening_enabled": True, "flattening_max_depth": 1},
            clock=clock,
            streams=STREAMS,
            state=first.state,
        )
        assert [run.exit_code for run in (first, second, batched, mapped, flat)] == [0] * 5, second.log
        facts = truth(sandbox, KEY, FIGURES, START, LAST, REPORT["query"])
        sites = truth(sandbox, SITE_KEY, FIGURES, START, LAST)
    with gzip.open(folder / "probe.json.gz", "wb") as rows:
        rows.write(b"\n".join(PROBE_ROWS) + b"\n")
    manifest = [(folder / "probe.json.gz").as_uri()]
    probe = {"type": "BATCH", "stream": "probe", "encoding": encoding, "manifest": manifest}
    batch = [*batched.lines, PROBE_SCHEMA, json.dumps(probe).encode()]
    return Mornings(first=first, second=second, batch=batch, mapped=mapped, flat=flat, facts=facts, sites=sites)


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """The address of an object storage of the tests' own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mornings: Mornings) -> Loaded:
    """A loader that has taken both runs, each without complaint."""
    folder = tmp_path_factory.mktemp("loaded")
    loader: Loader
    if request.param == "target-postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        loader = ToPostgres(folder, server.database())
    elif request.param == "target-s3":
        loader = ToParquet(folder, request.getfixturevalue("storage"))
    else:
        (kind,) = [kind for kind in (ToJsonLines, ToCsv, ToDuckdb) if kind.name == request.param]
        loader = kind(folder)
    for run in (mornings.first, mornings.second):
        done = loader.load([*PROBE, *run.lines])
        assert done.returncode == 0, done.stderr.decode()
        assert json.loads(done.stdout.splitlines()[-1]) == run.state, "the state arrives where Meltano keeps it"
    return Loaded(loader=loader, facts=loader.rows("hb_units"), sites=loader.rows("sites"), probe=loader.rows("probe"))


def same(mine: object, theirs: object) -> bool:
    """Return whether a cell holds a figure; floating point of the sandbox's own is compared as such."""
    if mine in {None, ""} or theirs is None:
        return mine in {None, ""} and theirs is None
    return abs(Decimal(str(mine)) - Decimal(str(theirs))) <= (Decimal("1e-9") if isinstance(theirs, float) else 0)


def equal(mine: dict[tuple[Any, ...], Row], theirs: dict[tuple[Any, ...], Row]) -> bool:
    """Return whether a table has the sandbox's rows and figures, no more and no less."""
    expected = {tuple(str(cell) for cell in key): row for key, row in theirs.items()}
    return mine.keys() == expected.keys() and all(
        same(mine[key][name], row[name]) for key, row in expected.items() for name in FIGURES
    )


def seen(loaded: Loaded, mornings: Mornings) -> Kept:
    """Return what became of the rows, in the words of the page."""
    row = next(row for row in loaded.facts if str(row["date"]) == str(LAST))
    big = next(row["amount"] for row in loaded.probe if str(row["id"]) == "1")
    notes = {row["note"] for row in loaded.probe if str(row["id"]) in {"1", "2"}}
    twice = Counter(row["site_visx_id"] for row in loaded.sites)
    return Kept(
        rows="all" if equal(loaded.newest(), mornings.facts) else "**some are lost**",
        again="replaces the old one" if max(twice.values()) == 1 else "is appended",
        money=said_of_money(big),
        day="date" if isinstance(row["date"], date) else "text",
        instant=said_of_instant(row["fetched_at"]),
        boolean="boolean" if isinstance(row["is_final"], bool) else "text",
        empty="distinct" if notes == {None, ""} else "not distinguished",
        batch=said_of_batch(loaded.loader, mornings),
    )


def said_of_money(amount: object) -> str:
    """Return in what form 26 digits have arrived."""
    if str(amount) != DIGITS:
        return "floating point"
    return "exact, as text" if isinstance(amount, str) else "exact"


def said_of_instant(instant: object) -> str:
    """Return in what form six o'clock and 123456 microseconds have arrived, which must be the right instant."""
    if isinstance(instant, str):
        assert datetime.fromisoformat(instant.replace("Z", "+00:00")) == SECOND_MORNING
        return "text, with `Z`" if instant.endswith("Z") else "text, with `+00:00`"
    assert isinstance(instant, datetime)
    if instant.tzinfo is None:
        assert instant == SECOND_MORNING.replace(tzinfo=None)
        return "timestamp in UTC, without zone"
    assert instant == SECOND_MORNING.replace(microsecond=0)
    return "timestamp with zone, cut to seconds"


def said_of_batch(loader: Loader, mornings: Mornings) -> str:
    """Return whether a loader takes files instead of lines; one that does not has to say so."""
    before = len(loader.rows("hb_units"))
    done = loader.load(mornings.batch)
    if done.returncode:
        assert len(loader.rows("hb_units")) == before
        return "not supported"
    rows = {tuple(str(row[name]) for name in KEY): row for row in loader.rows("hb_units")}
    for record in mornings.second.records("hb_units"):
        assert same(rows[tuple(str(record[name]) for name in KEY)]["revenue"], record["revenue"])
    big = next(row["amount"] for row in reversed(loader.rows("probe")) if str(row["id"]) == "1")
    return "read, money exact" if str(big) == DIGITS else "read, money as floating point"


@pytest.mark.parametrize("loaded", MATRIX, indirect=True)
def test_loader_keeps_what_the_page_says(loaded: Loaded, mornings: Mornings) -> None:
    """Two daily runs with revised figures and a renamed site: the row of the table is what has become of them."""
    assert seen(loaded, mornings) == MATRIX[loaded.loader.name]


@pytest.mark.parametrize("loaded", MATRIX, indirect=True)
def test_what_yoc_takes_back_stays_and_the_newest_name_comes_last(loaded: Loaded, mornings: Mornings) -> None:
    """No loader learns that a row is gone; of a renamed site the last row is right."""
    assert ITS_ID in {str(row["ad_unit_visx_id"]) for row in loaded.facts}
    assert ITS_ID not in {str(unit) for _, unit, *_ in mornings.facts}
    names = [row["site_name"] for row in loaded.sites if str(row["site_visx_id"]) == RENAMED_SITE]
    assert names in ([NEW_NAME], [OLD_NAME, NEW_NAME])


@pytest.mark.parametrize("loaded", ["target-postgres"], indirect=True)
def test_tables_in_postgres_have_types_and_keys(loaded: Loaded, mornings: Mornings) -> None:
    """The types of docs/targets.md, and as primary key the stream's."""
    assert isinstance(loaded.loader, ToPostgres)
    types = {
        "date": "date",
        "is_publisher_campaign": "boolean",
        "is_final": "boolean",
        "fetched_at": "timestamp without time zone",
        **dict.fromkeys(["currency", "site_name", "ad_unit_name"], "text"),
        **dict.fromkeys(["vtr_percent", "ctr_percent", "revenue", "ecpm"], "numeric"),
    }
    for stream in STREAMS:
        schema = mornings.first.schema(stream)
        columns = loaded.loader.database.rows(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            *(SCHEMA, stream),
        )
        found = {row["column_name"]: row["data_type"] for row in columns if not row["column_name"].startswith("_sdc")}
        assert found == {name: types.get(name, "bigint") for name in schema["schema"]["properties"]}
        key = loaded.loader.database.rows(
            "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey) "
            "WHERE indisprimary AND indrelid = to_regclass(%s)",
            f"{SCHEMA}.{stream}",
        )
        assert {row["attname"] for row in key} == set(schema["key_properties"])


def test_stream_maps_reach_the_database(postgres_server: PostgresServer, mornings: Mornings, tmp_path: Path) -> None:
    """Hashed, renamed, left out, filtered: the example of docs/targets.md does what the page says of it."""
    loader = ToPostgres(tmp_path, postgres_server.database())
    assert loader.load(mornings.mapped.lines).returncode == 0
    names = {row["ad_unit_name"] for row in mornings.second.records("ad_units")}
    hashes = {hashlib.sha256(name.encode()).hexdigest() for name in names}
    assert {row["ad_unit_name"] for row in loader.rows("ad_units")} == hashes
    rows = {tuple(str(row[name]) for name in SITE_KEY): row for row in loader.rows("site_daily")}
    clicked = {key: row for key, row in mornings.sites.items() if row["clicks"]}
    assert 0 < len(clicked) < len(mornings.sites)
    assert {key: row["avails"] for key, row in rows.items()} == {
        tuple(str(cell) for cell in key): row["total_traffic"] for key, row in clicked.items()
    }
    assert not {"total_traffic", "ecpm"} & set(next(iter(rows.values())))
    assert len(loader.rows("header_bidding")) == len(mornings.facts)
    tables = loader.database.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", SCHEMA)
    assert {row["table_name"] for row in tables} == {"ad_units", "site_daily", "header_bidding"}


@pytest.mark.parametrize("loader", [ToPostgres, ToJsonLines])
def test_loaders_of_meltano_yml_are_those_that_are_tried_here(loader: type[Loader]) -> None:
    """Same release, and of the settings only those that it has, with its own defaults but for the ones of TUNED."""
    loaders = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))["plugins"]["loaders"]
    (entry,) = [entry for entry in loaders if entry["name"] == loader.name]
    if loader is ToJsonLines:
        assert entry["pip_url"].replace("==", " ") == release(loader.name)
        return  # it cannot tell its settings
    assert (entry["pip_url"], entry["executable"]) == ("-e .[postgres]", loader.command().name)
    about = subprocess.run(
        [str(loader.command()), "--about", "--format=json"], capture_output=True, check=True, text=True
    )
    has = json.loads(about.stdout)["settings"]["properties"]
    assert {setting["name"] for setting in entry["settings"]} <= has.keys()
    values = {name: value for name, value in shipped(loader.name).items() if name != "host"}
    assert {name: value for name, value in values.items() if value != has[name].get("default")} == TUNED


def test_flattening_changes_nothing(mornings: Mornings) -> None:
    """The rows are flat already."""
    plain, flat = ([{**m, "time_extracted": ""} for m in run.messages] for run in (mornings.second, mornings.flat))
    assert flat == plain


@pytest.mark.parametrize("loaded", ["target-jsonl"], indirect=True)
def test_duckdb_reads_json_lines_as_the_page_says(loaded: Loaded, mornings: Mornings) -> None:
    """Each row once, with the newest figures, money to the last digit."""
    (statement,) = [text for language, text in snippets("docs/targets.md") if language == "sql"]
    with duckdb.connect() as database:
        database.execute(statement.replace("output/tap_yoc", str(loaded.loader.folder)))
        cursor = database.execute("SELECT * FROM site_daily")
        names = [name for name, *_ in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert {type(row["revenue"]) for row in rows} == {Decimal}
    figures = ("impressions", "clicks", "revenue")
    assert {tuple(str(row[name]) for name in SITE_KEY): [row[name] for name in figures] for row in rows} == {
        tuple(str(cell) for cell in key): [row[name] for name in figures] for key, row in mornings.sites.items()
    }
    assert len(rows) == len(mornings.sites)


def test_csv_files_are_replaced_unless_their_names_differ(tmp_path: Path) -> None:
    """Without the time in its name a file has the last run only, regardless of `overwrite_behavior`."""
    loader = ToCsv(tmp_path)
    config = {"output_path": str(loader.folder), "overwrite_behavior": "append_records"}
    for rows in (PROBE[:2], [PROBE[0], PROBE[3]]):
        assert loader.load(rows, config).returncode == 0
    assert (loader.folder / "probe.csv").read_text("utf-8").split() == ["id,amount,note", "3,0,x"]


@pytest.mark.parametrize("name", ["target-csv", "target-s3"])
def test_page_names_the_releases_that_are_tested(name: str) -> None:
    """What a reader copies into meltano.yml is what was loaded with."""
    assert as_documented(name)["pip_url"].replace("==", " ") == release(name)


def test_page_gives_the_command_and_settings_of_meltano_yml() -> None:
    """For PostgreSQL, a project of one's own is loaded as the repository's is."""
    entry = as_documented("target-postgres")
    assert entry["pip_url"].endswith("[postgres]")
    assert entry["executable"] == ToPostgres.command().name
    config = dict(entry["config"])
    assert config.pop("default_target_schema")
    assert config == TUNED


def test_page_has_the_table() -> None:
    """docs/targets.md shows what the loads have shown: `make docs` after a change."""
    assert TABLE.findall(PAGE.read_text("utf-8")) == [table()]
    assert SETTINGS.findall(PAGE.read_text("utf-8")) == [speed()]
