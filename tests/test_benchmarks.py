"""The benchmark's server and its report: what the figures stand on; nothing is timed."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml
from pages import ROOT

from benchmarks import __main__ as command
from benchmarks.behaviour import FAULTS, HEALTHY, HTTPS, Behaviour
from benchmarks.certificate import make_certificate
from benchmarks.chart import chart
from benchmarks.claims import claims
from benchmarks.contenders import CONTENDERS, FAST_PATH, ORDINARY, PROMISES, TAP, TAP_WITHOUT
from benchmarks.measure import ENDLESS, LAUNCH, Run
from benchmarks.packed import Packed
from benchmarks.parts import PARTS
from benchmarks.peers.tap_yoc_without.without import PARTS as LEFT_OUT
from benchmarks.pipes import shipped
from benchmarks.report import IMAGE, PAGE, RESULTS, page, table
from benchmarks.server import REPORT_PATH, TOKEN_PATH, Connection, Site
from benchmarks.tables import Expected, in_duckdb
from benchmarks.verdict import FAILS, RIGHT, judge
from benchmarks.ways import ALONE, IN_DLT, LOADED
from benchmarks.work import COUNTS, METADATA, Work
from tap_yoc.reports.columns import columns_of
from tap_yoc.reports.metadata import AccountMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.tables import Found
    from tap_yoc.exact_json import Json

WORK = Work(days=3, rows_per_day=1_000, last=date(2026, 6, 14))
DONE = Run(seconds=1.0, cpu_seconds=1.0, peak_mb=1.0, exit_code=0)


@contextmanager
def serving(behaviour: Behaviour = HEALTHY, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve in a thread, and yield the address."""
    loop = asyncio.new_event_loop()
    site = Site(WORK, behaviour)
    server = loop.run_until_complete(loop.create_server(lambda: Connection(site), "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))  # what a connection that broke off has still to do
        loop.close()


class Client:
    """Asks as a tap would."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None, accepted: str = "") -> None:
        self._url = url
        self._context = context
        self._accepted = accepted
        self.encodings: list[str | None] = []
        self._token = self._ask("POST", TOKEN_PATH, {"grant_type": "password"})["access_token"]

    def page(self, number: int, *, first: str = "2026-06-01", group_by: str = "country", size: int = 500) -> Json:
        days = [{"gte": {"date": first}}, {"lte": {"date": "2026-06-30"}}]
        dimensions = ["date"] if group_by == "date" else ["date", group_by]
        query = {"query": {"and": days}, "page": number, "page_size": size, "group_by": dimensions}
        return self._ask("POST", REPORT_PATH, query)

    def _ask(self, method: str, path: str, body: Json = None) -> Json:
        request = urllib.request.Request(self._url + path, method=method)  # noqa: S310 - the test's own server
        request.add_header("Authorization", f"Bearer {getattr(self, '_token', '')}")
        request.add_header("Accept-Encoding", self._accepted)
        content = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, content, timeout=5, context=self._context) as answer:  # noqa: S310 - likewise
            self.encodings.append(answer.headers["Content-Encoding"])
            sent = answer.read()
            return json.loads(gzip.decompress(sent) if self.encodings[-1] else sent, parse_float=Decimal)


def test_pages_hold_every_row_once() -> None:
    """All pages together are the work, in order, and the page behind them is empty."""
    with serving() as url:
        client = Client(url)
        answers = [client.page(number) for number in range(1, 8)]
    rows = [row for answer in answers for row in answer["data"]]
    assert [len(answer["data"]) for answer in answers] == [500] * 6 + [0]
    assert {answer["total"] for answer in answers} == {3_000}
    assert len({(row["date"], row["ad_unit_visx_id"], row["country"]) for row in rows}) == 3_000
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
    assert judge(WORK, DONE, rows) == RIGHT


def test_totals_by_day_agree_with_the_rows() -> None:
    """Otherwise the tap would rightly read every window twice."""
    with serving() as url:
        client = Client(url)
        rows = [row for number in (1, 2) for row in client.page(number, first="2026-06-14")["data"]]
        totals = client.page(1, first="2026-06-14", group_by="date")["data"]
    assert totals == [{"date": "2026-06-14", **{name: sum(row[name] for row in rows) for name in COUNTS}}]


def test_metadata_offers_the_report() -> None:
    """The tap finds all dimensions of its heaviest standard report, and what it can compare with the totals."""
    offer = AccountMetadata(columns_of(METADATA))
    assert offer.missing(("date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id", "country")) == []
    assert {column.name for column in offer.additive} == set(COUNTS)


@pytest.mark.parametrize(
    ("behaviour", "number", "status"),
    [
        pytest.param(HEALTHY, 0, 422, id="page 0"),
        pytest.param(FAULTS["404 past the end"], 7, 404, id="past the end"),
        pytest.param(Behaviour(throttled=(1,)), 1, 429, id="throttled"),
        pytest.param(Behaviour(token_life_seconds=-1), 1, 401, id="token too old"),
    ],
)
def test_refusals(behaviour: Behaviour, number: int, status: int) -> None:
    """Each fault is one status."""
    with serving(behaviour) as url, pytest.raises(urllib.error.HTTPError) as error:
        Client(url).page(number)
    with error.value:
        assert error.value.code == status


def test_cap_with_gaps_leaves_rows_out() -> None:
    """Page 2 starts where the size that was asked for puts it."""
    with serving(FAULTS["cap with gaps"]) as url:
        client = Client(url)
        capped, asked_for = client.page(2)["data"], client.page(2, size=200)["data"]
    with serving() as url:
        whole = Client(url).page(2)["data"]
    assert capped == whole[:200]
    assert asked_for != capped


def test_last_page_again() -> None:
    """Past the end comes the last page, with no total that would give it away."""
    with serving(FAULTS["last page again"]) as url:
        client = Client(url)
        last, past = client.page(6), client.page(9)
    assert past["data"] == last["data"]
    assert "total" not in past


def rows(work: Work = WORK) -> list[dict[str, Any]]:
    """Return the rows of a work."""
    days = work.within(work.first, work.last)
    return list(json.loads(b"[" + work.rows_json(days, 0, work.rows) + b"]"))


def test_verdicts() -> None:
    """Rows that come again under their key are harmless; missing ones, text and failures are named."""
    text = Work(days=3, rows_per_day=1_000, last=WORK.last, as_text=True)
    endless = Run(seconds=1.0, cpu_seconds=1.0, peak_mb=1.0, exit_code=-9, stopped=ENDLESS)
    failed = Run(seconds=1.0, cpu_seconds=1.0, peak_mb=1.0, exit_code=4)
    assert judge(WORK, DONE, rows()[:200] + rows()) == RIGHT
    assert judge(WORK, DONE, rows()[200:]) == "**loses 200 of 3,000 rows**, in silence"
    assert judge(WORK, DONE, rows(text)) == "numbers stay text"
    assert judge(WORK, failed, []) == "fails, and says so"
    assert judge(WORK, endless, []) == "never ends"


def test_a_pipe_is_measured_whole(tmp_path: Path) -> None:
    """What goes in at the front comes out at the end, all processes count, and the first that fails is reported."""
    taken = tmp_path / "taken.json"
    python = [sys.executable, "-c"]
    commands = [
        [*python, "print('yes')"],
        [*python, "print(input() + '!'); raise SystemExit(4)"],
        [*python, "print(input())"],
    ]
    words = [word for command in commands for word in ("|", *command)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", LAUNCH, taken, *words], check=True, capture_output=True, text=True
    )
    alone = tmp_path / "alone.json"
    subprocess.run([sys.executable, "-I", "-S", LAUNCH, alone, *python, "pass"], check=True)
    assert done.stdout == "yes!\n"
    measured, single = (Run(**json.loads(path.read_text("utf-8"))) for path in (taken, alone))
    assert measured.exit_code == 4
    assert measured.peak_mb > 2 * single.peak_mb


def test_pages_are_compressed_in_advance() -> None:
    """A packed start and a tail that differs from page to page are one gzip, and only for whoever accepts it."""
    start, tail = b'{"data":[' + b'{"a":1},' * 1_000, b'],"page":7}'
    assert gzip.decompress(b"".join(Packed.of(start).gzip(tail))) == start + tail


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, deflate", "gzip"), ("", None)])
def test_a_server_over_tls(tmp_path: Path, accepted: str, encoding: str | None) -> None:
    """Its certificate is trusted by its clients, and by no one else."""
    certificate, key = make_certificate(tmp_path)
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(certificate, key)
    with serving(HTTPS, server_side) as url:
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            Client(url)
        client = Client(url, ssl.create_default_context(cafile=certificate), accepted)
        rows = client.page(6)["data"]
    assert len(rows) == 500
    assert client.encodings[-1] == encoding


FIRST, REVISED = Work(days=3, rows_per_day=1_000, last=WORK.last), replace(WORK, revision=1)


def warehouse(path: Path, *works: tuple[Work, int], money: str = "DECIMAL(18, 4)") -> Found:
    """Return what a look at a table finds that has the first rows of some works."""
    lines = path.with_suffix(".jsonl")
    chosen = [row for work, count in works for row in rows(work)[:count]]
    lines.write_text("".join(json.dumps(row) + "\n" for row in chosen), encoding="utf-8")
    with duckdb.connect(str(path)) as database:
        columns = f"* REPLACE (CAST(date AS DATE) AS date, CAST(revenue AS {money}) AS revenue)"
        database.execute(f"CREATE TABLE t AS SELECT {columns} FROM read_json('{lines}')")  # noqa: S608 - the test's
    return in_duckdb(path, "t")


@pytest.mark.parametrize(
    ("works", "money", "said"),
    [
        pytest.param([(FIRST, 3_000)], "DECIMAL(18, 4)", RIGHT, id="right"),
        pytest.param([(FIRST, 3_000)], "DOUBLE", "right, money in floating point", id="floating point"),
        pytest.param([(FIRST, 2_999)], "DECIMAL(18, 4)", "**loses 1 of 3,000 rows**, in silence", id="a row lost"),
        pytest.param(
            [(FIRST, 3_000), (FIRST, 7)], "DECIMAL(18, 4)", "**3,007 rows instead of 3,000**, in silence", id="twice"
        ),
        pytest.param([(REVISED, 3_000)], "DECIMAL(18, 4)", "**other figures than there are**, in silence", id="old"),
    ],
)
def test_tables_are_compared_with_the_source(
    tmp_path: Path, works: list[tuple[Work, int]], money: str, said: str
) -> None:
    """Rows, keys and sums: a table that is wrong is called so."""
    found = warehouse(tmp_path / "w.duckdb", *works, money=money)
    assert Expected.of((FIRST, 3)).verdict(found) == said


def test_files_to_which_rows_are_added(tmp_path: Path) -> None:
    """By design they hold what is read again twice, but no row else."""
    found = warehouse(tmp_path / "w.duckdb", (FIRST, 3_000), (REVISED, 1_000))
    added = Expected.of((FIRST, 3), (REVISED, 1))
    assert Expected.of((FIRST, 2), (REVISED, 1)).verdict(found, added) == "right; rows read again are added"
    assert "instead of" in Expected.of((FIRST, 2), (REVISED, 1)).verdict(found)


def test_loaders_are_called_as_shipped() -> None:
    """The settings come from meltano.yml, so that the figures are of what users get."""
    settings = shipped("target-postgres")
    project = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    (loader,) = [entry for entry in project["plugins"]["loaders"] if entry["name"] == "target-postgres"]
    values = {setting["name"]: setting["value"] for setting in loader["settings"] if "value" in setting}
    assert settings.pop("default_target_schema") == "yoc"
    assert settings.items() <= {**values, **loader.get("config", {})}.items()
    assert "$" not in str(settings)


def test_promises_that_are_left_out_are_there() -> None:
    """A method that was renamed would cost nothing when it is left out."""
    assert LEFT_OUT.keys() == {*PROMISES, FAST_PATH}
    assert [name for owner, name, _ in LEFT_OUT.values() if name not in vars(owner)] == []


def test_a_process_is_measured_without_the_memory_of_who_started_it(tmp_path: Path) -> None:
    """Linux takes the starter's peak for a part of its child's."""
    taken = tmp_path / "taken.json"
    ours = bytearray(b"x") * 100_000_000
    subprocess.run([sys.executable, "-I", "-S", LAUNCH, taken, sys.executable, "-c", "exit(3)"], check=True)
    measured = Run(**json.loads(taken.read_text("utf-8")))
    assert measured.exit_code == 3
    assert measured.peak_mb < len(ours) / 1e6
    assert measured.cpu_seconds > 0
    assert measured.seconds > 0


def results() -> dict[str, Any]:
    """Return made-up results of every part."""
    each = {"seconds": 9.0, "cpu_seconds": 9.0, "peak_mb": 90.0, "instructions_per_row": 300_000.0}
    tap = {"seconds": 2.0, "cpu_seconds": 2.0, "peak_mb": 60.0, "instructions_per_row": 45_000.0}
    figures = {contender.name: each for contender in CONTENDERS} | {TAP.name: tap}
    figures["floor"] = {**each, "instructions_per_row": 18_000.0}
    slow = {"tap_yoc 1": 32.0, "tap_yoc 2": 16.0, "tap_yoc 4": 8.0, "tap_yoc 8": 6.0, "tap_yoc 4, two allowed": 17.0}
    peers = {"dlt": 33.0, "dlt 4": 12.0, "dlt 8": 5.0, "ordinary_sdk": 40.0}
    peers |= {"airbyte_cdk 2": 27.0, "airbyte_cdk 4": 14.0, "airbyte_cdk 8": 13.0, "floor 4": 7.0, "floor 8": 4.0}
    ways = {way.name: {"into": way.into, "is_peer": way.is_peer, "verdict": RIGHT} for way in (*LOADED, *IN_DLT)}
    for way in ways.values():
        way["first"] = way["again"] = each if way["is_peer"] else tap
    ways["dlt_duckdb"]["verdict"] = FAILS
    sizes = [{"rows": count, "cpu_seconds": 1.0, "peak_mb": 60.0 + count / 1e5} for count in (20_000, 400_000)]
    return {
        "when": "2026-06-15",
        "took_seconds": 600,
        "machine": dict.fromkeys(("processor", "memory", "system", "python", "counter"), "?"),
        "versions": {"dlt": "dlt 1"},
        "a": {"rows": 200_000, "rounds": 3, "server_seconds": 0.2, "contenders": figures}
        | {"https": {"server_seconds": 0.3, "contenders": {TAP.name: tap, "dlt": each}}}
        | {"without": {way.name: 30_000.0 for way in TAP_WITHOUT}},
        "b": {
            "pages": 300,
            "rows": 150_000,
            "rounds": 3,
            "seconds": {**slow, **peers},
        },
        "c": {"contenders": {TAP.name: sizes}, "tap_instructions_per_row": [45_000.0, 46_000.0]},
        "d": {"rounds": 5, "seconds": {TAP.name: 0.9, ORDINARY.name: 1.0}, "instructions": {TAP.name: 1_500_000_000}},
        "e": {"rows": 8_000, "lines": {"a healthy server": dict.fromkeys(figures, RIGHT)}},
        "f": {
            "rows": 79_000,
            "again_rows": 8_000,
            "rounds": 2,
            "alone": {"rows": 200_000, "rounds": 3, "pipes": {way.name: tap for way in ALONE}},
            "pipes": ways,
        },
    }


def test_claims_are_checked() -> None:
    """A claim that the figures do not bear out is not said to hold."""
    held = {claim.says: (claim.measured, claim.holds) for claim in claims(results())}
    assert held["(a) at most 1.5 times the floor's instructions a row"] == ("2.500×", False)
    assert held["(a) at most a fifth of the best peer's instructions a row"] == ("0.150×", True)
    assert held["(b) at concurrency 8 at least 6 times as fast as at 1"] == ("5.333×", False)
    assert held["(b) with 4 requests in flight, at most 1.15 times the floor's time with as many"] == ("1.143×", True)
    faster = "faster than every peer at the best setting documented for it, with as many at most"
    assert held[f"(b) with 4, {faster}"] == ("1.500×", True)
    assert held[f"(b) with 8, {faster}"] == ("0.833×", False)
    assert held["(e) right in every line"] == ("1 of 1", True)
    assert held["(f) into files of Parquet at least 0.7 times as fast as in lines"] == ("1.000×", True)
    assert held["(f) API to PostgreSQL as in `meltano.yml` faster than dlt's fastest way, first load"] == (
        "4.500×",
        True,
    )
    assert held["(f) likewise at least 3 times"] == ("4.500×", True)
    assert held["(f) right in every table that tap-yoc fills"] == ("8 of 8", True)


@pytest.mark.parametrize(("arguments", "are_judged"), [(["--quick"], False), (["--only", "a,b,c,d,e,f"], True)])
def test_small_sizes_are_not_judged(monkeypatch: pytest.MonkeyPatch, arguments: list[str], *, are_judged: bool) -> None:
    """A run of seconds has figures to look at, and none that a claim could be held to."""
    said: list[str] = []
    for name, instead in (("NAMES", ()), ("LOADING_NAMES", ()), ("_run", lambda *_: results()), ("say", said.append)):
        monkeypatch.setattr(command, name, instead)
    monkeypatch.setattr(shutil, "which", lambda _: "valgrind")
    assert command.main(arguments) == 0
    assert ("| claim |" in "".join(said)) == are_judged
    assert "| a healthy server |" in "".join(said)


def test_page_and_chart() -> None:
    """Every part has its table, every claim its line, and the chart is an image."""
    made = page(results())
    assert "| (b) at concurrency 8 at least 6 times as fast as at 1 | 5.333× | **no** |" in made
    assert "| a healthy server | right | right | right | right |" in made
    assert "| **DuckDB** | dlt rest_api |  |  |  |  |  |  | fails, and says so |" in made
    assert "$" not in made.replace("```sh", "")
    assert ET.fromstring(chart(results())).tag.endswith("svg")  # noqa: S314 - written a line ago
    assert table(("a", "b"), [("c", "d")]) == "| a | b |\n| --- | ---: |\n| c | d |"


def test_page_shows_the_results_that_are_kept() -> None:
    """`make bench ARGS=--render` renews the page."""
    kept = json.loads(RESULTS.read_text("utf-8"))
    assert kept.keys() >= PARTS.keys()
    assert PAGE.read_text("utf-8") == page(kept)
    assert IMAGE.read_text("utf-8") == chart(kept)
