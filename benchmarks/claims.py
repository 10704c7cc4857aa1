"""What the tap is held to, and whether a run's figures bear it out; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.verdict import RIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL_PEERS = ("dlt", "airbyte_cdk", "ordinary_sdk")
"""Those that do the whole work; what only extracts leaves rows without types."""

PAGE_BY_PAGE = ("dlt", "ordinary_sdk")
SIDE_BY_SIDE = "airbyte_cdk 2"
"""The peer that reads two windows at a time unless told otherwise, once it is told to read by windows."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One sentence and the figure behind it."""

    says: str
    measured: str
    holds: bool


def claims(results: dict[str, Any]) -> list[Claim]:
    """Return every claim of the parts that were run."""
    found: list[Claim] = []
    for name, check in (("a", _throughput), ("b", _latency), ("c", _growth), ("d", _start), ("e", _faults)):
        if name in results:
            found += check(results[name])
    return found


def _at_most(says: str, value: float, limit: float, unit: str = "×") -> Claim:
    return Claim(says=says, measured=f"{value:.3f}{unit}", holds=value <= limit)


def _at_least(says: str, value: float, limit: float, unit: str = "×") -> Claim:
    return Claim(says=says, measured=f"{value:.3f}{unit}", holds=value >= limit)


def best(figures: dict[str, Any], key: str) -> float:
    """Return the best peer's figure."""
    return min(float(figures[name][key]) for name in FULL_PEERS)


def _throughput(part: dict[str, Any]) -> Iterator[Claim]:
    figures = part["contenders"]
    tap = figures["tap_yoc"]
    each, seconds = "instructions_per_row", "seconds"
    yield _at_most("(a) at most 3 times the floor's instructions a row", tap[each] / figures["floor"][each], 3)
    yield _at_most("(a) at most a fifth of the best peer's instructions a row", tap[each] / best(figures, each), 1 / 5)
    yield _at_most(
        f"(a) {part['rows']:,} rows in at most a third of the best peer's time",
        tap[seconds] / best(figures, seconds),
        1 / 3,
    )


def _latency(part: dict[str, Any]) -> Iterator[Claim]:
    seconds = part["seconds"]
    at = {number: seconds[f"tap_yoc {number}"] for number in (1, 2, 4, 8)}
    yield _at_least("(b) at concurrency 4 at least 3.5 times as fast as at 1", at[1] / at[4], 3.5)
    yield _at_least("(b) at concurrency 8 at least 6 times as fast as at 1", at[1] / at[8], 6)
    yield _at_least(
        "(b) at concurrency 4, the default, at least 3.5 times as fast as every peer that reads page by page",
        min(seconds[name] for name in PAGE_BY_PAGE) / at[4],
        3.5,
    )
    yield _at_least("(b) likewise as the peer that reads two windows side by side", seconds[SIDE_BY_SIDE] / at[4], 3.5)
    yield _at_most(
        "(b) where two requests are allowed, at 4 at most a fifth slower than at 2",
        seconds["tap_yoc 4, two allowed"] / at[2],
        1.2,
    )


def _growth(part: dict[str, Any]) -> Iterator[Claim]:
    costs = part["tap_instructions_per_row"]
    sizes = part["contenders"]["tap_yoc"]
    memory = [size["peak_mb"] for size in sizes]
    grown = f"from {sizes[0]['rows']:,} to {sizes[-1]['rows']:,} rows"
    yield _at_most(f"(c) cost of a row constant within a tenth, {grown}", max(costs) / min(costs), 1.1)
    yield _at_most(f"(c) peak memory grows by less than 10 MB, {grown}", max(memory) - memory[0], 10, " MB")
    yield _at_most("(c) peak memory under 100 MB", max(memory), 100, " MB")


def _start(part: dict[str, Any]) -> Iterator[Claim]:
    seconds = part["seconds"]
    yield _at_most(
        "(d) start-up at most a fifth slower than the ordinary SDK tap's",
        seconds["tap_yoc"] / seconds["ordinary_sdk"],
        1.2,
    )


def _faults(part: dict[str, Any]) -> Iterator[Claim]:
    verdicts = [line["tap_yoc"] for line in part["lines"].values()]
    right = verdicts.count(RIGHT)
    yield Claim(says="(e) right in every line", measured=f"{right} of {len(verdicts)}", holds=right == len(verdicts))
