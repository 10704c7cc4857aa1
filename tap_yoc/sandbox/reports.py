"""Runs plans over the facts, caches the rows, and cuts them into pages."""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tap_yoc.sandbox.problems import NO_CONTENT, ApiError, invalid

if TYPE_CHECKING:
    from tap_yoc.sandbox.facts import Facts
    from tap_yoc.sandbox.forms import Forms
    from tap_yoc.sandbox.plans import Plan

Cells = tuple[Any, ...]
MOST_REMEMBERED_ROWS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Result:
    """The rows of a plan in order, and the ranges `(start, end)` of rows that its sort leaves equal."""

    rows: list[Cells]
    ties: list[tuple[int, int]]


class Reports:
    """Results by plan and facts; thread-safe."""

    def __init__(self) -> None:
        self._results: OrderedDict[tuple[int, str, tuple[Any, ...]], Result] = OrderedDict()
        self._facts: list[Facts] = []
        self._remembered = 0
        self._served = 0
        self._lock = threading.Lock()

    def rows(self, plan: Plan, facts: Facts, *, stable: bool) -> list[Cells]:
        """Return all rows of a plan; unless `stable`, rows that the sort leaves equal change their order each time."""
        key = (id(facts), plan.sql + str(plan.sorted_by), plan.params)
        with self._lock:
            self._served += 1
            turn = self._served
            result = self._results.get(key)
            if result is not None:
                self._results.move_to_end(key)
        if result is None:
            rows = facts.rows(plan.sql, list(plan.params))
            result = Result(rows=rows, ties=_ties(rows, plan.sorted_by))
            self._remember(key, result, facts)
        if stable or not result.ties:
            return result.rows
        shuffled = list(result.rows)
        order = random.Random(turn)  # noqa: S311 - not a secret
        for start, end in result.ties:
            stretch = shuffled[start:end]
            order.shuffle(stretch)
            shuffled[start:end] = stretch
        return shuffled

    def _remember(self, key: tuple[int, str, tuple[Any, ...]], result: Result, facts: Facts) -> None:
        with self._lock:
            if facts not in self._facts:
                self._facts.append(facts)  # keeps the id in the key unique
            self._results[key] = result
            self._remembered = sum(len(one.rows) for one in self._results.values())
            while self._remembered > MOST_REMEMBERED_ROWS and len(self._results) > 1:
                _, dropped = self._results.popitem(last=False)
                self._remembered -= len(dropped.rows)


def _ties(rows: list[Cells], sorted_by: tuple[int, ...]) -> list[tuple[int, int]]:
    ties = []
    start = 0
    for _, stretch in groupby(rows, key=lambda row: [row[position] for position in sorted_by]):
        end = start + sum(1 for _ in stretch)
        if end - start > 1:
            ties.append((start, end))
        start = end
    return ties


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page: its rows, the requested number, the size used, and the total of all pages."""

    rows: list[Cells]
    number: int
    size: int
    total: int


def cut_page(rows: list[Cells], *, page: int | None, page_size: int, forms: Forms) -> Page:
    """Return one page as the forms say.

    Raises:
        ApiError: The page is before the first (422 or 404) or past the end (204 or 404), if the forms say so.
    """
    size = min(page_size, forms.page_cap) if forms.page_cap else page_size
    number = forms.first_page if page is None else page
    index = number - forms.first_page
    total = len(rows)
    if index < 0:
        if forms.before_first == "404":
            raise ApiError(status=404, error="not_found", message=f"There is no page {number}.")
        if forms.before_first == "empty":
            return Page(rows=[], number=number, size=size, total=total)
        if forms.before_first == "error" or number < 0:
            raise invalid(f"The page {number} is before the first, which is {forms.first_page}.")
        index = 0
    step = page_size if forms.cap_steps == "asked" else size
    last = max(0, (total - 1) // step)
    if index > last:
        if forms.past_end == "204":
            raise ApiError(status=NO_CONTENT, error="no_content", message="")
        if forms.past_end == "404":
            raise ApiError(status=404, error="not_found", message=f"There is no page {number}.")
        if forms.past_end == "last":
            index = last
    return Page(rows=rows[index * step : index * step + size], number=number, size=size, total=total)
