"""Cells, rows and answers as JSON text; decimals keep their digits."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.sandbox.columns import Column
    from tap_yoc.sandbox.forms import Forms
    from tap_yoc.sandbox.plans import Plan
    from tap_yoc.sandbox.reports import Cells, Page

DAYS: dict[str, str] = {"day": "", "datetime": "T00:00:00", "datetime_space": " 00:00:00", "datetime_z": "T00:00:00Z"}
BOOLEANS: dict[str, tuple[Any, Any]] = {
    "json": (False, True),
    "int": (0, 1),
    "text_int": ("0", "1"),
    "text": ("false", "true"),
}
TOTALS_UNDER = {"pagination", "paging", "meta"}
MARK = "\ue000"
MARKED = re.compile(r'"\\ue000(-?[0-9.]+)"')
Json = Any


def to_json(value: Json) -> str:
    """Return JSON text. A Decimal becomes a number with exactly its digits, a date its day."""
    text = json.dumps(value, separators=(",", ":"), default=_text)
    return MARKED.sub(r"\1", text)


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{MARK}{value:f}"  # json cannot write raw numbers: write marked text, then remove its quotes
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON.")


def _writer(column: Column, forms: Forms) -> Callable[[Any], Any]:
    if column.type == "DATE":
        behind = DAYS[forms.dates]
        return lambda cell: f"{cell.isoformat()}{behind}"
    if column.type == "BOOLEAN":
        pair = BOOLEANS[forms.booleans]
        return lambda cell: pair[cell]
    if column.is_number and forms.numbers == "text":
        return lambda cell: f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    return lambda cell: cell


def rows_as_json(rows: list[Cells], plan: Plan, forms: Forms) -> list[dict[str, Json]]:
    """Return rows as objects, with cells as the forms say. Shape: `[{column: value}]`."""
    keys = [f" {name}" if forms.row_blanks and name == "ad_unit_name" else name for name in plan.names]
    writers = [_writer(column, forms) for column in plan.columns]
    shaped = list(zip(keys, writers, [column.in_group_by for column in plan.columns], strict=True))
    written = []
    for row in rows:
        item = {}
        for (key, write, is_dimension), cell in zip(shaped, row, strict=True):
            if cell is not None:
                item[key] = write(cell)
            elif not is_dimension or forms.missing == "null":
                item[key] = None
            elif forms.missing == "empty":
                item[key] = ""
        written.append(item)
    return written


def envelope(rows: list[dict[str, Json]], page: Page, forms: Forms) -> tuple[Json, dict[str, str]]:
    """Return the body and headers of a report, with rows and total as the forms say."""
    number = len(rows) if forms.total == "page_count" else page.total
    total: int | str = str(number) if forms.total_as_text else number
    headers = {"X-Total-Count": str(number)} if forms.total == "header" else {}
    if forms.envelope == "bare":
        return rows, headers
    body: dict[str, Json]
    if forms.envelope == "nested":
        body = {"data": {"rows": rows}}
    else:
        body = {"publisher_report" if forms.envelope == "other" else forms.envelope: rows}
    if forms.total in TOTALS_UNDER:
        body[forms.total] = {"total": total, "page": page.number, "page_size": page.size}
    elif forms.total not in {"none", "header"}:
        key = "count" if forms.total == "page_count" else forms.total
        body |= {key: total, "page": page.number, "page_size": page.size}
    return body, headers
