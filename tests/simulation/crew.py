"""Workers that play lives side by side, each in its own process. A worker that dies is reported."""

from __future__ import annotations

import faulthandler
import multiprocessing
import queue
import re
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulation.process import Workshop
from simulation.shrink import played, shrunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.life import Failure, Totals

PROGRESS_SECONDS = 15.0
LONGEST_LIFE_SECONDS = 1800.0
"""After so long, a life hangs: 400 mornings and the search for the smallest failure take a fraction of it."""
MOST_MEGABYTES = 512


@dataclass(frozen=True, kw_only=True)
class Played:
    """A life that is over."""

    worker: int
    seed: int
    totals: Totals
    failure: Failure | None
    is_steady: bool
    """The failure comes whenever the life is played again."""
    cpu_seconds: float
    megabytes: int


class Crew:
    """A number of workers, for a number of seconds or until there is enough."""

    def __init__(self, *, size: int, first_seed: int, seconds: float | None, with_processes: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._results: Any = context.Queue()
        self._enough: Any = context.Event()
        self._deadline = time.time() + seconds if seconds else None
        self._heard = dict.fromkeys(range(size), time.monotonic())
        self._workers: dict[int, Any] = {
            number: context.Process(
                target=_work,
                args=(self._results, self._enough, number, first_seed, size, self._deadline, with_processes),
                daemon=False,
            )
            for number in range(size)
        }

    def play(
        self,
        *,
        note: Callable[[Played], None],
        fail: Callable[[str], None],
        is_enough: Callable[[], bool],
        report: Callable[[], None],
    ) -> None:
        """Play; `note` receives each life, `fail` each failure of a worker, and `report` is called now and then."""
        for worker in self._workers.values():
            worker.start()
        reported = time.monotonic()
        try:
            while self._workers or not self._results.empty():
                try:
                    one = self._results.get(timeout=0.5)
                except queue.Empty:
                    self._watch(fail)
                else:
                    self._heard[one.worker] = time.monotonic()
                    note(one)
                    if one.megabytes > MOST_MEGABYTES:
                        fail(f"A worker has grown to {one.megabytes} MB, as of life {one.seed}.")
                if is_enough():
                    self._enough.set()
                if time.monotonic() - reported > PROGRESS_SECONDS:
                    reported = time.monotonic()
                    report()
        finally:
            self._enough.set()
            for worker in self._workers.values():
                worker.terminate()
                worker.join()

    def _watch(self, fail: Callable[[str], None]) -> None:
        """Let go of workers that have ended, and end those of which nothing was heard for too long."""
        for number, worker in list(self._workers.items()):
            if worker.exitcode is not None:
                if worker.exitcode:
                    fail(f"Worker {number} has died with exit code {worker.exitcode}.")
                del self._workers[number]
            elif time.monotonic() - self._heard[number] > LONGEST_LIFE_SECONDS:
                fail(f"Worker {number} has been in one life for {LONGEST_LIFE_SECONDS / 60:.0f} minutes.")
                worker.kill()
                del self._workers[number]


def _work(
    results: Any,  # noqa: ANN401 - a queue of multiprocessing
    enough: Any,  # noqa: ANN401 - likewise, an event
    number: int,
    first_seed: int,
    step: int,
    deadline: float | None,
    with_processes: bool,  # noqa: FBT001 - an argument of a process
) -> None:
    """Play lives, every `step`-th seed, until the time is over, there is enough, or nobody waits for them."""
    parent = multiprocessing.parent_process()

    def is_over() -> bool:
        is_late = deadline is not None and time.time() > deadline
        return is_late or enough.is_set() or (parent is not None and not parent.is_alive())

    faulthandler.enable()  # a worker that crashes shows where
    workshop = Workshop() if with_processes else None
    try:
        for seed in count(first_seed + number, step):
            began = time.process_time()
            failure, totals = played(seed, workshop=workshop, is_over=is_over)
            is_steady = True
            if failure:
                failure, is_steady = shrunk(failure, workshop)
            results.put(
                Played(
                    worker=number,
                    seed=seed,
                    totals=totals,
                    failure=failure,
                    is_steady=is_steady,
                    cpu_seconds=time.process_time() - began,
                    megabytes=_peak_megabytes(),
                )
            )
            if is_over():
                break
    finally:
        if workshop:
            workshop.close()


def _peak_megabytes() -> int:
    """Return this process's peak memory; `getrusage` includes that of the process that started it."""
    found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    assert found, "Linux has this line for every process"
    return int(found[1]) // 1024
