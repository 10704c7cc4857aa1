"""Columns as the metadata declares them, and the casting of their cells."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.errors import UnknownEnvelopeError
from tap_yoc.exact_numbers import PlainDecimal
from tap_yoc.reports.columns import Column, Kind, Role, columns_of, kind_of

if TYPE_CHECKING:
    from tap_yoc.exact_json import Json

GROUP_BY = [{"name": "date", "type": "DATE"}, {"name": " ad_unit_name", "type": "STRING"}]
DATA_FIELDS = [{"name": "total_traffic", "type": "INTEGER"}]
LISTS = {"group_by": GROUP_BY, "data_fields": DATA_FIELDS}


def column(kind: Kind, *, name: str = "a_column", role: Role = Role.DATA_FIELD) -> Column:
    """Return a column of a kind."""
    return Column(name=name, role=role, declared=kind.value.upper(), kind=kind)


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        pytest.param("DATE", Kind.DATE, id="seen-date"),
        pytest.param("STRING", Kind.TEXT, id="seen-string"),
        pytest.param("INTEGER", Kind.INTEGER, id="seen-integer"),
        pytest.param("Boolean", Kind.BOOLEAN, id="annex-boolean"),
        pytest.param("Float", Kind.NUMBER, id="annex-float"),
        pytest.param("date", Kind.DATE, id="lower-case"),
        pytest.param(" Integer ", Kind.INTEGER, id="blanks-around"),
        pytest.param("str", Kind.TEXT, id="str"),
        pytest.param("TEXT", Kind.TEXT, id="text"),
        pytest.param("VARCHAR(255)", Kind.TEXT, id="varchar-with-length"),
        pytest.param("char", Kind.TEXT, id="char"),
        pytest.param("ENUM('a','b')", Kind.TEXT, id="enum"),
        pytest.param("UUID", Kind.TEXT, id="uuid"),
        pytest.param("INT", Kind.INTEGER, id="int"),
        pytest.param("INT(11)", Kind.INTEGER, id="int-with-width"),
        pytest.param("int32", Kind.INTEGER, id="int32"),
        pytest.param("INT64", Kind.INTEGER, id="int64"),
        pytest.param("BIGINT", Kind.INTEGER, id="bigint"),
        pytest.param("smallint", Kind.INTEGER, id="smallint"),
        pytest.param("Long", Kind.INTEGER, id="long"),
        pytest.param("count", Kind.INTEGER, id="count"),
        pytest.param("FLOAT64", Kind.NUMBER, id="float64"),
        pytest.param("float32", Kind.NUMBER, id="float32"),
        pytest.param("DOUBLE", Kind.NUMBER, id="double"),
        pytest.param("real", Kind.NUMBER, id="real"),
        pytest.param("DECIMAL(10,2)", Kind.NUMBER, id="decimal-with-precision"),
        pytest.param("decimal (10, 2)", Kind.NUMBER, id="decimal-with-blanks"),
        pytest.param("NUMERIC", Kind.NUMBER, id="numeric"),
        pytest.param("number", Kind.NUMBER, id="number"),
        pytest.param("MONEY", Kind.NUMBER, id="money"),
        pytest.param("Currency", Kind.NUMBER, id="currency-of-a-money-column"),
        pytest.param("amount", Kind.NUMBER, id="amount"),
        pytest.param("price", Kind.NUMBER, id="price"),
        pytest.param("percent", Kind.NUMBER, id="percent"),
        pytest.param("PERCENTAGE", Kind.NUMBER, id="percentage"),
        pytest.param("ratio", Kind.NUMBER, id="ratio"),
        pytest.param("rate", Kind.NUMBER, id="rate"),
        pytest.param("bool", Kind.BOOLEAN, id="bool"),
        pytest.param("DOUBLE PRECISION", Kind.NUMBER, id="double-precision"),
        pytest.param("big_int", Kind.INTEGER, id="word-break"),
        pytest.param("INT UNSIGNED", Kind.INTEGER, id="unsigned"),
        pytest.param("decimal(10,2) unsigned", Kind.NUMBER, id="unsigned-decimal"),
        pytest.param("tinyint(1)", Kind.INTEGER, id="tinyint"),
        pytest.param("Nullable(Int64)", Kind.INTEGER, id="nullable"),
        pytest.param("GEOMETRY", Kind.UNKNOWN, id="unknown"),
        pytest.param("", Kind.UNKNOWN, id="no-type"),
    ],
)
def test_declared_types_are_known_in_their_usual_spellings(declared: str, kind: Kind) -> None:
    """A declared type is recognised whatever its case, precision or the words around it; others are unexplained."""
    assert kind_of("revenue", declared) is kind


def test_a_currency_column_of_type_currency_is_text() -> None:
    """A column that is called currency and declared so holds a code, and no money."""
    assert kind_of("currency", "CURRENCY") is Kind.TEXT
    assert kind_of("Account_Currency", "Currency") is Kind.TEXT


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"modifications": LISTS}, id="as-published"),
        pytest.param(LISTS, id="bare"),
        pytest.param({"data": LISTS}, id="under-another-key"),
        pytest.param({"data": {"modifications": LISTS}}, id="one-level-down"),
        pytest.param({"status": "ok", "modifications": {**LISTS, "more": 1}}, id="things-beside"),
    ],
)
def test_the_metadata_is_read_in_every_envelope(body: Json) -> None:
    """The two lists of columns are found wherever they are, names trimmed, in their order."""
    assert [(one.role.value, one.name, one.declared, one.kind) for one in columns_of(body)] == [
        ("group_by", "date", "DATE", Kind.DATE),
        ("group_by", "ad_unit_name", "STRING", Kind.TEXT),
        ("data_fields", "total_traffic", "INTEGER", Kind.INTEGER),
    ]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param("ok", id="text"),
        pytest.param({}, id="empty"),
        pytest.param({"modifications": None}, id="null-within"),
        pytest.param({"modifications": {"group_by": GROUP_BY}}, id="one-list-only"),
        pytest.param({"modifications": {"group_by": GROUP_BY, "data_fields": None}}, id="null-list"),
        pytest.param({"modifications": {"group_by": [{"type": "DATE"}], "data_fields": []}}, id="no-name"),
        pytest.param({"modifications": {"group_by": [{"name": " "}], "data_fields": []}}, id="blank-name"),
        pytest.param({"modifications": {"group_by": [{"name": 5}], "data_fields": []}}, id="name-is-no-text"),
        pytest.param({"modifications": {"group_by": ["date"], "data_fields": []}}, id="names-alone"),
    ],
)
def test_metadata_without_its_lists_or_names_is_an_error(body: Json) -> None:
    """Metadata in which the columns cannot be recognised is an error, never an account without columns."""
    with pytest.raises(UnknownEnvelopeError, match="metadata"):
        columns_of(body)


def test_metadata_without_a_type_is_unexplained() -> None:
    """A column without a type, or with a null one, is read as text."""
    body = {"group_by": [{"name": "a"}, {"name": "b", "type": None}], "data_fields": []}
    assert [(one.name, one.declared, one.kind) for one in columns_of(body)] == [
        ("a", "", Kind.UNKNOWN),
        ("b", "", Kind.UNKNOWN),
    ]


def test_a_column_listed_twice_is_one() -> None:
    """A name that differs in blanks only is the same column, and the two lists are kept apart."""
    body = {
        "group_by": [{"name": "country", "type": "STRING"}, {"name": "country ", "type": "STRING"}],
        "data_fields": [{"name": "country", "type": "STRING"}],
    }
    assert [(one.role, one.name) for one in columns_of(body)] == [
        (Role.GROUP_BY, "country"),
        (Role.DATA_FIELD, "country"),
    ]


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        pytest.param(Kind.DATE, "2021-11-01", "2021-11-01", id="date"),
        pytest.param(Kind.DATE, "2021-11-01T00:00:00", "2021-11-01", id="date-with-time"),
        pytest.param(Kind.DATE, "2021-11-01 00:00:00", "2021-11-01", id="date-with-blank-and-time"),
        pytest.param(Kind.DATE, "2021-11-01T23:59:59.999Z", "2021-11-01", id="date-with-utc"),
        pytest.param(Kind.DATE, "2021-11-01T00:00:00+01:00", "2021-11-01", id="date-with-offset"),
        pytest.param(Kind.DATE, "2024-02-29", "2024-02-29", id="leap-day"),
        pytest.param(Kind.TEXT, "Über uns", "Über uns", id="text"),
        pytest.param(Kind.TEXT, " a ", " a ", id="text-keeps-its-blanks"),
        pytest.param(Kind.TEXT, "a\x00b", "ab", id="text-without-u0000"),
        pytest.param(Kind.TEXT, "\x00", "", id="nothing-but-u0000"),
        pytest.param(Kind.TEXT, 7, "7", id="number-as-text"),
        pytest.param(Kind.TEXT, Decimal("1.50"), "1.50", id="decimal-as-text"),
        pytest.param(Kind.TEXT, True, "true", id="boolean-as-text"),
        pytest.param(Kind.INTEGER, 12, 12, id="integer"),
        pytest.param(Kind.INTEGER, -3, -3, id="negative-integer"),
        pytest.param(Kind.INTEGER, "12", 12, id="integer-in-text"),
        pytest.param(Kind.INTEGER, " 12 ", 12, id="integer-in-text-with-blanks"),
        pytest.param(Kind.INTEGER, "+12", 12, id="integer-with-plus"),
        pytest.param(Kind.INTEGER, "0012", 12, id="integer-with-zeros"),
        pytest.param(Kind.INTEGER, Decimal("12.0"), 12, id="integer-as-12.0"),
        pytest.param(Kind.INTEGER, "12.0", 12, id="integer-as-12.0-in-text"),
        pytest.param(Kind.INTEGER, Decimal("1.2E+3"), 1200, id="integer-with-exponent"),
        pytest.param(Kind.INTEGER, "1e3", 1000, id="integer-with-exponent-in-text"),
        pytest.param(Kind.INTEGER, 9007199254740993, 9007199254740993, id="integer-beyond-doubles"),
        pytest.param(Kind.INTEGER, "9007199254740993", 9007199254740993, id="integer-beyond-doubles-in-text"),
        pytest.param(Kind.BOOLEAN, True, True, id="true"),
        pytest.param(Kind.BOOLEAN, False, False, id="false"),
        pytest.param(Kind.BOOLEAN, 1, True, id="1"),
        pytest.param(Kind.BOOLEAN, 0, False, id="0"),
        pytest.param(Kind.BOOLEAN, "1", True, id="1-in-text"),
        pytest.param(Kind.BOOLEAN, "0", False, id="0-in-text"),
        pytest.param(Kind.BOOLEAN, "true", True, id="true-in-text"),
        pytest.param(Kind.BOOLEAN, "false", False, id="false-in-text"),
        pytest.param(Kind.BOOLEAN, "TRUE", True, id="true-in-capitals"),
        pytest.param(Kind.BOOLEAN, " False ", False, id="false-with-blanks"),
        pytest.param(Kind.UNKNOWN, "x\x00y", "xy", id="unexplained-text"),
        pytest.param(Kind.UNKNOWN, 5, "5", id="unexplained-number"),
        pytest.param(Kind.UNKNOWN, Decimal("12.3400"), "12.3400", id="unexplained-decimal"),
        pytest.param(Kind.UNKNOWN, False, "false", id="unexplained-boolean"),
    ],
)
def test_cells_become_what_their_column_declares(kind: Kind, cell: Json, value: object) -> None:
    """A cell that fits becomes the declared kind, however the server spelled it."""
    cast = column(kind).cast(cell)
    assert cast == value
    assert type(cast) is type(value)


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        pytest.param(Decimal("34.67"), "34.67", id="number"),
        pytest.param("34.67", "34.67", id="text"),
        pytest.param(Decimal("12.3400"), "12.3400", id="trailing-zeros"),
        pytest.param("12.3400", "12.3400", id="trailing-zeros-in-text"),
        pytest.param(7, "7", id="whole"),
        pytest.param("7", "7", id="whole-in-text"),
        pytest.param("-0.5", "-0.5", id="negative"),
        pytest.param(".5", "0.5", id="no-digit-before-the-point"),
        pytest.param("5.", "5", id="no-digit-behind-the-point"),
        pytest.param(" 1.5 ", "1.5", id="blanks-around"),
        pytest.param("1e-9", "0.000000001", id="small-exponent-in-text"),
        pytest.param(Decimal("1E-9"), "0.000000001", id="small-exponent"),
        pytest.param(Decimal("0.0000001"), "0.0000001", id="small-without-exponent"),
        pytest.param("1.5E+3", "1500", id="exponent-in-text"),
        pytest.param(Decimal("1.5E+3"), "1500", id="exponent"),
        pytest.param(Decimal("0E-8"), "0.00000000", id="zero-with-digits"),
        pytest.param("123456789012345678901234567890.12", "123456789012345678901234567890.12", id="long"),
        pytest.param("1e100", "1" + 100 * "0", id="the-longest-figure"),
    ],
)
def test_numbers_keep_the_digits_that_were_sent(cell: Json, digits: str) -> None:
    """A number keeps every digit, and is written without an exponent."""
    assert str(column(Kind.NUMBER).cast(cell)) == digits


@pytest.mark.parametrize("kind", [Kind.INTEGER, Kind.NUMBER])
@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(Decimal("NaN"), id="nan"),
        pytest.param(Decimal("Infinity"), id="infinity"),
        pytest.param(Decimal("-Infinity"), id="minus-infinity"),
        pytest.param("NaN", id="nan-in-text"),
        pytest.param("sNaN", id="signalling-nan"),
        pytest.param("Infinity", id="infinity-in-text"),
        pytest.param("inf", id="inf"),
        pytest.param("1_000", id="underscore"),
        pytest.param("1,5", id="comma"),
        pytest.param("1,000.50", id="thousands"),
        pytest.param("1 000", id="blank-within"),
        pytest.param("0x10", id="hexadecimal"),
        pytest.param("5%", id="percent-sign"),
        pytest.param("€ 5", id="currency-sign"),
        pytest.param("n/a", id="word"),
        pytest.param(" ", id="blank"),
        pytest.param("-", id="dash"),
        pytest.param(".", id="point"),
        pytest.param("1e", id="unfinished-exponent"),
        pytest.param("\u0661\u0662", id="digits-of-another-script"),
        pytest.param("1e101", id="exponent-too-large"),
        pytest.param("1e-101", id="exponent-too-small"),
        pytest.param("1e999", id="exponent-of-three-digits"),
        pytest.param("1e99999999999", id="absurd-exponent-in-text"),
        pytest.param(Decimal("1E+999999"), id="absurd-exponent"),
        pytest.param(Decimal("1E-999999"), id="absurd-negative-exponent"),
        pytest.param(5000 * "9", id="five-thousand-digits"),
        pytest.param(True, id="boolean"),
        pytest.param([], id="list"),
        pytest.param({"amount": 5}, id="mapping"),
    ],
)
def test_what_is_no_number_is_refused(kind: Kind, cell: Json) -> None:
    """A cell that is no plain finite number is an error, and the message does not quote it."""
    with pytest.raises(ValueError, match=r"^not a (whole )?number$"):
        column(kind).cast(cell)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        pytest.param(Kind.INTEGER, Decimal("12.5"), id="fraction"),
        pytest.param(Kind.INTEGER, "12.5", id="fraction-in-text"),
        pytest.param(Kind.INTEGER, "1e-3", id="fraction-by-exponent"),
        pytest.param(Kind.DATE, "01.11.2021", id="german-date"),
        pytest.param(Kind.DATE, "2021-11-1", id="date-without-zero"),
        pytest.param(Kind.DATE, "2021-02-30", id="day-that-does-not-exist"),
        pytest.param(Kind.DATE, "2021-11-01x", id="date-with-a-tail"),
        pytest.param(Kind.DATE, "2021-11-011", id="date-with-a-digit-too-many"),
        pytest.param(Kind.DATE, " 2021-11-01", id="date-with-a-blank-before"),
        pytest.param(Kind.DATE, "0000-00-00", id="date-zero"),
        pytest.param(Kind.DATE, "today", id="word-for-a-date"),
        pytest.param(Kind.DATE, 20211101, id="number-for-a-date"),
        pytest.param(Kind.DATE, 1635724800, id="seconds-for-a-date"),
        pytest.param(Kind.BOOLEAN, "yes", id="yes"),
        pytest.param(Kind.BOOLEAN, "t", id="t"),
        pytest.param(Kind.BOOLEAN, 2, id="2"),
        pytest.param(Kind.BOOLEAN, -1, id="minus-1"),
        pytest.param(Kind.BOOLEAN, [True], id="list-for-a-boolean"),
        pytest.param(Kind.TEXT, ["a"], id="list-for-a-text"),
        pytest.param(Kind.TEXT, {"a": 1}, id="mapping-for-a-text"),
    ],
)
def test_what_does_not_fit_is_refused(kind: Kind, cell: Json) -> None:
    """A cell that does not fit its kind is an error, never a guess."""
    with pytest.raises(ValueError, match=r"."):
        column(kind).cast(cell)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("cell", [pytest.param(None, id="null"), pytest.param("", id="empty")])
def test_what_is_missing_is_none(kind: Kind, cell: Json) -> None:
    """Null and empty text are no value, of whatever kind."""
    assert column(kind).cast(cell) is None


@given(
    cell=st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.decimals(),
        st.text(),
        st.lists(st.integers(), max_size=2),
        st.from_regex(r"\A[+-]?[0-9.eE+-]{1,12}\Z"),
    ),
    kind=st.sampled_from(Kind),
)
def test_a_cell_is_cast_or_refused(cell: Json, kind: Kind) -> None:
    """Whatever comes is cast to the declared kind, or refused with a ValueError."""
    try:
        value = column(kind).cast(cell)
    except ValueError:
        return
    if value is None:
        assert cell in {None, ""}
    elif kind is Kind.INTEGER:
        assert type(value) is int
    elif kind is Kind.NUMBER:
        assert isinstance(value, (int, Decimal))
        assert "E" not in str(value)
        assert Decimal(str(value)).is_finite()
    elif kind is Kind.BOOLEAN:
        assert type(value) is bool
    else:
        assert isinstance(value, str)
        assert "\x00" not in value


@pytest.mark.parametrize(
    ("kind", "key", "other"),
    [
        pytest.param(Kind.DATE, {"type": "string", "format": "date"}, ["string", "null"], id="date"),
        pytest.param(Kind.TEXT, {"type": "string"}, ["string", "null"], id="text"),
        pytest.param(Kind.INTEGER, {"type": "integer"}, ["integer", "null"], id="integer"),
        pytest.param(Kind.NUMBER, {"type": "number"}, ["number", "null"], id="number"),
        pytest.param(Kind.BOOLEAN, {"type": "boolean"}, ["boolean", "null"], id="boolean"),
        pytest.param(Kind.UNKNOWN, {"type": "string"}, ["string", "null"], id="unknown"),
    ],
)
def test_keys_are_never_null_and_no_scale_is_promised(kind: Kind, key: dict[str, Any], other: list[str]) -> None:
    """A key's schema has no null, a value's has, and no `multipleOf` promises digits that may change."""
    name = "date" if kind is Kind.DATE else "any"
    schema = replace(column(kind), name=name).json_schema(is_key=True)
    assert {fact: value for fact, value in schema.items() if fact != "description"} == key
    assert column(kind).json_schema(is_key=False) == {**key, "type": other}


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        pytest.param(Kind.TEXT, "", id="text"),
        pytest.param(Kind.INTEGER, 0, id="integer"),
        pytest.param(Kind.NUMBER, 0, id="number"),
        pytest.param(Kind.BOOLEAN, False, id="boolean"),
        pytest.param(Kind.UNKNOWN, "", id="unknown"),
    ],
)
def test_a_missing_key_has_a_stand_in(kind: Kind, missing: object) -> None:
    """What stands in a key for no value is empty text, 0, or false."""
    stand_in = column(kind).missing
    assert stand_in == missing
    assert type(stand_in) is type(missing)


@pytest.mark.parametrize(
    ("kind", "name", "role", "is_figure", "is_currency"),
    [
        pytest.param(Kind.INTEGER, "clicks", Role.DATA_FIELD, True, False, id="integer"),
        pytest.param(Kind.NUMBER, "revenue", Role.DATA_FIELD, True, False, id="number"),
        pytest.param(Kind.UNKNOWN, "whatever", Role.DATA_FIELD, True, False, id="unexplained-counts-as-a-metric"),
        pytest.param(Kind.BOOLEAN, "is_publisher_campaign", Role.DATA_FIELD, False, False, id="boolean-splits"),
        pytest.param(Kind.TEXT, "note", Role.DATA_FIELD, False, False, id="text-splits"),
        pytest.param(Kind.TEXT, "currency", Role.DATA_FIELD, False, True, id="currency"),
        pytest.param(Kind.TEXT, "Account_Currency_Code", Role.DATA_FIELD, False, True, id="name-contains-currency"),
        pytest.param(Kind.NUMBER, "revenue_in_currency", Role.DATA_FIELD, True, False, id="money-is-no-currency"),
        pytest.param(Kind.INTEGER, "site_visx_id", Role.GROUP_BY, False, False, id="numeric-dimension"),
        pytest.param(Kind.TEXT, "currency", Role.GROUP_BY, False, False, id="currency-dimension"),
    ],
)
def test_figures_are_values_and_the_rest_is_grain(
    kind: Kind,
    name: str,
    role: Role,
    is_figure: bool,  # noqa: FBT001 - a column of the table
    is_currency: bool,  # noqa: FBT001 - likewise
) -> None:
    """Numeric and unexplained metrics are values; text, booleans, and currencies among the metrics split rows."""
    found = column(kind, name=name, role=role)
    assert (found.is_figure, found.is_currency) == (is_figure, is_currency)


def test_a_plain_decimal_is_written_with_all_digits() -> None:
    """A plain decimal never shows an exponent."""
    assert str(PlainDecimal("1E-9")) == "0.000000001"
    assert str(PlainDecimal("12.3400")) == "12.3400"
    assert str(PlainDecimal("1E+3")) == "1000"


@pytest.mark.parametrize("cell", ["4711-13-01", "secret", "2021-02-30"])
def test_a_refused_day_is_not_quoted(cell: str) -> None:
    """The message about a wrong day names no value, as for all other kinds."""
    with pytest.raises(ValueError, match=r"^not a day$"):
        column(Kind.DATE).cast(cell)


@pytest.mark.parametrize("cell", ["20211101", "2021W441", "2021-W44-1"])
def test_a_day_has_one_form_on_every_python(cell: str) -> None:
    """Only `YYYY-MM-DD` is a day, also where `date.fromisoformat` reads more forms."""
    with pytest.raises(ValueError, match=r"."):
        column(Kind.DATE).cast(cell)


@pytest.mark.parametrize("declared", ["STRING", "DATETIME", "TIMESTAMP", ""])
def test_the_day_is_a_day_however_it_is_declared(declared: str) -> None:
    """The annex calls `date` a string: its time is cut and it is compared as a day whatever its declared type."""
    assert kind_of("date", declared) is Kind.DATE


def test_a_number_of_an_unexplained_type_has_no_exponent() -> None:
    """Money whose type is not known becomes text with the digits that were sent, never an exponent."""
    assert column(Kind.UNKNOWN).cast(Decimal("0.0000001")) == "0.0000001"


@pytest.mark.parametrize("cell", ["2021-10-31T23:00:00Z", "2021-10-31 22:00:00.000+00:00", "2021-10-31T18:30+00:00"])
def test_midnight_elsewhere_is_no_day(cell: str) -> None:
    """Cut to its day, the start of 1 November in Berlin would be 31 October."""
    with pytest.raises(ValueError, match="which may be another day elsewhere"):
        column(Kind.DATE).cast(cell)
