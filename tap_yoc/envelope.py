"""Where the rows and the total are in a report's answer, whatever its envelope; pure.

An answer it cannot read is an error, never zero rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

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


def exact_number(text: str) -> Decimal | str:
    """Return a JSON number with a point, its digits kept; one that Python would write with an exponent stays text."""
    is_plain = "e" not in text and "E" not in text and (len(text) <= _SURELY_PLAIN or _is_plain(text))
    return Decimal(text) if is_plain else text


_SURELY_PLAIN, _MOST_CHARACTERS = len("0.000000"), 100


def _is_plain(text: str) -> bool:
    return len(text) <= _MOST_CHARACTERS and not text.lstrip("-").startswith("0.000000")


_decoder = msgspec.json.Decoder(float_hook=exact_number)
_parts = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One page of a report."""

    rows: list[Any]
    total: int | None
    """How many rows the server says there are; of which pages, is for the reader of the pages to find out."""


def decode(content: bytes) -> Json:
    """Return a body's JSON, numbers with the digits that were sent.

    Raises:
        ValueError: The body is not JSON (an HTML page, a cut body, nothing).
    """
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # NaN is no JSON, and some servers send it; a message about the cell is worth more than one about the body.
        return json.loads(content.decode("utf-8-sig"), parse_float=Decimal, parse_constant=Decimal)


class RowType(Protocol):
    """What makes rows of JSON."""

    def decode(self, content: msgspec.Raw | bytes) -> list[Any] | None:
        """Return the rows of a JSON list, or None when they have to be looked at cell by cell."""

    def cast(self, raw_rows: list[Row]) -> list[Any]:
        """Return the rows, looked at cell by cell."""


class EnvelopeReader:
    """Reads answers; one that looks like the last one read in full is not taken apart again; safe under threads.

    Source: assumed; YOC's help shows no complete answer.
    """

    def __init__(self) -> None:
        """Know no envelope yet."""
        self._known: tuple[tuple[str, ...], tuple[frozenset[str], ...]] | None = None
        """Where the rows are, and the keys of each level down to them."""

    def read(self, content: bytes, headers: Mapping[str, str], row_type: RowType) -> Answer:
        """Return the rows and the total of a report's answer.

        Raises:
            ValueError: The body is not JSON.
            UnknownEnvelopeError: No list of rows, or more than one; names the keys seen, never their values.
        """
        answer = self._read_known(content, headers, row_type)
        if answer:
            return answer
        body = decode(content)
        path, found = _locate_rows(body)
        rows = _trimmed(found)
        if rows is found:
            levels = [body] if path else []
            for name in path[:-1]:
                levels.append(levels[-1][name])
            self._known = path, tuple(frozenset(level) for level in levels)
        return Answer(rows=row_type.cast(rows), total=total_of(body, headers))

    def _read_known(self, content: bytes, headers: Mapping[str, str], row_type: RowType) -> Answer | None:
        """Return the answer if its envelope is the known one and its cells are what was declared, else None."""
        if self._known is None:
            return None
        path, keys = self._known
        part: msgspec.Raw | bytes = content
        body: dict[str, Json] = {}
        inner = body
        try:
            for depth, (name, known) in enumerate(zip(path, keys, strict=True), start=1):
                parts = _parts.decode(part)
                if parts.keys() != known:
                    return None
                part = parts.pop(name)
                inner.update({other: _decoder.decode(raw) for other, raw in parts.items()})
                inner[name] = {} if depth < len(path) else _stand_in(part)
                inner = inner[name]
            # What stands beside the rows may have become rows, too, or tell of a failure.
            is_known = not path or _locate_rows(body)[0] == path
        except (msgspec.DecodeError, UnknownEnvelopeError):
            return None
        rows = row_type.decode(part) if is_known else None
        return None if rows is None else Answer(rows=rows, total=total_of(body, headers))


def _stand_in(rows: msgspec.Raw) -> list[Row]:
    """Return what stands for a list of rows that is not taken apart."""
    return [] if bytes(rows).strip(b"[] \t\r\n") == b"" else [{}]


def rows_of(body: Json) -> list[Row]:
    """Return the report rows of an answer, wherever its envelope keeps them.

    Shape: `[row]`, `{"data": [row]}` or `{"data": {"rows": [row]}}`; a row is `{column: cell}`.

    Raises:
        UnknownEnvelopeError: No list of rows, or more than one; names the keys seen, never their values.
    """
    return _trimmed(_locate_rows(body)[1])


def _locate_rows(body: Json) -> tuple[tuple[str, ...], list[Row]]:
    """Return the rows as they came, and the keys that lead to them."""
    if isinstance(body, dict) and _tells_of_failure(body):
        raise UnknownEnvelopeError("YOC answered a report with success and a failure in one; please report this.")
    found = _find_rows(body, levels=2)
    if found is None:
        keys = sorted(map(str, body)) if isinstance(body, dict) else type(body).__name__
        raise UnknownEnvelopeError(
            f"YOC's answer to a report has no single list of rows (found: {keys}); please report this."
        )
    return found


def _trimmed(rows: list[Row]) -> list[Row]:
    """Return the rows without blanks around their columns' names; the very list where there are none."""
    names = {name for row in rows for name in row}
    if any(name != name.strip() for name in names):
        return [{name.strip(): cell for name, cell in row.items()} for row in rows]
    return rows


def _tells_of_failure(body: dict[str, Json]) -> bool:
    return (
        any(body.get(key) for key in ("error", "errors"))
        or body.get("success") is False
        or str(body.get("status")).lower() in {"error", "fail", "failed", "failure"}
    )


def _find_rows(body: Json, levels: int, path: tuple[str, ...] = ()) -> tuple[tuple[str, ...], list[Row]] | None:
    if isinstance(body, list):
        return (path, body) if all(isinstance(row, dict) for row in body) else None
    if not isinstance(body, dict) or not levels:
        return None
    known = [found for name in ROW_LISTS if (found := _find_rows(body.get(name), levels - 1, (*path, name)))]
    if known:
        return known[0] if len(known) == 1 else None
    others = {name: value for name, value in body.items() if name not in {*ROW_LISTS, *TOTAL_HOLDERS}}
    unknown = [found for name, value in others.items() if (found := _find_rows(value, levels - 1, (*path, name)))]
    # An empty list beside other things, under a name that nobody knows, may be anything.
    is_clear = len(unknown) == 1 and (unknown[0][1] or len(others) == 1 or total_of(body, {}) == 0)
    return unknown[0] if is_clear else None


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
