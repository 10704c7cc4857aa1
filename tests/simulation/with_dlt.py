"""A life whose mornings load a warehouse by way of dlt, in this process: the same account, server and faults."""

from __future__ import annotations

import inspect
import logging
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from dlt.pipeline.exceptions import PipelineStepFailed

from simulation.days import ONE_DAY
from simulation.ending import UNCOMPARED
from simulation.expectation import days_of_run, expected, without_lost_days
from simulation.faults import CACHE, CLOCK, SERVER, WIRE, drawn_faults
from simulation.instants import Killed
from simulation.life import NOWHERE
from simulation.pipeline import Pipeline, rng_for
from simulation.script import LIES, damage_cache, machine_of
from simulation.streams import ENTITIES
from simulation.warehouse import pipeline_of, stored
from tap_yoc.dlt import source as dlt_source
from tap_yoc.dlt import yoc
from tap_yoc.errors import YOCError
from tap_yoc.sandbox.world import CREDENTIALS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

    from simulation.expectation import Expectation
    from simulation.faults import Fault
    from simulation.morning import Machine
    from simulation.streams import Stream
    from simulation.warehouse import Warehouse

KILLED = -9
SHARE_TAKEN_BACK = 0.2


@dataclass(kw_only=True)
class Ending:
    """How a morning has ended: the tap's exit code for it, and what was logged."""

    code: int
    text: str


@dataclass(kw_only=True)
class DltLife:
    """A pipeline from its first morning on, loaded into DuckDB."""

    seed: int
    mornings: int
    found: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def play(self) -> list[str]:
        """Play all mornings, and return what was wrong on the first bad one, in sentences."""
        life = Pipeline(self.seed, url=NOWHERE)
        life.has_password = True
        life.config.update(CREDENTIALS, on_incomplete_day="fail")
        life.config.pop("refresh_token", None)
        life.config.setdefault("start_date", str(min(life.account.published)))
        faults = drawn_faults(rng_for(self.seed, "faults"), self.mornings, life.streams)
        try:
            for morning in range(self.mornings):
                rng = rng_for(self.seed, f"morning {morning}")
                if morning:
                    life.next_day(rng, morning)
                    if rng.random() < SHARE_TAKEN_BACK:
                        life.take_back_a_day(rng)
                now = [fault for fault in faults if fault.morning == morning and _is_for_dlt(fault)]
                self._play(life, rng, now)
                if self.found:
                    return [f"Life {self.seed}, morning {morning}:", *self.found, *map(str, now)]
        finally:
            life.close()
        return []

    def _play(self, life: Pipeline, rng: random.Random, faults: list[Fault]) -> None:
        life.world.new_morning()
        damage_cache(life.token_cache, faults)
        days, loose_days = days_of_run(life, faults), set[str]()
        before = stored(life)
        ending = _loaded(life, rng, faults, loose_days)
        self.codes.append(ending.code)
        expectation = expected(life, faults, days=without_lost_days(days, life), loose_days=frozenset(loose_days))
        if ending.code not in expectation.codes:
            fitting = sorted(expectation.codes)
            self.found.append(f"it ends with {ending.code}, and only {fitting} fits the faults: {ending.text[-900:]}")
        after = stored(life)
        self.found += after.twice
        if ending.code:
            if after != before:
                self.found.append("it fails, and has changed the warehouse")
            return
        is_deceived = UNCOMPARED in ending.text and any(fault.kind in LIES for fault in faults)
        if not is_deceived:
            for stream in life.streams:
                self._judge(stream, life, before, after, expectation)
            self._judge_names(life, expectation)

    def _judge(
        self, stream: Stream, life: Pipeline, before: Warehouse, after: Warehouse, expectation: Expectation
    ) -> None:
        """Check that the days that were read equal the source, and that all others are as before."""
        name, first = stream.name, expectation.first_day
        if mark := before.bookmarks[name]:
            first = max(first, date.fromisoformat(mark) + ONE_DAY * (1 - stream.lookback_days))
        source = stream.source(life.world, first, expectation.last_day)
        was, now = before.tables.get(name, {}), after.tables.get(name, {})
        for day in sorted({*source, *was, *now} - expectation.loose_days):
            is_read = str(first) <= day <= str(expectation.last_day)
            wanted = source.get(day, {}) if is_read else was.get(day, {})
            kept = {key: {column: row[column] for column in stream.figures} for key, row in wanted.items()}
            if now.get(day, {}) != kept:
                whose = "the source" if is_read else "the table before, though it was not read"
                self.found.append(f"{name} of {day} has {now.get(day, {})}, and {whose} {kept}")
        marked = after.bookmarks[name]
        if (marked or "") < (before.bookmarks[name] or "") or (marked or "") > str(expectation.last_day):
            self.found.append(f"the bookmark of {name} goes from {before.bookmarks[name]} to {marked}")
        # It stays where a day has lost its rows, and goes on where a filter has left none.
        settled = expectation.last_day if stream.query else expectation.last_day - ONE_DAY * stream.lookback_days
        most = max(before.bookmarks[name] or "", str(settled), *now)
        if now and not max(now) <= (marked or "") <= most:
            self.found.append(f"the bookmark of {name} is {marked}, and the newest day {max(now)}")

    def _judge_names(self, life: Pipeline, expectation: Expectation) -> None:
        for entity in () if expectation.loose_days else life.entities:
            identity, label = ENTITIES[entity]
            newest: dict[Any, str] = {}
            for row in life.world.truth(
                group_by=["date", identity, label],
                data_fields=["impressions"],
                start=expectation.first_day,
                end=expectation.last_day,
            ):
                newest[row[identity]] = row[label]
            newest.pop(None, None)
            with pipeline_of(life).sql_client() as client:
                rows = client.execute_sql(f"SELECT {identity}, {label} FROM {entity}") or ()  # noqa: S608 - names
            names = [tuple(row) for row in rows]
            if len(names) != len(dict(names)) or not newest.items() <= dict(names).items():
                self.found.append(f"{entity} are {names} instead of {newest}")


def found_in_lives(seeds: Iterable[int]) -> Iterator[list[str]]:
    """Play lives of ten mornings, and yield what was wrong with each; dlt's files and settings are nobody else's."""
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        surroundings = {"DLT_DATA_DIR": folder, "DLT_PROJECT_DIR": folder, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        with patch.dict(os.environ, {**surroundings, "RUNTIME__LOG_LEVEL": "CRITICAL"}):
            for seed in seeds:
                yield DltLife(seed=seed, mornings=10).play()


def _is_for_dlt(fault: Fault) -> bool:
    """Return whether it can happen to a pipeline in this process; signals and stdout concern only the tap."""
    return fault.layer in {SERVER, WIRE, CACHE, CLOCK} or fault.kind == "kill"


def _loaded(life: Pipeline, rng: random.Random, faults: list[Fault], loose_days: set[str]) -> Ending:
    """Run the pipeline once."""
    machine = machine_of(life, faults, rng=rng, loose_days=loose_days)
    with _logged() as lines, machine.wire.installed(), patch.object(dlt_source, "Clock", lambda: machine.clock):
        code, text = _run(life, machine)
    machine.disk.settle()
    return Ending(code=KILLED if machine.instants.is_dead else code, text="\n".join([*lines, text]))


def _run(life: Pipeline, machine: Machine) -> tuple[int, str]:
    settings = {name: value for name, value in life.config.items() if name in inspect.signature(yoc).parameters}
    machine.instants.is_running = True
    try:
        source = yoc(**settings)
        pipeline_of(life).run(source.with_resources(*(stream.name for stream in life.streams), *life.entities))
    except Killed:
        return KILLED, "killed"
    except YOCError as error:
        return int(error.exit_code), str(error)
    except PipelineStepFailed as failure:
        return _code_of(failure), str(failure)
    finally:
        machine.instants.is_running = False
    return 0, ""


def _code_of(failure: BaseException | None) -> int:
    """Return the tap's exit code for what has failed a pipeline."""
    while failure:
        if isinstance(failure, YOCError):
            return int(failure.exit_code)
        failure = failure.__cause__ or failure.__context__
    return 1


@contextmanager
def _logged() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tap-yoc")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
