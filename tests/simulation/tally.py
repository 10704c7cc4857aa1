"""What many lives add up to."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulation.life import Totals


@dataclass(kw_only=True)
class Tally:
    """All that was played."""

    first_seed: int
    workers: int
    commit: str
    lives: int = 0
    mornings: int = 0
    clean: int = 0
    real: int = 0
    cpu_seconds: float = 0.0
    megabytes: int = 0
    """The memory of the worker that took most."""
    faults: Counter[str] = field(default_factory=Counter)
    exit_codes: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)

    def add(self, totals: Totals, *, cpu_seconds: float, megabytes: int) -> None:
        """Add a life."""
        self.lives += 1
        self.mornings += totals.mornings
        self.clean += totals.clean
        self.real += totals.real
        self.cpu_seconds += cpu_seconds
        self.megabytes = max(self.megabytes, megabytes)
        self.faults.update(totals.faults)
        self.exit_codes.update(totals.exit_codes)

    def __str__(self) -> str:
        seconds = time.monotonic() - self._started
        return (
            f"{self.lives:,} lives, {self.mornings:,} mornings ({self.clean:,} without a fault, {self.real:,} as real "
            f"processes) in {seconds:,.0f} s: {self.mornings / max(seconds, 1) * 60:,.0f} a minute, "
            f"{self.mornings / max(self.cpu_seconds, 1) * 60:,.0f} a minute of CPU; "
            f"{sum(self.faults.values()):,} faults, {len(self.failures)} failures, {self.megabytes} MB at most"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the totals."""
        shown = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {
            **shown,
            "cpu_seconds": round(self.cpu_seconds),
            "seconds": round(time.monotonic() - self._started),
            "faults": dict(self.faults.most_common()),
            "exit_codes": {str(code): number for code, number in sorted(self.exit_codes.items())},
        }
