"""Where the rows and the total of an answer are, whatever its envelope."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from requests.structures import CaseInsensitiveDict

from tap_yoc.decoding.envelope import EnvelopeReader, rows_of
from tap_yoc.decoding.total import total_of
from tap_yoc.errors import FailureInBodyError, IncompleteDataError, UnknownEnvelopeError
from tap_yoc.exact_json import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_yoc.decoding.envelope import Envelope, RawRow
    from tap_yoc.exact_json import Json

ROWS = [{"date": "2026-06-01", "clicks": 5}, {"date": "2026-06-02", "clicks": 7}]


class Loose:
    """Takes rows as they are, and keeps what it was given to decode at once."""

    def __init__(self) -> None:
        """Nothing was given yet."""
        self.given: list[bytes] = []

    def decode(self, content: bytes, envelope: Envelope) -> tuple[Json, list[RawRow]] | None:
        """Decode at once."""
        self.given.append(content)
        try:
            return envelope.open(msgspec.json.decode(content, type=envelope.around(list[dict[str, Any]])))
        except ValueError:
            return None

    def cast(self, raw_rows: list[RawRow]) -> list[RawRow]:
        """Look at nothing."""
        return raw_rows


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(ROWS, id="bare"),
        pytest.param({"data": ROWS}, id="data"),
        pytest.param({"items": ROWS}, id="items"),
        pytest.param({"results": ROWS}, id="results"),
        pytest.param({"rows": ROWS}, id="rows"),
        pytest.param({"records": ROWS}, id="records"),
        pytest.param({"report": ROWS}, id="another-single-key"),
        pytest.param({"page": 1, "total": 2, "report": ROWS}, id="another-single-list"),
        pytest.param({"data": {"rows": ROWS}}, id="nested-data-rows"),
        pytest.param({"data": {"items": ROWS, "total": 2}}, id="nested-with-total"),
        pytest.param({"results": {"anything": ROWS}}, id="nested-another-key"),
        pytest.param({"report": {"data": ROWS}}, id="nested-under-another-key"),
        pytest.param({"status": "ok", "data": ROWS}, id="status-beside"),
        pytest.param({"error": None, "errors": [], "data": ROWS}, id="empty-errors-beside"),
        pytest.param({"error": False, "data": ROWS}, id="error-false-beside"),
        pytest.param({"data": ROWS, "columns": [{"name": "date"}]}, id="list-of-columns-beside"),
        pytest.param({"data": ROWS, "warnings": []}, id="empty-list-beside"),
        pytest.param({"data": ROWS, "group_by": ["date"]}, id="list-of-texts-beside"),
        pytest.param({"data": ROWS, "pagination": {"total": 2, "links": []}}, id="pagination-beside"),
        pytest.param({"data": None, "rows": ROWS}, id="null-beside"),
    ],
)
def test_rows_are_found_in_every_envelope(body: Json) -> None:
    """The one list of rows is found at the top, under a key, or one level down."""
    assert rows_of(body) == ROWS


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([], id="bare"),
        pytest.param({"data": []}, id="data"),
        pytest.param({"results": [], "total": 0}, id="results-with-total"),
        pytest.param({"data": {"rows": []}}, id="nested"),
        pytest.param({"report": []}, id="another-single-key"),
    ],
)
def test_an_empty_list_is_an_empty_report(body: Json) -> None:
    """An empty list where rows belong is a report without rows."""
    assert rows_of(body) == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="null"),
        pytest.param(5, id="number"),
        pytest.param("no rows", id="text"),
        pytest.param(True, id="boolean"),
        pytest.param({}, id="empty-mapping"),
        pytest.param({"data": None}, id="data-null"),
        pytest.param({"data": {}}, id="data-empty-mapping"),
        pytest.param({"data": "ok"}, id="data-text"),
        pytest.param({"data": {"rows": None}}, id="nested-null"),
        pytest.param({"total": 0}, id="total-alone"),
        pytest.param({"message": "maintenance"}, id="message-alone"),
        pytest.param(["a", "b"], id="list-of-texts"),
        pytest.param([1, 2], id="list-of-numbers"),
        pytest.param([["2026-06-01", 5]], id="list-of-lists"),
        pytest.param([*ROWS, None], id="null-among-rows"),
        pytest.param({"data": [[1], [2]]}, id="data-list-of-lists"),
        pytest.param({"data": ROWS, "results": ROWS}, id="two-lists"),
        pytest.param({"data": ROWS, "rows": []}, id="two-lists-one-empty"),
        pytest.param({"this_year": ROWS, "last_year": ROWS}, id="two-lists-under-other-keys"),
        pytest.param({"data": {"rows": ROWS, "items": ROWS}}, id="two-lists-nested"),
        pytest.param({"error": "quota exceeded", "data": []}, id="error-beside-no-rows"),
        pytest.param({"error": "partial", "data": ROWS}, id="error-beside-rows"),
        pytest.param({"errors": [{"message": "x"}], "data": ROWS}, id="errors-beside-rows"),
        pytest.param({"errors": [{"message": "x"}]}, id="errors-alone"),
        pytest.param({"error": {"code": 7}}, id="error-mapping"),
        pytest.param({"a": {"b": {"c": ROWS}}}, id="two-levels-down"),
        pytest.param({"data": {"0": ROWS[0], "1": ROWS[1]}}, id="rows-by-number"),
    ],
)
def test_an_answer_without_recognisable_rows_is_an_error(body: Json) -> None:
    """What is not clearly one list of rows is an error, never zero rows."""
    with pytest.raises(UnknownEnvelopeError) as caught:
        rows_of(body)
    assert isinstance(caught.value, IncompleteDataError)


def test_the_error_names_keys_and_no_values() -> None:
    """The message names what was found by its keys, and shows no value."""
    with pytest.raises(UnknownEnvelopeError) as caught:
        rows_of({"this_year": ROWS, "last_year": ROWS, "note": "4711"})
    assert "['last_year', 'note', 'this_year']" in str(caught.value)
    assert "4711" not in str(caught.value)
    assert "2026-06-01" not in str(caught.value)


def test_blanks_around_the_columns_of_rows_are_dropped() -> None:
    """Rows whose column names have stray blanks, as the metadata has, are read by their trimmed names."""
    assert rows_of({"data": [{" ad_unit_name": "a", "clicks ": 1}, {"ad_unit_name": "b", "clicks": 2}]}) == [
        {"ad_unit_name": "a", "clicks": 1},
        {"ad_unit_name": "b", "clicks": 2},
    ]


@pytest.mark.parametrize(
    ("body", "headers", "total"),
    [
        pytest.param({"data": []}, {}, None, id="absent"),
        pytest.param([], {}, None, id="bare"),
        pytest.param({"total": 7}, {}, 7, id="total"),
        pytest.param({"total_count": 7}, {}, 7, id="total_count"),
        pytest.param({"count": 7}, {}, 7, id="count"),
        pytest.param({"total_items": 7}, {}, 7, id="total_items"),
        pytest.param({"pagination": {"total": 7}}, {}, 7, id="pagination"),
        pytest.param({"paging": {"total_count": 7}}, {}, 7, id="paging"),
        pytest.param({"meta": {"total_items": 7}}, {}, 7, id="meta"),
        pytest.param({"data": {"rows": [], "total": 7}}, {}, 7, id="beside-nested-rows"),
        pytest.param([], {"X-Total-Count": "7"}, 7, id="header"),
        pytest.param([], {"x-total-count": "7"}, 7, id="header-in-lower-case"),
        pytest.param({"total": 0}, {}, 0, id="zero"),
        pytest.param({"total": "7"}, {}, 7, id="text"),
        pytest.param({"total": " 7 "}, {}, 7, id="text-with-blanks"),
        pytest.param({"total": 7, "count": 2}, {}, 7, id="total-before-count"),
        pytest.param({"count": 2, "pagination": {"total": 7}}, {}, 2, id="count-of-whatever"),
        pytest.param({"total": 7}, {"X-Total-Count": "9"}, 7, id="body-before-header"),
        pytest.param({"total": None}, {"X-Total-Count": "9"}, 9, id="null-then-header"),
        pytest.param({"total": {"value": 7}}, {}, None, id="mapping-is-no-total"),
        pytest.param({"total": True}, {}, None, id="boolean-is-no-total"),
        pytest.param({"total": -1}, {}, None, id="negative-is-no-total"),
        pytest.param({"total": "many"}, {}, None, id="word-is-no-total"),
        pytest.param({"total": ""}, {}, None, id="empty-is-no-total"),
        pytest.param({"total": "-7"}, {}, None, id="negative-text-is-no-total"),
        pytest.param({"total": Decimal("7.5")}, {}, None, id="fraction-is-no-total"),
        pytest.param([], {"X-Total-Count": "unknown"}, None, id="header-without-a-number"),
    ],
)
def test_the_total_is_found_in_every_place(body: Json, headers: Mapping[str, str], total: int | None) -> None:
    """The total is found in the body, in its paging part or in the header, as number or text; else it is None."""
    assert total_of(body, CaseInsensitiveDict(headers)) == total


def test_an_answer_is_rows_and_total() -> None:
    """An answer gives the rows and what the server claims their number to be."""
    content = json.dumps({"data": {"rows": ROWS}, "meta": {"total": "1200"}}).encode()
    answer = EnvelopeReader().read(content, {}, Loose())
    assert (answer.rows, answer.total) == (ROWS, 1200)


@pytest.mark.parametrize(
    ("content", "cell"),
    [
        pytest.param(b'[{"x": 12.3400}]', Decimal("12.3400"), id="trailing-zeros"),
        pytest.param(b'[{"x": 0.1}]', Decimal("0.1"), id="no-binary-fraction"),
        pytest.param(
            b'[{"x": 12345678901234567890.123456789}]', Decimal("12345678901234567890.123456789"), id="long-decimal"
        ),
        pytest.param(b'[{"x": 1e-9}]', "1e-9", id="exponent-as-it-is-spelled"),
        pytest.param(b'[{"x": 12345678901234567890123}]', 12345678901234567890123, id="long-integer"),
        pytest.param(b'[{"x": "34.67"}]', "34.67", id="text"),
        pytest.param('[{"x": "Über"}]'.encode(), "Über", id="umlaut"),
        pytest.param(b'\xef\xbb\xbf[{"x": 1.50}]', Decimal("1.50"), id="byte-order-mark"),
        pytest.param(b'[{"x": null}]', None, id="null"),
    ],
)
def test_numbers_are_decoded_with_all_their_digits(content: bytes, cell: object) -> None:
    """Decoding keeps the digits that were sent, and makes no binary fractions of them."""
    decoded = decode(content)[0]["x"]
    assert decoded == cell
    assert str(decoded) == str(cell)


@pytest.mark.parametrize(
    ("content", "cell"),
    [
        pytest.param(b'[{"x": NaN, "y": 1.50}]', "NaN", id="nan"),
        pytest.param(b'[{"x": Infinity, "y": 1.50}]', "Infinity", id="infinity"),
        pytest.param(b'[{"x": -Infinity, "y": 1.50}]', "-Infinity", id="minus-infinity"),
    ],
)
def test_a_body_with_nan_is_read_up_to_its_cell(content: bytes, cell: str) -> None:
    """NaN is no JSON, and still the body is decoded, so that the error can name the cell."""
    row = decode(content)[0]
    assert isinstance(row["x"], Decimal)
    assert str(row["x"]) == cell
    assert str(row["y"]) == "1.50"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"<!DOCTYPE html><html><body>Bad gateway</body></html>", id="html"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"   ", id="blanks"),
        pytest.param(b'{"data": [{"date": "2026-06-01"', id="cut"),
        pytest.param(b'[{"x": 1}] trailing', id="something-behind"),
        pytest.param(b"\xff\xfe[\x00]\x00", id="utf-16"),
        pytest.param(b'[{"x": "\xe4"}]', id="latin-1"),
        pytest.param(b"OK", id="plain-text"),
    ],
)
def test_what_is_no_json_is_a_value_error(content: bytes) -> None:
    """A body that is not JSON is distinguished from an answer in an unknown form."""
    with pytest.raises(ValueError, match=r"."):
        decode(content)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"message": "maintenance", "details": []}, id="message-and-an-empty-list"),
        pytest.param({"code": 500, "message": "x", "violations": []}, id="code-and-an-empty-list"),
        pytest.param({"meta": {"links": []}}, id="empty-list-in-the-meta-data"),
        pytest.param({"success": False, "data": []}, id="success-false"),
        pytest.param({"status": "error", "message": "x", "data": []}, id="status-error"),
    ],
)
def test_an_empty_list_in_an_error_is_no_empty_report(body: Json) -> None:
    """An error that carries some empty list is not an answer without rows."""
    with pytest.raises(UnknownEnvelopeError):
        rows_of(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"data": ROWS, "total": 2}, id="data"),
        pytest.param(ROWS, id="bare"),
        pytest.param({"meta": {"total": 2}, "data": {"rows": ROWS}}, id="nested"),
        pytest.param({"report": ROWS, "page": 1, "total": 2}, id="another-single-list"),
        pytest.param({"data": ROWS, "next page": None, "class": 1}, id="names-that-are-no-identifiers"),
    ],
)
def test_an_answer_like_the_last_one_is_not_taken_apart_again(body: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its envelope is known, the rows' type decodes the whole answer, and rows and total are the same."""
    reader, row_type, content = EnvelopeReader(), Loose(), json.dumps(body).encode()
    headers = CaseInsensitiveDict({"X-Total-Count": "2"})
    first = reader.read(content, headers, row_type)
    monkeypatch.delattr("tap_yoc.exact_json.decode")
    second = reader.read(content, headers, row_type)
    assert row_type.given == [content, content]
    assert (first.rows, first.total) == (second.rows, second.total) == (ROWS, 2)


def test_a_name_that_no_type_can_have_costs_time_and_nothing_else() -> None:
    """An answer that cannot be decoded in one go is taken apart each time."""
    reader, content = EnvelopeReader(), json.dumps({"data": ROWS, 'a "b"': 1}).encode()
    assert [reader.read(content, {}, Loose()).rows for _ in range(2)] == [ROWS, ROWS]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"data": [], "error": "partial"}, id="error"),
        pytest.param({"data": ROWS, "error": "partial"}, id="error-beside-rows"),
        pytest.param({"data": ROWS, "error": {"code": 7}}, id="error-mapping"),
    ],
)
def test_a_failure_in_a_known_envelope_is_an_error(body: Json) -> None:
    """Rows beside a failure are refused, however many answers of the same keys were good."""
    reader = EnvelopeReader()
    for _ in range(2):
        reader.read(json.dumps({"data": ROWS, "error": None}).encode(), {}, Loose())
    with pytest.raises(UnknownEnvelopeError):
        reader.read(json.dumps(body).encode(), {}, Loose())


@pytest.mark.parametrize("known", [True, False], ids=["known envelope", "new envelope"])
@pytest.mark.parametrize(
    ("beside", "status"),
    [
        pytest.param({"status": 500}, 500, id="status"),
        pytest.param({"code": "429"}, 429, id="code"),
        pytest.param({"success": "false"}, None, id="success"),
        pytest.param({"error": {"code": 503}}, 503, id="error"),
    ],
)
@pytest.mark.parametrize("nest", [True, False], ids=["beside the rows", "at the top"])
def test_a_failure_is_distinguished_from_an_empty_report(
    beside: dict[str, Json], status: int | None, *, nest: bool, known: bool
) -> None:
    """It counted as zero rows, and the bookmark moved on; a known envelope is judged as a new one."""
    reader = EnvelopeReader()
    healthy = dict.fromkeys(beside)

    def body(parts: dict[str, Json], rows: list[Json]) -> bytes:
        return json.dumps({"data": {"rows": rows, **parts}} if nest else {"data": {"rows": rows}, **parts}).encode()

    if known:
        assert [reader.read(body(healthy, ROWS), {}, Loose()).rows for _ in range(2)] == [ROWS, ROWS]
        assert reader.read(body(healthy, []), {}, Loose()).rows == []
    for rows in ([], ROWS):
        with pytest.raises(FailureInBodyError) as caught:
            reader.read(body(beside, rows), {}, Loose())
        assert caught.value.status == status


@pytest.mark.parametrize("beside", [{"status": 1}, {"code": "S17"}, {"message": "Quota exceeded"}], ids=json.dumps)
def test_what_is_unclear_is_an_error_unless_it_stood_beside_rows(beside: dict[str, Json]) -> None:
    """An unknown code may be why there are no rows; a server that sends it with every page just behaves so."""
    reader = EnvelopeReader()
    empty, full = (json.dumps({**beside, "data": rows}).encode() for rows in ([], ROWS))
    with pytest.raises(FailureInBodyError):
        reader.read(empty, {}, Loose())
    assert [reader.read(content, {}, Loose()).rows for content in (full, full, empty)] == [ROWS, ROWS, []]


class CellByCell(Loose):
    """Takes no answer at once."""

    def decode(self, content: bytes, envelope: Envelope) -> tuple[Json, list[RawRow]] | None:  # noqa: ARG002 - as it is
        """Decode nothing."""
        return None


@pytest.mark.parametrize("row_type", [Loose, CellByCell])
def test_what_is_unclear_is_an_error_in_a_known_envelope_as_well(row_type: type[Loose]) -> None:
    """Pages with rows but without such a message do not make a later empty one with a message an empty report."""
    reader = EnvelopeReader()
    full, empty = (json.dumps({"data": rows, "message": None}).encode() for rows in (ROWS, []))
    assert [reader.read(content, {}, row_type()).rows for content in (full, full, empty)] == [ROWS, ROWS, []]
    with pytest.raises(FailureInBodyError):
        reader.read(json.dumps({"data": [], "message": "Quota exceeded"}).encode(), {}, row_type())


@pytest.mark.parametrize("row", [{"error": "boom"}, {"code": 429, "message": "x"}, {"success": False}], ids=json.dumps)
def test_a_failure_in_the_place_of_a_row_is_no_row(row: dict[str, Json]) -> None:
    """A list of names left it out as one without an id, and was empty."""
    for body in ([row], {"data": [row]}):
        with pytest.raises(FailureInBodyError):
            rows_of(body)
    assert rows_of([{**row, "date": "2026-06-01"}])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"<!DOCTYPE html><html></html>", id="html"),
        pytest.param(b'{"data": [{"date": "2026-06-01"', id="cut"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_json_stays_a_value_error_in_a_known_envelope(content: bytes) -> None:
    """A body that is not JSON is distinguished from an answer in an unknown form, whatever came before."""
    reader = EnvelopeReader()
    reader.read(json.dumps({"data": ROWS}).encode(), {}, Loose())
    with pytest.raises(ValueError, match=r"."):
        reader.read(content, {}, Loose())


def test_an_empty_list_where_rows_were_before_is_no_rows() -> None:
    """Under an unknown name an empty list may be anything, unless rows were there before."""
    reader, row_type = EnvelopeReader(), Loose()
    empty = json.dumps({"publisher_report": [], "total": 2, "page": 2}).encode()
    with pytest.raises(UnknownEnvelopeError):
        reader.read(empty, {}, row_type)
    full = json.dumps({"publisher_report": ROWS, "total": 2, "page": 1}).encode()
    assert reader.read(full, {}, row_type).rows == ROWS
    assert reader.read(empty, {}, row_type).rows == []
    others: list[dict[str, Any]] = [
        {"notes": [], "total": 2, "page": 2},
        {"publisher_report": [], "total": 2},
        {"publisher_report": {}},
    ]
    for other in others:
        with pytest.raises(UnknownEnvelopeError):
            reader.read(json.dumps(other | {"more": 1}).encode(), {}, row_type)
    told = json.dumps({"publisher_report": [], "total": 2, "error": "quota"}).encode()
    with pytest.raises(FailureInBodyError):
        reader.read(told, {}, row_type)
