"""Singer messages: valid JSON, numbers with all their digits."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.singerlib import RecordMessage, SchemaMessage, StateMessage

from tap_yoc.exact_numbers import PlainDecimal
from tap_yoc.reports.columns import Column, Kind, Role
from tap_yoc.singer.messages import YOCMessageWriter

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message

NUMBER = Column(name="revenue", role=Role.DATA_FIELD, declared="DECIMAL", kind=Kind.NUMBER)


def line(message: Message) -> str:
    """Return a message as the line that is written."""
    return bytes(YOCMessageWriter().serialize_message(message)).decode()


def cell(value: object) -> str:
    """Return how the cell of a record is written."""
    written = line(RecordMessage(stream="site_daily", record={"x": value}))
    return written.split('"record":{"x":')[1].split("}")[0]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(Decimal("12.3400"), "12.3400", id="trailing-zeros"),
        pytest.param(Decimal("0.1"), "0.1", id="fraction"),
        pytest.param(Decimal("-34.67"), "-34.67", id="negative"),
        pytest.param(Decimal("123456789012345678901234567890.12"), "123456789012345678901234567890.12", id="long"),
        pytest.param(PlainDecimal("1E-9"), "0.000000001", id="plain-without-exponent"),
        pytest.param(PlainDecimal("1E+3"), "1000", id="plain-without-large-exponent"),
        pytest.param(PlainDecimal("12.3400"), "12.3400", id="plain-trailing-zeros"),
        pytest.param(9007199254740993, "9007199254740993", id="beyond-doubles"),
        pytest.param(2**70, "1180591620717411303424", id="beyond-64-bits"),
        pytest.param(0, "0", id="zero"),
        pytest.param(None, "null", id="null"),
        pytest.param(True, "true", id="true"),
        pytest.param(False, "false", id="false"),
        pytest.param("Über uns", '"Über uns"', id="umlaut"),
        pytest.param('a "b" \\ c', '"a \\"b\\" \\\\ c"', id="quotes"),
        pytest.param("a\nb", '"a\\nb"', id="line-break"),
        pytest.param("\U0001f600", '"\U0001f600"', id="emoji"),
        pytest.param(date(2026, 6, 1), '"2026-06-01"', id="date"),
        pytest.param(datetime(2026, 6, 1, 6, 30, tzinfo=timezone.utc), '"2026-06-01T06:30:00Z"', id="date-time"),
    ],
)
def test_cells_are_written_with_all_their_digits(value: object, written: str) -> None:
    """Numbers keep their digits and have no exponent, text keeps its letters."""
    assert cell(value) == written


@given(number=st.decimals(allow_nan=False, allow_infinity=False).filter(lambda number: abs(number.adjusted()) <= 100))
def test_any_number_survives_the_way_from_answer_to_message(number: Decimal) -> None:
    """What the API sends as number or text is written with the same value, the same digits and no exponent."""
    for sent in (number, str(number)):
        written = cell(NUMBER.cast(sent))
        assert written == format(number, "f")
        assert Decimal(written) == number


def test_each_message_is_one_line_of_json() -> None:
    """Every message is valid JSON and ends its line, whatever is in it."""
    record = {
        "date": "2026-06-01",
        "site_name": "a\nb\u2028c",
        "revenue": Decimal("12.3400"),
        "rate": PlainDecimal("1E-9"),
    }
    messages = [
        SchemaMessage(stream="site_daily", schema={"type": "object", "properties": {}}, key_properties=["date"]),
        RecordMessage(stream="site_daily", record=record),
        StateMessage(value={"bookmarks": {"site_daily": {"replication_key_value": "2026-06-01"}}}),
    ]
    lines = [line(message) for message in messages]
    assert [json.loads(one)["type"] for one in lines] == ["SCHEMA", "RECORD", "STATE"]
    assert [one.count("\n") for one in lines] == [1, 1, 1]
    assert json.loads(lines[1], parse_float=Decimal)["record"] == record


class Told(io.BytesIO):
    """Standard output that records what it is asked to do."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        super().__init__()
        self.calls: list[bytes] = []

    def write(self, content: Any) -> int:  # noqa: ANN401 - as the base class has it
        """Keep it."""
        self.calls.append(bytes(content))
        return len(content)


def test_messages_go_to_stdout_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message, and a page's rows, are written whole, so that a killed run leaves no half line behind."""
    told = Told()
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=told))
    writer = YOCMessageWriter()
    writer.write_message(StateMessage(value={"bookmarks": {}}))
    writer.write_records("sites", [{"id": 1}, {"id": 2}])
    state, rows = told.calls
    assert state == b'{"type":"STATE","value":{"bookmarks":{}}}\n'
    assert rows.count(b"\n") == 2
