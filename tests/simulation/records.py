"""The rows of one run: their keys, their days, and the instants at which they arrived."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulation.expectation import Expectation
    from simulation.morning import Outcome
    from simulation.streams import Stream
    from simulation.target import Row, Target


def wrong_records(
    records: list[Row], streams: list[Stream], target: Target, outcome: Outcome, expected: Expectation
) -> list[str]:
    """Return what is wrong with the rows that a run wrote, in sentences."""
    keys = {stream.name: stream.key for stream in streams}
    for name, table in target.tables.items():
        if name in keys and table.key != keys[name]:
            return [f"{name} has the key {table.key} instead of {keys[name]}"]
    found: dict[str, None] = {}
    seen: Counter[tuple[Any, ...]] = Counter()
    for message in records:
        name, row = message["stream"], message["record"]
        if name not in keys:
            continue
        seen[name, tuple(row[column] for column in keys[name]), row["fetched_at"]] += 1
        if row["date"] > expected.last_day.isoformat():
            found[f"a row of {name} is of {row['date']}, which was not asked for"] = None
        if outcome.began and not outcome.began <= row["fetched_at"] <= outcome.ended:
            found[f"a row of {name} was fetched at {row['fetched_at']}, in a run that took until {outcome.ended}"] = (
                None
            )
    twice = [key for key, number in seen.items() if number > 1]
    if twice:
        found[f"{len(twice)} rows came twice in one reading, such as {twice[0]}"] = None
    return list(found)
