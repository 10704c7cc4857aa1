"""Pages as Arrow tables, cell by cell what the lines have."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from sampling import examples
from test_rows import PLAIN, REPORT, page_of, rows_as_sent

from tap_yoc.decoding.arrow import table_of, unified
from tap_yoc.decoding.envelope import EnvelopeReader
from tap_yoc.decoding.page import Page
from tap_yoc.decoding.row_types import Rows
from tap_yoc.decoding.rows import RowShape
from tap_yoc.errors import CellError
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    from test_rows import Row

SCHEMA = REPORT.json_schema()
ADDED = {"fetched_at": "2026-06-15T06:00:00.123456Z", "is_final": True}
INSTANT = datetime(2026, 6, 15, 6, 0, 0, 123456, tzinfo=timezone.utc)
PLAIN_ROW: Row = {column: cells[0] for column, cells in PLAIN.items()}


def page(*rows: Row) -> Page:
    """Return rows as they are read, stamped."""
    shape = RowShape(REPORT, REPORT.figures)
    read = Rows(EnvelopeReader().read(page_of([*rows]), {}, shape).rows)
    shape.fill_missing(read, RunSummary())
    return Page(read, shape, ADDED)


def as_lines_have_it(record: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its day and its instant as such."""
    return {**record, "date": date.fromisoformat(record["date"]), "fetched_at": INSTANT}


def test_types_follow_the_schema() -> None:
    """Days are dates, instants are in UTC, money is decimal, and only figures may be null."""
    table = table_of(page(PLAIN_ROW), SCHEMA)
    assert {field.name: str(field.type) for field in table.schema} == {
        "date": "date32[day]",
        "site_visx_id": "int64",
        "country": "string",
        "size": "decimal128(38, 9)",
        "band": "string",
        "is_publisher_campaign": "bool",
        "currency": "string",
        "clicks": "int64",
        "revenue": "decimal128(38, 9)",
        "quality": "string",
        "fetched_at": "timestamp[us, tz=UTC]",
        "is_final": "bool",
    }
    required = [field.name for field in table.schema if not field.nullable]
    assert required == ["date", "site_visx_id", "country", "size", "band", "is_publisher_campaign", "currency"]


@examples(100)
@given(rows_as_sent())
def test_cells_are_those_of_the_lines(rows: list[Row]) -> None:
    """Whatever the cells look like, a table has the values that RECORD messages have, or says that it cannot."""
    try:
        read = page(*rows)
    except (CellError, ValueError):
        return
    if not read.rows:
        return
    try:
        table = table_of(read, SCHEMA)
    except CellError as error:
        assert "more than 76 digits" in str(error)  # noqa: PT017 - either of the two
        return
    assert table.to_pylist() == [as_lines_have_it(record) for record in read.records()]


@pytest.mark.parametrize(
    ("amounts", "kind"),
    [
        pytest.param(["1.50", "null", "0.123456789"], "decimal128(38, 9)", id="nine-digits"),
        pytest.param(["1.50", "0.1234567891"], "decimal128(38, 10)", id="ten-digits"),
        pytest.param(["-" + "9" * 29 + ".5"], "decimal128(38, 9)", id="38-digits"),
        pytest.param(["9" * 30 + ".5"], "decimal256(76, 9)", id="39-digits"),
        pytest.param(["0." + "0" * 40 + "1"], "decimal256(76, 41)", id="far-behind-the-point"),
        pytest.param(["null", "null"], "decimal128(38, 9)", id="none"),
        pytest.param(['"12.30"', "7"], "decimal128(38, 9)", id="as-text"),
        pytest.param(["1e-12", "2E+3"], "decimal128(38, 12)", id="exponents"),
    ],
)
def test_money_keeps_every_digit(amounts: list[str], kind: str) -> None:
    """A decimal has room for the digits that came."""
    read = page(*({**PLAIN_ROW, "revenue": amount} for amount in amounts))
    revenue = table_of(read, SCHEMA).column("revenue")
    assert str(revenue.type) == kind
    sent = [amount.strip('"') for amount in amounts]
    assert revenue.to_pylist() == [None if amount == "null" else Decimal(amount) for amount in sent]


@pytest.mark.parametrize("amount", ["9" * 70 + ".5", "0." + "1" * 77], ids=["before", "behind"])
def test_more_digits_than_there_are_decimals_for_are_an_error(amount: str) -> None:
    """A number that no decimal holds is not rounded; the error names its column, and not the number."""
    with pytest.raises(CellError, match="Column revenue has a number with more than 76 digits") as caught:
        table_of(page({**PLAIN_ROW, "revenue": amount}), SCHEMA)
    assert amount not in str(caught.value)


def test_a_count_beyond_64_bits_is_a_decimal() -> None:
    """A count stays whole, whatever its size."""
    clicks = table_of(page({**PLAIN_ROW, "clicks": str(2**70)}), SCHEMA).column("clicks")
    assert str(clicks.type) == "decimal128(38, 0)"
    assert clicks.to_pylist() == [2**70]


def test_pages_together_have_the_most_digits_of_any() -> None:
    """Columns whose numbers differ in digits from page to page become one, without rounding."""
    amounts = ["1.5", "0.123456789012", "2"]
    counts = ["7", "8", str(2**70)]
    rows = [{**PLAIN_ROW, "revenue": a, "clicks": c} for a, c in zip(amounts, counts, strict=True)]
    table = unified([table_of(page(row), SCHEMA) for row in rows])
    assert [str(table.schema.field(name).type) for name in ("revenue", "clicks")] == [
        "decimal128(38, 12)",
        "decimal128(38, 0)",
    ]
    assert table.column("revenue").to_pylist() == [Decimal(amount) for amount in amounts]
    assert table.column("clicks").to_pylist() == [int(count) for count in counts]
    long = {**PLAIN_ROW, "revenue": "9" * 29 + ".5"}
    wide = unified([table, table_of(page(long), SCHEMA)])
    assert str(wide.schema.field("revenue").type) == "decimal256(76, 12)"
    assert wide.column("revenue").to_pylist()[-1] == Decimal("9" * 29 + ".5")
    assert wide.column("date").type == pa.date32()


def test_rows_of_no_shape_have_the_types_of_their_schema() -> None:
    """Names and parents of ids come as `{column: value}`."""
    schema = {
        "properties": {"site_visx_id": {"type": "integer"}, "site_name": {"type": ["string", "null"]}},
        "required": ["site_visx_id"],
    }
    rows = [{"site_visx_id": 1, "site_name": "Über uns"}, {"site_visx_id": 2, "site_name": None}]
    table = table_of(Page(rows), schema)
    assert table.to_pylist() == rows
    assert [str(field.type) for field in table.schema] == ["int64", "string"]
