"""Control figures: the sums of a stream's days against the account's totals."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, cast

import pytest
from harness import settings_of

from tap_yoc.dates import Window
from tap_yoc.engine.control_totals import ControlTotals, DailySums
from tap_yoc.engine.reach import Reach
from tap_yoc.errors import IncompleteDataError, InconsistentWindowError, PermissionDeniedError, UnavailableError
from tap_yoc.reports.columns import Column, Role, kind_of
from tap_yoc.reports.metadata import AccountMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_yoc.api.query import Query
    from tap_yoc.engine.prefetch import Reader
    from tap_yoc.reports.report import Report

TODAY = date(2026, 6, 15)
REACH = Window(first=date(2025, 12, 16), last=date(2026, 6, 14))
WINDOW = Window(first=date(2026, 6, 1), last=date(2026, 6, 3))
METRICS = ["ad_requests", "impressions"]
TOTALS = [
    {"date": "2026-06-01", "ad_requests": 10, "impressions": 5},
    {"date": "2026-06-03", "ad_requests": 20, "impressions": 7},
    {"date": "2026-06-09", "ad_requests": 99, "impressions": 99},
]


class FakeReader:
    """Gives the account's totals, or an error, one reading after another; the last one again and again."""

    def __init__(self, *readings: list[dict[str, Any]] | Exception) -> None:
        """Take the readings."""
        self.readings = list(readings)
        self.asked: list[tuple[Report, Query]] = []

    def rows(self, report: Report, query: Query) -> Iterator[dict[str, Any]]:
        """Yield the rows of the next reading."""
        self.asked.append((report, query))
        reading = self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]
        if isinstance(reading, Exception):
            raise reading
        yield from reading


def account_metadata(*metrics: str, dimensions: tuple[str, ...] = ("date", "site_visx_id")) -> AccountMetadata:
    """Return an account with these whole-number metrics, a rate and money beside them."""
    declared = {
        **{(Role.GROUP_BY, name): "DATE" if name == "date" else "INTEGER" for name in dimensions},
        **{(Role.DATA_FIELD, name): "INTEGER" for name in metrics},
        (Role.DATA_FIELD, "ctr_percent"): "FLOAT",
        (Role.DATA_FIELD, "revenue"): "DECIMAL",
        (Role.DATA_FIELD, "currency"): "STRING",
    }
    return AccountMetadata(
        Column(name=name, role=role, declared=kind, kind=kind_of(name, kind)) for (role, name), kind in declared.items()
    )


def control(
    reader: FakeReader, warnings: list[str] | None = None, account: AccountMetadata | None = None
) -> ControlTotals:
    """Return control figures that a fake reader reads."""
    warn = pytest.fail if warnings is None else warnings.append
    login = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
    reach = Reach(today=TODAY, settings=settings_of(login), warn=warn, serves=lambda _: True)
    return ControlTotals(cast("Reader", reader), account or account_metadata(*METRICS), reach, 500, warn)


def figures(*rows: tuple[str, int | None, int | None]) -> DailySums:
    """Return the sums of a stream's rows: day, ad requests, impressions."""
    sums = DailySums(METRICS)
    for day, ad_requests, impressions in rows:
        sums.add({"date": day, "ad_requests": ad_requests, "impressions": impressions, "site_visx_id": 1})
    return sums


EQUAL = figures(("2026-06-01", 4, 5), ("2026-06-01", 6, None), ("2026-06-03", 20, 7))


def test_rows_are_summed_by_day() -> None:
    """Each day's figures are summed, null counts as nothing, and days without rows are 0."""
    assert EQUAL.sums_of(date(2026, 6, 1)) == {"ad_requests": 10, "impressions": 5}
    assert EQUAL.sums_of(date(2026, 6, 2)) == {"ad_requests": 0, "impressions": 0}
    assert EQUAL.days == ["2026-06-01", "2026-06-03"]


def test_looking_at_a_day_does_not_make_it_one_with_rows() -> None:
    """Asking for a day without rows leaves it a day without rows."""
    EQUAL.sums_of(date(2026, 6, 2))
    assert "2026-06-02" not in EQUAL.days


def test_equal_sums_are_no_difference() -> None:
    """Where each day sums up to the account's total, days outside the window left aside, all is well."""
    assert control(FakeReader(TOTALS)).differences(EQUAL, WINDOW) == {}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param(
            [("2026-06-01", 9, 5), ("2026-06-03", 20, 7)],
            "ad_requests of 2026-06-01 adds up to 9, but the account's total is 10",
            id="a-row-is-missing",
        ),
        pytest.param(
            [("2026-06-01", 10, 5), ("2026-06-03", 20, 8)],
            "impressions of 2026-06-03 adds up to 8, but the account's total is 7",
            id="too-much",
        ),
        pytest.param(
            [("2026-06-01", 10, 5)],
            "ad_requests of 2026-06-03 adds up to 0, but the account's total is 20",
            id="a-day-is-missing",
        ),
        pytest.param(
            [("2026-06-01", 10, 5), ("2026-06-02", 1, 0), ("2026-06-03", 20, 7)],
            "ad_requests of 2026-06-02 adds up to 1, but the account's total is 0",
            id="a-day-too-many",
        ),
        pytest.param([], "ad_requests of 2026-06-01 adds up to 0, but the account's total is 10", id="no-rows-at-all"),
    ],
)
def test_a_difference_is_reported_in_words(rows: list[tuple[str, int | None, int | None]], says: str) -> None:
    """The first day and metric that differ are named, with both sums."""
    told = control(FakeReader(TOTALS)).differences(figures(*rows), WINDOW)
    assert next(iter(told.values())) == says


def test_the_totals_are_read_once_for_all_streams() -> None:
    """The account's totals are requested once a run, by day alone, over all days that any stream may read."""
    reader = FakeReader(TOTALS)
    totals = control(reader)
    for _ in range(3):
        assert totals.differences(EQUAL, WINDOW) == {}
    ((report, query),) = reader.asked
    assert [column.name for column in report.key] == ["date"]
    assert (list(query.group_by), list(query.data_fields), list(query.sort)) == (["date"], METRICS, ["date"])
    assert (query.window, query.filters, query.page_size) == (REACH, (), 500)


def test_the_totals_are_read_again_after_a_difference() -> None:
    """A difference may come from a revision in between, so the totals are read again for the second comparison."""
    reader = FakeReader([{"date": "2026-06-01", "ad_requests": 1, "impressions": 1}], TOTALS)
    totals = control(reader)
    assert totals.differences(EQUAL, WINDOW) != {}
    assert totals.differences(EQUAL, WINDOW) == {}
    assert len(reader.asked) == 2


@pytest.mark.parametrize(
    "error",
    [IncompleteDataError("no rows"), InconsistentWindowError("rows twice"), PermissionDeniedError("not for you")],
)
def test_totals_that_cannot_be_read_are_one_warning(error: Exception) -> None:
    """Without totals there is nothing to compare with: that is reported once, and costs no stream."""
    warnings: list[str] = []
    totals = control(FakeReader(error), warnings)
    for _ in range(3):
        assert totals.differences(EQUAL, WINDOW) == {}
    assert sum("cannot be read" in warning for warning in warnings) == 1
    assert str(error) in warnings[0]
    assert totals.metrics == ()


def test_an_outage_is_no_reason_to_go_without_control() -> None:
    """When YOC cannot be reached at all, the stream fails with that."""
    with pytest.raises(UnavailableError):
        control(FakeReader(UnavailableError("down"))).differences(EQUAL, WINDOW)


def test_only_whole_numbers_are_compared() -> None:
    """Rates and money are not summed, and text neither."""
    assert [metric.name for metric in control(FakeReader(TOTALS)).metrics] == METRICS


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(account_metadata(), id="no-whole-numbers"),
        pytest.param(account_metadata(*METRICS, dimensions=("site_visx_id",)), id="no-days"),
    ],
)
def test_an_account_without_control_figures_is_not_asked_for_them(account: AccountMetadata) -> None:
    """Where there are no days or no whole numbers, nothing is read and nothing compared."""
    reader = FakeReader(TOTALS)
    totals = control(reader, account=account)
    assert totals.metrics == ()
    assert totals.differences(EQUAL, WINDOW) == {}
    assert reader.asked == []


def test_a_fault_in_the_totals_is_read_once_more() -> None:
    """The account's totals, like every window, are read once more after a fault, so that control is not lost to it."""
    warnings: list[str] = []
    totals = control(FakeReader(InconsistentWindowError("rows twice"), TOTALS), warnings)
    assert totals.differences(figures(("2026-06-01", 9, 5), ("2026-06-03", 20, 7)), WINDOW) != {}


def test_days_that_vanish_from_the_totals_are_no_agreement() -> None:
    """Totals that are suddenly empty would agree with an empty stream; they are read once more for the next one."""
    totals = control(FakeReader(TOTALS, [], TOTALS))
    assert totals.differences(figures(), WINDOW) != {}
    with pytest.raises(IncompleteDataError, match="YOC no longer has figures for 2026-06-01"):
        totals.differences(figures(), WINDOW)
    assert totals.differences(EQUAL, WINDOW) == {}
