"""A report request, checked strictly and turned into one SQL query."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tap_yoc.sandbox.filters import Condition, FilterReader, Reach
from tap_yoc.sandbox.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_yoc.sandbox.columns import AccountColumns, Column

MONTHS_SERVED = 6


def reach_on(today: date, six_months: str = "clamped") -> Reach:
    """Return the days that are served on a day, up to yesterday; `six_months` says how to count back."""
    month = today.year * 12 + today.month - 1 - MONTHS_SERVED
    year, month = divmod(month, 12)
    first, days = date(year, month + 1, 1), monthrange(year, month + 1)[1]
    back = {
        "clamped": first + timedelta(days=min(today.day, days) - 1),
        "overflowing": first + timedelta(days=today.day - 1),
        "180_days": today - timedelta(days=180),
    }
    return Reach(earliest=back[six_months], latest=today - timedelta(days=1))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A query: its SQL, and the columns and names of its rows.

    `sorted_by` are positions in the row; rows that are equal there may be in any order.
    """

    sql: str
    params: tuple[Any, ...]
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    sorted_by: tuple[int, ...]


def _known(names: Sequence[str], known: dict[str, Column], where: str) -> list[str]:
    trimmed = [name.strip() for name in names]
    for name in trimmed:
        if name not in known:
            raise invalid(f"Unknown column {name!r} in {where}.")
    if len(set(trimmed)) < len(trimmed):
        raise invalid(f"A column is named twice in {where}.")
    return trimmed


def _order(sort: Sequence[str], names: list[str], splitting: list[int]) -> tuple[list[str], tuple[int, ...]]:
    """Return the ORDER BY terms and positions for names with an optional sign."""
    terms: list[str] = []
    positions: list[int] = []
    for item in sort:
        text = item.strip()
        ascending = text.startswith("+")
        name = text[1:].strip() if text[:1] in {"+", "-"} else text
        if name not in names:
            raise invalid(f"Unknown column {name!r} in sort; only columns of the report can be sorted by.")
        position = names.index(name)
        positions.append(position)
        terms.append(f"{position + 1} {'ASC' if ascending else 'DESC'} NULLS LAST")
    terms += [f"{position + 1} ASC NULLS LAST" for position in splitting if position not in positions]
    return terms, tuple(positions)


def make_plan(  # noqa: PLR0913 - the parts of a request, by name
    *,
    available: AccountColumns,
    group_by: Sequence[str],
    data_fields: Sequence[str],
    sort: Sequence[str],
    query: object,
    reach: Reach,
    limit_dates: bool,
    without_unit: int = 0,
) -> Plan:
    """Return the query of a report.

    Raises:
        ApiError: 422, naming the column, operator or value that is wrong.
    """
    groups = _known(group_by, available.group_by, "group_by")
    fields = _known(data_fields, available.data_fields, "data_fields")
    names = [*groups, *fields]
    if not names:
        raise invalid("A report takes at least one column in group_by or data_fields.")
    columns = [available.all[name] for name in names]
    splitting = [position for position, column in enumerate(columns) if column.splits]
    terms, sorted_by = _order(sort, names, splitting)

    reader = FilterReader(columns=available.all, reach=reach if limit_dates else None)
    conditions = reader.conditions(query)
    where = [
        Condition(sql="date BETWEEN ? AND ? AND unit_no <> ?", params=[reach.earliest, reach.latest, without_unit])
    ]
    having: list[Condition] = []
    for condition in conditions:
        if all(column.splits for column in condition.columns):
            where.append(condition)
            continue
        for column in condition.columns:
            if column.splits and column not in columns:
                raise invalid(f"The filter ties {column.name} to a metric, so {column.name} must be in the report.")
        having.append(condition)

    grouped = ", ".join(str(position + 1) for position in splitting)
    selected = ", ".join(f"{column.sql} AS c{position}" for position, column in enumerate(columns))
    sql = f"SELECT {selected} FROM facts WHERE {' AND '.join(part.sql for part in where)}"  # noqa: S608 - values are parameters
    if grouped:
        sql += f" GROUP BY {grouped}"
    if having:
        sql += f" HAVING {' AND '.join(part.sql for part in having)}"
    if terms:
        sql += f" ORDER BY {', '.join(terms)}"
    return Plan(
        sql=sql,
        params=tuple(value for part in (*where, *having) for value in part.params),
        names=tuple(names),
        columns=tuple(columns),
        sorted_by=sorted_by,
    )
