"""The lives that `make test` plays: of some seeds, the first mornings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.life import has_processes
from simulation.shrink import command_for, described, played, shrunk

if TYPE_CHECKING:
    from simulation.process import Workshop

MORNINGS = 30
SEEDS = range(1, 37)
SEEDS_WITH_PROCESSES = [seed for seed in range(1000, 1100) if has_processes(seed)][:5]


def wrong(seed: int, workshop: Workshop | None = None) -> str:
    """Return what is wrong with a life of the sample, with as few faults as it takes; nothing if all is well."""
    failure, _ = played(seed, until=MORNINGS - 1, workshop=workshop)
    if failure is None:
        return ""
    failure, _ = shrunk(failure, workshop)
    return f"{described(failure)}\nPlay it again: {command_for(failure, real=workshop is not None)}"
