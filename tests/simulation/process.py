"""One run of the tap as a real process: real signals, real pipes, real HTTP; only its clock is set."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulation.morning import KILLED, Outcome, plain_environment
from simulation.output import CLOSED, FULL, PLAIN, SHORT, WOULD_BLOCK
from simulation.sent import Sent
from simulation.server import TOKEN
from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from simulation.server import ChangingWorld

LONGEST_SECONDS = 60.0
PAUSED_SECONDS = 0.05


@dataclass(kw_only=True)
class Trouble:
    """What happens to a real run besides its server: when a signal comes, and where its stdout goes."""

    mode: str = PLAIN
    is_unbuffered: bool = False
    signal_number: int | None = None
    after_bytes: int = 0
    """How much has arrived when the signal is sent; it is sent after a moment if less arrives."""
    moment_seconds: float = 0.5
    is_paused: bool = False
    off_by_seconds: float = 0.0


class _Current:
    """The world of the life that is being played, for a server that outlives them."""

    def __init__(self) -> None:
        vars(self)["world"] = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a world has
        return getattr(vars(self)["world"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(vars(self)["world"], name, value)


class Workshop:
    """What real runs need, once a process: an HTTP server, and the zygote."""

    def __init__(self) -> None:
        self._current = _Current()
        self._sandbox = Sandbox()
        self._sandbox.world = self._current  # type: ignore[assignment]  # stands for one after the other
        vars(self._current)["world"] = _NoFacts()
        self._sandbox.start()
        here, there = socket.socketpair()
        self._channel = here
        command = [sys.executable, "-m", "simulation.zygote", str(there.fileno())]
        environment = {**plain_environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._zygote = subprocess.Popen(command, pass_fds=[there.fileno()], env=environment, stdin=subprocess.DEVNULL)
        there.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._sandbox.url

    def close(self) -> None:
        """End both."""
        self._channel.close()
        self._zygote.wait(10)
        self._sandbox.stop()

    def run(
        self, world: ChangingWorld, folder: Path, config: dict[str, Any], state: dict[str, Any], troubles: list[Trouble]
    ) -> list[Outcome]:
        """Run the tap once for each trouble, side by side."""
        vars(self._current)["world"] = world
        began = world.options.clock()
        runs = [_Run(self, folder, config, state, trouble, began) for trouble in troubles]
        for one in runs:
            one.reader.join(LONGEST_SECONDS)
        outcomes = [one.outcome() for one in runs]
        for outcome in outcomes:
            outcome.spoilt = world.spoilt()
        outcomes[-1].sent = [
            Sent(
                place=log.kind,
                at=log.at,
                grant=log.grant or log.body.get("grant_type"),
                refresh_token=log.body.get("refresh_token"),
                became=log.status or "lost",
            )
            for log in world.requests.kept()
            if log.kind == TOKEN
        ]
        return outcomes

    def ask(self, order: dict[str, Any], descriptors: list[int]) -> Any:  # noqa: ANN401 - JSON
        """Return the zygote's answer."""
        socket.send_fds(self._channel, [json.dumps(order).encode()], descriptors)
        return json.loads(self._channel.recv(65536))


class _NoFacts:
    facts = None


@dataclass
class _Run:
    workshop: Workshop
    folder: Path
    config: dict[str, Any]
    state: dict[str, Any]
    trouble: Trouble
    instant: float
    received: bytearray = field(default_factory=bytearray)
    has_lost_output: bool = False

    def __post_init__(self) -> None:
        with_config, with_state = self.folder / f"config-{id(self)}.json", self.folder / f"state-{id(self)}.json"
        with_config.write_text(json.dumps(self.config), encoding="utf-8")
        with_state.write_text(json.dumps(self.state), encoding="utf-8")
        self._log = (self.folder / f"log-{id(self)}.txt").open("w+b")
        self._out, into = os.pipe()
        alive, living = os.pipe()
        if self.trouble.mode == FULL:
            os.close(into)
            into = os.open("/dev/full", os.O_WRONLY)
            self.has_lost_output = True
        elif self.trouble.mode == CLOSED:
            os.close(self._out)
            self._out = os.open(os.devnull, os.O_RDONLY)
            self.has_lost_output = True
        if self.trouble.mode == WOULD_BLOCK:
            fcntl.fcntl(into, fcntl.F_SETFL, fcntl.fcntl(into, fcntl.F_GETFL) | os.O_NONBLOCK)
            fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
        order = {
            "arguments": ["--config", str(with_config), "--state", str(with_state)],
            "environment": {},
            "is_unbuffered": self.trouble.is_unbuffered,
            "instant": self.instant + self.trouble.off_by_seconds,
        }
        self._ended = time.monotonic()
        self._stopped = 0.0
        self._pid = self.workshop.ask(order, [into, self._log.fileno(), living])
        os.close(into)
        os.close(living)
        self._alive = alive
        self._signalled = threading.Event()
        self.reader = threading.Thread(target=self._read, name="simulated-target")
        self.reader.start()
        if self.trouble.signal_number:
            threading.Timer(self.trouble.moment_seconds, self._signal).start()

    def _read(self) -> None:
        number = 0
        slow = self.trouble.mode in {WOULD_BLOCK, SHORT}
        while chunk := os.read(self._out, 512 if slow else 65536):
            self.received += chunk
            number += 1
            if slow and number % 50 == 0:
                time.sleep(0.005)
            if self.trouble.signal_number and len(self.received) > self.trouble.after_bytes:
                self._signal()
            if self.trouble.is_paused:
                self.trouble.is_paused = False
                self._kill(signal.SIGSTOP)
                time.sleep(PAUSED_SECONDS)
                self._kill(signal.SIGCONT)
        os.close(self._out)
        os.read(self._alive, 1)  # ends with the process
        self._ended = time.monotonic()
        self._signalled.set()
        os.close(self._alive)

    def _signal(self) -> None:
        if not self._signalled.is_set():
            self._signalled.set()
            self._stopped = time.monotonic()
            self._kill(self.trouble.signal_number or signal.SIGKILL)

    def _kill(self, number: int) -> None:
        try:
            os.kill(self._pid, number)
        except ProcessLookupError:
            return

    def outcome(self) -> Outcome:
        """Return what is left of the run, which is killed if it does not end."""
        is_hung = self.reader.is_alive()
        if is_hung:
            self._kill(signal.SIGKILL)
            self.reader.join()
        code, megabytes = self.workshop.ask({"wait": self._pid}, [])
        self._log.seek(0)
        log = self._log.read().decode("utf-8", "replace").splitlines()
        self._log.close()
        return Outcome(
            exit_code=999 if is_hung else KILLED if code == KILLED else code,
            log=[_without_prefix(line) for line in log],
            received=bytes(self.received),
            has_lost_output=self.has_lost_output,
            megabytes=megabytes,
            seconds_to_stop=self._ended - self._stopped if self._stopped else 0.0,
        )


def _without_prefix(line: str) -> str:
    """Return a log line as this process has them: its level, and what it says."""
    parts = line.split(" | ", 3)
    return f"{parts[1].strip()} {parts[3]}" if len(parts) == 4 else line
