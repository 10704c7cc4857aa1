"""Running one command and measuring it whole: seconds, processor time, memory, instructions."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import OUTPUT
from benchmarks.server import STATS_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.behaviour import Behaviour
    from benchmarks.contenders import Contender, Job
    from benchmarks.work import Work

LONGEST_SECONDS = 300.0
ENDLESS = "endless"
TIMED_OUT = "timed out"
LOOK_SECONDS = 0.2
COUNTER = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file={file}")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process, from its start to its end."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    exit_code: int
    stopped: str = ""
    """Why it was killed, if it was."""


class Served:
    """A server that is up."""

    def __init__(self, port: int) -> None:
        """Take its port."""
        self.url = f"http://127.0.0.1:{port}"

    def counts(self) -> dict[str, int]:
        """Return what the server has counted."""
        with urllib.request.urlopen(self.url + STATS_PATH, timeout=10) as answer:  # noqa: S310 - this machine
            return dict(json.load(answer))


@contextmanager
def served(work: Work, behaviour: Behaviour) -> Iterator[Served]:
    """Serve some work in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.server", "--days", str(work.days)]
    command += ["--rows-per-day", str(work.rows_per_day), "--behaviour", json.dumps(asdict(behaviour))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Served(json.loads(process.stdout.readline())["port"])
        finally:
            process.stdin.close()
            process.wait()


def run(
    contender: Contender, job: Job, *, endless_after: int | None = None, server: Served | None = None,
    longest_seconds: float = LONGEST_SECONDS,
) -> Run:
    """Run a contender; kill it when it takes too long, or once it has asked the server so often that it never ends."""
    return _run(
        contender.arguments(job), contender, job.folder, server=server, endless_after=endless_after,
        longest_seconds=longest_seconds,
    )  # fmt: skip


def instructions(contender: Contender, job: Job) -> int:
    """Return how many instructions a contender needs, counted by valgrind.

    Raises:
        RuntimeError: The contender failed.
    """
    arguments = contender.arguments(job)
    file = job.folder / "instructions"
    counter = [part.format(file=file) for part in COUNTER]
    done = _run([*counter, *arguments], contender, job.folder, longest_seconds=2 * LONGEST_SECONDS)
    if done.exit_code or contender.count(job.folder) != job.work.rows:
        raise RuntimeError(f"{contender.title} failed under valgrind; see {job.folder}")
    found = re.search(r"^summary: (\d+)", file.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise RuntimeError("valgrind counted nothing")
    return int(found[1])


def _run(
    arguments: list[str],
    contender: Contender,
    folder: Path,
    *,
    server: Served | None = None,
    endless_after: int | None = None,
    longest_seconds: float,
) -> Run:
    environment = {
        "PATH": f"{contender.python.parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        **contender.variables,
    }
    with (folder / OUTPUT).open("wb") as output, (folder / "log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments, stdout=output, stderr=log, stdin=subprocess.DEVNULL, env=environment, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
        stopped = ""
        if endless_after is None and longest_seconds >= LONGEST_SECONDS:
            ended = _wait(process, 0)
        while endless_after is not None or longest_seconds < LONGEST_SECONDS:
            if ended := _wait(process, os.WNOHANG):
                break
            if time.perf_counter() - started > longest_seconds:
                stopped = TIMED_OUT
            elif server and endless_after is not None and server.counts().get("reports", 0) > endless_after:
                stopped = ENDLESS
            if stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                ended = _wait(process, 0)
                break
            time.sleep(LOOK_SECONDS)
        seconds = time.perf_counter() - started
    status, usage = ended
    return Run(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1000 if sys.platform != "darwin" else usage.ru_maxrss / 1e6,
        exit_code=os.waitstatus_to_exitcode(status),
        stopped=stopped,
    )


def _wait(process: subprocess.Popen[bytes], options: int) -> Any:  # noqa: ANN401 - status and usage, or nothing
    pid, status, usage = os.wait4(process.pid, options)
    if not pid:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return status, usage
