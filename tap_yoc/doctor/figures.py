"""The steps that read figures: a few days in small pages, the first day, the page size, and the account's size."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_yoc.api.client import NO_CONTENT, NOT_FOUND
from tap_yoc.api.query import Query
from tap_yoc.dates import ONE_DAY, Window, day_of, gaps_between
from tap_yoc.decoding.envelope import rows_path
from tap_yoc.decoding.rows import RowShape
from tap_yoc.doctor.dialect import rows_at
from tap_yoc.doctor.findings import note, ok, skipped
from tap_yoc.doctor.value_formats import blank_names
from tap_yoc.errors import UnknownEnvelopeError
from tap_yoc.exact_json import decode
from tap_yoc.reports.columns import Kind
from tap_yoc.reports.report import DATE, Report
from tap_yoc.reports.standard import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from tap_yoc.decoding.row_types import Rows
    from tap_yoc.doctor.findings import Step
    from tap_yoc.doctor.observed_tap import ObservedTap
    from tap_yoc.doctor.recording_transport import RecordedAnswer
    from tap_yoc.reports.columns import Column

DAYS = 7
ROWS_A_PAGE = 3
"""So few that a week of daily totals has several pages, which show how the server numbers and ends them."""
MOST_PAGES = 3
"""Enough to show whether pages are capped, and whether rows get lost between them."""
MOST_COUNTED = 5000


def days(observed: ObservedTap) -> Step:
    """Read the totals of the last days in small pages, and learn how the server paginates.

    Raises:
        PermissionDeniedError: The account has no column `date`, or no metrics.
    """
    run, found = observed.run, observed.findings
    run.metadata.require_figures()
    reach = run.reach.days
    if reach.last < reach.first:
        return skipped("Skipped: end_date is before the days that YOC serves.")
    week = Window(first=max(reach.first, reach.last - timedelta(days=DAYS - 1)), last=reach.last)
    known = _read_totals(observed, week)
    found.has_newest_wanted = reach.last in known
    if not known:
        return _look_further_back(observed, reach, week)
    observed.window = week
    found.period, found.newest_day = str(week), max(known).isoformat()
    last = "yesterday" if reach.last == run.today - ONE_DAY else "the last day to read"
    if reach.last not in known:
        return note(
            f"{last.capitalize()}, {reach.last}, has no rows yet; the newest day is {max(known)}.",
            "Run later in the day. The bookmark waits, so nothing is lost. If the problem persists, ask YOC's "
            "account manager.",
        )
    if gaps := gaps_between(known | ({week.first - ONE_DAY} if week.first > reach.first else set())):
        named = ", ".join(map(str, gaps))
        return note(
            f"The newest day, {max(known)}, has rows, but {named} has none.",
            "Compare with hub.yoc.com. If it has figures for those days, ask YOC's account manager.",
        )
    return ok(f"YOC has the totals of {week}, including {last}, {reach.last}.")


def _look_further_back(observed: ObservedTap, reach: Window, week: Window) -> Step:
    """Find the newest day with rows, if any, and learn the pagination there."""
    do = "Compare with hub.yoc.com. If it has figures, ask YOC's account manager what this login can see."
    shape, query = _totals(observed, reach, observed.settings.page_size)
    known = _days_in(shape, observed.read(shape, query))
    if not known:
        return note(f"No day of {reach} has a row.", do)
    newest = max(known)
    observed.window = Window(first=max(reach.first, newest - timedelta(days=DAYS - 1)), last=newest)
    observed.findings.period, observed.findings.newest_day = str(observed.window), newest.isoformat()
    _read_totals(observed, observed.window)
    return note(f"No day of {week} has a row; the newest day with rows is {newest}.", do)


def _read_totals(observed: ObservedTap, window: Window) -> set[date]:
    """Return the days that have rows, read in small pages; note what this shows about the pagination."""
    shape, query = _totals(observed, window, ROWS_A_PAGE)
    pages = observed.read(shape, query)
    if pages:
        behaviour, seen = observed.run.reader.behaviour, observed.seen
        first = 1 if behaviour.first_page is None else behaviour.first_page
        query = query.cut_to(min(ROWS_A_PAGE, behaviour.page_cap or ROWS_A_PAGE))
        if first == 1:
            seen.before_first = _answer_to(observed.asked(query, 0), observed.asked(query, 1), "first")
        beyond = first + len(pages)
        with suppress(UnknownEnvelopeError):  # the tap may not recognise an empty page
            observed.run.client.try_page(query, beyond, shape)
        seen.past_end = _answer_to(observed.asked(query, beyond), observed.asked(query, beyond - 1), "last")
    return _days_in(shape, pages)


def _answer_to(beyond: RecordedAnswer | None, neighbour: RecordedAnswer | None, same: str) -> str | None:
    """Return how the server answers a page that does not exist, as a value of the sandbox's form."""
    if beyond is None or neighbour is None or not neighbour.worked or not beyond.status:
        return None
    if beyond.status in {NO_CONTENT, NOT_FOUND}:
        return str(beyond.status)
    if beyond.is_refusal:
        return "error" if same == "first" else f"HTTP {beyond.status}"
    body = decode(neighbour.content)
    rows = rows_at(rows_path(body), decode(beyond.content))
    if not rows:
        return "empty" if rows is not None else "something else"
    return same if rows == rows_at(rows_path(body), body) else "other rows"


def history(observed: ObservedTap) -> Step:
    """Request the first day that a run reads."""
    if (wanted := observed.run.reach.wanted) is None:
        return skipped("Skipped: there is no day to read.")
    first = Window(first=wanted.first, last=wanted.first)
    shape, query = _totals(observed, first, observed.settings.page_size)
    if observed.read(shape, query):
        return ok(f"YOC serves the first day of a run, {first}, and it has rows.")
    return ok(f"YOC serves the first day of a run, {first}, but it has no rows: figures begin later.")


def pages(observed: ObservedTap) -> Step:
    """Request full-size pages of the most detailed report of a run, to see whether they are capped."""
    run, metadata, seen = observed.run, observed.run.metadata, observed.seen
    if observed.window is None:
        return skipped("Skipped: there are no rows to look at.")
    if not observed.reports:
        return skipped("Skipped: the settings and the account leave no report to read.")
    finest = max(observed.reports, key=lambda report: len(report.group_by))
    # Besides the stream's columns: names with blanks in the metadata, and booleans, whose spelling varies.
    blank_dimensions = metadata.pick(name for name in blank_names(observed.recorded) if name in metadata.dimensions)
    names = [column for column in blank_dimensions if column not in finest.group_by]
    flags = [column for column in metadata.metrics.values() if column.kind is Kind.BOOLEAN]
    shape, query = _query(
        (*finest.group_by, *names), (*finest.data_fields, *flags), observed.window, run.settings.page_size
    )
    given = [len(page) for page in observed.read(shape, query, MOST_PAGES)]
    seen.asked_rows, seen.given_rows = query.page_size, max(given, default=0)
    seen.cap_loses_rows = run.reader.behaviour.page_cap is not None
    if seen.cap_loses_rows or (len(given) > 1 and given[0] < query.page_size):
        seen.cap = run.reader.behaviour.page_cap or given[0]
        return note(
            f"YOC sends {seen.cap} rows per page instead of the {query.page_size} requested, and does not say so.",
            f"Nothing: the tap notices. Set page_size to {seen.cap} to save it finding out in every run.",
        )
    if seen.given_rows < query.page_size:
        return ok(f"{seen.given_rows} rows came in one page, too few to show whether YOC caps the page size.")
    return ok(f"YOC sends full pages of {query.page_size} rows.")


def account(observed: ObservedTap) -> Step:
    """Count what the account sees in the days that were read."""
    run, metadata = observed.run, observed.run.metadata
    if observed.window is None:
        return skipped("Skipped: there are no rows to look at.")
    columns = {entity.name: entity.id_column for entity in ENTITIES} | {"countries": "country"}
    for name, column in columns.items():
        if not metadata.missing([column]):
            group_by = metadata.pick([column])
            shape, query = _query(group_by, metadata.any_metric, observed.window, run.settings.page_size)
            cells = {
                cell for page in observed.read(shape, query, _pages_for(query)) for cell in shape.column(page, column)
            }
            observed.findings.sees[name] = len(cells - {group_by[0].missing})
    seen = ", ".join(
        f"{count}{_more(count)} {name.replace('_', ' ')}" for name, count in observed.findings.sees.items()
    )
    return ok(f"It sees {seen}.") if seen else skipped("Skipped: nothing could be counted.")


def _more(count: int) -> str:
    return " or more" if count >= MOST_COUNTED else ""


def _pages_for(query: Query) -> int:
    return -(-MOST_COUNTED // query.page_size)


def _totals(observed: ObservedTap, window: Window, page_size: int) -> tuple[RowShape, Query]:
    metadata = observed.run.metadata
    return _query(metadata.pick([DATE]), metadata.default_metrics, window, page_size)


def _query(
    group_by: Sequence[Column], data_fields: Sequence[Column], window: Window, page_size: int
) -> tuple[RowShape, Query]:
    """Return a report's query, and the shape of its rows."""
    report = Report(name="doctor", group_by=tuple(group_by), data_fields=tuple(data_fields), lookback_days=0)
    return RowShape(report, report.figures), Query.of(report, window=window, page_size=page_size)


def _days_in(shape: RowShape, pages: Iterable[Rows]) -> set[date]:
    return {day_of(day) for page in pages for day in shape.column(page, DATE)}
