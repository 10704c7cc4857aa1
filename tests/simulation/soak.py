"""`make soak`: lives one after another on all cores, until the time is over; what was played, and what failed."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from simulation.crew import Crew
from simulation.process import Workshop
from simulation.shrink import command_for, described, played
from simulation.tally import Tally

if TYPE_CHECKING:
    from simulation.crew import Played


def main() -> None:
    """Play, and exit with 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, help="how long to go on (1, unless --mornings is given)")
    parser.add_argument("--mornings", type=int, help="after how many mornings to stop")
    parser.add_argument("--first-seed", type=int, default=1, help="the first life's seed; the next ones follow (1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many lives side by side")
    parser.add_argument("--most-failures", type=int, default=20, help="after how many failures to stop (20)")
    parser.add_argument("--json", type=Path, help="where to write the totals, which are kept up to date meanwhile")
    parser.add_argument("--no-processes", action="store_true", help="play all mornings in this process")
    parser.add_argument("--dlt", action="store_true", help="load short lives into DuckDB by way of dlt, one by one")
    parser.add_argument("--seed", type=int, help="play the life of this seed again, and show what fails")
    parser.add_argument("--until", type=int, help="with --seed: the last morning")
    parser.add_argument("--only", help="with --seed: the numbers of the faults to keep, such as 3,17")
    options = parser.parse_args()
    if options.dlt:
        sys.exit(_with_dlt(options))
    sys.exit(_one(options) if options.seed is not None else _many(options))


def _commit() -> str:
    """Return the commit that is played, empty outside of a repository."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip()


def _with_dlt(options: argparse.Namespace) -> int:
    from simulation.with_dlt import found_in_lives  # noqa: PLC0415 - importing dlt takes a second

    end = time.monotonic() + 60 * (options.minutes or 1.0)
    seeds = count(options.first_seed) if options.seed is None else iter([options.seed])
    failures = lives = 0
    for found in found_in_lives(takewhile(lambda _: time.monotonic() < end, seeds)):
        lives += 1
        if found:
            failures += 1
            print("\n  ".join(found), flush=True)  # noqa: T201 - a command's output
    print(f"{lives} lives by way of dlt, {failures} failures")  # noqa: T201 - likewise
    return bool(failures)


def _one(options: argparse.Namespace) -> int:
    only = None if options.only is None else [int(number) for number in options.only.split(",") if number]
    workshop = None if options.no_processes else Workshop()
    try:
        failure, totals = played(options.seed, until=options.until, only=only, workshop=workshop)
    finally:
        if workshop:
            workshop.close()
    print(described(failure) if failure else f"Nothing is wrong: {totals.mornings} mornings.")  # noqa: T201 - a command's output
    return bool(failure)


def _many(options: argparse.Namespace) -> int:
    minutes = options.minutes if options.minutes or options.mornings else 1.0
    tally = Tally(first_seed=options.first_seed, workers=options.workers, commit=_commit())
    crew = Crew(
        size=options.workers,
        first_seed=options.first_seed,
        seconds=minutes * 60 if minutes else None,
        with_processes=not options.no_processes,
    )

    def note(one: Played) -> None:
        tally.add(one.totals, cpu_seconds=one.cpu_seconds, megabytes=one.megabytes)
        if one.failure:
            steady = "" if one.is_steady else "  It does not fail every time; this is the first one.\n"
            command = command_for(one.failure, real=not options.no_processes)
            fail(f"{described(one.failure)}\n{steady}  Play it again: {command}")

    def fail(text: str) -> None:
        tally.failures.append(text)
        print(text, flush=True)  # noqa: T201 - a command's output

    def is_enough() -> bool:
        has_played: bool = options.mornings is not None and tally.mornings >= options.mornings
        return has_played or len(tally.failures) >= options.most_failures

    def report() -> None:
        print(tally, flush=True)  # noqa: T201 - likewise
        if options.json:
            options.json.write_text(json.dumps(tally.as_json(), indent=2) + "\n", encoding="utf-8")

    try:
        crew.play(note=note, fail=fail, is_enough=is_enough, report=report)
    finally:
        report()
    return bool(tally.failures)
