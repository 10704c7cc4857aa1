"""The total that an answer claims, wherever it stands: a count of rows, of the report or of the page; pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tap_yoc.errors import UnknownEnvelopeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_yoc.exact_json import Json

ROW_LISTS = ("data", "items", "results", "rows", "records")
TOTALS = ("total", "total_count", "total_items", "count")
TOTAL_HOLDERS = ("pagination", "paging", "meta")
TOTAL_HEADER = "X-Total-Count"
_MOST_DIGITS = 18


def total_of(body: Json, headers: Mapping[str, str]) -> int | None:
    """Return the number of rows that an answer reports, None if it reports none."""
    holders: list[Json] = [body]
    if isinstance(body, dict):
        holders += [body.get(name) for name in TOTAL_HOLDERS]
        holders += [inner for name in ROW_LISTS if isinstance(inner := body.get(name), dict)]
    for holder in holders:
        if isinstance(holder, dict):
            for name in TOTALS:
                if (total := _count(holder.get(name))) is not None:
                    return total
    return _count(headers.get(TOTAL_HEADER))


def _count(value: Json) -> int | None:
    """Return a value as a number of rows, None if it is not one.

    Raises:
        UnknownEnvelopeError: It has more digits than a count can have.
    """
    is_text = isinstance(value, str) and value.strip().isdecimal()
    digits = len(value.strip().lstrip("0")) if is_text else _MOST_DIGITS + 1 if _is_above(value) else 0
    if digits > _MOST_DIGITS:
        raise UnknownEnvelopeError(
            f"YOC counts the rows of a report with more than {_MOST_DIGITS} digits; please report this."
        )
    if is_text:
        return int(value.strip().lstrip("0") or "0")
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def _is_above(value: Json) -> bool:
    is_number = isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite())
    return is_number and value >= 10**_MOST_DIGITS
