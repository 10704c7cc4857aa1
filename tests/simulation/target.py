"""A strict target: it stores rows by their key, and keeps a state once everything before it is stored."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Key = tuple[Any, ...]
Row = dict[str, Any]
State = dict[str, Any]
NUL = b"\\u0000"


class BrokenOutputError(Exception):
    """What a Singer target would refuse."""


@dataclass(kw_only=True)
class Table:
    """What is stored of a stream: rows by day and key; a stream without days has all of them under an empty one."""

    key: tuple[str, ...]
    days: dict[str, dict[Key, Row]] = field(default_factory=lambda: defaultdict(dict))

    def store(self, row: Row) -> None:
        """Insert a row, or replace the one with the same key."""
        self.days[str(row.get("date", ""))][tuple(row[name] for name in self.key)] = row

    def newest(self, day: str) -> dict[Key, Row]:
        """Return the rows of a day that its newest reading had, as docs/incremental.md has users select them."""
        rows = self.days.get(day, {})
        newest = max((row["fetched_at"] for row in rows.values()), default="")
        return {key: row for key, row in rows.items() if row["fetched_at"] == newest}


@dataclass(kw_only=True)
class Target:
    """All tables, and the state for the next run."""

    tables: dict[str, Table] = field(default_factory=dict)
    state: State = field(default_factory=dict)

    def take(self, received: bytes, *, may_end_anywhere: bool, at_state: Callable[[State, State], None]) -> list[Row]:
        """Store what a run wrote and return its RECORD messages; `at_state` receives the old state and the new one.

        Raises:
            BrokenOutputError: A line is no Singer message, or lacks its schema or its key.
        """
        *lines, rest = received.split(b"\n")
        if rest and not may_end_anywhere:
            raise BrokenOutputError(f"the output ends within a line: {rest[-60:]!r}")
        announced: set[str] = set()
        records = []
        for line in lines:
            try:
                if NUL in line:
                    raise BrokenOutputError(f"a text holds U+0000, which databases refuse: {line[:80]!r}")
                message = json.loads(line, parse_float=Decimal)
                kind = message["type"]
                if kind == "SCHEMA":
                    announced.add(message["stream"])
                    key = tuple(sorted(message["key_properties"]))
                    table = self.tables.setdefault(message["stream"], Table(key=key))
                    if table.key != key:
                        raise BrokenOutputError(f"{message['stream']} has the key {key}, and had {table.key}")
                elif kind == "RECORD":
                    if message["stream"] not in announced:
                        raise BrokenOutputError(f"a row of {message['stream']} comes before its schema")
                    self.tables[message["stream"]].store(message["record"])
                    records.append(message)
                elif kind == "STATE":
                    at_state(self.state, message["value"])
                    self.state = message["value"]
            except (ValueError, KeyError, TypeError) as error:  # noqa: PERF203 - the first one ends it
                raise BrokenOutputError(f"a line is no Singer message ({error!r}): {line[:80]!r}") from error
        return records


def bookmarks(state: State) -> dict[str, str]:
    """Return the day that each stream's bookmark names."""
    marks = state.get("bookmarks", {})
    return {name: mark["replication_key_value"] for name, mark in marks.items() if "replication_key_value" in mark}
