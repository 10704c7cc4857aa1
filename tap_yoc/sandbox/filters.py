"""The filter tree of a report, turned into SQL with parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tap_yoc.sandbox.problems import invalid

if TYPE_CHECKING:
    from tap_yoc.sandbox.columns import Column

COMPARISONS = {"eq": "=", "neq": "<>", "gt": ">", "lt": "<", "gte": ">=", "lte": "<="}
OPERATORS = ("and", "or", "in", *COMPARISONS, "like", "notLike")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
DEEPEST = 32
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The days served, both inclusive."""

    earliest: date
    latest: date


@dataclass(kw_only=True)
class Condition:
    """A piece of SQL with its parameters and columns."""

    sql: str
    params: list[Any] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class FilterReader:
    """Reads filter trees over the given columns; `reach` is None if dates are not limited."""

    columns: dict[str, Column]
    reach: Reach | None

    def conditions(self, query: object) -> list[Condition]:
        """Return the conditions, all of which must hold; a top-level `and` is split.

        Raises:
            ApiError: 422, naming the wrong operator, column or value.
        """
        if query is None or query == {}:
            return []
        if isinstance(query, dict) and list(query) == ["and"] and isinstance(query["and"], list) and query["and"]:
            return [self._node(node, 1) for node in query["and"]]
        return [self._node(query, 0)]

    def _node(self, node: object, depth: int) -> Condition:
        if depth > DEEPEST:
            raise invalid(f"The filter is nested deeper than {DEEPEST} levels.")
        if not isinstance(node, dict) or len(node) != 1:
            raise invalid("A filter is an object with one operator.")
        operator, operand = next(iter(node.items()))
        if operator not in OPERATORS:
            raise invalid(f"Unknown operator {operator!r}; known are {', '.join(OPERATORS)}.")
        if operator in {"and", "or"}:
            if not isinstance(operand, list) or not operand:
                raise invalid(f"The operator {operator!r} takes a list of filters.")
            parts = [self._node(part, depth + 1) for part in operand]
            return Condition(
                sql="(" + f" {operator} ".join(part.sql for part in parts) + ")",
                params=[value for part in parts for value in part.params],
                columns=[column for part in parts for column in part.columns],
            )
        if not isinstance(operand, dict) or len(operand) != 1:
            raise invalid(f"The operator {operator!r} takes an object with one column.")
        name, value = next(iter(operand.items()))
        column = self.columns.get(name.strip())
        if column is None:
            raise invalid(f"Unknown column {name!r} in the filter.")
        return self._leaf(operator, column, value)

    def _leaf(self, operator: str, column: Column, value: object) -> Condition:
        if operator == "in":
            if not isinstance(value, list) or not value:
                raise invalid(f"The operator 'in' takes a list of values for {column.name}.")
            values = [self._value(operator, column, one) for one in value]
            return Condition(sql=f"{column.sql} IN ({', '.join('?' * len(values))})", params=values, columns=[column])
        if operator in {"like", "notLike"}:
            return _like(column, value, negated=operator == "notLike")
        if value is None and operator in {"eq", "neq"}:
            return Condition(sql=f"{column.sql} IS {'NOT ' * (operator == 'neq')}NULL", columns=[column])
        return Condition(
            sql=f"{column.sql} {COMPARISONS[operator]} ?",
            params=[self._value(operator, column, value)],
            columns=[column],
        )

    def _value(self, operator: str, column: Column, value: object) -> object:
        read = _read(column, value)
        if isinstance(read, date) and self.reach is not None and operator != "neq":
            edge = read + timedelta(days={"gt": 1, "lt": -1}.get(operator, 0))
            if not self.reach.earliest <= edge <= self.reach.latest:
                raise invalid(
                    f"The date {value} is outside the days available: "
                    f"{self.reach.earliest} (six months ago) to {self.reach.latest} (yesterday)."
                )
        return read


def _read(column: Column, value: object) -> object:
    text = str(value).strip()
    wrong = invalid(f"The value {text[:60]!r} does not fit {column.name}, which is of type {column.type}.")
    if column.type == "BOOLEAN":
        if text.lower() not in BOOLEANS:
            raise wrong
        return BOOLEANS[text.lower()]
    if not isinstance(value, (str, int, float, Decimal)) or isinstance(value, bool):
        raise wrong
    if column.type == "DATE":
        try:
            return date.fromisoformat(text if DAY.fullmatch(text) else "")
        except ValueError:
            raise wrong from None
    if column.is_number:
        try:
            number = Decimal(int(text)) if column.type == "INTEGER" else Decimal(text)
        except (ValueError, InvalidOperation):
            raise wrong from None
        if not number.is_finite() or abs(number) >= 10**18:  # beyond what DuckDB compares
            raise wrong
        return int(number) if column.type == "INTEGER" else number
    return str(value)


def _like(column: Column, value: object, *, negated: bool) -> Condition:
    """Match a text; only `%` at either end is special."""
    if not isinstance(value, str):
        raise invalid(f"The operator 'like' takes a text for {column.name}.")
    target = f"CAST({column.sql} AS VARCHAR)"
    starts, ends = value.startswith("%"), value.endswith("%") and len(value) > 1
    core = value[1 if starts else 0 : len(value) - 1 if ends else len(value)]
    if starts and ends:
        sql = f"contains({target}, ?)"
    elif starts:
        sql = f"ends_with({target}, ?)"
    elif ends:
        sql = f"starts_with({target}, ?)"
    else:
        sql = f"{target} = ?"
    return Condition(sql=f"NOT {sql}" if negated else sql, params=[core], columns=[column])
