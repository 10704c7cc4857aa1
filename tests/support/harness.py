"""Running the tap against the sandbox, in this process or as the installed command, and reading what comes out."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import preloaded
import pytest

from tap_yoc.clock import Clock
from tap_yoc.errors import YOCError
from tap_yoc.settings.coercion import coerced_config
from tap_yoc.settings.parsing import parse
from tap_yoc.singer.messages import YOCMessageWriter
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    import subprocess
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from tap_yoc.sandbox.server import Sandbox
    from tap_yoc.settings.parsing import Settings

TODAY = date(2026, 6, 15)
YESTERDAY = date(2026, 6, 14)
MORNING = datetime(2026, 6, 15, 6, 0, tzinfo=timezone.utc)

ADDITIVE = ["total_traffic", "ad_requests", "impressions", "views", "clicks", "billable_events"]
FIGURES = [*ADDITIVE, "vtr_imps", "ctr_imps", "vtr_percent", "ctr_percent", "revenue", "ecpm"]


class VirtualClock(Clock):
    """A clock on which waiting costs no time."""

    def __init__(self, now: datetime = MORNING) -> None:
        """Start at an instant."""
        self.instant = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the virtual instant."""
        return self.instant

    def monotonic(self) -> float:
        """Return the virtual instant in seconds."""
        return self.instant.timestamp()

    def sleep(self, seconds: float, stop: threading.Event) -> None:  # noqa: ARG002 - waits for nothing
        """Move on at once."""
        self.slept.append(seconds)
        self.instant += timedelta(microseconds=math.ceil(seconds * 1e6))  # never short of what was asked for


class ListWriter(YOCMessageWriter):
    """Keeps the lines instead of writing them."""

    def __init__(self, stop_after: int | None = None) -> None:
        """Optionally die after so many messages, as a killed process does."""
        self.lines: list[bytes] = []
        self.stop_after = stop_after

    def write_lines(self, lines: bytes | bytearray) -> None:
        """Keep the lines."""
        for line in bytes(lines).splitlines():
            if self.stop_after is not None and len(self.lines) >= self.stop_after:
                raise Killed
            self.lines.append(line)


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Outcome:
    """What a run wrote, logged and ended with."""

    lines: list[bytes]
    exit_code: int
    log: str
    error: BaseException | None = None
    messages: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.messages = [json.loads(line, parse_float=Decimal) for line in self.lines]

    @property
    def state(self) -> dict[str, Any]:
        """The last STATE."""
        states = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return states[-1] if states else {}

    def bookmark(self, stream: str) -> str | None:
        """Return the day that the last STATE names for a stream."""
        value: str | None = self.state.get("bookmarks", {}).get(stream, {}).get("replication_key_value")
        return value

    def schema(self, stream: str) -> dict[str, Any]:
        """Return a stream's SCHEMA message."""
        return next(m for m in self.messages if m["type"] == "SCHEMA" and m["stream"] == stream)

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a stream in order."""
        return [m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream]

    def days(self, stream: str) -> list[str]:
        """Return the days that a stream has rows of, oldest first."""
        return sorted({record["date"] for record in self.records(stream)})

    def table(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return what an upsert by key makes of the records."""
        keys = self.schema(stream)["key_properties"]
        return {tuple(record[key] for key in keys): record for record in self.records(stream)}

    def newest_vintage(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return the table without rows that a later reading of their day did not have."""
        newest: dict[str, str] = {}
        for record in self.records(stream):
            newest[record["date"]] = max(newest.get(record["date"], ""), record["fetched_at"])
        return {key: row for key, row in self.table(stream).items() if row["fetched_at"] == newest[row["date"]]}


def run_tap(
    config: dict[str, Any],
    *,
    state: dict[str, Any] | None = None,
    catalog: dict[str, Any] | None = None,
    streams: Sequence[str] | None = None,
    clock: Clock | None = None,
    stop_after: int | None = None,
) -> Outcome:
    """Run the tap in this process on a virtual clock; `streams` selects only these."""
    writer = ListWriter(stop_after)
    records: list[str] = []
    handler = logging.StreamHandler()
    handler.emit = lambda record: records.append(handler.format(record))  # type: ignore[method-assign]
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    level, root.level = root.level, logging.DEBUG
    # The SDK says of every column that it is selected: a quarter of a run's time, and no word about a value.
    logging.getLogger("singer_sdk.singerlib.catalog").setLevel(logging.INFO)
    root.addHandler(handler)
    tap: TapYOC | None = None
    error: BaseException | None = None
    clocked: type[TapYOC] = type("TapYOC", (TapYOC,), {"clock": clock or VirtualClock(), "__doc__": TapYOC.__doc__})
    try:
        tap = clocked(config=dict(config), state=state, catalog=catalog, message_writer=writer)
        if streams is not None:
            for stream in tap.streams.values():
                stream.selected = stream.name in streams
        tap.sync_all()
        code = tap.finish()
    except YOCError as failure:
        error, code = failure, int(failure.exit_code)
        records.append(f"ERROR {failure}")
    except Killed as death:
        error, code = death, -9
    finally:
        if tap:
            tap.run.close()
        root.removeHandler(handler)
        root.setLevel(level)
    return Outcome(lines=writer.lines, exit_code=code, log="\n".join(records), error=error)


def run_command(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `tap-yoc` in a process of its own."""
    return preloaded.run("tap-yoc", *arguments, cwd=cwd, env=env)


def settings_of(config: dict[str, Any]) -> Settings:
    """Return the settings of a configuration, as the tap reads it."""
    return parse(coerced_config(config, TapYOC.known_settings()))


def last_days(sandbox: Sandbox, report: str) -> dict[str, Any]:
    """Return the settings for the two weeks before the sandbox's day, of one report."""
    return {
        **sandbox.config,
        "start_date": str(sandbox.today - timedelta(days=14)),
        "standard_reports": [report],
    }


def needs(lacking: str | None) -> None:
    """Skip a test for what this machine lacks, if anything; in CI, where nothing may be missing, fail it."""
    if lacking and os.environ.get("CI"):
        pytest.fail(lacking, pytrace=False)
    if lacking:
        pytest.skip(lacking)


def command(name: str) -> Path:
    """Return the path of a command of this environment."""
    from pathlib import Path  # noqa: PLC0415 - only here at run time

    return Path(sys.executable).with_name(name)


def truth(
    sandbox: Sandbox, key: Sequence[str], figures: Sequence[str], first: date, last: date, query: object = None
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the sandbox's own aggregation in the tap's terms: by key, missing values replaced, days as text."""
    splitting = [name for name in key if name in {"currency", "is_publisher_campaign"}]
    rows = sandbox.truth(
        group_by=[name for name in key if name not in splitting],
        data_fields=[*splitting, *figures],
        start=first,
        end=last,
        query=query,
    )
    table = {}
    for row in rows:
        plain = {name: cell.isoformat() if isinstance(cell, date) else cell for name, cell in row.items()}
        for name in key:
            if plain[name] is None:
                plain[name] = "" if name in {"country", "currency"} or name.endswith("_name") else 0
        table[tuple(plain[name] for name in key)] = plain
    return table


def assert_equal_to_source(
    outcome: Outcome,
    stream: str,
    sandbox: Sandbox,
    first: date,
    last: date = YESTERDAY,
    *,
    figures: Sequence[str] = FIGURES,
    query: object = None,
    newest_vintage: bool = False,
) -> None:
    """Fail where a stream's table differs from the sandbox's aggregation, in rows or in any figure."""
    table = outcome.newest_vintage(stream) if newest_vintage else outcome.table(stream)
    expected = truth(sandbox, outcome.schema(stream)["key_properties"], figures, first, last, query)
    assert sorted(table, key=repr) == sorted(expected, key=repr)
    for key, row in expected.items():
        for name in figures:
            got, wanted = table[key][name], row[name]
            same = got == wanted or (
                isinstance(wanted, float) and abs(float(got) - wanted) < 1e-9 * max(1, abs(wanted))
            )
            assert same, (stream, key, name, got, wanted)
