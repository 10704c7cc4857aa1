"""What each setting of target-postgres is worth: `PYTHONPATH=.:tests/support python -m benchmarks.loader_settings`.

The tap's lines are written to a file once. Loader and database take turns, so that the time on an idle machine is the
sum of their processor times, which other work on the machine changes less. The best of a few rounds goes to
results/loaders.json; `make docs` makes the table in docs/targets.md from it.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postgres import PostgresServer

from benchmarks.behaviour import HEALTHY
from benchmarks.contenders import ENVIRONMENTS, HERE, OUTPUT, STREAM, Job
from benchmarks.environments import set_up
from benchmarks.measure import Watch, last_words, run_pipe, served
from benchmarks.pipes import POSTGRES_LOADER, SCHEMA, Load, address, shipped, tap
from benchmarks.scale import say, work_of
from benchmarks.tables import Expected, in_postgres

if TYPE_CHECKING:
    from postgres import Database

RESULTS = HERE / "results" / "loaders.json"
DAYS, ROWS_PER_DAY, ROUNDS = 10, 5_000, 3
TUNED = ("use_copy", "validate_records", "add_record_metadata", "activate_version")
THEIRS, OURS = "target-postgres", "tap-yoc-target-postgres"


def variants() -> list[tuple[str, str, dict[str, Any]]]:
    """Return what is compared: its name on the page, the command, and the settings."""
    tuned = {name: shipped(THEIRS)[name] for name in TUNED}
    metadata = {name: tuned[name] for name in TUNED[2:]}
    return [
        (f"`{THEIRS}` at its defaults", THEIRS, {}),
        ("`use_copy: true`", THEIRS, {"use_copy": True}),
        ("`validate_records: false`", THEIRS, {"validate_records": False}),
        ("`add_record_metadata: false`, `activate_version: false`", THEIRS, metadata),
        ("all of these without `use_copy`", THEIRS, {**tuned, "use_copy": False}),
        ("all of these", THEIRS, tuned),
        (f"**as in `meltano.yml`**: all of these, with `{OURS}`", OURS, tuned),
        ("the same with `batch_size_rows: 50000`", OURS, {**tuned, "batch_size_rows": 50_000}),
    ]


def server_seconds(database: Database) -> float:
    """Return the processor time of the database server and of all connections that have ended."""
    (row,) = database.rows("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid")
    fields = Path(f"/proc/{row['pid']}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def checked(command: list[str], lines: Path, database: Database) -> tuple[float, float]:
    """Load the lines; return the seconds of loader and server, and the loader's peak of memory in MB."""
    folder = lines.parent
    before = server_seconds(database)
    done = run_pipe([["cat", str(lines)], command], {}, folder, Watch())
    if done.exit_code:
        raise RuntimeError(last_words(folder))
    return done.cpu_seconds + server_seconds(database) - before, done.peak_mb


def measure(folder: Path) -> dict[str, Any]:
    """Return rows a second and memory of each variant, for a first load and for the same rows again."""
    work = work_of(DAYS, ROWS_PER_DAY)
    best: dict[str, dict[str, int]] = {}
    with PostgresServer() as postgres, served(work, HEALTHY) as server:
        job = Job(work=work, url=server.url, folder=folder, variables=server.variables)
        read = run_pipe([tap(Load(job=job, database=postgres.database(), is_first=True))], {}, folder, Watch())
        if read.exit_code:
            raise RuntimeError(last_words(folder))
        lines = (folder / OUTPUT).rename(folder / "lines")
        for _ in range(ROUNDS):
            for title, program, settings in variants():
                database = postgres.database()
                config = {**address(database), "default_target_schema": SCHEMA, **settings}
                (folder / "loader.json").write_text(json.dumps(config), encoding="utf-8")
                command = [
                    str(ENVIRONMENTS / POSTGRES_LOADER / "bin" / program),
                    "--config",
                    str(folder / "loader.json"),
                ]
                row = best.setdefault(title, {"first": 0, "again": 0, "peak_mb": 0})
                for which in ("first", "again"):
                    seconds, peak = checked(command, lines, database)
                    row[which] = max(row[which], round(work.rows / seconds))
                    row["peak_mb"] = max(row["peak_mb"], round(peak))
                verdict = Expected.of((work, work.days)).verdict(in_postgres(database, f"{SCHEMA}.{STREAM}"))
                say(f"  {title}: {row}, {verdict}")
        (release,) = postgres.database().rows("SHOW server_version")
    return {
        "rows": work.rows,
        "python": platform.python_version(),
        "postgres": release["server_version"].split()[0],
        "variants": best,
    }


if __name__ == "__main__":
    for environment in ("tap_yoc", POSTGRES_LOADER):
        set_up(environment)
    with tempfile.TemporaryDirectory(prefix="tap-yoc-bench-") as name:
        RESULTS.write_text(json.dumps(measure(Path(name)), indent=1) + "\n", encoding="utf-8")
