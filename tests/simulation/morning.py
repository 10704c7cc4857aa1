"""One run of the tap in this process: its clock, its wire, its stdout and its death are simulated."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from simulation.instants import Killed
from simulation.output import stdout_over
from simulation.wire import HangError
from tap_yoc.errors import YOCError
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Collection, Iterator

    from simulation.clock import MachineClock
    from simulation.disk import Disk
    from simulation.instants import Instants
    from simulation.output import Sink
    from simulation.sent import Sent
    from simulation.wire import Wire

KILLED = -9
INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
LONGEST_REAL_SECONDS = 60
LONGEST_START_SECONDS = 1.0


@dataclass(kw_only=True)
class Outcome:
    """What is left of a run."""

    exit_code: int
    log: list[str]
    received: bytes
    sent: list[Sent] = field(default_factory=list)
    hasty: list[str] = field(default_factory=list)
    virtual_seconds: float = 0.0
    began: str = ""
    ended: str = ""
    """Both by the machine's clock, as the tap writes instants; empty for a real process."""
    has_lost_output: bool = False
    """Stdout has refused bytes."""
    megabytes: int = 0
    """How much memory a real process took at most."""
    seconds_to_stop: float = 0.0
    """How long a real process went on after a signal."""
    spoilt: list[dict[str, Any]] = field(default_factory=list)
    """The reports asked for whose answers lacked rows and were well formed."""
    writes_after_stop: int = 0
    """How often it wrote to stdout after a signal to stop."""

    @property
    def is_killed(self) -> bool:
        """Whether it died without a word."""
        return self.exit_code == KILLED


@dataclass(kw_only=True)
class Machine:
    """What the run meets on its own machine."""

    clock: MachineClock
    wire: Wire
    instants: Instants
    sink: Sink
    disk: Disk
    is_unbuffered: bool = False
    is_debugging: bool = False


def run_in_process(
    machine: Machine, config: dict[str, Any], state: dict[str, Any], wanted: Callable[[str], bool]
) -> Outcome:
    """Run the tap as its command does, with the streams that are wanted."""
    began, began_at = machine.clock.monotonic(), machine.clock.now()
    others = {*threading.enumerate()}
    with _logged(machine) as log, _surroundings(machine), machine.wire.installed():
        code = _exit_code(machine, config, state, wanted, log)
    _join_workers(others)
    return Outcome(
        exit_code=KILLED if machine.instants.is_dead else code,
        log=log,
        received=bytes(machine.sink.received),
        sent=machine.wire.sent,
        hasty=machine.wire.hasty,
        virtual_seconds=machine.clock.monotonic() - began,
        began=began_at.strftime(INSTANT),
        ended=machine.clock.now().strftime(INSTANT),
        has_lost_output=machine.sink.has_refused,
        spoilt=[*machine.wire.spoilt, *machine.wire.world.spoilt()],
        writes_after_stop=machine.instants.writes_after_stop,
    )


def _exit_code(
    machine: Machine, config: dict[str, Any], state: dict[str, Any], wanted: Callable[[str], bool], log: list[str]
) -> int:
    clocked = type("TapYOC", (TapYOC,), {"clock": machine.clock, "__doc__": TapYOC.__doc__})
    machine.instants.is_running = True
    try:
        tap = clocked(config=dict(config), state=state)
        for stream in tap.streams.values():
            stream.selected = wanted(stream.name)
        with tap.finishing():
            tap.sync_all()
    except SystemExit as stop:
        return int(stop.code or 0)
    except YOCError as error:
        if not error.is_logged:
            log.append(f"ERROR {error}")
        return int(error.exit_code)
    except Killed:
        return KILLED
    except Exception:  # noqa: BLE001 - the command would show it as well
        log.append(traceback.format_exc())
    finally:
        machine.instants.is_running = False
    return 1


def plain_environment() -> dict[str, str]:
    """Return the environment of a run: what every process needs, and no proxy, certificate or setting of this shell."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LANG"}}


@contextmanager
def _logged(machine: Machine) -> Iterator[list[str]]:
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not machine.instants.is_dead:
                lines.append(self.format(record))

    handler = Handler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG if machine.is_debugging else logging.INFO)
    # The SDK says of every column that it is selected, which takes a fifth of a run's time.
    logging.getLogger("singer_sdk.singerlib.catalog").setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@contextmanager
def _surroundings(machine: Machine) -> Iterator[None]:
    """Put stdout, the disk and the signals in the place of the real ones, and watch that the run ends."""

    def hang(_signal: int, _frame: object) -> None:
        raise HangError

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    handlers = [signal.getsignal(number) for number in numbers]
    stdout = stdout_over(machine.sink, is_unbuffered=machine.is_unbuffered)
    signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_REAL_SECONDS)
    try:
        with (
            patch.object(sys, "stdout", stdout),
            machine.disk.installed(),
            patch.dict(os.environ, plain_environment(), clear=True),
        ):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
        _discard(stdout, machine.sink)


def _discard(stdout: io.TextIOWrapper, sink: Sink) -> None:
    """Let go of a stdout whose buffers may hold what the process did not get out."""
    sink.is_over = True
    stdout.close()


def _join_workers(others: Collection[threading.Thread]) -> None:
    """Wait for threads that the run has left, so that none of them sends anything in the next one.

    `others` were there before: a test that ran earlier in this process may have left one.
    """
    for thread in {*threading.enumerate()}.difference(others):
        if thread.name.startswith("tap-yoc") and _is_running(thread):
            thread.join(LONGEST_REAL_SECONDS)
            if thread.is_alive():
                raise HangError(thread.name)


def _is_running(thread: threading.Thread) -> bool:
    """Return whether a thread has started and goes on; a signal may have come while it was being started."""
    until = time.monotonic() + LONGEST_START_SECONDS
    while not thread.is_alive() and thread in threading.enumerate() and time.monotonic() < until:
        time.sleep(0.001)
    return thread.is_alive()


__all__ = ["HangError", "Machine", "Outcome", "run_in_process"]
