"""Columns as the metadata declares them, their JSON Schema, and the casting of their cells."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from tap_yoc.dates import day_of
from tap_yoc.errors import UnknownEnvelopeError
from tap_yoc.exact_numbers import to_integer, to_number
from tap_yoc.reports.descriptions import DESCRIPTIONS, described

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.exact_json import Json


class Kind(str, Enum):
    """The type of a column's cells."""

    DATE = "date"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    UNKNOWN = "unknown"


class Role(str, Enum):
    """The metadata's list that a column is in."""

    GROUP_BY = "group_by"
    DATA_FIELD = "data_fields"


# Source: DATE, STRING and INTEGER are in YOC's help, Boolean and Float in its annex; the rest is assumed.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("date",), Kind.DATE),
    **dict.fromkeys(("string", "str", "text", "varchar", "char", "enum", "uuid"), Kind.TEXT),
    **dict.fromkeys(
        ("integer", "int", "int32", "int64", "bigint", "mediumint", "smallint", "tinyint", "long", "count"),
        Kind.INTEGER,
    ),
    **dict.fromkeys(
        ("float", "float32", "float64", "double", "doubleprecision", "real", "decimal", "numeric", "number"),
        Kind.NUMBER,
    ),
    **dict.fromkeys(("money", "currency", "amount", "price", "percent", "percentage", "ratio", "rate"), Kind.NUMBER),
    **dict.fromkeys(("boolean", "bool"), Kind.BOOLEAN),
}

_MISSING = {Kind.INTEGER: 0, Kind.NUMBER: 0, Kind.BOOLEAN: False}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that the account may request."""

    name: str
    role: Role
    declared: str
    """The type as spelled in the metadata."""
    kind: Kind

    @property
    def is_currency(self) -> bool:
        """Whether this text metric is the currency of the row's money, and so belongs to its key."""
        return self.role is Role.DATA_FIELD and self.kind is Kind.TEXT and "currency" in self.name.lower()

    @property
    def is_figure(self) -> bool:
        """Whether this metric is a value of the row; other metrics split rows and belong to the key."""
        return self.role is Role.DATA_FIELD and self.kind in {Kind.INTEGER, Kind.NUMBER, Kind.UNKNOWN}

    @property
    def is_float(self) -> bool:
        """Whether the declared type is a binary float, whose values may have about 20 decimal places."""
        return self.kind is Kind.NUMBER and self.declared.lower().startswith(("float", "double", "real"))

    @property
    def with_type(self) -> str:
        """The name, with the declared type in parentheses."""
        return f"{self.name} ({self.declared or 'no type'})"

    @property
    def missing(self) -> Any:  # noqa: ANN401 - text or number, by kind
        """The replacement for a missing value in a key: `""` for text, 0 for numbers, false for booleans."""
        return _MISSING.get(self.kind, "")

    def json_schema(self, *, is_key: bool) -> dict[str, Any]:
        """Return the column's JSON Schema; a key is never null."""
        schema = dict(_JSON_TYPES[self.kind])
        if self.kind is Kind.DATE and is_key and self.name != "date":
            schema = {"type": "string"}  # "" if it is missing
        schema = schema if is_key else {**schema, "type": [schema["type"], "null"]}
        return described(schema, DESCRIPTIONS.get(self.name))

    def cast(self, cell: Json) -> Any:  # noqa: ANN401 - one of the kinds
        """Return the cell in the column's type; null, `""` and an absent cell become None.

        Raises:
            ValueError: The cell has another type; the message does not quote it.
        """
        if cell is None or cell == "":
            return None
        return _CASTS[self.kind](cell)


_JSON_TYPES: dict[Kind, dict[str, Any]] = {
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.TEXT: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.UNKNOWN: {"type": "string"},
}


def columns_of(body: Json) -> list[Column]:
    """Return the columns of a metadata answer in order, with trimmed names.

    Shape: `{"modifications": {"group_by": [{"name": " ad_unit_name", "type": "STRING"}], "data_fields": [...]}}`;
    the two lists may also be one level higher, or under another single key.

    Raises:
        UnknownEnvelopeError: There are no such lists, or an entry has no name.
    Source: YOC's help, whose example has this blank; other envelopes are assumed.
    """
    lists = _lists_of(body)
    columns: dict[tuple[Role, str], Column] = {}
    for role in Role:
        for entry in lists[role.value]:
            if not (isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"].strip()):
                raise UnknownEnvelopeError(
                    f"YOC's metadata lists a {role.value} column without a name; please report this to the maintainers."
                )
            name, declared = entry["name"].strip(), str(entry.get("type") or "").strip()
            columns[role, name] = Column(name=name, role=role, declared=declared, kind=kind_of(name, declared))
    return list(columns.values())


def kind_of(name: str, declared: str) -> Kind:
    """Return the kind of a declared type, ignoring case, precision and separators."""
    if name == "date":
        return Kind.DATE  # the annex calls it a string
    wrapped = re.fullmatch(r"nullable\((.*)\)", declared.strip(), re.IGNORECASE)
    spelling = re.sub(r"\([^)]*\)|[\s_-]|unsigned", "", (wrapped[1] if wrapped else declared).lower())
    if spelling == "currency" and "currency" in name.lower():
        return Kind.TEXT
    return KINDS.get(spelling, Kind.UNKNOWN)


def _lists_of(body: Json) -> dict[str, list[Json]]:
    candidates = [body]
    if isinstance(body, dict):
        candidates += [body.get("modifications"), *body.values()]
        candidates += [value.get("modifications") for value in body.values() if isinstance(value, dict)]
    for candidate in candidates:
        if isinstance(candidate, dict) and all(isinstance(candidate.get(role.value), list) for role in Role):
            return {role.value: candidate[role.value] for role in Role}
    keys = sorted(body) if isinstance(body, dict) else type(body).__name__
    raise UnknownEnvelopeError(
        f"YOC's metadata has no lists `group_by` and `data_fields` (found: {keys}); check api_url, or report this."
    )


def _to_date(cell: Json) -> str:
    if not isinstance(cell, str):
        raise ValueError("not a day")  # noqa: TRY004 - one kind of error for every cell
    if _MIDNIGHT_ELSEWHERE.fullmatch(cell):
        raise ValueError("an hour of a day, which may be another day elsewhere")
    return day_of(cell).isoformat()


_MIDNIGHT_ELSEWHERE = re.compile(
    r".{10}[T ](?!00:00)\d\d:(00|15|30|45)(:00(\.0+)?)? ?(Z|UTC|[+-][\d:]+)", re.ASCII | re.IGNORECASE
)
"""The start of a day in another time zone: `2021-10-31T23:00:00Z` is the start of 2021-11-01 in Berlin."""


def _to_text(cell: Json) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return str(to_number(cell))
    if isinstance(cell, (str, int)):
        return _writable(str(cell))
    raise ValueError("not text")


def _writable(text: str) -> str:
    """Return text without U+0000, which PostgreSQL refuses, and with U+FFFD for lone surrogates of truncated names."""
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_BOOLEANS: dict[Json, bool] = {"true": True, "1": True, "false": False, "0": False}


def _to_boolean(cell: Json) -> bool:
    spelling = str(cell).strip().lower()
    if spelling not in _BOOLEANS:
        raise ValueError("not true or false")
    return _BOOLEANS[spelling]


def _to_any_text(cell: Json) -> str:
    if isinstance(cell, (dict, list)):
        return _writable(json.dumps(cell, default=str, ensure_ascii=False))
    return _to_text(cell)


_CASTS: dict[Kind, Callable[[Json], Any]] = {
    Kind.DATE: _to_date,
    Kind.TEXT: _to_text,
    Kind.INTEGER: to_integer,
    Kind.NUMBER: to_number,
    Kind.BOOLEAN: _to_boolean,
    Kind.UNKNOWN: _to_any_text,
}
