"""Damages the rows and the total of a report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from tap_yoc.sandbox.faults import Fault
    from tap_yoc.sandbox.reports import Page

Row = dict[str, Any]
OF_PAGES: dict[str, Callable[[list[Row]], list[Row]]] = {
    "shuffle": lambda rows: rows[::-1],
    "drop_row": lambda rows: rows[:-1],
    "duplicate_row": lambda rows: [rows[0], rows[0], *rows[2:]],
}
CELLS = {"garbage_cell", "nan_cell", "nul_cell"}


def damaged_total(page: Page, fault: Fault | None) -> Page:
    """Return the page with the fault's total."""
    return replace(page, total=page.total + 1) if fault and fault.kind == "wrong_total" else page


def damaged_rows(rows: list[Row], fault: Fault | None, today: date) -> list[Row]:
    """Return the rows after applying the fault; rows that it cannot damage stay as they are."""
    if fault is None or not rows:
        return rows
    if fault.kind in OF_PAGES:
        return OF_PAGES[fault.kind](rows)
    if fault.kind == "foreign_day" and "date" in rows[-1]:
        behind = rows[-1]["date"][10:]
        return [*rows[:-1], {**rows[-1], "date": f"{today.isoformat()}{behind}"}]
    if fault.kind == "null_date" and "date" in rows[0]:
        return [{**rows[0], "date": None}, *rows[1:]]
    if fault.kind in CELLS:
        return [_with_cell(rows[0], fault), *rows[1:]]
    return rows


def _with_cell(row: Row, fault: Fault) -> Row:
    wants_text = fault.kind == "nul_cell"
    column = fault.column or next(
        (
            name
            for name, cell in row.items()
            if name != "date"
            and not isinstance(cell, bool)
            and cell is not None
            and isinstance(cell, str) == wants_text
        ),
        None,
    )
    if column is None:
        return row
    cell = {"garbage_cell": "n/a", "nan_cell": float("nan")}.get(fault.kind, f"{row.get(column)}\0")
    return {**row, column: cell}
