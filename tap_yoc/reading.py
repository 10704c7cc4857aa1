"""Reading one query: pages ahead of their reader, rows cast and checked; a faulty reading is repeated once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tap_yoc.errors import CellError, IncompleteDataError, WindowFault
from tap_yoc.pagination import Habits, read_pages
from tap_yoc.reports import DATE
from tap_yoc.window_check import WindowCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

    from tap_yoc.client import Query, YOCClient
    from tap_yoc.envelope import Answer, Row
    from tap_yoc.reports import Report
    from tap_yoc.summary import RunSummary
    from tap_yoc.windows import Window

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ReadAhead:
    """The pages of one query, some of them fetched before they are asked for; at most `depth` wait to be read."""

    def __init__(self, client: YOCClient, query: Query, pool: Executor, depth: int) -> None:
        """Fetch nothing yet."""
        self._client = client
        self._query = query
        self._pool = pool
        self._depth = depth
        self._ahead: dict[int, Future[Answer | None]] = {}
        self._number = 0

    def get(self, number: int) -> Answer | None:
        """Return a page, waiting for it if need be."""
        self._number = number
        self._submit(number)
        for passed in [earlier for earlier in self._ahead if earlier < number - 1]:
            del self._ahead[passed]
        return self._ahead[number].result()

    def try_get(self, number: int) -> Answer | None:
        """Return a page, or None when the server refuses its number."""
        return self._client.try_page(self._query, number)

    def get_sized(self, number: int, page_size: int) -> Answer | None:
        """Return a page cut to another size."""
        return self._client.page(self._query.cut_to(page_size), number)

    def expect(self, last: int | None) -> None:
        """Fetch what comes next, up to `last` and within the depth."""
        end = self._number + self._depth
        for number in range(self._number + 1, (end if last is None else min(last, end)) + 1):
            self._submit(number)

    def close(self) -> None:
        """Drop what nobody will read."""
        for future in self._ahead.values():
            future.cancel()

    def _submit(self, number: int) -> None:
        if number not in self._ahead:
            self._ahead[number] = self._pool.submit(self._client.page, self._query, number)


class Reader:
    """Reads reports; one instance a tap, so that what it learns of the server serves every stream."""

    def __init__(self, client: YOCClient, pool: Executor, *, concurrency: int, summary: RunSummary) -> None:
        """Know nothing of the server yet."""
        self.habits = Habits()
        self._client = client
        self._pool = pool
        self._concurrency = concurrency
        self._summary = summary

    def rows(self, report: Report, query: Query) -> Iterator[dict[str, Any]]:
        """Yield the rows of a query, cast and checked, in order.

        Shape: `{column: value}` of the report's key and of the figures asked for.

        Raises:
            WindowFault: The rows cannot be the whole of it.
            CellError: A value does not fit its column.
        """
        query = query.cut_to(min(query.page_size, self.habits.page_cap or query.page_size))
        cast = RowCast(report, query, self._summary)
        check = WindowCheck(report, query.window)
        ahead = ReadAhead(self._client, query, self._pool, self._concurrency)
        try:
            for page in read_pages(ahead, self.habits, query.page_size):
                for raw in page:
                    row = cast(raw)
                    check.take(row)
                    yield row
            cast.tell_absent(query.window)
        finally:
            ahead.close()


class RowCast:
    """Turns a row as it was sent into the report's types."""

    def __init__(self, report: Report, query: Query, summary: RunSummary) -> None:
        """Take the columns that the query asks for."""
        self._report = report
        self._key = report.key
        self._figures = [column for column in report.figures if column.name in query.data_fields]
        self._summary = summary
        self._rows = 0
        self._absent = {column.name for column in self._figures}

    def __call__(self, raw: Row) -> dict[str, Any]:
        """Return the row; nothing is left of columns that were not asked for.

        Raises:
            CellError: A value does not fit; names stream, column and day, and not the value.
        """
        self._rows += 1
        if self._absent:
            self._absent -= raw.keys()
        row: dict[str, Any] = {}
        try:
            for column in self._key:
                value = column.cast(raw.get(column.name))
                row[column.name] = self._in_place_of_missing(column) if value is None else value
            for column in self._figures:
                row[column.name] = column.cast(raw.get(column.name))
        except ValueError as error:
            day = f" of {row[DATE]}" if row.get(DATE) else ""
            raise CellError(
                f"Stream {self._report.name}: column {column.name}{day} holds a value that is {error} "
                f"(declared {column.declared}); please report this to the maintainers."
            ) from None
        return row

    def tell_absent(self, window: Window | None) -> None:
        """Warn of figures that were asked for and that no row had."""
        for name in sorted(self._absent) if self._rows else ():
            self._summary.warn(
                f"Stream {self._report.name}: YOC was asked for {name} and sent no such column"
                f"{f' for {window}' if window else ''}; it is null in all rows."
            )

    def _in_place_of_missing(self, column: Any) -> Any:  # noqa: ANN401 - as the column's kind
        if column.name == DATE:
            raise ValueError("missing, where a day is needed")
        self._summary.missing[self._report.name, column.name] += 1
        return column.missing


class Attempt(Protocol[T_co]):
    """One reading, which is told whether it is the last one."""

    def __call__(self, *, is_last: bool) -> Iterator[T_co]:
        """Yield what is read."""


def twice(attempt: Attempt[T], what: str, warn: Callable[[str], None]) -> Iterator[T]:
    """Yield what an attempt yields; when it turns out to be faulty, once more from the start.

    Raises:
        IncompleteDataError: It is faulty again.
    """
    try:
        yield from attempt(is_last=False)
    except WindowFault as fault:
        warn(f"{what}: {fault}; reading it once more.")
    else:
        return
    try:
        yield from attempt(is_last=True)
    except WindowFault as fault:
        raise IncompleteDataError(
            f"{what}: {fault}, twice; the bookmark stays before it, so run again, and report this if it stays."
        ) from fault
