"""Where the rows and the total are in a report's answer, whatever its envelope; pure.

An answer it cannot read is an error, never zero rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tap_yoc.errors import UnknownEnvelopeError

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = Any
"""A decoded JSON value: dict, list, str, int, Decimal, bool or None."""

Row: TypeAlias = "dict[str, Json]"
"""`{column: cell}`, cells as the API sent them."""

ROW_LISTS = ("data", "items", "results", "rows", "records")
TOTALS = ("total", "total_count", "total_items", "count")
TOTAL_HOLDERS = ("pagination", "paging", "meta")
TOTAL_HEADER = "X-Total-Count"

_exact = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One page of a report."""

    rows: list[Row]
    total: int | None
    """How many rows the server says there are; of which pages, is for the reader of the pages to find out."""


def decode(content: bytes) -> Json:
    """Return a body's JSON, numbers with the digits that were sent.

    Raises:
        ValueError: The body is not JSON (an HTML page, a cut body, nothing).
    """
    try:
        return _exact.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # NaN is no JSON, and some servers send it; a message about the cell is worth more than one about the body.
        return json.loads(content.decode("utf-8-sig"), parse_float=Decimal, parse_constant=Decimal)


def read_answer(body: Json, headers: Mapping[str, str]) -> Answer:
    """Return the rows and the total of a report's answer.

    Raises:
        UnknownEnvelopeError: No list of rows, or more than one; names the keys seen, never their values.
    Source: assumed; YOC's help shows no complete answer.
    """
    rows = rows_of(body)
    return Answer(rows=rows, total=total_of(body, headers))


def rows_of(body: Json) -> list[Row]:
    """Return the report rows of an answer, wherever its envelope keeps them.

    Shape: `[row]`, `{"data": [row]}` or `{"data": {"rows": [row]}}`; a row is `{column: cell}`.

    Raises:
        UnknownEnvelopeError: No list of rows, or more than one; names the keys seen, never their values.
    """
    if isinstance(body, dict) and _tells_of_failure(body):
        raise UnknownEnvelopeError("YOC answered a report with success and a failure in one; please report this.")
    found = _find_rows(body, levels=2)
    if found is None:
        keys = sorted(map(str, body)) if isinstance(body, dict) else type(body).__name__
        raise UnknownEnvelopeError(
            f"YOC's answer to a report has no single list of rows (found: {keys}); please report this."
        )
    names = {name for row in found for name in row}
    if any(name != name.strip() for name in names):
        return [{name.strip(): cell for name, cell in row.items()} for row in found]
    return found


def _tells_of_failure(body: dict[str, Json]) -> bool:
    return (
        any(body.get(key) for key in ("error", "errors"))
        or body.get("success") is False
        or str(body.get("status")).lower() in {"error", "fail", "failed", "failure"}
    )


def _find_rows(body: Json, levels: int) -> list[Row] | None:
    if isinstance(body, list):
        return body if all(isinstance(row, dict) for row in body) else None
    if not isinstance(body, dict) or not levels:
        return None
    known = [rows for name in ROW_LISTS if (rows := _find_rows(body.get(name), levels - 1)) is not None]
    if known:
        return known[0] if len(known) == 1 else None
    others = {name: value for name, value in body.items() if name not in {*ROW_LISTS, *TOTAL_HOLDERS}}
    found = [rows for value in others.values() if (rows := _find_rows(value, levels - 1)) is not None]
    # An empty list beside other things, under a name that nobody knows, may be anything.
    is_clear = len(found) == 1 and (found[0] or len(others) == 1 or total_of(body, {}) == 0)
    return found[0] if is_clear else None


def total_of(body: Json, headers: Mapping[str, str]) -> int | None:
    """Return the number of rows that an answer claims, or None when it claims none."""
    holders: list[Json] = [body]
    if isinstance(body, dict):
        holders += [body.get(name) for name in TOTAL_HOLDERS]
        holders += [inner for name in ROW_LISTS if isinstance(inner := body.get(name), dict)]
    for holder in holders:
        if isinstance(holder, dict):
            for name in TOTALS:
                if (total := _whole(holder.get(name))) is not None:
                    return total
    return _whole(headers.get(TOTAL_HEADER))


def _whole(value: Json) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None
