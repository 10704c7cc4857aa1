"""Reading one query: pages ahead of their reader, rows cast and checked; a faulty reading is repeated once."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tap_yoc.errors import IncompleteDataError, WindowFault
from tap_yoc.pagination import Habits, read_pages
from tap_yoc.rows import RowShape
from tap_yoc.window_check import WindowCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from tap_yoc.client import Query, YOCClient
    from tap_yoc.envelope import Answer, RowType
    from tap_yoc.reports import Report
    from tap_yoc.rows import Row
    from tap_yoc.summary import RunSummary

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ReadAhead:
    """The pages of one query, some of them fetched before they are asked for.

    At most `depth` pages wait behind the one that is read; when the last one is in sight, `then` is called.
    """

    def __init__(self, client: YOCClient, query: Query, row_type: RowType, pool: Executor, depth: int) -> None:
        """Fetch nothing yet."""
        self.query = query
        self.row_type = row_type
        self.then: Callable[[], object] | None = None
        self._client = client
        self._pool = pool
        self._depth = depth
        self._ahead: dict[int, Future[Answer | None]] = {}
        self._lock = threading.Lock()
        self._is_closed = False
        self._number = 0

    def get(self, number: int) -> Answer | None:
        """Return a page, waiting for it if need be."""
        self._number = number
        page = self._submit(number)
        with self._lock:
            for passed in [earlier for earlier in self._ahead if earlier < number - 1]:
                del self._ahead[passed]
        return page.result()

    def begin_to_try(self, number: int) -> Callable[[], Answer | None]:
        """Ask for a page; return what waits for it and returns it, or None when the server refuses its number."""
        return self._pool.submit(self._client.try_page, self.query, number, self.row_type).result

    def get_sized(self, number: int, page_size: int) -> Answer | None:
        """Return a page cut to another size."""
        return self._client.page(self.query.cut_to(page_size), number, self.row_type)

    def wait_until_served(self) -> None:
        """Return once the server gives a page that it gave before; at once when it has never given any."""
        self._client.wait_until_served(self.query.sent)

    def expect(self, last: int | None) -> None:
        """Fetch what comes next, up to `last` and within the depth."""
        self._fetch_up_to(last)
        if self.then and last is not None and last < self._number + self._depth:
            begin, self.then = self.then, None
            begin()

    def begin(self, habits: Habits) -> None:
        """Fetch the first page before anybody reads, and, when it tells how many there are, those behind it."""
        self._number = first = 1 if habits.first_page is None else habits.first_page
        page = self._submit(first)
        if habits.counts_all:
            page.add_done_callback(partial(self._go_on, first))

    def _go_on(self, first: int, page: Future[Answer | None]) -> None:
        """Fetch what the first page tells of; in a worker's thread, while the reader may be further already."""
        if self._is_closed or page.cancelled() or page.exception():
            return
        answer = page.result()
        if answer and answer.rows and answer.total:
            with suppress(RuntimeError):  # the run is over, and the pool with it
                self._fetch_up_to(first - 1 - (-answer.total // len(answer.rows)))

    def _fetch_up_to(self, last: int | None) -> None:
        at = self._number
        end = at + self._depth
        for number in range(at + 1, (end if last is None else min(last, end)) + 1):
            self._submit(number)

    def close(self) -> None:
        """Drop what nobody will read."""
        self._is_closed = True
        with self._lock:
            for future in self._ahead.values():
                future.cancel()

    def _is_wanted(self) -> bool:
        return not self._is_closed

    def _submit(self, number: int) -> Future[Answer | None]:
        with self._lock:
            if number not in self._ahead:
                self._ahead[number] = self._pool.submit(
                    self._client.page, self.query, number, self.row_type, self._is_wanted
                )
            return self._ahead[number]


class Reader:
    """Reads reports; one instance a tap, so that what it learns of the server serves every stream."""

    def __init__(self, client: YOCClient, pool: Executor, *, concurrency: int, summary: RunSummary) -> None:
        """Know nothing of the server yet."""
        self.habits = Habits()
        self._client = client
        self._pool = pool
        self._concurrency = concurrency
        self._summary = summary
        self._begun: ReadAhead | None = None

    def pages(self, shape: RowShape, query: Query, then: Query | None = None) -> Iterator[list[Row]]:
        """Yield the rows of a query, cast and checked, in order, a page at a time.

        `then` is the query that will be asked next: its pages are fetched as soon as this one's end is in sight.

        Raises:
            WindowFault: The rows cannot be the whole of it.
            CellError: A value does not fit its column.
        """
        check = WindowCheck(shape.key, query.window)
        ahead = self._ahead_of(shape, query)
        if then:
            ahead.then = partial(self._begin, shape, then)
        try:
            for page in read_pages(ahead, self.habits, ahead.query.page_size):
                shape.fill_missing(page, self._summary)
                check.take_page(shape.keys(page))
                yield page
        finally:
            ahead.close()

    def rows(self, report: Report, query: Query) -> Iterator[dict[str, Any]]:
        """Yield the rows of a query one by one.

        Shape: `{column: value}` of the report's key and of the figures asked for.
        """
        shape = RowShape(report, [column for column in report.figures if column.name in query.data_fields])
        for page in self.pages(shape, query):
            yield from map(shape.as_dict, page)

    def _begin(self, shape: RowShape, query: Query) -> None:
        self._begun = self._new(shape, query)
        self._begun.begin(self.habits)

    def _ahead_of(self, shape: RowShape, query: Query) -> ReadAhead:
        """Return the pages of a query, those that were begun before if it is this one."""
        begun, self._begun = self._begun, None
        new = self._new(shape, query)
        if begun and begun.row_type is shape and begun.query == new.query:
            return begun
        if begun:
            begun.close()
        return new

    def _new(self, shape: RowShape, query: Query) -> ReadAhead:
        page_size = min(query.page_size, self.habits.page_cap or query.page_size)
        return ReadAhead(self._client, query.cut_to(page_size), shape, self._pool, self._concurrency)


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


def whole(read: Callable[[], Iterable[T]], what: str, warn: Callable[[str], None]) -> list[T]:
    """Return all that is read; when a reading turns out to be faulty, what the second one has and nothing of the first.

    Raises:
        IncompleteDataError: The second reading is faulty, too.
    """

    def attempt(**_: bool) -> Iterator[list[T]]:
        yield list(read())

    (kept,) = twice(attempt, what, warn)
    return kept
