"""Whether the rows of one window can be the whole of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.dates import Window
from tap_yoc.engine.integrity import IntegrityCheck
from tap_yoc.errors import InconsistentWindowError
from tap_yoc.reports.columns import Column, Kind, Role
from tap_yoc.reports.report import Report

WINDOW = Window(first=date(2026, 6, 1), last=date(2026, 6, 30))
KINDS = {
    "date": Kind.DATE,
    "site_visx_id": Kind.INTEGER,
    "ad_unit_visx_id": Kind.INTEGER,
    "rate": Kind.NUMBER,
    "country": Kind.TEXT,
    "is_own": Kind.BOOLEAN,
}


def report(*names: str) -> Report:
    """Return a report with these dimensions."""
    columns = tuple(
        Column(name=name, role=Role.GROUP_BY, declared=KINDS[name].value, kind=KINDS[name]) for name in names
    )
    return Report(name="a_report", group_by=columns, data_fields=(), lookback_days=7)


class ByRow:
    """A check whose pages are given as rows of `{column: cell}`."""

    def __init__(self, of: Report, window: Window | None) -> None:
        """Begin a window."""
        self.names = [column.name for column in of.key]
        self.check = IntegrityCheck(of.key, window)

    def take(self, *rows: dict[str, Any]) -> None:
        """Take one page."""
        self.check.take_page([[row[name] for row in rows] for name in self.names])


def check(names: str, *rows: tuple[Any, ...], window: Window | None = WINDOW) -> None:
    """Take rows, each a tuple of the named columns: as one page, and, with the same finding, as a page each."""
    columns = names.split()
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    try:
        ByRow(report(*columns), window).take(*records)
    except InconsistentWindowError:
        with pytest.raises(InconsistentWindowError):
            _one_by_one(report(*columns), window, records)
        raise
    _one_by_one(report(*columns), window, records)


def _one_by_one(of: Report, window: Window | None, records: list[dict[str, Any]]) -> None:
    checked = ByRow(of, window)
    for record in records:
        checked.take(record)


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        pytest.param("date", [], id="none"),
        pytest.param("date", [("2026-06-01",), ("2026-06-30",)], id="first-and-last-day"),
        pytest.param("date site_visx_id", [("2026-06-01", 7), ("2026-06-02", 7)], id="same-key-on-another-day"),
        pytest.param("date site_visx_id", [("2026-06-01", 9), ("2026-06-02", 7)], id="ids-start-again-each-day"),
        pytest.param("site_visx_id", [(2,), (10,), (100,)], id="numeric-order"),
        pytest.param("site_visx_id", [(10,), (100,), (2,)], id="text-order"),
        pytest.param("site_visx_id", [(1,), (2,), (3,)], id="both-orders"),
        pytest.param("site_visx_id", [(0,), (2,), (3,)], id="missing-first"),
        pytest.param("site_visx_id", [(2,), (3,), (0,)], id="missing-last"),
        pytest.param("site_visx_id", [(2,), (0,), (3,)], id="missing-in-the-middle"),
        pytest.param("site_visx_id", [(-5,), (3,)], id="negative"),
        pytest.param("date country", [("2026-06-01", "DE"), ("2026-06-01", "AT")], id="text-descending"),
        pytest.param("country", [("a",), ("B",), ("",), ("Ä",), ("z",)], id="text-in-any-collation"),
        pytest.param("is_own", [(True,), (False,)], id="booleans-in-any-order"),
        pytest.param("site_visx_id country", [(1, "b"), (1, "a"), (2, "c")], id="text-behind-ids"),
        pytest.param("country site_visx_id", [("a", 9), ("b", 1)], id="ids-behind-another-text"),
        pytest.param(
            "date site_visx_id ad_unit_visx_id",
            [("2026-06-01", 2, 20), ("2026-06-01", 10, 3), ("2026-06-02", 2, 3), ("2026-06-02", 2, 20)],
            id="three-columns",
        ),
        pytest.param(
            "date site_visx_id ad_unit_visx_id",
            [("2026-06-01", 10, 3), ("2026-06-01", 10, 20), ("2026-06-01", 2, 1)],
            id="each-column-in-its-own-order",
        ),
    ],
)
def test_rows_in_order_are_accepted(names: str, rows: list[tuple[Any, ...]]) -> None:
    """Rows that may be the whole of a window pass, whatever is unknown about collations and nulls."""
    check(names, *rows)


@pytest.mark.parametrize(
    ("names", "rows", "finding"),
    [
        pytest.param("date", [("2026-06-01",), ("2026-06-01",)], "appeared twice", id="day-twice"),
        pytest.param("date", [("2026-05-31",)], "outside", id="day-before"),
        pytest.param("date", [("2026-06-30",), ("2026-07-01",)], "outside", id="day-behind"),
        pytest.param("date", [("2026-06-02",), ("2026-06-01",)], "order", id="days-descend"),
        pytest.param("date", [("2026-06-02",), ("2026-06-03",), ("2026-06-02",)], "order", id="day-again-later"),
        pytest.param("date site_visx_id", [("2026-06-01", 1), ("2026-06-01", 1)], "twice", id="twice"),
        pytest.param(
            "date country",
            [("2026-06-01", "DE"), ("2026-06-01", "AT"), ("2026-06-01", "DE")],
            "twice",
            id="twice-with-a-row-between",
        ),
        pytest.param("date site_visx_id", [("2026-06-01", 0), ("2026-06-01", 0)], "twice", id="missing-twice"),
        pytest.param("country", [("a",), ("b",), ("a",)], "twice", id="twice-without-days"),
        pytest.param("site_visx_id", [(3,), (2,), (1,)], "order", id="ids-descend"),
        pytest.param("site_visx_id", [(2,), (10,), (9,)], "order", id="ids-in-no-order"),
        pytest.param("site_visx_id", [(9,), (10,), (2,)], "order", id="first-numeric-then-text"),
        pytest.param("date rate", [("2026-06-01", 9), ("2026-06-01", 3)], "order", id="numbers-descend"),
        pytest.param(
            "date site_visx_id",
            [("2026-06-01", 2), ("2026-06-01", 10), ("2026-06-02", 10), ("2026-06-02", 2)],
            "order",
            id="order-changes-between-days",
        ),
    ],
)
def test_rows_that_cannot_be_the_whole_are_a_fault(names: str, rows: list[tuple[Any, ...]], finding: str) -> None:
    """A row twice, a row outside the window, or an order that was not kept, is a fault."""
    with pytest.raises(InconsistentWindowError, match=finding):
        check(names, *rows)


def test_a_report_without_days_is_read_whatever_the_window() -> None:
    """Without days there is nothing to be outside of, and a row may still come only once."""
    check("site_visx_id", (1,), (2,), window=WINDOW)
    check("site_visx_id", (1,), (2,), window=None)
    check("date", ("1999-01-01",), ("2999-01-01",), window=None)


def test_the_row_that_came_twice_is_named_by_its_key() -> None:
    """The fault names the key, so that the row can be looked up."""
    with pytest.raises(InconsistentWindowError, match="date '2026-06-01', site_visx_id 7 appeared twice"):
        check("date site_visx_id", ("2026-06-01", 7), ("2026-06-01", 7))


def test_the_day_counts_wherever_it_stands_in_the_group() -> None:
    """A report whose group does not start with the day is checked by day all the same."""
    checked = ByRow(report("site_visx_id", "date"), WINDOW)
    for day, site in [("2026-06-01", 9), ("2026-06-02", 9), ("2026-06-03", 1)]:
        checked.take({"date": day, "site_visx_id": site})
    with pytest.raises(InconsistentWindowError, match="order"):
        checked.take({"date": "2026-06-02", "site_visx_id": 2})


def test_only_the_keys_of_one_day_are_kept() -> None:
    """Memory stays flat: with a new day the keys of the old one are forgotten."""
    checked = ByRow(report("date", "site_visx_id"), WINDOW)
    for day in WINDOW.days():
        for site in range(1, 6):
            checked.take({"date": day.isoformat(), "site_visx_id": site})
        kept = vars(checked.check)
        assert len(kept["_seen"]) + sum(map(len, kept["_ascending"])) == 5


@given(
    keys=st.sets(st.tuples(st.dates(WINDOW.first, WINDOW.last), st.integers(0, 300), st.integers(0, 30))),
    is_text_order=st.booleans(),
)
def test_sorted_rows_are_never_a_fault(keys: set[tuple[date, int, int]], is_text_order: bool) -> None:  # noqa: FBT001 - drawn
    """Rows that the server sorted, ids as numbers or as text, never raise an alarm."""
    order = (lambda key: (key[0], str(key[1]), str(key[2]))) if is_text_order else (lambda key: key)
    rows = [(day.isoformat(), site, unit) for day, site, unit in sorted(keys, key=order)]
    check("date site_visx_id ad_unit_visx_id", *rows)


@given(keys=st.sets(st.tuples(st.dates(WINDOW.first, WINDOW.last), st.integers(0, 50)), min_size=1), data=st.data())
def test_a_row_that_comes_again_is_always_a_fault(keys: set[tuple[date, int]], data: st.DataObject) -> None:
    """Wherever a row is repeated behind its first place, it is found."""
    rows = [(day.isoformat(), site) for day, site in sorted(keys)]
    position = data.draw(st.integers(0, len(rows) - 1))
    again = data.draw(st.integers(position + 1, len(rows)))
    with pytest.raises(InconsistentWindowError):
        check("date site_visx_id", *rows[:again], rows[position], *rows[again:])


@pytest.mark.parametrize(
    ("behind", "finding"),
    [
        pytest.param([("2026-06-02", 2), ("2026-06-02", 3)], "appeared twice", id="the-last-row-again"),
        pytest.param([("2026-06-02", 1), ("2026-06-02", 3)], "not in the order of", id="an-earlier-row-again"),
        pytest.param([("2026-06-02", 1)], "not in the order of", id="an-earlier-row-alone"),
    ],
)
def test_a_page_is_compared_with_the_last_row_before_it(behind: list[tuple[str, int]], finding: str) -> None:
    """A page that began on another day than it ended is no reason to let rows of its last day come again."""
    checked = ByRow(report("date", "site_visx_id"), WINDOW)
    before = [("2026-06-01", 1), ("2026-06-02", 1), ("2026-06-02", 2)]
    checked.take(*({"date": day, "site_visx_id": site} for day, site in before))
    with pytest.raises(InconsistentWindowError, match=finding):
        checked.take(*({"date": day, "site_visx_id": site} for day, site in behind))
