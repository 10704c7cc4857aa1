"""(f) From the API to a table: the whole way, by every pipe, and a look at what lies there then."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postgres import Database, PostgresServer

from benchmarks.behaviour import HEALTHY
from benchmarks.contenders import Job
from benchmarks.measure import Watch, last_words, run_pipe, served
from benchmarks.pipes import LOOKBACK_DAYS, Load
from benchmarks.scale import LOADED_ROWS_PER_DAY, medians, say, work_of
from benchmarks.tables import Expected
from benchmarks.verdict import FAILS, RIGHT
from benchmarks.ways import ALONE, PIPES

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measure import Run, Served
    from benchmarks.pipes import Pipe
    from benchmarks.scale import Scale
    from benchmarks.work import Work

LOADER = "bench"
"""A name and password without characters that a loader might stumble over: that is not what is measured here."""
AGAIN_DAYS = LOOKBACK_DAYS + 1
"""What a second load reads: the lookback, and the day that is new."""


class Trial:
    """One pipe, loading twice into a place of its own."""

    def __init__(self, pipe: Pipe, folder: Path, database: Database) -> None:
        """Take the pipe and where it may write."""
        self.pipe = pipe
        self._folder = folder / pipe.name
        self._database = database

    def load(self, work: Work, server: Served, expected: Expected, added: Expected | None = None) -> tuple[Run, str]:
        """Return what a load took, and how the table compares with the source."""
        job = Job(work=work, url=server.url, folder=self._folder, variables=server.variables)
        load = Load(job=job, database=self._database, is_first=added is None)
        self.pipe.prepare(load)
        done = run_pipe(self.pipe.commands(load), {**self.pipe.variables}, self._folder, Watch())
        if done.exit_code:
            say(f"  {self.pipe.title}, to {self.pipe.into}: {FAILS}:\n{last_words(self._folder)}")
            return done, FAILS
        verdict = expected.verdict(self.pipe.look(load), added if self.pipe.adds else None)
        say(
            f"  {self.pipe.title}, to {self.pipe.into}, {work.rows:,} rows there: {done.seconds:.2f} s, "
            f"{done.cpu_seconds:.2f} s CPU, {done.peak_mb:.0f} MB: {verdict}"
        )
        return done, verdict


def loading(scale: Scale) -> dict[str, Any]:
    """(f) API to table: a first load, and a second one with a week's lookback of revised figures."""
    work = work_of(scale.loaded_days, LOADED_ROWS_PER_DAY)
    revised = replace(work, revision=1)
    before = replace(work, days=work.days - 1, last=work.last - timedelta(days=1))
    first = Expected.of((work, before.days))
    both = Expected.of((work, work.days - AGAIN_DAYS), (revised, AGAIN_DAYS))
    added = Expected.of((work, before.days), (revised, AGAIN_DAYS))
    found: dict[str, list[tuple[Run, Run, str]]] = {pipe.name: [] for pipe in PIPES}
    with PostgresServer() as postgres, served(work, HEALTHY) as server, served(revised, HEALTHY) as later:
        postgres.database().rows(f"CREATE ROLE {LOADER} SUPERUSER LOGIN PASSWORD '{LOADER}'")
        for number in range(scale.loads):
            chosen = [pipe for pipe in PIPES if not (number and pipe.is_slow)]
            for pipe in chosen if number % 2 else chosen[::-1]:
                trial = Trial(pipe, scale.folder, replace(postgres.database(), user=LOADER, password=LOADER))
                once, verdict = trial.load(before, server, first)
                again, later_verdict = trial.load(work, later, both, added) if verdict != FAILS else (once, FAILS)
                found[pipe.name].append((once, again, _worse(verdict, later_verdict)))
    kinds = {pipe.name: pipe for pipe in PIPES}
    return {
        "rows": before.rows,
        "again_rows": AGAIN_DAYS * work.rows_per_day,
        "rounds": scale.loads,
        "alone": _alone(scale),
        "pipes": {
            name: {
                "into": kinds[name].into,
                "is_peer": kinds[name].is_peer,
                "first": medians([once for once, _, _ in runs]),
                "again": medians([again for _, again, _ in runs]),
                "verdict": functools.reduce(_worse, (verdict for *_, verdict in runs)),
            }
            for name, runs in found.items()
        },
    }


def _worse(one: str, other: str) -> str:
    """Return the verdict that says more: what is not right, or else the later one."""
    return other if one.startswith(RIGHT) else one


def _alone(scale: Scale) -> dict[str, Any]:
    """Return what the tap takes without a loader, in lines and in files."""
    work = work_of(scale.read_days)
    found: dict[str, list[Run]] = {pipe.name: [] for pipe in ALONE}
    with served(work, HEALTHY) as server:
        for _ in range(scale.rounds):
            for pipe in ALONE:
                done, verdict = Trial(pipe, scale.folder, Database(name="", port=0)).load(
                    work, server, Expected.of((work, work.days))
                )
                if not verdict.startswith(RIGHT):
                    raise RuntimeError(f"{pipe.title}: {verdict}")
                found[pipe.name].append(done)
    return {"rows": work.rows, "rounds": scale.rounds, "pipes": {name: medians(runs) for name, runs in found.items()}}
