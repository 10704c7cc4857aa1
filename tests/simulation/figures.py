"""Reports over an account's facts, added up in Python: for a few rows a day that is faster than a database."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from simulation.days import days_between

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Fact = dict[str, Any]
Cells = tuple[Any, ...]
Filter = tuple[str, str, Any]
"""An operator, a column and its value."""

SUMS = (
    "total_traffic", "ad_requests", "impressions", "views", "clicks", "vtr_imps", "ctr_imps", "billable_events",
    "revenue",
)  # fmt: skip
_AT = {name: position for position, name in enumerate(SUMS)}


def _rate(above: str, below: str, factor: int, digits: int) -> Callable[[list[Any]], float | None]:
    def computed(sums: list[Any]) -> float | None:
        base = sums[_AT[below]]
        return round(factor * float(sums[_AT[above]]) / base, digits) if base else None

    return computed


COMPUTED: dict[str, Callable[[list[Any]], Any]] = {
    "vtr_percent": _rate("views", "vtr_imps", 100, 2),
    "ctr_percent": _rate("clicks", "ctr_imps", 100, 4),
    "ecpm": _rate("revenue", "impressions", 1000, 4),
    "quality_band": lambda sums: f"Q{sums[_AT['impressions']] % 5}",
}
COMPUTED |= {"vtr": COMPUTED["vtr_percent"], "ctr": COMPUTED["ctr_percent"]}


class Facts:
    """The facts of all published days; another object after each change, as the sandbox remembers results by it."""

    def __init__(self, days: dict[date, list[Fact]], sums: dict[Any, dict[Cells, list[Any]]]) -> None:
        self.days = days
        self._sums = sums
        """The sums of each day by what they are grouped by; shared by all versions."""

    def replaced(self, days: dict[date, list[Fact]]) -> Facts:
        """Return the facts with those of some days replaced."""
        for remembered in [key for key in self._sums if key[0] in days]:
            del self._sums[remembered]
        return Facts({**self.days, **days}, self._sums)

    def rows(self, sql: str, params: list[Any]) -> list[Cells]:
        """Return the rows of a plan whose `sql` is a report as JSON, its first parameters the days that are served."""
        names, sort, query = json.loads(sql)
        first, last, filters = read_filters(query)
        earliest, latest = params[:2]
        return self.report(
            names,
            sort,
            max(date.fromisoformat(first), earliest) if first else earliest,
            min(date.fromisoformat(last), latest) if last else latest,
            filters,
        )

    def report(
        self, names: Sequence[str], sort: Sequence[str], first: date, last: date, filters: Sequence[Filter]
    ) -> list[Cells]:
        """Return the rows of a report over days, both inclusive: cells in the order of the names."""
        keys = [name for name in names if name not in _AT and name not in COMPUTED]
        merged: dict[Cells, list[Any]] = {}
        for day in sorted(self.days):
            if first <= day <= last:
                for key, sums in self._of_day(day, keys, filters).items():
                    known = merged.get(key)
                    merged[key] = list(map(sum, zip(known, sums, strict=True))) if known else sums
        rows = [self._row(names, dict(zip(keys, key, strict=True)), sums) for key, sums in merged.items()]
        if not keys:
            rows = rows or [tuple(None for _ in names)]
        told = [item.strip(" +-") for item in sort]
        terms = [*sort, *(f"+{key}" for key in keys if key not in told)]
        for term in reversed(terms):
            at = list(names).index(term.strip(" +-"))
            filled = sorted((row for row in rows if row[at] is not None), key=itemgetter(at), reverse=term[:1] != "+")
            rows = filled + [row for row in rows if row[at] is None]
        return rows

    @staticmethod
    def _row(names: Sequence[str], cells: dict[str, Any], sums: list[Any]) -> Cells:
        return tuple(
            cells[name] if name in cells else COMPUTED[name](sums) if name in COMPUTED else sums[_AT[name]]
            for name in names
        )

    def _of_day(self, day: date, keys: list[str], filters: Sequence[Filter]) -> dict[Cells, list[Any]]:
        facts = self.days[day]
        remembered = (day, tuple(keys), repr(filters))
        if remembered not in self._sums:
            by_key: dict[Cells, list[Any]] = defaultdict(lambda: [0] * len(SUMS))
            for fact in facts:
                if all(_holds(fact, item) for item in filters):
                    sums = by_key[tuple(fact[name] for name in keys)]
                    for position, name in enumerate(SUMS):
                        sums[position] += fact[name]
            self._sums[remembered] = dict(by_key)
        return self._sums[remembered]


def _holds(fact: Fact, item: Filter) -> bool:
    operator, name, value = item
    cell = fact[name]
    return cell in value if operator == "in" else bool(cell == value)


def days_asked_for(body: dict[str, Any]) -> set[str]:
    """Return the days that a report of a date range asks for."""
    first, last, _ = read_filters(body.get("query"))
    if not (first and last):
        return set()
    return {day.isoformat() for day in days_between(date.fromisoformat(first), date.fromisoformat(last))}


def read_filters(query: Any) -> tuple[str | None, str | None, list[Filter]]:  # noqa: ANN401 - JSON
    """Return the first and the last day that a filter asks for, and what else it asks for."""
    first = last = None
    others = []
    for node in query["and"] if query and "and" in query else [query] if query else []:
        ((operator, operand),) = node.items()
        ((name, value),) = operand.items() if operator != "and" else ((None, None),)
        if operator == "and":
            inner_first, inner_last, nested = read_filters(node)
            first, last = inner_first or first, inner_last or last
            others += nested
        elif name == "date" and operator in {"gte", "eq"}:
            first, last = value, value if operator == "eq" else last
        elif name == "date" and operator == "lte":
            last = value
        elif operator in {"in", "eq"}:
            others.append((operator, str(name), value))
        else:
            raise ValueError(f"The simulation knows no filter {node}.")
    return first, last, others
