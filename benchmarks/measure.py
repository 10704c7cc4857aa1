"""Running one command and measuring it whole: seconds, processor time, memory, instructions."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.certificate import HOST, make_certificate, trusting
from benchmarks.contenders import OUTPUT
from benchmarks.server import STATS_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.behaviour import Behaviour
    from benchmarks.contenders import Contender, Job
    from benchmarks.work import Work

LAUNCH = Path(__file__).with_name("launch.py")
LONGEST_SECONDS = 300.0
ENDLESS = "endless"
TIMED_OUT = "timed out"
LOOK_SECONDS = 0.2
LOG, LAST_WORDS = "log", 2_000
COUNTER = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file={file}")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process, or a pipe of several, from start to end."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Of several processes, the sum of their peaks."""
    exit_code: int
    stopped: str = ""
    """Why it was killed, if it was."""


class Served:
    """A server that is up."""

    def __init__(self, port: int, certificate: Path | None = None) -> None:
        """Take its port, and the certificate to trust where it serves over TLS."""
        self.url = f"{'https' if certificate else 'http'}://{HOST}:{port}"
        self.context = ssl.create_default_context(cafile=certificate) if certificate else None
        self.variables = trusting(certificate) if certificate else {}

    def counts(self) -> dict[str, int]:
        """Return what the server has counted."""
        with urllib.request.urlopen(self.url + STATS_PATH, timeout=10, context=self.context) as answer:  # noqa: S310 - this machine
            return dict(json.load(answer))


@contextmanager
def served(work: Work, behaviour: Behaviour) -> Iterator[Served]:
    """Serve some work in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.server", "--days", str(work.days)]
    command += ["--rows-per-day", str(work.rows_per_day), "--revision", str(work.revision)]
    command += ["--behaviour", json.dumps(asdict(behaviour))]
    with contextlib.ExitStack() as stack:
        certificate = None
        if behaviour.is_https:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tap-yoc-bench-")))
            certificate, key = make_certificate(folder)
            command += ["--certificate", str(certificate), str(key)]
        process = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        try:
            port = json.loads(process.stdout.readline() if process.stdout else "")["port"]
            yield Served(port, certificate)
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait()


@dataclass(frozen=True, kw_only=True)
class Watch:
    """When a process is killed."""

    longest_seconds: float = LONGEST_SECONDS
    server: Served | None = None
    most_requests: int = 0
    """What it has asked the server for when it clearly never ends."""

    def verdict(self, seconds: float) -> str:
        """Return why a process that has run so long is to be killed; nothing if it is not."""
        if seconds > self.longest_seconds:
            return TIMED_OUT
        if self.server and self.server.counts().get("reports", 0) > self.most_requests:
            return ENDLESS
        return ""


def run(contender: Contender, job: Job, watch: Watch | None = None) -> Run:
    """Run a contender in a folder of its own."""
    return run_pipe([contender.arguments(job)], _variables(contender, job), job.folder, watch or Watch())


def instructions(contender: Contender, job: Job) -> int:
    """Return how many instructions a contender needs, counted by valgrind.

    Raises:
        RuntimeError: The contender failed.
    """
    arguments = contender.arguments(job)
    file = job.folder / "instructions"
    counter = [part.format(file=file) for part in COUNTER]
    watch = Watch(longest_seconds=2 * LONGEST_SECONDS)
    done = run_pipe([[*counter, *arguments]], _variables(contender, job), job.folder, watch)
    if done.exit_code or contender.count(job.folder) != job.work.rows:
        raise RuntimeError(f"{contender.title} failed under valgrind:\n{last_words(job.folder)}")
    found = re.search(r"^summary: (\d+)", file.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise RuntimeError("valgrind counted nothing")
    return int(found[1])


def last_words(folder: Path) -> str:
    """Return the end of what a contender logged."""
    return (folder / LOG).read_text("utf-8", errors="replace")[-LAST_WORDS:]


def _variables(contender: Contender, job: Job) -> dict[str, str]:
    path = f"{contender.python.parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, **contender.variables, **job.variables}


def run_pipe(commands: list[list[str]], variables: dict[str, str], folder: Path, watch: Watch) -> Run:
    """Run commands as a pipe, and measure them together."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        **variables,
    }
    taken = folder / "taken.json"
    words = [sys.executable, "-I", "-S", str(LAUNCH), str(taken)]
    for command in commands:
        words += ["|", shutil.which(command[0]) or command[0], *command[1:]]
    with (folder / OUTPUT).open("wb") as output, (folder / LOG).open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            words,
            stdout=output,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        has_ended = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            killed = pool.submit(_watch, process.pid, watch, started, has_ended)
            exit_code = process.wait()
            seconds = time.perf_counter() - started
            has_ended.set()
    if stopped := killed.result():
        return Run(seconds=seconds, cpu_seconds=0.0, peak_mb=0.0, exit_code=exit_code, stopped=stopped)
    return Run(**json.loads(taken.read_text("utf-8")))


def _watch(pid: int, watch: Watch, started: float, has_ended: threading.Event) -> str:
    """Kill the process and all that it started when its time has come, and return why."""
    while not has_ended.wait(LOOK_SECONDS):
        if verdict := watch.verdict(time.perf_counter() - started):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            return verdict
    return ""
