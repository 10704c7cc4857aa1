"""Rows cast to the report's types, a faulty reading repeated once, and pages fetched ahead of their reader."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import ref

import pytest
from harness import run_tap

from tap_yoc.api.query import Query
from tap_yoc.dates import Window
from tap_yoc.decoding.envelope import Answer
from tap_yoc.decoding.row_types import Rows
from tap_yoc.decoding.rows import RowShape
from tap_yoc.engine.prefetch import ReadAhead, Reader
from tap_yoc.engine.reread import read_all_with_reread, with_reread
from tap_yoc.engine.server_behaviour import ServerBehaviour
from tap_yoc.errors import CellError, ExitCode, IncompleteDataError, InconsistentWindowError, UnavailableError
from tap_yoc.reports.columns import Column, Role, kind_of
from tap_yoc.reports.report import Report
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_yoc.api.client import YOCClient
    from tap_yoc.decoding.envelope import RawRow, RowType
    from tap_yoc.sandbox.server import Sandbox

T = TypeVar("T")

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


def query(
    report: Report, *, page_size: int = 500, data_fields: list[str] | None = None, window: Window = WINDOW
) -> Query:
    """Return the query of a report."""
    return Query.of(report, window=window, page_size=page_size, data_fields=data_fields)


def a_row(**changed: Any) -> RawRow:  # noqa: ANN401 - whatever a server sends
    """Return a row as it is sent, with changes."""
    return {
        "date": "2026-06-01",
        "site_visx_id": 7,
        "country": "DE",
        "clicks": "5",
        "revenue": "12.3400",
        "is_publisher_campaign": 0,
        **changed,
    }


def taken(raw: RawRow, report: Report = REPORT, summary: RunSummary | None = None) -> RawRow:
    """Return a row as it is read, cast and completed."""
    shape = RowShape(report, report.figures)
    rows = shape.cast([raw])
    shape.fill_missing(rows, summary or RunSummary())
    (row,) = map(shape.as_dict, rows)
    return row


def test_a_row_gets_the_reports_types() -> None:
    """Key and figures are cast by their columns, in the key's order, and nothing else is left."""
    row = taken(a_row(date="2026-06-01 00:00:00", surprise="x"))
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
    client = FakeClient([a_row()])
    with ThreadPoolExecutor(1) as pool:
        reader = Reader(cast("YOCClient", client), pool, concurrency=1, summary=RunSummary())
        (row,) = reader.rows(REPORT, query(REPORT, data_fields=["is_publisher_campaign", "clicks"]))
    assert "revenue" not in row
    assert row["clicks"] == 5


@pytest.mark.parametrize(
    "how", [pytest.param({"x": None}, id="null"), pytest.param({"x": ""}, id="empty"), pytest.param({}, id="left-out")]
)
def test_a_missing_key_value_gets_its_stand_in_and_is_counted(how: dict[str, None]) -> None:
    """Null, empty text and a key left out become empty text, 0 or false, counted by stream and column."""
    summary = RunSummary()
    for name, stand_in in (("site_visx_id", 0), ("country", ""), ("is_publisher_campaign", False)):
        raw = a_row(**dict.fromkeys([name], how.get("x")))
        if not how:
            del raw[name]
        assert taken(raw, summary=summary)[name] == stand_in
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
    row = taken(raw, summary=summary)
    assert (row["clicks"], row["revenue"]) == (None, None)
    assert not summary.missing


@pytest.mark.parametrize("day", [None, ""])
def test_a_row_without_its_day_is_an_error(day: str | None) -> None:
    """There is no stand-in for a day."""
    with pytest.raises(CellError, match="Stream site_daily: column date contains a value that is missing"):
        taken(a_row(date=day))


def test_a_cell_that_does_not_fit_is_named_by_stream_column_and_day() -> None:
    """The error says where the cell is and what was declared, and does not quote it."""
    with pytest.raises(CellError) as caught:
        taken(a_row(revenue="4711 EUR"))
    assert str(caught.value).startswith(
        "Stream site_daily: column revenue of 2026-06-01 contains a value that is not a number (declared DECIMAL)"
    )
    assert "4711" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.INCOMPLETE


def test_a_cell_of_a_report_without_days_is_named_without_one() -> None:
    """Where there is no day, none is named."""
    with pytest.raises(CellError, match="column clicks contains a value that is not a whole number"):
        taken({"country": "DE", "clicks": "1.5"}, TOTAL)


def test_figures_that_no_row_has_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A metric that was asked for and never came is a warning, and no silent column of nulls."""
    summary = RunSummary()
    shape = RowShape(REPORT, REPORT.figures)
    for number in range(3):
        shape.cast([{key: value for key, value in a_row(site_visx_id=number).items() if key != "revenue"}])
    shape.warn_of_missing_figures(summary)
    assert summary.warnings == 1
    assert "did not send the requested column revenue" in caplog.text


@pytest.mark.parametrize(
    "raws",
    [
        pytest.param([a_row(), a_row()], id="all-came"),
        pytest.param([a_row(), {"date": "2026-06-01"}], id="one-row-has-them"),
        pytest.param([a_row(clicks=None, revenue="")], id="without-a-value"),
    ],
)
def test_figures_that_came_are_not_reported(raws: list[RawRow]) -> None:
    """With the column in one row, be it without a value, it is not absent."""
    summary = RunSummary()
    shape = RowShape(REPORT, REPORT.figures)
    shape.cast(raws)
    shape.warn_of_missing_figures(summary)
    assert summary.warnings == 0


def test_without_rows_no_figure_is_reported_as_absent(sandbox: Sandbox) -> None:
    """A report without rows says nothing of its columns."""
    report = {
        "name": "nothing",
        "group_by": ["date", "ad_unit_name"],
        "data_fields": ["clicks"],
        "query": {"like": {"ad_unit_name": "no such unit"}},
    }
    config = {**sandbox.config, "start_date": "2026-06-14", "reports": [report]}
    run = run_tap(config, streams=["nothing"])
    assert run.exit_code == 0, run.log
    assert run.records("nothing") == []
    assert "requested column" not in run.log


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
    assert list(with_reread(attempts, "Stream x", pytest.fail)) == [1, 2]
    assert attempts.were_last == [False]


def test_a_faulty_reading_is_repeated_once() -> None:
    """A fault is a warning, and the window is read once more from the start."""
    warnings: list[str] = []
    attempts = Attempts([1, InconsistentWindowError("a row appeared twice")], [1, 2])
    assert list(with_reread(attempts, "Stream x, 2026-06-01", warnings.append)) == [1, 1, 2]
    assert attempts.were_last == [False, True]
    assert warnings == ["Stream x, 2026-06-01: a row appeared twice; reading it once more."]


def test_a_fault_that_stays_is_an_error() -> None:
    """A window that is faulty twice fails, with what is wrong and what happens to the bookmark."""
    attempts = Attempts([1, InconsistentWindowError("first")], [InconsistentWindowError("second")])
    with pytest.raises(IncompleteDataError, match=r"Stream x: second, twice; the bookmark stays before it") as caught:
        list(with_reread(attempts, "Stream x", lambda _: None))
    assert caught.value.exit_code is ExitCode.INCOMPLETE
    assert len(attempts.were_last) == 2


def test_what_is_read_whole_has_nothing_of_a_faulty_reading() -> None:
    """Rows that only the first reading had are gone: they may have been taken back in between."""
    readings: list[list[int | Exception]] = [[1, 2], [1, 9, InconsistentWindowError("a row appeared twice")]]
    warnings: list[str] = []
    assert read_all_with_reread(lambda: Attempts(readings.pop())(is_last=False), "Stream x", warnings.append) == [1, 2]
    assert warnings == ["Stream x: a row appeared twice; reading it once more."]


@pytest.mark.parametrize("error", [UnavailableError("down"), CellError("bad cell"), KeyError("bug")])
def test_other_errors_are_no_reason_to_read_again(error: Exception) -> None:
    """Only a fault in the reading itself is repeated."""
    attempts = Attempts([1, error])
    with pytest.raises(type(error)):
        list(with_reread(attempts, "Stream x", pytest.fail))
    assert attempts.were_last == [False]


class FakeClient:
    """Serves reports in pages from 1 on, an empty one past the end; keeps what it was asked for."""

    def __init__(self, rows: list[RawRow], *, has_total: bool = True) -> None:
        """Take the rows of all days."""
        self.rows = rows
        self.has_total = has_total
        self.asked: list[int] = []
        self.asked_for: list[tuple[date, int]] = []
        """The first day and the number of each page."""
        self.sizes: list[int] = []
        """How many rows each page was to have."""
        self.are_wanted: list[Callable[[], bool]] = []

    def page(
        self, query: Query, number: int, rows: RowType, is_wanted: Callable[[], bool] = lambda: True
    ) -> Answer | None:
        """Return a page."""
        assert query.window
        self.are_wanted.append(is_wanted)
        self.asked.append(number)
        self.asked_for.append((query.window.first, number))
        self.sizes.append(query.page_size)
        wanted = [row for row in self.rows if str(query.window.first) <= row["date"] <= str(query.window.last)]
        start = (number - 1) * query.page_size
        raws = wanted[start : start + query.page_size] if number > 0 else []
        return Answer(rows=rows.cast(raws), total=len(wanted) if self.has_total else None)

    def try_page(self, query: Query, number: int, rows: RowType) -> Answer | None:
        """Return a page or None."""
        return self.page(query, number, rows) if number else None


def site_rows(count: int) -> list[RawRow]:
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
    pages = [*zip(client.asked, client.sizes, strict=True)]
    assert len(pages) == len(set(pages)), "no page is fetched twice"


def test_no_page_past_the_total_is_fetched_ahead() -> None:
    """With a total, exactly the pages that exist are asked for."""
    client = FakeClient(site_rows(23))
    with ThreadPoolExecutor(4) as pool:
        reader = Reader(cast("YOCClient", client), pool, concurrency=4, summary=RunSummary())
        reader.behaviour.first_page = 1
        list(reader.rows(REPORT, query(REPORT, page_size=5)))
    assert sorted(client.asked) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("concurrency", "ahead"), [(3, 3), (8, 10)])
def test_pages_ahead_are_bounded(concurrency: int, ahead: int) -> None:
    """Whoever reads slowly has at most `concurrency` pages waiting, and a quarter more, so that memory stays flat."""
    client = FakeClient(site_rows(500))
    with ThreadPoolExecutor(concurrency) as pool:
        reader = Reader(cast("YOCClient", client), pool, concurrency=concurrency, summary=RunSummary())
        reader.behaviour.first_page = 1
        rows = reader.rows(REPORT, query(REPORT, page_size=5))
        for _ in range(11):
            next(rows)  # in the third page
        pool.submit(lambda: None).result(10)
        assert max(client.asked) <= 3 + ahead
        rows.close()  # type: ignore[attr-defined]


def test_faults_within_rows_end_the_reading() -> None:
    """Rows that cannot be the whole of a window raise the fault to whoever reads."""
    client = FakeClient([a_row(), a_row()])
    with ThreadPoolExecutor(1) as pool:
        reader = Reader(cast("YOCClient", client), pool, concurrency=1, summary=RunSummary())
        with pytest.raises(InconsistentWindowError, match="appeared twice"):
            list(reader.rows(REPORT, query(REPORT)))


def test_an_error_of_a_page_reaches_the_reader() -> None:
    """What goes wrong in a thread is raised where its page is read."""

    class Broken(FakeClient):
        def page(
            self, query: Query, number: int, rows: RowType, is_wanted: Callable[[], bool] = lambda: True
        ) -> Answer | None:
            if number == 3:
                raise UnavailableError("down")
            return super().page(query, number, rows, is_wanted)

    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(4) as pool:
        reader = Reader(cast("YOCClient", Broken(site_rows(23))), pool, concurrency=4, summary=RunSummary())
        with pytest.raises(UnavailableError):
            rows.extend(reader.rows(REPORT, query(REPORT, page_size=5)))


def test_a_sized_page_is_asked_for_with_its_size() -> None:
    """The proof that pages advance asks for the same report in pages of another size."""
    client = FakeClient(site_rows(10))
    with ThreadPoolExecutor(1) as pool:
        shape = RowShape(REPORT, REPORT.figures)
        ahead = ReadAhead(cast("YOCClient", client), query(REPORT, page_size=10), shape, pool, 1)
        answer = ahead.get_sized(2, 3)
    assert answer is not None
    assert list(shape.column(Rows(answer.rows), "site_visx_id")) == [4, 5, 6]


def test_a_wrong_day_is_not_quoted() -> None:
    """The error about a wrong day names its column, and does not quote what stands there."""
    with pytest.raises(CellError) as caught:
        taken(a_row(date="4711-13-01"))
    assert "4711" not in str(caught.value)


FIRST_WEEK = Window(first=date(2026, 6, 1), last=date(2026, 6, 7))
SECOND_WEEK = Window(first=date(2026, 6, 8), last=date(2026, 6, 14))
THIRD_WEEK = Window(first=date(2026, 6, 15), last=date(2026, 6, 21))
WEEKS = [FIRST_WEEK, SECOND_WEEK, THIRD_WEEK]


def rows_of_weeks(count: int) -> list[RawRow]:
    """Return rows of so many sites on the first day of each of three weeks."""
    return [a_row(date=str(week.first), site_visx_id=number) for week in WEEKS for number in range(1, count + 1)]


class AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:  # noqa: ANN401 - as in Executor
        """Do it."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Late(Future[Any]):
    """Does what it is given when its result is wanted, and not before."""

    def __init__(self, work: Callable[[], Any]) -> None:
        """Do nothing yet."""
        super().__init__()
        self.work = work

    def done(self) -> bool:
        """Do it, once, and say yes."""
        if not super().done():
            self.set_result(self.work())
        return True


class AtLast(Executor):
    """Does nothing before its result is wanted; keeps what it was given."""

    def __init__(self) -> None:
        """Have nothing to do."""
        self.given: list[tuple[date, int, Late]] = []

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:  # noqa: ANN401 - as in Executor
        """Keep it for later."""
        late = Late(lambda: fn(*args, **kwargs))
        query, number, *_ = args
        self.given.append((query.window.first, number, late))
        return late


def knowing_reader(client: FakeClient, pool: Executor, concurrency: int) -> Reader:
    """Return a reader that knows the server already, as after the first report of a run."""
    reader = Reader(cast("YOCClient", client), pool, concurrency=concurrency, summary=RunSummary())
    reader.behaviour.first_page, reader.behaviour.counts_all = 1, True
    return reader


def test_the_next_querys_pages_are_fetched_before_it_is_asked_for() -> None:
    """While the end of one window is read, the next one's first page and those behind it are on their way."""
    client = FakeClient(rows_of_weeks(14))
    reader = knowing_reader(client, AtOnce(), concurrency=4)
    shape = RowShape(REPORT, REPORT.figures)
    first, second = (query(REPORT, page_size=5, window=week) for week in (FIRST_WEEK, SECOND_WEEK))
    list(reader.pages(shape, first, [second]))
    begun = [(FIRST_WEEK.first, 1), (FIRST_WEEK.first, 2), (FIRST_WEEK.first, 3)]
    begun += [(SECOND_WEEK.first, 1), (SECOND_WEEK.first, 2), (SECOND_WEEK.first, 3)]
    assert sorted(client.asked_for) == begun
    rows = [row for page in reader.pages(shape, second) for row in shape.column(page, "site_visx_id")]
    assert rows == list(range(1, 15))
    assert sorted(client.asked_for) == begun, "what was begun is not fetched again"


def test_the_next_query_is_begun_when_the_end_is_in_sight_and_within_the_depth() -> None:
    """A long window is not left behind for the next one, of which no more than `concurrency` pages wait, too."""
    client = FakeClient(rows_of_weeks(50))
    reader = knowing_reader(client, AtOnce(), concurrency=3)
    shape = RowShape(REPORT, REPORT.figures)
    first, second = (query(REPORT, page_size=5, window=week) for week in (FIRST_WEEK, SECOND_WEEK))
    pages = reader.pages(shape, first, [second])
    for _ in range(7):
        next(pages)
    assert sorted(client.asked_for) == [(FIRST_WEEK.first, number) for number in range(1, 11)]
    list(pages)
    assert [number for day, number in client.asked_for if day == SECOND_WEEK.first] == [1, 2, 3, 4]


def test_of_an_unknown_server_only_the_next_querys_first_page_is_fetched() -> None:
    """As long as nobody knows what the server's total counts, no page is fetched that may not exist."""
    client = FakeClient(rows_of_weeks(14))
    reader = Reader(cast("YOCClient", client), AtOnce(), concurrency=4, summary=RunSummary())
    shape = RowShape(REPORT, REPORT.figures)
    first, second = (query(REPORT, page_size=5, window=week) for week in (FIRST_WEEK, SECOND_WEEK))
    list(reader.pages(shape, first, [second]))
    assert [number for day, number in client.asked_for if day == SECOND_WEEK.first] == [1]


@pytest.mark.parametrize(("has_total", "pages"), [(True, [1]), (False, [1, 2])])
def test_of_windows_of_one_page_as_many_are_begun_as_there_are_places(
    has_total: bool,  # noqa: FBT001 - a column of the table
    pages: list[int],
) -> None:
    """Short windows wait for each other no more than the pages of a long one do."""
    client = FakeClient(rows_of_weeks(4), has_total=has_total)
    reader = knowing_reader(client, AtOnce(), concurrency=3)
    reader.behaviour.counts_all = True if has_total else None
    shape = RowShape(REPORT, REPORT.figures)
    windows = [Window(first=FIRST_WEEK.first - timedelta(days=n), last=FIRST_WEEK.last) for n in range(6)]
    first, *later = (query(REPORT, page_size=5, window=window) for window in windows)
    next(reader.pages(shape, first, later))
    begun = {(window.first, page) for window in windows[1:4] for page in pages}
    assert {asked for asked in client.asked_for if asked[0] != FIRST_WEEK.first} == begun


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(lambda _: (RowShape(REPORT, REPORT.figures), SECOND_WEEK), id="another-streams"),
        pytest.param(lambda shape: (shape, THIRD_WEEK), id="another-window"),
        pytest.param(lambda shape: (shape, FIRST_WEEK), id="the-same-once-more"),
    ],
)
def test_a_begun_query_that_is_not_asked_for_is_closed(instead: Callable[[RowShape], tuple[RowShape, Window]]) -> None:
    """What was begun for nothing is dropped before it is sent, and what is asked for instead is read from the start."""
    client = FakeClient(rows_of_weeks(14))
    pool = AtLast()
    reader = knowing_reader(client, pool, concurrency=4)
    shape = RowShape(REPORT, REPORT.figures)
    first, second = (query(REPORT, page_size=5, window=week) for week in (FIRST_WEEK, SECOND_WEEK))
    list(reader.pages(shape, first, [second]))
    begun = [(number, late) for day, number, late in pool.given if day == SECOND_WEEK.first]
    assert [number for number, _ in begun] == [1]
    other, window = instead(shape)
    page = next(reader.pages(other, query(REPORT, page_size=5, window=window)))
    assert [late.cancelled() for _, late in begun] == [True]
    assert list(other.column(page, "site_visx_id")) == [1, 2, 3, 4, 5]
    assert list(other.column(page, "date")) == [str(window.first)] * 5


@pytest.mark.parametrize("has_total", [True, False])
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("count", [0, 1, 5, 14, 23])
def test_rows_are_the_same_with_or_without_the_next_query(
    has_total: bool,  # noqa: FBT001 - a column of the table
    concurrency: int,
    count: int,
) -> None:
    """Reading ahead into the next window changes neither rows nor what is asked for."""
    tables, asked, pages_asked = [], [], []
    queries = [query(REPORT, page_size=5, window=week) for week in WEEKS]
    told: list[list[list[Query]]] = [[[], [], []], [queries[1:], queries[2:], []]]
    for upcoming in told:
        client = FakeClient(rows_of_weeks(count), has_total=has_total)
        shape = RowShape(REPORT, REPORT.figures)
        with ThreadPoolExecutor(concurrency) as pool:
            reader = Reader(cast("YOCClient", client), pool, concurrency=concurrency, summary=RunSummary())
            pages = [reader.pages(shape, each, later) for each, later in zip(queries, upcoming, strict=True)]
            tables.append([shape.as_dict(row) for window in pages for page in window for row in page])
        asked.append(client.asked_for)
        pages_asked = [*zip(client.asked_for, client.sizes, strict=True)]
    assert tables[0] == tables[1]
    assert [(row["date"], row["site_visx_id"]) for row in tables[1]] == [
        (day, number) for day in ("2026-06-01", "2026-06-08", "2026-06-15") for number in range(1, count + 1)
    ]
    assert len(pages_asked) == len(set(pages_asked)), "no page is fetched twice"
    if has_total and count != 5:  # a first page that is full and all there is does not tell what the total counts
        assert sorted(asked[0]) == sorted(asked[1])


def test_a_query_that_is_left_is_not_wanted_any_more() -> None:
    """A thread that still waits for its pages learns that they are not read."""
    client = FakeClient(rows_of_weeks(14))
    reader = knowing_reader(client, AtOnce(), concurrency=4)
    pages = reader.pages(RowShape(REPORT, REPORT.figures), query(REPORT, page_size=5, window=FIRST_WEEK))
    next(pages)
    assert all(is_wanted() for is_wanted in client.are_wanted)
    pages.close()  # type: ignore[attr-defined]
    assert not any(is_wanted() for is_wanted in client.are_wanted)


def test_an_error_of_a_page_begun_early_reaches_the_query_it_belongs_to() -> None:
    """A window is not lost for what goes wrong with the next one."""

    class Broken(FakeClient):
        def page(
            self, query: Query, number: int, rows: RowType, is_wanted: Callable[[], bool] = lambda: True
        ) -> Answer | None:
            if query.window == SECOND_WEEK:
                raise UnavailableError("down")
            return super().page(query, number, rows, is_wanted)

    client = Broken(rows_of_weeks(14))
    shape = RowShape(REPORT, REPORT.figures)
    first, second = (query(REPORT, page_size=5, window=week) for week in (FIRST_WEEK, SECOND_WEEK))
    with ThreadPoolExecutor(4) as pool:
        reader = knowing_reader(client, pool, concurrency=4)
        assert sum(map(len, reader.pages(shape, first, [second]))) == 14
        with pytest.raises(UnavailableError):
            list(reader.pages(shape, second))


def test_pages_that_were_read_are_let_go() -> None:
    """However many pages a window has, no more are kept than those ahead, the present one and the one before it."""
    pages: list[ref[Answer]] = []

    class Watched(FakeClient):
        def page(
            self, query: Query, number: int, rows: RowType, is_wanted: Callable[[], bool] = lambda: True
        ) -> Answer | None:
            answer = super().page(query, number, rows, is_wanted)
            assert answer
            pages.append(ref(answer))
            return answer

    reader = knowing_reader(Watched(site_rows(300)), AtOnce(), concurrency=3)
    kept = [
        sum(page() is not None for page in pages)
        for _ in reader.pages(RowShape(REPORT, REPORT.figures), query(REPORT, page_size=5))
    ]
    assert len(kept) == 60
    assert max(kept) == 5


class Held(Executor):
    """Has begun all that it is given, so that it cannot be cancelled, and finishes it when told."""

    def __init__(self) -> None:
        """Have nothing to do."""
        self.given: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.is_shut_down = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:  # noqa: ANN401 - as in Executor
        """Begin it."""
        if self.is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        self.given.append((future, partial(fn, *args, **kwargs)))
        return future

    def finish_first(self) -> None:
        """Finish what was given first."""
        future, work = self.given[0]
        try:
            future.set_result(work())
        except UnavailableError as error:
            future.set_exception(error)


def begun(client: FakeClient, pool: Executor) -> ReadAhead:
    """Return a query of 14 rows in pages of 5, whose first page is on its way, at a server that counts all rows."""
    shape = RowShape(REPORT, REPORT.figures)
    ahead = ReadAhead(cast("YOCClient", client), query(REPORT, page_size=5), shape, pool, 4)
    behaviour = ServerBehaviour(first_page=1, counts_all=True)
    ahead.begin(behaviour)
    ahead.go_on(behaviour)
    return ahead


def test_a_first_page_that_came_brings_those_behind_it() -> None:
    """As soon as the first page says how many there are, the others are on their way."""
    pool = Held()
    begun(FakeClient(site_rows(14)), pool)
    assert len(pool.given) == 1
    pool.finish_first()
    assert len(pool.given) == 3


def test_only_the_reader_begins_the_next_query() -> None:
    """A page that comes in a worker's thread fetches pages, and leaves the next query to whoever reads this one."""
    pool, told = Held(), list[int]()
    ahead = begun(FakeClient(site_rows(5)), pool)
    ahead.then = told.append
    pool.finish_first()
    assert told == []
    ahead.get(1)
    ahead.expect(1)
    assert told == [4], "places that are left"


def test_a_first_page_that_is_looked_at_late_brings_no_page_again() -> None:
    """Where the reader is further already, what lies behind it is not requested once more."""
    with ThreadPoolExecutor(1) as pool:
        client = FakeClient(site_rows(25))
        ahead = ReadAhead(
            cast("YOCClient", client), query(REPORT, page_size=5), RowShape(REPORT, REPORT.figures), pool, 2
        )
        first = pool.submit(client.page, ahead.query, 1, ahead.row_type)
        for number in (1, 2, 3, 4, 5):
            ahead.get(number)
        asked = len(client.asked)
        ahead._go_on(1, ServerBehaviour(counts_all=True), first)  # noqa: SLF001 - when a thread comes to it cannot be ordered
    assert len(client.asked) == asked


def test_behind_a_query_that_nobody_reads_any_more_no_page_is_fetched() -> None:
    """A first page that comes after its query was closed brings no others."""
    pool = Held()
    ahead = begun(FakeClient(site_rows(14)), pool)
    ahead.close()
    pool.finish_first()
    assert len(pool.given) == 1


def test_a_first_page_that_failed_is_reported_to_its_reader_and_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong with a page that was begun early is raised where it is read, without a traceback in the log."""

    class Broken(FakeClient):
        def page(self, *_: object) -> Answer | None:
            raise UnavailableError("down")

    pool = Held()
    ahead = begun(Broken(site_rows(14)), pool)
    pool.finish_first()
    assert caplog.records == []
    with pytest.raises(UnavailableError):
        ahead.get(1)


def test_a_page_that_comes_after_the_end_of_the_run_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """A run that ends while a page is on its way leaves no traceback in the log, and asks for nothing more."""
    pool = Held()
    begun(FakeClient(site_rows(14)), pool)
    pool.is_shut_down = True
    pool.finish_first()
    assert caplog.records == []
    assert len(pool.given) == 1


def test_a_begun_query_in_pages_of_another_size_is_closed() -> None:
    """Where the server turns out to cut its pages, those begun before in the size it cuts are dropped, not read."""
    client = FakeClient(rows_of_weeks(14))
    pool = AtLast()
    reader = knowing_reader(client, pool, concurrency=4)
    shape = RowShape(REPORT, REPORT.figures)
    first, second = (query(REPORT, page_size=5, window=week) for week in (FIRST_WEEK, SECOND_WEEK))
    list(reader.pages(shape, first, [second]))
    (late,) = [late for day, _, late in pool.given if day == SECOND_WEEK.first]
    reader.behaviour.page_cap = 3
    pages = [list(shape.column(page, "site_visx_id")) for page in reader.pages(shape, second)]
    assert late.cancelled()
    assert pages == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [13, 14]]
