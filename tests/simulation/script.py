"""A morning's faults, put where they happen: into the server, the wire, the machine, or a real run."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from simulation.clock import MachineClock
from simulation.disk import Disk
from simulation.faults import CACHE, CLOCK, DISK, OUTPUT, PROCESS, SERVER, STATE, WIRE
from simulation.instants import Instants
from simulation.morning import Machine
from simulation.output import PLAIN, Sink
from simulation.process import Trouble
from simulation.server import REPORT
from simulation.wire import Wire, WireFault
from tap_yoc.sandbox.faults import Fault as SandboxFault

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from simulation.faults import Fault
    from simulation.pipeline import Pipeline
    from simulation.streams import Stream
    from tap_yoc.sandbox.forms import Forms

KILL = 9
DATED_WAIT = {"kind": "status", "status": 429, "where": "report", "times": 1}
LIES = {"row dropped", "empty answer"}
"""Answers that lack rows and are well formed."""
SHARE_HANGING, HANGING_SECONDS = 0.5, 50.0
"""Of the real runs that are signalled, so many ask a server that hangs, for less than the tap waits for an answer."""
BYTES_AN_INSTANT = 150
"""In a real run, whose instants nobody counts, so many bytes of its output stand for one."""


def off_by_seconds(faults: Sequence[Fault]) -> float:
    """Return how far the machine's clock is ahead."""
    return float(sum(fault.options["seconds"] for fault in faults if fault.layer == CLOCK))


def machine_of(pipeline: Pipeline, faults: Sequence[Fault], *, rng: random.Random, loose_days: set[str]) -> Machine:
    """Return the machine of a run in this process, and order the server's faults.

    Days whose figures are revised during the run come into `loose_days`.
    """
    world, time = pipeline.world, pipeline.time
    instants = Instants()
    disk = Disk(pipeline.token_cache, instants.passing)
    instants.on_death = disk.die
    wire = Wire(world=world, time=time, instants=instants, latency_seconds=rng.choice([0.05, 0.4, 3.0]))
    machine = Machine(
        clock=MachineClock(time, off_by_seconds(faults), instants.passing),
        wire=wire,
        instants=instants,
        sink=Sink(PLAIN, 0, rng, instants.passing),
        disk=disk,
        is_unbuffered=rng.random() < 0.3,
        is_debugging=rng.random() < 0.2,
    )

    def revise() -> None:
        loose_days.update(pipeline.revise_meanwhile(rng))

    for fault in those_that_show(faults, pipeline.streams, world.forms):
        options = fault.options
        if fault.layer == SERVER:
            world.faults.add(SandboxFault.from_dict(options))
        elif fault.layer == WIRE:
            wire.faults.append(WireFault(**options, act=revise if fault.kind == "revised meanwhile" else None))
        elif fault.layer == PROCESS:
            instants.plan(options["instant"], options["number"], options.get("signal"))
            disk.loses_power |= options.get("loses_power", False)
        elif fault.layer == OUTPUT:
            machine.sink = Sink(options["mode"], options["room"], rng, instants.passing)
            machine.is_unbuffered = options["is_unbuffered"]
        elif "retry_after" in options:  # with the clock off
            at = formatdate(time() + options["retry_after"], usegmt=True)
            world.faults.add(SandboxFault.from_dict({**DATED_WAIT, "retry_after": at}))
        elif fault.layer == DISK:
            disk.full_at_sync = options["number"]
    return machine


def those_that_show(faults: Sequence[Fault], streams: Sequence[Stream], forms: Forms) -> list[Fault]:
    """Return the faults without those that hide rows and that nothing shows.

    What shows them is the account's totals of a day, or the report's own total. A page that is refused twice does not
    exist, so the second of two refusals may hide rows, too.
    """
    has_total = forms.total == "header" or (forms.total not in {"none", "page_count"} and forms.envelope != "bare")
    found: list[Fault] = []
    for fault in faults:
        text = fault.options.get("match", "")
        is_compared = all(stream.is_compared for stream in streams if text in stream.body_text)
        if is_compared or not hides_rows(fault, found) or (fault.kind == "row dropped" and has_total):
            found.append(fault)
    return found


def hides_rows(fault: Fault, others: Sequence[Fault]) -> bool:
    """Return whether a fault, together with others of its morning, can look like a report with fewer rows."""
    if fault.kind in LIES or (fault.kind == "not found" and fault.options["times"] > 1):
        return True
    return is_refusal(fault) and any(is_refusal(other) for other in others)


def is_refusal(fault: Fault) -> bool:
    """Return whether a report's request is refused by it, for a reason that may be the page's number."""
    return fault.options.get("where") == REPORT and fault.options.get("status") in {400, 403, 404, 422}


def troubles_of(pipeline: Pipeline, faults: Sequence[Fault], *, rng: random.Random) -> list[Trouble]:
    """Return what real runs meet, two of them now and then, and order the server's faults that really happen."""
    world = pipeline.world
    trouble = Trouble(off_by_seconds=off_by_seconds(faults), is_paused=rng.random() < 0.3)
    for fault in those_that_show(faults, pipeline.streams, world.forms):
        options = fault.options
        if fault.layer == SERVER:
            world.faults.add(SandboxFault.from_dict({**options, **({"seconds": 0.05} if "seconds" in options else {})}))
        elif fault.layer == PROCESS:
            trouble.signal_number = options.get("signal", KILL)
            trouble.after_bytes = options["number"] * BYTES_AN_INSTANT
            if rng.random() < SHARE_HANGING:
                hang = {"kind": "slow", "where": "report", "seconds": HANGING_SECONDS, "after": rng.randrange(3)}
                world.faults.add(SandboxFault.from_dict(hang))
        elif fault.layer == OUTPUT:
            trouble.mode = options["mode"]
            trouble.is_unbuffered = options["is_unbuffered"]
    return [trouble, Trouble(off_by_seconds=trouble.off_by_seconds)] if rng.random() < 0.15 else [trouble]


def is_real_too(fault: Fault) -> bool:
    """Return whether a fault also happens in a real run."""
    return fault.layer in {SERVER, PROCESS, OUTPUT, CACHE, CLOCK, STATE}


def damage_cache(path: Path, faults: Sequence[Fault]) -> None:
    """Damage the token cache between two runs."""
    for fault in faults:
        if fault.layer == CACHE and path.exists():
            content = path.read_bytes()
            damaged: dict[str, Any] = {
                "cut": content[: len(content) // 2],
                "empty": b"",
                "noise": content[:-20] + b"\xff\n\x00" * 9,
            }
            path.write_bytes(damaged[fault.options["how"]])
