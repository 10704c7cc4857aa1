"""The installed commands as processes of their own that need not import anything: forks of one that has imported all.

Each has its own arguments, folder, environment, stdout and stderr, and ends as an interpreter ends. What a test of the
start itself is about, or of signals, runs the installed file instead.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from timeouts import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TextIO

    from typing_extensions import Self

TOGETHER = (
    {
        "tap-yoc": "tap_yoc.__main__",
        "tap-yoc-doctor": "tap_yoc.doctor.command",
        "tap-yoc-plan": "tap_yoc.plan.command",
    },
    {"meltano": "meltano.cli"},
    {"tap-yoc-target-postgres": "tap_yoc.target_postgres.__main__"},
)
"""Commands that one process starts, and the modules of their `main`."""
IMPORTED_LATE = {
    "meltano.cli": ("alembic.context", "mako.exceptions", "sqlalchemy.dialects.sqlite"),
    "tap_yoc.target_postgres.__main__": ("tap_yoc.target_postgres.loader", "sqlalchemy.dialects.postgresql.psycopg"),
}
"""Modules that a command imports only when it runs: every fork would import them again."""
LARGEST_CALL = 2**20


# --- in the tests


class Started:
    """A command that was started."""

    def __init__(self, connection: socket.socket) -> None:
        """Wait until it has a number."""
        self._told = connection.makefile("r")
        self._connection = connection
        self.pid = int(self._told.readline())
        self.returncode: int | None = None
        self.said: TextIO | None = None
        """What it writes, if it was started so."""

    def communicate(self) -> str:
        """Return what else it says, to its end."""
        assert self.said
        said = self.said.read()
        self.wait()
        return said

    def wait(self, timeout: float = SECONDS) -> int:
        """Return how it ends, as `subprocess` tells it."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self.returncode = os.waitstatus_to_exitcode(int(self._told.readline()))
            self._told.close()
            self._connection.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it is known to be over."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind:
            self.send_signal(signal.SIGKILL)
        if self.said:
            self.said.close()
        self.wait()


def start(
    name: str,
    *arguments: str,
    cwd: Path,
    stdout: int | None,
    stderr: int,
    stdin: int | None = None,
    env: dict[str, str] | None = None,
) -> Started:
    """Start a command; None closes its stdout, and leaves its stdin empty."""
    connection = socket.socket(socket.AF_UNIX)
    (number,) = [number for number, commands in enumerate(TOGETHER) if name in commands]
    connection.connect(_server(number))
    call: dict[str, Any] = {
        "argv": [str(Path(sys.executable).with_name(name)), *arguments],
        "cwd": str(cwd),
        "env": dict(os.environ) if env is None else env,
    }
    streams = {0: stdin, 1: stdout, 2: stderr}
    files = [file for file in streams.values() if file is not None]
    call["streams"] = [number for number, file in streams.items() if file is not None]
    content = json.dumps(call).encode()
    assert len(content) < LARGEST_CALL
    socket.send_fds(connection, [len(content).to_bytes(4, "big")], files)
    connection.sendall(content)
    return Started(connection)


def run(
    name: str, *arguments: str, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin)
        files[0].seek(0)
        numbers = dict(zip(("stdin", "stdout", "stderr"), (file.fileno() for file in files), strict=True))
        code = start(name, *arguments, cwd=cwd, env=env, **numbers).wait()
        said = [(file.seek(0), file.read().decode())[1] for file in files[1:]]
    return subprocess.CompletedProcess([name, *arguments], code, *said)


def start_listening(name: str, *arguments: str, cwd: Path, env: dict[str, str]) -> Started:
    """Start a command, and read what it says on stdout and stderr."""
    reading, writing = os.pipe()
    started = start(name, *arguments, cwd=cwd, stdout=writing, stderr=writing, env=env)
    os.close(writing)
    started.said = open(reading, encoding="utf-8")  # noqa: PTH123, SIM115 - a number; closed with it
    return started


@cache
def _server(number: int) -> str:
    """Return the address of this process's own server of some commands, which ends with it."""
    folder = tempfile.TemporaryDirectory()
    address = f"{folder.name}/commands"
    process = subprocess.Popen(
        [sys.executable, __file__, address, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout

    def stop() -> None:
        process.stdin.close()  # type: ignore[union-attr] # a pipe
        process.wait(SECONDS)
        folder.cleanup()

    atexit.register(stop)
    assert process.stdout.readline() == "ready\n"
    process.stdout.close()
    return address


# --- in the server


def serve(address: str, commands: dict[str, str]) -> Callable[[], int | None]:
    """Start commands until stdin ends; in each of them, return what to run."""
    mains: dict[str, Any] = {name: import_module(module).main for name, module in commands.items()}
    for module in commands.values():
        for late in IMPORTED_LATE.get(module, ()):
            import_module(late)
    gc.freeze()  # a fork that collects garbage would copy all these modules' memory
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)  # noqa: T201 - to who has started this
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [])
            if listening not in ready:
                sys.exit()
            connection, _ = listening.accept()
            if not os.fork():
                listening.close()
                return _command(connection, mains)
            connection.close()
            with suppress(ChildProcessError):  # there are none
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _command(connection: socket.socket, mains: dict[str, Callable[[], int | None]]) -> Callable[[], int | None]:
    """Fork once more; tell how that ends, and in it return what to run."""
    length, files, _, _ = socket.recv_fds(connection, 4, 3)
    content = b""
    while len(content) < int.from_bytes(length, "big"):
        content += connection.recv(LARGEST_CALL) or os._exit(1)
    call = json.loads(content)
    if pid := os.fork():
        for file in files:
            os.close(file)
        os.write(connection.fileno(), b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        with suppress(BrokenPipeError):
            os.write(connection.fileno(), b"%d\n" % status)
        os._exit(0)
    connection.close()
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["env"])
    time.tzset()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.close(1)
    for number, file in zip(call["streams"], files, strict=True):
        os.dup2(file, number)
        os.close(file)
    streams = {
        "stdin": open(0, encoding="utf-8", closefd=False),  # noqa: SIM115 - as long as the process
        "stdout": _text(1) if 1 in call["streams"] else None,  # as Python has it
        "stderr": _text(2),
    }
    for name, stream in streams.items():
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = call["argv"]
    return mains[Path(sys.argv[0]).name]


def _text(number: int) -> io.TextIOWrapper:
    """Return a stream as the interpreter makes it, with or without PYTHONUNBUFFERED."""
    raw = io.FileIO(number, "w", closefd=False)
    is_unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    return io.TextIOWrapper(
        raw if is_unbuffered else io.BufferedWriter(raw),  # as `python -u` has it
        encoding="utf-8",
        errors="backslashreplace" if number == 2 else "strict",
        write_through=is_unbuffered,
        line_buffering=number == 2 or os.isatty(number),
    )


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1], TOGETHER[int(sys.argv[2])])())
