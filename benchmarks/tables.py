"""The content of a table after a load, compared with the source."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks.verdict import RIGHT
from benchmarks.work import COUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from postgres import Database

    from benchmarks.work import Work

SUMS = (*COUNTS, "revenue")
KEY = ("date", "ad_unit_visx_id", "country")
EXACT = ("numeric", "decimal", "varchar")
"""How the types of columns begin that keep every digit."""
ADDED = "right; rows read again are added"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A table, as one query sees it."""

    rows: int
    keys: int
    sums: dict[str, Decimal]
    money: str
    """The type of `revenue`."""
    day: str
    """The type of `date`."""

    @property
    def notes(self) -> list[str]:
        """What the types of the columns cost."""
        found = [] if self.money.lower().startswith(EXACT) else ["money in floating point"]
        return found + ([] if self.day.lower() == "date" else ["days are text"])


def in_postgres(database: Database, table: str) -> Found:
    """Look at a table of PostgreSQL."""
    (row,) = database.rows(_query(table, "pg_typeof"))
    return _found(tuple(row.values()))


def in_duckdb(path: Path, table: str) -> Found:
    """Look at a table of a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as database:
        return _found(database.execute(_query(table, "typeof")).fetchone())


def in_files(relation: str) -> Found:
    """Look at files, by one of DuckDB's functions that read them."""
    with duckdb.connect() as database:
        return _found(database.execute(_query(relation, "typeof")).fetchone())


def _query(table: str, type_of: str) -> str:
    sums = ", ".join(f"sum(CAST({name} AS DECIMAL(30, 9))) AS sum_{name}" for name in SUMS)
    types = ", ".join(f"min(CAST({type_of}({name}) AS text)) AS type_{name}" for name in ("revenue", "date"))
    # A row of the key, as both databases can count it.
    key = " || '/' || ".join(f"CAST({name} AS text)" for name in KEY)
    return f"SELECT count(*) AS rows, count(DISTINCT {key}) AS keys, {sums}, {types} FROM {table}"  # noqa: S608 - names are ours


def _found(row: Any) -> Found:  # noqa: ANN401 - a row of either database
    rows, keys, *sums, money, day = row
    return Found(
        rows=rows,
        keys=keys,
        sums={name: Decimal(value or 0) for name, value in zip(SUMS, sums, strict=True)},
        money=str(money),
        day=str(day),
    )


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a table has to hold."""

    rows: int
    sums: dict[str, Decimal]

    @staticmethod
    def of(*parts: tuple[Work, int]) -> Expected:
        """Return some days of each work."""
        return Expected(
            rows=sum(work.rows_per_day * days for work, days in parts),
            sums={name: sum((_day(work)[name] * days for work, days in parts), Decimal()) for name in SUMS},
        )

    def verdict(self, found: Found, added: Expected | None = None) -> str:
        """Return in words how the table compares; `added` is what files hold to which rows are appended."""
        expected = added or self
        if found.keys < self.rows:
            return f"**loses {self.rows - found.keys:,} of {self.rows:,} rows**, in silence"
        if found.rows != expected.rows:
            return f"**{found.rows:,} rows instead of {expected.rows:,}**, in silence"
        if found.sums != expected.sums:
            return "**other figures than there are**, in silence"
        return ", ".join([ADDED if added else RIGHT, *found.notes])


def _day(work: Work) -> dict[str, Decimal]:
    return {**{name: Decimal(value) for name, value in work.day_totals.items()}, "revenue": work.day_revenue}
