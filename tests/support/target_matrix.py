"""What each loader keeps of the tap's rows: a table, and the part of docs/targets.md that is made of it.

`make docs` writes it into the page; tests/test_targets.py holds every cell against a real load.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

PINS = Path(__file__).parents[2] / "requirements" / "loaders"
PAGE = Path(__file__).parents[2] / "docs" / "targets.md"
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
        empty="kept apart",
        batch="read, money exact",
    ),
    "target-jsonl": Kept(
        rows="all",
        again="is added",
        money="exact",
        day="text",
        instant="text, with `Z`",
        boolean="boolean",
        empty="kept apart",
        batch="refused",
    ),
    "target-s3": Kept(
        rows="all",
        again="is added",
        money="floating point",
        day="date",
        instant="timestamp with zone, cut to seconds",
        boolean="boolean",
        empty="kept apart",
        batch="refused",
    ),
    "target-csv": Kept(
        rows="all",
        again="is added",
        money="exact, as text",
        day="text",
        instant="text, with `+00:00`",
        boolean="text",
        empty="not told apart",
        batch="read, money exact",
    ),
    "target-duckdb": Kept(
        rows="**some are lost**",
        again="replaces the old one",
        money="floating point",
        day="text",
        instant="timestamp in UTC, without zone",
        boolean="boolean",
        empty="not told apart",
        batch="refused",
    ),
}


def release(name: str) -> str:
    """Return the package and version that the tests load with, as `package 1.2.3`."""
    return (PINS / f"{name}.in").read_text("utf-8").strip().replace("==", " ")


def table() -> str:
    """Return the table of the page."""
    lines = [f"| Loader | {' | '.join(HEADINGS.values())} |", "|---" * (len(HEADINGS) + 1) + "|"]
    for name, kept in MATRIX.items():
        cells = [f"{name} ({release(name)})", *(getattr(kept, field.name) for field in fields(kept))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["", *lines, "", ""])


if __name__ == "__main__":
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text("utf-8")), encoding="utf-8")
