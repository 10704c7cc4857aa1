"""What each loader keeps of the tap's rows: a table, and the part of docs/targets.md that is made of it.

`make docs` writes it into the page; tests/test_targets.py holds every cell against a real load.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path

import tomli

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
PINS = Path(__file__).parents[2] / "requirements" / "loaders"
PAGE = Path(__file__).parents[2] / "docs" / "targets.md"
SPEED = Path(__file__).parents[2] / "benchmarks" / "results" / "loaders.json"
SETTINGS = re.compile(r"(?<=<!-- made from benchmarks/results/loaders\.json -->\n).*?(?=<!-- end -->)", re.DOTALL)
TABLE = re.compile(r"(?<=<!-- made by tests/support/target_matrix\.py -->\n).*?(?=<!-- end -->)", re.DOTALL)

HEADINGS = {
    "rows": "Rows",
    "again": "A row read again",
    "money": "Money, rates",
    "day": "Dates",
    "instant": "`fetched_at`",
    "boolean": "Booleans",
    "empty": "Null, empty text",
    "batch": "BATCH",
}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One row of the table: what a loader does, in the words of the page."""

    rows: str
    again: str
    money: str
    day: str
    instant: str
    boolean: str
    empty: str
    batch: str


MATRIX = {
    "target-postgres": Kept(
        rows="all",
        again="replaces the old one",
        money="exact",
        day="date",
        instant="timestamp in UTC, without zone",
        boolean="boolean",
        empty="distinct",
        batch="read, money exact",
    ),
    "target-jsonl": Kept(
        rows="all",
        again="is appended",
        money="exact",
        day="text",
        instant="text, with `Z`",
        boolean="boolean",
        empty="distinct",
        batch="not supported",
    ),
    "target-s3": Kept(
        rows="all",
        again="is appended",
        money="floating point",
        day="date",
        instant="timestamp with zone, cut to seconds",
        boolean="boolean",
        empty="distinct",
        batch="not supported",
    ),
    "target-csv": Kept(
        rows="all",
        again="is appended",
        money="exact, as text",
        day="text",
        instant="text, with `+00:00`",
        boolean="text",
        empty="not distinguished",
        batch="read, money exact",
    ),
    "target-duckdb": Kept(
        rows="**some are lost**",
        again="replaces the old one",
        money="floating point",
        day="text",
        instant="timestamp in UTC, without zone",
        boolean="boolean",
        empty="not distinguished",
        batch="not supported",
    ),
}


def release(name: str) -> str:
    """Return the package and version that the tests load with, as `package 1.2.3`."""
    if name == "target-postgres":
        (pin,) = tomli.loads(PROJECT.read_text("utf-8"))["project"]["optional-dependencies"]["postgres"]
    else:
        pin = (PINS / f"{name}.in").read_text("utf-8").strip()
    return str(pin).replace("==", " ")


def table() -> str:
    """Return the table of the page."""
    lines = [f"| Loader | {' | '.join(HEADINGS.values())} |", "|---" * (len(HEADINGS) + 1) + "|"]
    for name, kept in MATRIX.items():
        cells = [f"{name} ({release(name)})", *(getattr(kept, field.name) for field in fields(kept))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["", *lines, "", ""])


def speed() -> str:
    """Return the table of settings, from what `loader_speed.py` has measured."""
    results = json.loads(SPEED.read_text("utf-8"))
    lines = ["| Settings | Rows a second | The same rows again | Peak memory |", "|---|---:|---:|---:|"]
    for name, row in results["variants"].items():
        lines.append(f"| {name} | {row['first']:,} | {row['again']:,} | {row['peak_mb']} MB |")
    what = f"{results['rows']:,} rows of `ad_unit_country_daily`, Python {results['python']}"
    return "\n".join(["", *lines, "", f"Measured with {what}, PostgreSQL {results['postgres']}.", "", ""])


if __name__ == "__main__":
    text = TABLE.sub(lambda _: table(), PAGE.read_text("utf-8"))
    PAGE.write_text(SETTINGS.sub(lambda _: speed(), text), encoding="utf-8")
