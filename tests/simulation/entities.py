"""The streams of names, held against the source: one row an id, with its newest name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from simulation.streams import ENTITIES

if TYPE_CHECKING:
    from simulation.expectation import Expectation
    from simulation.server import ChangingWorld
    from simulation.target import Row


def wrong_entities(records: list[Row], world: ChangingWorld, expected: Expectation) -> list[str]:
    """Return what is wrong with the names that a run has read, in sentences."""
    found = []
    for name in expected.entities if not expected.loose_days else ():
        identity, label = ENTITIES[name]
        newest: dict[Any, str] = {}
        for row in world.truth(
            group_by=["date", identity, label],
            data_fields=["impressions"],
            start=expected.first_day,
            end=expected.last_day,
        ):
            newest[row[identity]] = row[label]
        newest.pop(None, None)
        got = Counter((m["record"][identity], m["record"][label]) for m in records if m["stream"] == name)
        if got != Counter(newest.items()):
            found.append(f"exit 0, and {name} are {dict(got)} instead of {newest}")
    return found
