"""The parts of the benchmark: each returns its figures, as they go into the results."""

from __future__ import annotations

import http.client
import itertools
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.behaviour import FAULTS, HEALTHY, HTTPS, SLOW, TWO_AT_MOST
from benchmarks.contenders import (
    AIRBYTE,
    CONTENDERS,
    CREDENTIALS,
    DLT,
    DLT_BY_WEEKS,
    DLT_EXTRACT,
    FLOOR,
    ORDINARY,
    TAP,
    TAP_WITHOUT,
    Job,
)
from benchmarks.loading import loading
from benchmarks.measure import Watch, instructions, last_words, run, served
from benchmarks.scale import GROWING_ROWS_PER_DAY, SLOW_ROWS_PER_DAY, medians, say, work_of
from benchmarks.server import REPORT_PATH, TOKEN_PATH
from benchmarks.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.behaviour import Behaviour
    from benchmarks.contenders import Contender
    from benchmarks.measure import Run, Served
    from benchmarks.scale import Scale
    from benchmarks.work import Work

COMPARED_IN_FLIGHT = (4, 8)
COUNTED = (*CONTENDERS, *TAP_WITHOUT)
ENCRYPTED = (FLOOR, TAP, DLT_EXTRACT, DLT)
AT_ONCE = 2
"""Processes at a time where nothing is timed."""
MOSTLY_WAITING_AT_ONCE = 4
JUDGED = (TAP, DLT, AIRBYTE, ORDINARY)
FAULT_SECONDS = 60.0
ENDLESS_FACTOR = 8
"""So many times the pages there are, and a contender never ends."""


def checked(contender: Contender, work: Work, server: Served, folder: Path, *, concurrency: int = 4) -> Run:
    """Run a contender and return its figures.

    Raises:
        RuntimeError: It did not bring all rows.
    """
    job = Job(
        work=work,
        url=server.url,
        folder=folder / contender.name,
        concurrency=concurrency,
        variables=server.variables,
    )
    done = run(contender, job)
    rows = contender.count(job.folder)
    if done.exit_code or rows != work.rows:
        raise RuntimeError(
            f"{contender.title} ended with {done.exit_code} and {rows} rows of {work.rows}:\n{last_words(job.folder)}"
        )
    say(
        f"  {contender.title}, {work.rows:,} rows, concurrency {concurrency}: "
        f"{done.seconds:.2f} s, {done.cpu_seconds:.2f} s CPU, {done.peak_mb:.0f} MB"
    )
    return done


def throughput(scale: Scale) -> dict[str, Any]:
    """(a) No latency: seconds, processor time, memory, and instructions a row; then over TLS, compressed."""
    work = work_of(scale.days)
    plain, encrypted = (_race(scale, work, *which) for which in ((HEALTHY, CONTENDERS), (HTTPS, ENCRYPTED)))
    sizes = [work_of(days) for days in scale.counted_days]
    counted = {name: cost for name, (cost,) in _instructions(scale.folder, COUNTED, sizes).items()}
    for name, figures in plain["contenders"].items():
        figures["instructions_per_row"] = counted.pop(name)
    return {"rows": work.rows, "rounds": scale.rounds, **plain, "https": encrypted, "without": counted}


def _race(scale: Scale, work: Work, behaviour: Behaviour, contenders: Sequence[Contender]) -> dict[str, Any]:
    """Return what each contender takes, medians of all rounds, and the server alone."""
    say(f"  {behaviour.what}")
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    with served(work, behaviour) as server:
        server_seconds = statistics.median(_drain(server, work) for _ in range(3))
        for number in range(scale.rounds):
            for contender in contenders if number % 2 else contenders[::-1]:
                before = server.counts()
                runs[contender.name].append(checked(contender, work, server, scale.folder))
                after = server.counts()
                if behaviour.is_https and after.get("compressed", 0) < before.get("compressed", 0) + work.pages:
                    raise RuntimeError(f"{contender.title} does not take gzip")
    return {"server_seconds": server_seconds, "contenders": {name: medians(done) for name, done in runs.items()}}


def latency(scale: Scale) -> dict[str, Any]:
    """(b) 100 ms a page: seconds by requests in flight, and against a server that allows two."""
    work = work_of(scale.slow_days, SLOW_ROWS_PER_DAY)
    seconds: dict[str, float] = {}

    def take(key: str, contender: Contender, server: Served, concurrency: int, rounds: int = 1) -> None:
        runs = [checked(contender, work, server, scale.folder, concurrency=concurrency) for _ in range(rounds)]
        seconds[key] = statistics.median(done.seconds for done in runs)

    with served(work, SLOW) as server:
        for concurrency, rounds in ((1, 1), (2, 1), (4, scale.rounds), (8, scale.rounds)):
            take(f"tap_yoc {concurrency}", TAP, server, concurrency, rounds)
        for concurrency in COMPARED_IN_FLIGHT:
            take(f"floor {concurrency}", FLOOR, server, concurrency, scale.rounds)
            take(f"dlt {concurrency}", DLT_BY_WEEKS, server, concurrency)
            take(f"airbyte_cdk {concurrency}", AIRBYTE, server, concurrency)
        take("dlt", DLT, server, 1)
        take("ordinary_sdk", ORDINARY, server, 1)
        take("airbyte_cdk 2", AIRBYTE, server, 2)
    with served(work, TWO_AT_MOST) as server:
        take("tap_yoc 4, two allowed", TAP, server, 4)
    return {"pages": work.pages, "rows": work.rows, "rounds": scale.rounds, "seconds": seconds}


def growth(scale: Scale) -> dict[str, Any]:
    """(c) More and more rows: cost of a row, and peak memory."""
    works = [work_of(days, GROWING_ROWS_PER_DAY) for days in scale.growing_days]
    chosen = (FLOOR, TAP, DLT, AIRBYTE, ORDINARY)
    sizes = {contender.name: works if contender in {FLOOR, TAP} else [works[0], works[-1]] for contender in chosen}

    def grow(contender: Contender) -> list[dict[str, Any]]:
        found = []
        for work in sizes[contender.name]:
            with served(work, HEALTHY) as server:
                done = checked(contender, work, server, scale.folder)
            found.append({"rows": work.rows, "cpu_seconds": done.cpu_seconds, "peak_mb": done.peak_mb})
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Nothing here is timed but by the processor's clock.
        counting = pool.submit(_instructions, scale.folder, (TAP,), works)
        growing = {contender.name: pool.submit(grow, contender) for contender in chosen[::-1]}
    return {
        "contenders": {contender.name: growing[contender.name].result() for contender in chosen},
        "tap_instructions_per_row": counting.result()[TAP.name],
    }


def start(scale: Scale) -> dict[str, Any]:
    """(d) Start-up: a whole run, login included, over one day that has no rows."""
    work = work_of(1, 0)
    chosen = (FLOOR, TAP, DLT, AIRBYTE, ORDINARY)
    seconds: dict[str, list[float]] = {contender.name: [] for contender in chosen}
    with served(work, HEALTHY) as server:
        for number in range(scale.starts + 1):
            for contender in chosen if number % 2 else chosen[::-1]:
                done = checked(contender, work, server, scale.folder)
                if number:  # The first run writes what Python compiles.
                    seconds[contender.name].append(done.seconds)
    counted = {contender.name: _count(scale.folder, contender, work) for contender in (TAP, ORDINARY)}
    return {
        "rounds": scale.starts,
        "seconds": {name: statistics.median(values) for name, values in seconds.items()},
        "instructions": counted,
    }


def faults(scale: Scale) -> dict[str, Any]:
    """(e) Who is right, who loses rows, who never ends."""
    work = work_of(scale.fault_days)
    cases = [(name, behaviour, contender) for name, behaviour in FAULTS.items() for contender in JUDGED]

    def one(case: tuple[str, Behaviour, Contender]) -> str:
        name, behaviour, contender = case
        served_work = replace(work, as_text=behaviour.as_text)
        with served(served_work, behaviour) as server:
            folder = scale.folder / "faults" / name.replace(" ", "_") / contender.name
            job = Job(work=work, url=server.url, folder=folder)
            watch = Watch(longest_seconds=FAULT_SECONDS, server=server, most_requests=ENDLESS_FACTOR * work.pages)
            done = run(contender, job, watch)
        verdict = judge(work, done, contender.rows(folder))
        say(f"  {behaviour.what}: {contender.title}: {verdict} ({done.seconds:.0f} s)")
        return verdict

    with ThreadPoolExecutor(MOSTLY_WAITING_AT_ONCE) as pool:
        verdicts = list(pool.map(one, cases))
    lines: dict[str, dict[str, str]] = {}
    for (_, behaviour, contender), verdict in zip(cases, verdicts, strict=True):
        lines.setdefault(behaviour.what, {})[contender.name] = verdict
    return {"rows": work.rows, "lines": lines}


PARTS: dict[str, Callable[[Scale], dict[str, Any]]] = {
    "a": throughput,
    "b": latency,
    "c": growth,
    "d": start,
    "e": faults,
    "f": loading,
}


def _drain(server: Served, work: Work) -> float:
    """Return how long the server alone takes: one connection, and nothing done with what comes."""
    host = server.url.partition("//")[2]
    connection = (
        http.client.HTTPSConnection(host, context=server.context)
        if server.context
        else http.client.HTTPConnection(host)
    )
    connection.request("POST", TOKEN_PATH, json.dumps({"grant_type": "password", **CREDENTIALS}))
    token = json.load(connection.getresponse())["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    query = Job(work=work, url=server.url, folder=Path()).query()
    started = time.perf_counter()
    for number in range(1, work.pages + 1):
        connection.request("POST", REPORT_PATH, json.dumps({**query, "page": number}), headers)
        connection.getresponse().read()
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def _instructions(base: Path, contenders: Sequence[Contender], works: Sequence[Work]) -> dict[str, list[float]]:
    """Return the instructions that each row more costs, from one size of work to the next."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The longest first, so that none is left alone at the end.
        counting = {
            (contender.name, work.rows): pool.submit(_count, base, contender, work)
            for work in sorted(works, key=lambda work: -work.rows)
            for contender in contenders[::-1]
        }
    return {
        contender.name: [
            (counting[contender.name, more.rows].result() - counting[contender.name, less.rows].result())
            / (more.rows - less.rows)
            for less, more in itertools.pairwise(works)
        ]
        for contender in contenders
    }


def _count(base: Path, contender: Contender, work: Work) -> int:
    """Return the instructions of a whole run."""
    with served(work, HEALTHY) as server:
        folder = base / "counted" / f"{contender.name}-{work.rows}"
        total = instructions(contender, Job(work=work, url=server.url, folder=folder))
    say(f"  {contender.title}, {work.rows:,} rows: {total / 1e9:.2f} billion instructions")
    return total
