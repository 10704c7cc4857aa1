"""How much of everything, and what all parts share."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.work import Work, yesterday

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.measure import Run


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much of everything, and where it is put meanwhile."""

    folder: Path
    days: int = 100
    rounds: int = 3
    starts: int = 5
    slow_days: int = 100
    counted_days: tuple[int, int] = (2, 10)
    growing_days: tuple[int, ...] = (8, 40, 160)
    fault_days: int = 4
    read_days: int = 100
    loaded_days: int = 150
    loads: int = 2


QUICK: dict[str, Any] = {
    "days": 10,
    "rounds": 1,
    "starts": 2,
    "slow_days": 10,
    "counted_days": (1, 2),
    "growing_days": (8, 16),
    "read_days": 10,
    "loaded_days": 10,
    "loads": 1,
}

ROWS_PER_DAY = 2_000
SLOW_ROWS_PER_DAY = 1_500
GROWING_ROWS_PER_DAY = 2_500
LOADED_ROWS_PER_DAY = 1_000


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, flush=True)  # noqa: T201 - a command


def work_of(days: int, rows_per_day: int = ROWS_PER_DAY) -> Work:
    """Return work up to yesterday."""
    return Work(days=days, rows_per_day=rows_per_day, last=yesterday())


def medians(runs: Sequence[Run]) -> dict[str, float]:
    """Return what several runs of the same took."""
    return {
        "seconds": statistics.median(done.seconds for done in runs),
        "cpu_seconds": statistics.median(done.cpu_seconds for done in runs),
        "peak_mb": max(done.peak_mb for done in runs),
    }
