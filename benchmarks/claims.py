"""What the tap is held to, and whether a run's figures bear it out; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.verdict import RIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL_PEERS = ("dlt", "airbyte_cdk", "ordinary_sdk")
"""Those that do the whole work; what only extracts leaves rows without types."""

DLT_TO_POSTGRES = ("dlt_postgres", "dlt_postgres_csv")
DLT_TO_DUCKDB = ("dlt_duckdb", "dlt_duckdb_parquet")
IN_DLT = "tap_in_dlt_duckdb"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One sentence and the figure behind it."""

    says: str
    measured: str
    holds: bool


def claims(results: dict[str, Any]) -> list[Claim]:
    """Return every claim of the parts that were run."""
    found: list[Claim] = []
    for name, check in (
        ("a", _throughput),
        ("b", _latency),
        ("c", _growth),
        ("d", _start),
        ("e", _faults),
        ("f", _loading),
    ):
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
    yield _at_most("(a) at most 1.5 times the floor's instructions a row", tap[each] / figures["floor"][each], 1.5)
    yield _at_most("(a) at most a fifth of the best peer's instructions a row", tap[each] / best(figures, each), 1 / 5)
    yield _at_most(
        f"(a) {part['rows']:,} rows in at most a third of the best peer's time",
        tap[seconds] / best(figures, seconds),
        1 / 3,
    )
    encrypted = part["https"]["contenders"]
    yield _at_most(
        "(a) likewise over TLS, compressed, in at most a third of dlt's time",
        encrypted["tap_yoc"][seconds] / encrypted["dlt"][seconds],
        1 / 3,
    )


def _latency(part: dict[str, Any]) -> Iterator[Claim]:
    seconds = part["seconds"]
    at = {number: seconds[f"tap_yoc {number}"] for number in (1, 2, 4, 8)}
    yield _at_least("(b) at concurrency 4 at least 3.5 times as fast as at 1", at[1] / at[4], 3.5)
    yield _at_least("(b) at concurrency 8 at least 6 times as fast as at 1", at[1] / at[8], 6)
    for number in (4, 8):
        yield _at_most(
            f"(b) with {number} requests in flight, at most 1.15 times the floor's time with as many",
            at[number] / seconds[f"floor {number}"],
            1.15,
        )
        peers = [seconds[name] for name in ("dlt", "ordinary_sdk", f"dlt {number}", f"airbyte_cdk {number}")]
        yield _at_least(
            f"(b) with {number}, faster than every peer at the best setting documented for it, with as many at most",
            min(peers) / at[number],
            1,
        )
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


def _loading(part: dict[str, Any]) -> Iterator[Claim]:
    alone, pipes = part["alone"]["pipes"], part["pipes"]
    for name, kind in (("alone_jsonl", "JSON lines"), ("alone_parquet", "Parquet")):
        speed = alone["lines"]["seconds"] / alone[name]["seconds"]
        yield _at_least(f"(f) into files of {kind} at least 0.7 times as fast as in lines", speed, 0.7)
    for load, words in (("first", "first load"), ("again", "second load")):
        dlt = min(pipes[name][load]["seconds"] for name in DLT_TO_POSTGRES)
        yield _at_least(
            f"(f) API to PostgreSQL as in `meltano.yml` faster than dlt's fastest way, {words}",
            dlt / pipes["shipped"][load]["seconds"],
            1,
        )
    if IN_DLT in pipes:
        ours, theirs = pipes[IN_DLT]["first"], [pipes[name]["first"] for name in DLT_TO_DUCKDB]
        speed = min(way["seconds"] for way in theirs) / ours["seconds"]
        yield _at_least("(f) API to DuckDB by `tap-yoc[dlt]` at least twice as fast as dlt's rest_api source", speed, 2)
        yield _at_least("(f) likewise at least 3 times", speed, 3)
        memory = ours["peak_mb"] / min(way["peak_mb"] for way in theirs)
        yield _at_most("(f) likewise with less memory", memory, 1)
    verdicts = [way["verdict"] for way in pipes.values() if not way["is_peer"]]
    right = sum(verdict.startswith(RIGHT) for verdict in verdicts)
    yield Claim(
        says="(f) right in every table that tap-yoc fills",
        measured=f"{right} of {len(verdicts)}",
        holds=right == len(verdicts),
    )
