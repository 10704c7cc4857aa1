"""Pages decoded at once, which are what casting them cell by cell gives."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from harness import ListWriter
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from sampling import examples

from tap_yoc.decoding.envelope import Envelope, EnvelopeReader, rows_of
from tap_yoc.decoding.row_types import Rows
from tap_yoc.decoding.rows import RowShape
from tap_yoc.errors import CellError, UnknownEnvelopeError
from tap_yoc.exact_json import decode
from tap_yoc.reports.columns import Column, Role, kind_of
from tap_yoc.reports.report import Report
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    from tap_yoc.decoding.envelope import Answer

REPORT = Report(
    name="everything",
    group_by=tuple(
        Column(name=name, role=Role.GROUP_BY, declared=declared, kind=kind_of(name, declared))
        for name, declared in {
            "date": "DATE", "site_visx_id": "INTEGER", "country": "STRING", "size": "DECIMAL", "band": "BLOB7",
        }.items()
    ),
    data_fields=tuple(
        Column(name=name, role=Role.DATA_FIELD, declared=declared, kind=kind_of(name, declared))
        for name, declared in {
            "is_publisher_campaign": "BOOLEAN", "currency": "STRING",
            "clicks": "INTEGER", "revenue": "DECIMAL", "quality": "BLOB7",
        }.items()
    ),
    lookback_days=7,
)  # fmt: skip
BARE = Envelope(path=(), levels=())

# A cell is what stands in the JSON, letter for letter. The first ones of each kind are as declared.
DAYS = ['"2026-06-01"', '"2026-06-02"']
ODD_DAYS = [
    '"2026-06-01 00:00:00"', '"2026-06-01T00:00:00Z"', '"2026-6-1"', '"2026-02-30"', '"20260601"', '" 2026-06-01"',
    '"2026-06-01\\u0000"', '"\\u0032026-06-01"', "20260601",
]  # fmt: skip
WHOLES = ["0", "7", "-3", "9007199254740991"]
ODD_WHOLES = [
    '"5"', '" 5 "', '"-3"', '"1.5"', '"1e3"', "5.0", "5.5", "1e3", "1E2", "1e-9", "1" + "0" * 120, "-" + "9" * 105,
    '"' + "9" * 120 + '"', "-0", "-0.0", "9007199254740993", "12345678901234567890123", "9007199254740993.0",
    '"9007199254740993.0"', "9007199254740993e0", "-9007199254740993.00",
]  # fmt: skip
NUMBERS = ["0.1", "12.340000", "0.000000", "-34.67", "12345678901234567890.123456789"]
ODD_NUMBERS = [
    "0.0000001", "-0.0000001", "0.00000000", "1e-9", "1E+9", "1.5e2", "1e400", "NaN", "Infinity", "-Infinity",
    '"12.340000"', '"1e-9"', '"NaN"', '"4711 EUR"', '"1,5"', "0." + "1" * 120, "1" * 110 + ".5", "0." + "0" * 120 + "1",
    "1e9999", '" 1.50 "', '"+1"', '".5"',
]  # fmt: skip
BOOLEANS = ["true", "false"]
ODD_BOOLEANS = ["1", "0", '"1"', '"0"', '"true"', '"False"', '" TRUE "', "2", '"yes"', "1.0", "0.0", '"1.0"']
TEXTS = [
    '"DE"',
    '"Über uns"',
    '"\\u00dcber"',
    '"a \\"b\\" \\\\ c"',
    '"\U0001f600"',
    '"\\ud83d\\ude00"',
    '" x "',
    '"a\\nb"',
]
ODD_TEXTS = [
    '"a\\u0000b"',
    '"\\u0000"',
    '"\\\\u0000"',
    '"\\ud800"',
    "{}",
    "[]",
    '{"a": [1.50, null]}',
    "[1e-9]",
    '"null"',
]
NOTHING = ["null", '""', None]
"""None: the key is not there."""

PLAIN = {"date": DAYS, "site_visx_id": WHOLES, "country": TEXTS, "size": [*WHOLES, *NUMBERS], "band": TEXTS,
         "is_publisher_campaign": BOOLEANS, "currency": TEXTS, "clicks": WHOLES, "revenue": [*WHOLES, *NUMBERS],
         "quality": TEXTS}  # fmt: skip
ANYTHING = [
    *DAYS, *ODD_DAYS, *WHOLES, *ODD_WHOLES, *NUMBERS, *ODD_NUMBERS, *BOOLEANS, *ODD_BOOLEANS, *TEXTS, *ODD_TEXTS,
    *NOTHING,
]  # fmt: skip
ODD = {
    "date": ODD_DAYS, "site_visx_id": ODD_WHOLES, "country": ODD_TEXTS, "size": ODD_NUMBERS, "band": ODD_TEXTS,
    "is_publisher_campaign": ODD_BOOLEANS, "currency": ODD_TEXTS, "clicks": ODD_WHOLES, "revenue": ODD_NUMBERS,
    "quality": ODD_TEXTS,
}  # fmt: skip
Row: TypeAlias = "dict[str, str | None]"

BLANKS = [" {}", "{} ", " {} "]

PLAIN_ROW = st.fixed_dictionaries({name: st.sampled_from(cells) for name, cells in PLAIN.items()})
NULLS = st.dictionaries(st.sampled_from([*PLAIN][1:]), st.sampled_from(NOTHING), max_size=3)
"""Cells without a value, the day apart."""


def spelled(row: Row) -> str:
    """Return a row as JSON."""
    return "{" + ", ".join(f'"{name}": {cell}' for name, cell in row.items() if cell is not None) + "}"


def page_of(rows: list[Row]) -> bytes:
    """Return rows as a JSON list."""
    return f"[{', '.join(map(spelled, rows))}]".encode("utf-8", "surrogatepass")


@st.composite
def rows_as_sent(draw: st.DrawFn) -> list[Row]:
    """Return rows as declared, in some of which a few cells are not."""
    rows: list[Row] = [{**draw(PLAIN_ROW), **draw(NULLS)} for _ in range(draw(st.integers(0, 4)))]
    for name in draw(st.sets(st.sampled_from([*PLAIN][1:]), max_size=2)):
        nothing = draw(st.sampled_from(NOTHING))  # a column without a value in any row
        for row in rows:
            row[name] = nothing
    for _ in range(draw(st.sampled_from([0, 0, 1, 2])) if rows else 0):
        row, name = draw(st.sampled_from(rows)), draw(st.sampled_from([*PLAIN]))
        row[name] = draw(st.sampled_from(draw(st.sampled_from([ODD[name], ANYTHING]))))
    extra = draw(st.sampled_from([None, None, "surprise", "clicks_", "c1"]))
    if extra:
        for row in rows:
            row[extra] = draw(st.sampled_from(ANYTHING))
    return rows


@st.composite
def rows_with_blanks(draw: st.DrawFn) -> list[Row]:
    """Return rows, in which the names of some columns have blanks around them throughout."""
    rows = draw(rows_as_sent())
    for name in draw(st.sets(st.sampled_from([*PLAIN]), min_size=1, max_size=2)):
        spelling = draw(st.sampled_from(BLANKS)).format(name)
        rows = [{spelling if key == name else key: cell for key, cell in row.items()} for row in rows]
    return rows


def shape() -> RowShape:
    """Return the shape of the report's rows, to which nothing was shown yet."""
    return RowShape(REPORT, REPORT.figures)


def exactly(shape: RowShape, rows: list[Any]) -> list[list[tuple[str, str, str]]]:
    """Return each cell by column, type and digits; a decimal and one that is written out are of one type."""
    return [
        [
            (name, "Decimal" if isinstance(cell, Decimal) else type(cell).__name__, str(cell))
            for name, cell in shape.as_dict(row).items()
        ]
        for row in rows
    ]


def written(rows: list[Any]) -> list[bytes]:
    """Return each row as the tap writes it, without the instant."""
    writer = ListWriter()
    writer.write_records("everything", rows)
    return [line.partition(b',"time_extracted":')[0] for line in writer.lines]


def assert_both_ways_agree(content: bytes) -> None:
    """Fail where decoding at once and casting cell by cell differ, once keys without a value have their stand-in."""
    at_once, one_by_one = shape(), shape()
    answer = at_once.decode(content, BARE)
    if answer is None:
        return
    _, decoded = answer
    cast = one_by_one.cast(rows_of(decode(content)))
    mine, theirs = RunSummary(), RunSummary()
    at_once.fill_missing(decoded, mine)
    one_by_one.fill_missing(cast, theirs)
    assert exactly(at_once, decoded) == exactly(one_by_one, cast)
    assert mine.missing == theirs.missing
    figures = {column.name for column in REPORT.figures}
    assert at_once.seen & figures == one_by_one.seen & figures


@examples(150)
@given(rows_as_sent())
def test_a_page_decoded_at_once_is_what_casting_gives(rows: list[Row]) -> None:
    """Whatever stands in the cells, a page that is decoded at once has the same values, types and digits."""
    assert_both_ways_agree(page_of(rows))


@examples(100)
@given(rows_with_blanks())
def test_blanks_around_names_give_the_same_rows(rows: list[Row]) -> None:
    """A column whose name comes with blanks is not taken for one that did not come."""
    assert_both_ways_agree(page_of(rows))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name) for name in PLAIN],
)
def test_every_cell_in_every_column_is_the_same_both_ways(name: str) -> None:
    """Each form of a cell, in a column of each kind, alone and behind a row as declared."""
    plain: Row = {column: cells[0] for column, cells in PLAIN.items()}
    for cell in ANYTHING:
        assert_both_ways_agree(page_of([{**plain, name: cell}]))
        assert_both_ways_agree(page_of([plain, {**plain, name: cell}]))


@pytest.mark.parametrize("name", [*PLAIN])
def test_every_cell_as_declared_is_decoded_at_once(name: str) -> None:
    """What the metadata declares is not looked at cell by cell, be it without a value in some rows."""
    plain: Row = {column: cells[0] for column, cells in PLAIN.items()}
    page: list[Row] = [plain, *({**plain, name: cell} for cell in PLAIN[name])]
    if name != "date":
        page.append({**plain, name: "null"})
    assert shape().decode(page_of(page), BARE) is not None


@pytest.mark.parametrize("name", ["site_visx_id", "is_publisher_campaign", "clicks", "revenue"])
def test_numbers_as_text_are_decoded_at_once(name: str) -> None:
    """A server that puts every number between quotes does not cost a look at each cell."""
    plain: Row = {column: cells[0] for column, cells in PLAIN.items()}
    page: list[Row] = [{**plain, name: f'"{cell}"'} for cell in PLAIN[name]]
    assert shape().decode(page_of([plain, *page, {**plain, name: "null"}]), BARE) is not None
    assert_both_ways_agree(page_of(page))


# Envelopes in which a page may come, one like the other or not, and what stands beside it.
ENVELOPES = [
    "{page}", '{{"data": {page}}}', '{{"data": {page}, "total": 7}}', '{{"total": "7", "data": {page}}}',
    '{{"data": {page}, "total": null}}', '{{"data": {{"rows": {page}, "total": 7}}}}',
    '{{"data": {{"rows": {page}}}, "meta": {{"total": 9}}}}', '{{"data": {{"items": {page}, "total": 7}}}}',
    '{{"report": {page}}}', '{{"results": {{"anything": {page}}}}}',
    '{{"data": {page}, "error": null}}', '{{"data": {page}, "error": "partial"}}',
    '{{"data": {page}, "error": {{"code": 7}}}}', '{{"data": {page}, "success": true}}',
    '{{"data": {page}, "success": false}}', '{{"data": {page}, "status": "ok"}}',
    '{{"data": {page}, "status": "Failed"}}', '{{"data": {page}, "total": 1e3}}', '{{"data": {page}, "total": NaN}}',
    '{{"data": {{"rows": {page}, "total": 7}}, "error": null}}',
    '{{"data": {{"rows": {page}, "total": 7}}, "error": "x"}}',
    '{{"data": {{"rows": {page}, "error": "x"}}}}', '{{"data": {{"rows": {page}, "error": null}}}}',
    '{{"message": "maintenance", "details": []}}', '{{"data": null}}', '{{"data": {{}}}}', "<html></html>", "",
    '{{"data": {page}', '\ufeff{{"data": {page}}}', '{{"data": {page}, "rows": {page}}}',
]  # fmt: skip
HEADERS = [{}, {"x-total-count": "11"}]


def read(reader: EnvelopeReader, content: bytes, headers: dict[str, str]) -> object:
    """Return what an answer is read as: rows, total and figures seen, or the kind of its error."""
    row_type = shape()
    try:
        answer: Answer = reader.read(content, CaseInsensitiveDict(headers), row_type)
        row_type.fill_missing(Rows(answer.rows), RunSummary())
    except (CellError, UnknownEnvelopeError) as error:
        return type(error), str(error)
    except ValueError:
        return ValueError
    seen = row_type.seen & {column.name for column in REPORT.figures}
    return exactly(row_type, answer.rows), answer.total, seen


@examples(80)
@given(
    st.lists(
        st.tuples(
            st.one_of(rows_as_sent(), rows_with_blanks()),
            st.one_of(st.sampled_from(ENVELOPES[:3]), st.sampled_from(ENVELOPES)),
            st.sampled_from(HEADERS),
        ),
        min_size=2,
        max_size=5,
    )
)
def test_answers_are_read_the_same_whatever_came_before(
    answers: list[tuple[list[Row], str, dict[str, str]]],
) -> None:
    """A reader that knows the last envelope gives the rows, the total and the errors of one that knows none."""
    knowing = EnvelopeReader()
    for rows, envelope, headers in answers:
        content = envelope.format(page=page_of(rows).decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass")
        assert read(knowing, content, headers) == read(EnvelopeReader(), content, headers)


ONE_ROW = spelled({name: cells[0] for name, cells in PLAIN.items()})


@pytest.mark.parametrize(
    "later",
    [
        pytest.param('{"listing": [], "page": 2}', id="no-rows-under-another-name"),
        pytest.param(f'{{"report": [{ONE_ROW}], "page": [{ONE_ROW}]}}', id="a-second-list"),
    ],
)
def test_a_known_envelope_of_an_unknown_name_is_still_looked_at(later: str) -> None:
    """An answer that would be refused as the first one is refused as a later one."""
    knowing = EnvelopeReader()
    read(knowing, f'{{"report": [{ONE_ROW}], "page": 1}}'.encode(), {})
    assert read(knowing, later.encode(), {}) == read(EnvelopeReader(), later.encode(), {})


def test_the_same_page_has_the_same_rows_however_it_is_read() -> None:
    """Pages are compared with each other to find the first and the last one, whichever way each of them was read."""
    row: Row = {**{name: cells[0] for name, cells in PLAIN.items()}, "country": '""'}
    reader, row_type = EnvelopeReader(), shape()
    first, again = (reader.read(page_of([row]), {}, row_type).rows for _ in range(2))
    assert first == again


@pytest.mark.parametrize("name", ["size", "clicks", "revenue"])
def test_numbers_are_written_the_same_both_ways(name: str) -> None:
    """Letter for letter, `-0` and long digits among them, a page decoded at once is written as one that was cast."""
    plain: Row = {column: cells[0] for column, cells in PLAIN.items()}
    for cell in ANYTHING:
        content = page_of([{**plain, name: cell}])
        if (answer := shape().decode(content, BARE)) is not None:
            assert written(answer[1]) == written(shape().cast(rows_of(decode(content)))), cell


def test_a_number_of_thousands_of_digits_is_reported_by_its_column() -> None:
    """Python makes no integer of them; the body was taken for a proxy's page, and requested again and again."""
    plain: Row = {column: cells[0] for column, cells in PLAIN.items()}
    for column in ("site_visx_id", "clicks", "revenue"):
        with pytest.raises(CellError, match=f"column {column} of 2026-06-01 contains a value that is not a number"):
            EnvelopeReader().read(page_of([{**plain, column: "9" * 5000}]), {}, shape())


def test_a_whole_number_has_no_minus_before_zero() -> None:
    """JSON's `-0` is 0 to whoever reads rows, as an integer is in every other column."""
    plain: Row = {column: cells[0] for column, cells in PLAIN.items()}
    page = page_of([{**plain, "revenue": cell} for cell in ("-0", "-0.5", "-10")])
    (first, second, third) = written(EnvelopeReader().read(page, {}, shape()).rows)
    assert b'"revenue":0,' in first
    assert b'"revenue":-0.5,' in second
    assert b'"revenue":-10,' in third


def test_a_key_beside_the_rows_is_no_column_of_theirs(caplog: pytest.LogCaptureFixture) -> None:
    """A column that no row has is reported as absent, though the envelope has a key of the same name."""
    row: Row = {column: cells[0] for column, cells in PLAIN.items() if column != "revenue"}
    page = b'{"revenue": 7.50, "data": ' + page_of([row]) + b"}"
    reader, row_type = EnvelopeReader(), shape()
    for _ in range(2):
        (read_row,) = reader.read(page, {}, row_type).rows
        assert row_type.as_dict(read_row)["revenue"] is None
    row_type.warn_of_missing_figures(RunSummary())
    assert "did not send the requested column revenue" in caplog.text


def test_a_key_beside_the_rows_hides_no_column_with_blanks() -> None:
    """A column whose name has blanks is found, though the envelope has a key of its plain name."""
    row: Row = {**{column: cells[0] for column, cells in PLAIN.items()}, "revenue": "12.34"}
    before = b'{"revenue": 7.50, "data": '
    blank: Row = {f"{column} " if column == "revenue" else column: cell for column, cell in row.items()}
    reader, row_type = EnvelopeReader(), shape()
    reader.read(before + page_of([row]) + b"}", {}, row_type)
    (read_row,) = reader.read(before + page_of([blank]) + b"}", {}, row_type).rows
    assert row_type.as_dict(read_row)["revenue"] == Decimal("12.34")
