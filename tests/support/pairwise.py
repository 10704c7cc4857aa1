"""A small table in which every two choices meet, instead of every combination of all."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def pairwise(factors: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return rows with one choice of each factor, so that any two choices of two factors share a row.

    The first choice of each is the usual one, and the first row has only those. The table is the same every time.
    """
    names = list(factors)
    left = {
        (one, two, first, second)
        for one, two in combinations(names, 2)
        for first in range(len(factors[one]))
        for second in range(len(factors[two]))
    }

    def met_by(row: Mapping[str, int]) -> set[tuple[str, str, int, int]]:
        return {(one, two, row[one], row[two]) for one, two in combinations([n for n in names if n in row], 2)}

    rows = [dict.fromkeys(names, 0)]
    left -= met_by(rows[0])
    while left:
        one, two, first, second = min(left)
        row = {one: first, two: second}
        for name in sorted(set(names) - set(row), key=lambda name: (-len(factors[name]), name)):
            choices = range(len(factors[name]))
            row[name] = max(choices, key=lambda choice: len(met_by({**row, name: choice}) & left))
        left -= met_by(row)
        rows.append(row)
    return [{name: factors[name][row[name]] for name in names} for row in rows]
