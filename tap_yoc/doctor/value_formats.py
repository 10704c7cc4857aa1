"""The formats of columns and cells in recorded answers; pure, and keeps no values."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from tap_yoc.decoding.envelope import rows_path
from tap_yoc.doctor.findings import Trait
from tap_yoc.doctor.recording_transport import METADATA
from tap_yoc.errors import UnknownEnvelopeError
from tap_yoc.exact_json import decode
from tap_yoc.reports.columns import Kind, Role, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_yoc.decoding.envelope import RawRow
    from tap_yoc.doctor.recording_transport import RecordedAnswer
    from tap_yoc.exact_json import Json
    from tap_yoc.reports.columns import Column

NUMBERS = {"json": "JSON numbers", "text": 'text, such as "34.67"'}
DAYS = {
    "day": "YYYY-MM-DD",
    "datetime": "YYYY-MM-DDT00:00:00",
    "datetime_space": "YYYY-MM-DD 00:00:00",
    "datetime_z": "YYYY-MM-DDT00:00:00Z",
}
BOOLEANS = {"json": "true and false", "int": "1 and 0", "text_int": '"1" and "0"', "text": '"true" and "false"'}
MISSING = {
    "null": "null for a dimension without a value",
    "empty": '"" for a dimension without a value',
    "absent": "the row lacks a dimension without a value",
}

# The traits of cells: the name, which is also the sandbox's form, and the words for its values.
SPELLINGS = (("numbers", NUMBERS), ("dates", DAYS), ("booleans", BOOLEANS), ("missing", MISSING))


def cell_traits(reports: Sequence[tuple[RecordedAnswer, list[RawRow]]], columns: Sequence[Column]) -> Iterator[Trait]:
    """Yield the formats of numbers, days, booleans and missing dimensions, as far as they were seen."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for answer, rows in reports:
        asked = {*answer.asked["group_by"], *answer.asked["data_fields"]}
        for column in columns:
            if column.name in asked:
                for row in rows:
                    for what, spelling in _spelled(column, row):
                        seen[what].add(spelling)
    for name, words in SPELLINGS:
        if found := sorted(seen[name]):
            forms = {name: found[0]} if len(found) == 1 and found[0] in words else {}
            says = " or ".join(words.get(spelling, spelling) for spelling in found)
            yield Trait(name=name, value=found, says=says, forms=forms)


def _spelled(column: Column, row: RawRow) -> Iterator[tuple[str, str]]:
    """Yield the trait and the format that a cell shows."""
    cell = row.get(column.name)
    if cell is None or cell == "":
        if column.role is Role.GROUP_BY:
            yield "missing", "absent" if column.name not in row else "null" if cell is None else "empty"
    elif column.kind in {Kind.INTEGER, Kind.NUMBER}:
        yield "numbers", "text" if isinstance(cell, str) else "json"
    elif column.kind is Kind.DATE:
        yield "dates", _after_the_day(cell)
    elif column.kind is Kind.BOOLEAN:
        is_text = isinstance(cell, str)
        is_digit = str(cell) in {"0", "1"}
        yield "booleans", ("text_int" if is_digit else "text") if is_text else ("int" if is_digit else "json")


def _after_the_day(cell: Json) -> str:
    """Return the form of what follows a day; if there is none, the cell with its digits replaced."""
    rest = re.sub(r"^\d{4}-\d{2}-\d{2}", "", str(cell))
    forms = {text.removeprefix(DAYS["day"]): form for form, text in DAYS.items()}
    return forms.get(rest) or re.sub(r"\d", "9", str(cell))


def metadata_traits(recorded: Sequence[RecordedAnswer], columns: Sequence[Column]) -> Iterator[Trait]:
    """Yield the kind of account, and how the metadata spells types."""
    if metadata_in(recorded) is None:
        return
    names = {column.name for column in columns}
    account = "none" if not names else "full" if "company_id" in names else "narrow"
    words = {
        "none": "no columns",
        "full": "with companies and credit-note accounts",
        "narrow": "without companies and credit-note accounts",
    }
    yield Trait(name="account", value=account, says=words[account], forms={"account": account})
    if not names:
        return
    declared = sorted({column.declared for column in columns})
    is_odd = any(column.kind is Kind.UNKNOWN for column in columns)
    spelling = "odd" if is_odd else "lower" if all(map(str.islower, declared)) else "upper"
    yield Trait(name="types", value=declared, says=", ".join(declared), forms={"types": spelling})
    if names & {"vtr", "ctr"}:
        yield Trait(name="columns", value="old", says="vtr and ctr, without _percent", forms={"columns": "old"})


def blank_traits(recorded: Sequence[RecordedAnswer], bodies: Sequence[tuple[RecordedAnswer, Json]]) -> Iterator[Trait]:
    """Yield where column names have blanks around them, as in YOC's published example."""
    if metadata_in(recorded) is None:
        return
    blank = set(blank_names(recorded))
    places = ["metadata"] if blank else []
    forms: dict[str, str | int | bool] = {"metadata_blanks": bool(blank)}
    for answer, body in bodies:
        rows = body
        for name in rows_path(body):
            rows = rows[name]
        if rows and blank & {*answer.asked["group_by"]}:
            forms["row_blanks"] = any(name != name.strip() for row in rows for name in row)
    if forms.get("row_blanks"):
        places.append("rows")
    yield Trait(
        name="blanks",
        value=places,
        says=f"around column names in {' and '.join(places)}" if places else "none",
        forms=forms,
    )


def blank_names(recorded: Sequence[RecordedAnswer]) -> list[str]:
    """Return the trimmed names of columns that have blanks around them in the metadata."""
    return [name.decode().strip() for name in _BLANK_NAME.findall(metadata_in(recorded) or b"")]


def metadata_in(recorded: Sequence[RecordedAnswer]) -> bytes | None:
    """Return the newest metadata answer, None if there is none, or only something else such as a web page."""
    contents = [answer.content for answer in recorded if answer.place == METADATA and answer.worked]
    try:
        columns_of(decode(contents[-1]))
    except (IndexError, ValueError, UnknownEnvelopeError):
        return None
    return contents[-1]


_BLANK_NAME = re.compile(rb'"name"\s*:\s*"(\s[^"]*|[^"]*\s)"')
