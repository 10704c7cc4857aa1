"""Reading one query: pages ahead of their reader, rows cast and checked; a faulty reading is repeated once."""

from __future__ import annotations

import threading
from contextlib import suppress
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tap_yoc.errors import IncompleteDataError, WindowFault
from tap_yoc.pagination import Habits, read_pages
from tap_yoc.rows import RowShape
from tap_yoc.window_check import WindowCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
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

    At most `depth` pages wait behind the one that is read; when there are fewer of them, `then` is told how many places
    are left.
    """

    def __init__(self, client: YOCClient, query: Query, row_type: RowType, pool: Executor, depth: int) -> None:
        """Fetch nothing yet."""
        self.query = query
        self.row_type = row_type
        self.then: Callable[[int], object] | None = None
        self._client = client
        self._pool = pool
        self._depth = depth
        self._ahead: dict[int, Future[Answer | None]] = {}
        self._lock = threading.Lock()
        self._is_closed = False
        self._goes_on = False
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
            self.then(self._number + self._depth - last)

    def begin(self, habits: Habits) -> None:
        """Fetch the first page before anybody reads."""
        self._number = 1 if habits.first_page is None else habits.first_page
        self._submit(self._number)

    def go_on(self, habits: Habits) -> None:
        """Fetch what follows the first page as well, as soon as it has come and tells of more."""
        if not self._goes_on:
            self._goes_on = True
            first = self._number
            self._submit(first).add_done_callback(partial(self._go_on, first, copy(habits)))

    def _go_on(self, first: int, habits: Habits, page: Future[Answer | None]) -> None:
        """Fetch what the first page tells of; in a worker's thread, while the reader may be further already."""
        if self._is_closed or page.cancelled() or page.exception():
            return
        answer = page.result()
        if answer and answer.rows:
            with suppress(RuntimeError):  # the run is over, and the pool with it
                self._fetch_up_to(first - 1 + habits.pages_of(answer))

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
        self._begun: list[ReadAhead] = []
        """The queries that come next, as far as they are asked already."""

    def pages(self, shape: RowShape, query: Query, upcoming: Sequence[Query] = ()) -> Iterator[list[Row]]:
        """Yield the rows of a query, cast and checked, in order, a page at a time.

        `upcoming` are the queries that will be asked next: they are begun as soon as this one's end is in sight.

        Raises:
            WindowFault: The rows cannot be the whole of it.
            CellError: A value does not fit its column.
        """
        check = WindowCheck(shape.key, query.window)
        ahead = self._ahead_of(shape, query)
        ahead.then = partial(self._begin, shape, upcoming)
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

    def _begin(self, shape: RowShape, upcoming: Sequence[Query], places: int) -> None:
        """Have the first pages of so many queries under way, and more of the next one.

        Where nobody counts, each first page is followed by the one that may prove it the last.
        """
        for query in upcoming[len(self._begun) : places]:
            ahead = self._new(shape, query)
            ahead.begin(self.habits)
            self._begun.append(ahead)
        for ahead in self._begun[: 1 if self.habits.counts_all else places]:
            ahead.go_on(self.habits)

    def _ahead_of(self, shape: RowShape, query: Query) -> ReadAhead:
        """Return the pages of a query, those that were begun before if it is the next one."""
        new = self._new(shape, query)
        if self._begun and self._begun[0].row_type is shape and self._begun[0].query == new.query:
            return self._begun.pop(0)
        for begun in self._begun:
            begun.close()
        self._begun = []
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
