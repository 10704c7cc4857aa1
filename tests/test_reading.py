"""Rows cast to the report's types, a faulty reading repeated once, and pages fetched ahead of their reader."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest

from tap_yoc.client import Query
from tap_yoc.columns import Column, Role, kind_of
from tap_yoc.envelope import Answer
from tap_yoc.errors import CellError, ExitCode, IncompleteDataError, UnavailableError, WindowFault
from tap_yoc.reading import ReadAhead, Reader, RowCast, twice
from tap_yoc.reports import Report
from tap_yoc.summary import RunSummary
from tap_yoc.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_yoc.client import YOCClient
    from tap_yoc.envelope import Row

WINDOW = Window(first=date(2026, 6, 1), last=date(2026, 6, 30))


def columns(role: Role, declared: dict[str, str]) -> tuple[Column, ...]:
    """Return columns of one list of the metadata."""
    return tuple(
        Column(name=name, role=role, declared=kind, kind=kind_of(name, kind)) for name, kind in declared.items()
    )


REPORT = Report(
    name="site_daily",
    group_by=columns(Role.GROUP_BY, {"date": "DATE", "site_visx_id": "INTEGER", "country": "STRING"}),
    data_fields=columns(
        Role.DATA_FIELD, {"clicks": "INTEGER", "revenue": "DECIMAL", "is_publisher_campaign": "BOOLEAN"}
    ),
    lookback_days=7,
)
TOTAL = Report(
    name="a_total",
    group_by=columns(Role.GROUP_BY, {"country": "STRING"}),
    data_fields=columns(Role.DATA_FIELD, {"clicks": "INTEGER"}),
    lookback_days=7,
)


def query(report: Report, *, page_size: int = 500, data_fields: list[str] | None = None) -> Query:
    """Return the query of a report."""
    return Query(
        group_by=[column.name for column in report.group_by],
        data_fields=[column.name for column in report.data_fields] if data_fields is None else data_fields,
        sort=[column.name for column in report.key],
        window=WINDOW,
        page_size=page_size,
    )


def a_row(**changed: Any) -> Row:  # noqa: ANN401 - whatever a server sends
    """Return a row as it is sent, changed as told."""
    return {
        "date": "2026-06-01",
        "site_visx_id": 7,
        "country": "DE",
        "clicks": "5",
        "revenue": "12.3400",
        "is_publisher_campaign": 0,
        **changed,
    }


def test_a_row_gets_the_reports_types() -> None:
    """Key and figures are cast by their columns, in the key's order, and nothing else is left."""
    row = RowCast(REPORT, query(REPORT), RunSummary())(a_row(date="2026-06-01 00:00:00", surprise="x"))
    assert row == {
        "date": "2026-06-01",
        "site_visx_id": 7,
        "country": "DE",
        "is_publisher_campaign": False,
        "clicks": 5,
        "revenue": Decimal("12.3400"),
    }
    assert list(row) == ["date", "site_visx_id", "country", "is_publisher_campaign", "clicks", "revenue"]


def test_figures_that_were_not_asked_for_are_left_out() -> None:
    """Metrics that the user does not select are not asked for, and not written when they come all the same."""
    row = RowCast(REPORT, query(REPORT, data_fields=["is_publisher_campaign", "clicks"]), RunSummary())(a_row())
    assert "revenue" not in row
    assert row["clicks"] == 5


@pytest.mark.parametrize(
    "how", [pytest.param({"x": None}, id="null"), pytest.param({"x": ""}, id="empty"), pytest.param({}, id="left-out")]
)
def test_a_missing_key_value_gets_its_stand_in_and_is_counted(how: dict[str, None]) -> None:
    """Null, empty text and a key left out become empty text, 0 or false, counted by stream and column."""
    summary = RunSummary()
    take = RowCast(REPORT, query(REPORT), summary)
    for name, stand_in in (("site_visx_id", 0), ("country", ""), ("is_publisher_campaign", False)):
        raw = a_row(**dict.fromkeys([name], how.get("x")))
        if not how:
            del raw[name]
        assert take(raw)[name] == stand_in
    assert summary.missing == {
        ("site_daily", "site_visx_id"): 1,
        ("site_daily", "country"): 1,
        ("site_daily", "is_publisher_campaign"): 1,
    }


def test_a_missing_figure_stays_null() -> None:
    """A metric without a value is null and never 0."""
    summary = RunSummary()
    raw = a_row(clicks=None)
    del raw["revenue"]
    row = RowCast(REPORT, query(REPORT), summary)(raw)
    assert (row["clicks"], row["revenue"]) == (None, None)
    assert not summary.missing


@pytest.mark.parametrize("day", [None, ""])
def test_a_row_without_its_day_is_an_error(day: str | None) -> None:
    """There is no stand-in for a day."""
    with pytest.raises(CellError, match="Stream site_daily: column date holds a value that is missing"):
        RowCast(REPORT, query(REPORT), RunSummary())(a_row(date=day))


def test_a_cell_that_does_not_fit_is_named_by_stream_column_and_day() -> None:
    """The error says where the cell is and what was declared, and does not quote it."""
    with pytest.raises(CellError) as caught:
        RowCast(REPORT, query(REPORT), RunSummary())(a_row(revenue="4711 EUR"))
    assert str(caught.value).startswith(
        "Stream site_daily: column revenue of 2026-06-01 holds a value that is not a number (declared DECIMAL)"
    )
    assert "4711" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.INCOMPLETE


def test_a_cell_of_a_report_without_days_is_named_without_one() -> None:
    """Where there is no day, none is named."""
    with pytest.raises(CellError, match="column clicks holds a value that is not a whole number"):
        RowCast(TOTAL, query(TOTAL), RunSummary())({"country": "DE", "clicks": "1.5"})


def test_figures_that_no_row_has_are_told() -> None:
    """A metric that was asked for and never came is a warning, and no silent column of nulls."""
    summary = RunSummary()
    take = RowCast(REPORT, query(REPORT), summary)
    for number in range(3):
        take({key: value for key, value in a_row(site_visx_id=number).items() if key != "revenue"})
    take.tell_absent(WINDOW)
    assert summary.warnings == 1


@pytest.mark.parametrize("raws", [pytest.param([], id="no-rows"), pytest.param([a_row(), {**a_row()}], id="all-came")])
def test_figures_that_came_or_could_not_come_are_not_told(raws: list[Row]) -> None:
    """Without rows, nothing is known to be absent; with the column in one row, it is not."""
    summary = RunSummary()
    take = RowCast(REPORT, query(REPORT), summary)
    for raw in raws:
        take(raw)
    take.tell_absent(WINDOW)
    assert summary.warnings == 0


class Attempts:
    """Gives the rows of each reading, raising what stands among them."""

    def __init__(self, *readings: list[int | Exception]) -> None:
        """Take the readings."""
        self.readings = list(readings)
        self.were_last: list[bool] = []

    def __call__(self, *, is_last: bool) -> Iterator[int]:
        """Yield one reading."""
        self.were_last.append(is_last)
        for item in self.readings[len(self.were_last) - 1]:
            if isinstance(item, Exception):
                raise item
            yield item


def test_a_good_reading_is_not_repeated() -> None:
    """A window that is read well is read once."""
    attempts = Attempts([1, 2])
    assert list(twice(attempts, "Stream x", pytest.fail)) == [1, 2]
    assert attempts.were_last == [False]


def test_a_faulty_reading_is_repeated_once() -> None:
    """A fault is told as a warning, and the window is read once more from the start."""
    warnings: list[str] = []
    attempts = Attempts([1, WindowFault("a row came twice")], [1, 2])
    assert list(twice(attempts, "Stream x, 2026-06-01", warnings.append)) == [1, 1, 2]
    assert attempts.were_last == [False, True]
    assert warnings == ["Stream x, 2026-06-01: a row came twice; reading it once more."]


def test_a_fault_that_stays_is_an_error() -> None:
    """A window that is faulty twice fails, with what is wrong and what becomes of the bookmark."""
    attempts = Attempts([1, WindowFault("first")], [WindowFault("second")])
    with pytest.raises(IncompleteDataError, match=r"Stream x: second, twice; the bookmark stays before it") as caught:
        list(twice(attempts, "Stream x", lambda _: None))
    assert caught.value.exit_code is ExitCode.INCOMPLETE
    assert len(attempts.were_last) == 2


@pytest.mark.parametrize("error", [UnavailableError("down"), CellError("bad cell"), KeyError("bug")])
def test_other_errors_are_no_reason_to_read_again(error: Exception) -> None:
    """Only a fault in the reading itself is repeated."""
    attempts = Attempts([1, error])
    with pytest.raises(type(error)):
        list(twice(attempts, "Stream x", pytest.fail))
    assert attempts.were_last == [False]


class FakeClient:
    """Serves a report in pages from 1 on, an empty one past the end; keeps the numbers it was asked for."""

    def __init__(self, rows: list[Row], *, has_total: bool = True) -> None:
        """Take the report's rows."""
        self.rows = rows
        self.has_total = has_total
        self.asked: list[int] = []

    def page(self, query: Query, number: int) -> Answer | None:
        """Return a page."""
        self.asked.append(number)
        start = (number - 1) * query.page_size
        rows = self.rows[start : start + query.page_size] if number > 0 else []
        return Answer(rows=rows, total=len(self.rows) if self.has_total else None)

    def try_page(self, query: Query, number: int) -> Answer | None:
        """Return a page or None."""
        return self.page(query, number) if number else None


def site_rows(count: int) -> list[Row]:
    """Return rows of so many sites on one day."""
    return [a_row(site_visx_id=number) for number in range(1, count + 1)]


@pytest.mark.parametrize("has_total", [True, False])
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("count", [0, 1, 5, 10, 23])
def test_rows_come_in_order_however_many_pages_are_fetched_ahead(
    has_total: bool,  # noqa: FBT001 - a column of the table
    concurrency: int,
    count: int,
) -> None:
    """Pages that several threads fetch are read in their order, each row once."""
    client = FakeClient(site_rows(count), has_total=has_total)
    with ThreadPoolExecutor(concurrency) as pool:
        reader = Reader(cast("YOCClient", client), pool, concurrency=concurrency, summary=RunSummary())
        rows = list(reader.rows(REPORT, query(REPORT, page_size=5)))
    assert [row["site_visx_id"] for row in rows] == list(range(1, count + 1))
    assert len(client.asked) == len(set(client.asked)), "no page is fetched twice"


def test_no_page_past_the_total_is_fetched_ahead() -> None:
    """With a total, exactly the pages that exist are asked for."""
    client = FakeClient(site_rows(23))
    with ThreadPoolExecutor(4) as pool:
        reader = Reader(cast("YOCClient", client), pool, concurrency=4, summary=RunSummary())
        reader.habits.first_page = 1
        list(reader.rows(REPORT, query(REPORT, page_size=5)))
    assert sorted(client.asked) == [1, 2, 3, 4, 5]


def test_pages_ahead_are_bounded() -> None:
    """Whoever reads slowly has at most `concurrency` pages waiting, so that memory stays flat."""
    client = FakeClient(site_rows(500))
    with ThreadPoolExecutor(3) as pool:
        reader = Reader(cast("YOCClient", client), pool, concurrency=3, summary=RunSummary())
        reader.habits.first_page = 1
        rows = reader.rows(REPORT, query(REPORT, page_size=5))
        for _ in range(11):
            next(rows)  # in the third page
        pool.submit(lambda: None).result(10)
        assert max(client.asked) <= 6
        rows.close()  # type: ignore[attr-defined]


def test_faults_within_rows_end_the_reading() -> None:
    """Rows that cannot be the whole of a window raise the fault to whoever reads."""
    client = FakeClient([a_row(), a_row()])
    with ThreadPoolExecutor(1) as pool:
        reader = Reader(cast("YOCClient", client), pool, concurrency=1, summary=RunSummary())
        with pytest.raises(WindowFault, match="came twice"):
            list(reader.rows(REPORT, query(REPORT)))


def test_an_error_of_a_page_reaches_the_reader() -> None:
    """What goes wrong in a thread is raised where its page is read."""

    class Broken(FakeClient):
        def page(self, query: Query, number: int) -> Answer | None:
            if number == 3:
                raise UnavailableError("down")
            return super().page(query, number)

    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(4) as pool:
        reader = Reader(cast("YOCClient", Broken(site_rows(23))), pool, concurrency=4, summary=RunSummary())
        with pytest.raises(UnavailableError):
            rows.extend(reader.rows(REPORT, query(REPORT, page_size=5)))


def test_a_sized_page_is_asked_for_with_its_size() -> None:
    """The proof that pages advance asks for the same report in pages of another size."""
    client = FakeClient(site_rows(10))
    with ThreadPoolExecutor(1) as pool:
        ahead = ReadAhead(cast("YOCClient", client), query(REPORT, page_size=10), pool, 1)
        answer = ahead.get_sized(2, 3)
    assert answer is not None
    assert [row["site_visx_id"] for row in answer.rows] == [4, 5, 6]


def test_a_wrong_day_is_not_quoted() -> None:
    """The error about a wrong day names its column, and does not quote what stands there."""
    with pytest.raises(CellError) as caught:
        RowCast(REPORT, query(REPORT), RunSummary())(a_row(date="4711-13-01"))
    assert "4711" not in str(caught.value)
