"""Reading one query: pages are prefetched, and rows cast and checked."""

from __future__ import annotations

import threading
from contextlib import suppress
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from tap_yoc.api.background import result_of
from tap_yoc.decoding.rows import RowShape
from tap_yoc.engine.integrity import IntegrityCheck
from tap_yoc.engine.pagination import read_pages
from tap_yoc.engine.server_behaviour import ServerBehaviour
from tap_yoc.errors import UnknownEnvelopeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor, Future

    from tap_yoc.api.client import YOCClient
    from tap_yoc.api.query import Query
    from tap_yoc.decoding.envelope import Answer, RowType
    from tap_yoc.decoding.row_types import Rows
    from tap_yoc.reports.report import Report
    from tap_yoc.summary import RunSummary


class ReadAhead:
    """The pages of one query, with prefetching.

    At most `depth` pages beyond the current one are fetched; if fewer are left, `then` is called with the number of
    free places.
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
        """Return a page; wait for it if necessary. If it could not be read, it is requested again the next time."""
        self._number = number
        page = self._submit(number)
        with self._lock:
            for passed in [earlier for earlier in self._ahead if earlier < number - 1]:
                del self._ahead[passed]
        try:
            return result_of(page)
        except UnknownEnvelopeError:
            with self._lock:
                self._ahead.pop(number, None)
            raise

    def begin_to_try(self, number: int) -> Callable[[], Answer | None]:
        """Request a page; return a function that waits for it and returns it, or None if the server refuses it."""
        return partial(result_of, self._pool.submit(self._client.try_page, self.query, number, self.row_type))

    def get_sized(self, number: int, page_size: int) -> Answer | None:
        """Return a page of another size."""
        return self._client.page(self.query.cut_to(page_size), number, self.row_type)

    def wait_until_served(self) -> None:
        """Wait until the server sends a page that it sent before; if it has sent none, return immediately."""
        self._client.wait_until_served(self.query.sent)

    def expect(self, last: int | None) -> None:
        """Prefetch the next pages, up to `last` and `depth`."""
        self._fetch_up_to(last)
        if self.then and last is not None and last < self._number + self._depth:
            self.then(self._number + self._depth - last)

    def begin(self, behaviour: ServerBehaviour) -> None:
        """Prefetch the first page."""
        self._number = 1 if behaviour.first_page is None else behaviour.first_page
        self._submit(self._number)

    def go_on(self, behaviour: ServerBehaviour) -> None:
        """Prefetch the pages after the first one, as soon as it arrives and shows that there are more."""
        if not self._goes_on:
            self._goes_on = True
            first = self._number
            self._submit(first).add_done_callback(partial(self._go_on, first, copy(behaviour)))

    def _go_on(self, first: int, behaviour: ServerBehaviour, page: Future[Answer | None]) -> None:
        """Prefetch the pages that the first one announces; runs in a worker thread, so the reader may be ahead."""
        if self._is_closed or page.cancelled() or page.exception():
            return
        answer = page.result()
        if answer and answer.rows:
            with suppress(RuntimeError):  # the run is over and the pool is closed
                self._fetch_up_to(first - 1 + behaviour.expected_pages(answer))

    def _fetch_up_to(self, last: int | None) -> None:
        at = self._number
        end = at + self._depth
        for number in range(at + 1, (end if last is None else min(last, end)) + 1):
            self._submit(number)

    def close(self) -> None:
        """Cancel the pages that will not be read."""
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
    """Reads reports one after another; readers may share what they learn about the server (`behaviour`)."""

    def __init__(
        self,
        client: YOCClient,
        pool: Executor,
        *,
        concurrency: int,
        summary: RunSummary,
        behaviour: ServerBehaviour | None = None,
    ) -> None:
        """Start with what other readers have learned about the server."""
        self.behaviour = behaviour or ServerBehaviour()
        self._client = client
        self._pool = pool
        self._concurrency = concurrency
        self._summary = summary
        self._begun: list[ReadAhead] = []
        """The next queries that already have requests under way."""

    def pages(self, shape: RowShape, query: Query, upcoming: Sequence[Query] = ()) -> Iterator[Rows]:
        """Yield the rows of a query page by page, cast, checked and in order.

        `upcoming` are the next queries; they are started before this one ends.

        Raises:
            InconsistentWindowError: The rows cannot be complete.
            CellError: A value does not have its column's type.
        """
        check = IntegrityCheck(shape.key, query.window)
        ahead = self._ahead_of(shape, query)
        ahead.then = partial(self._begin, shape, upcoming)
        try:
            # The pages have the type that `shape` decodes.
            for page in cast("Iterator[Rows]", read_pages(ahead, self.behaviour, ahead.query.page_size)):
                shape.fill_missing(page, self._summary)
                check.take_page(shape.keys(page))
                yield page
        finally:
            ahead.close()

    def beside(self) -> Reader:
        """Return a reader for another report, so that both can be read in turns."""
        return Reader(
            self._client,
            self._pool,
            concurrency=self._concurrency,
            summary=self._summary,
            behaviour=self.behaviour,
        )

    def rows(self, report: Report, query: Query) -> Iterator[dict[str, Any]]:
        """Yield the rows of a query one by one.

        Shape: `{column: value}` of the report's key and the requested figures.
        """
        shape = RowShape(report, [column for column in report.figures if column.name in query.data_fields])
        for page in self.pages(shape, query):
            yield from map(shape.as_dict, page)

    def _begin(self, shape: RowShape, upcoming: Sequence[Query], places: int) -> None:
        """Prefetch the first pages of the next queries, and more pages of the one after this.

        If the server sends no total, also prefetch each query's second page, which may prove the first to be the last.
        """
        for query in upcoming[len(self._begun) : places]:
            ahead = self._new(shape, query)
            ahead.begin(self.behaviour)
            self._begun.append(ahead)
        for ahead in self._begun[: 1 if self.behaviour.counts_all else places]:
            ahead.go_on(self.behaviour)

    def _ahead_of(self, shape: RowShape, query: Query) -> ReadAhead:
        """Return the pages of a query, with the prefetched ones if it is the next query."""
        new = self._new(shape, query)
        if self._begun and self._begun[0].row_type is shape and self._begun[0].query == new.query:
            return self._begun.pop(0)
        for begun in self._begun:
            begun.close()
        self._begun = []
        return new

    def _new(self, shape: RowShape, query: Query) -> ReadAhead:
        page_size = min(query.page_size, self.behaviour.page_cap or query.page_size)
        # A few pages more than there can be in flight, so that no worker has to wait until the reader takes a page.
        depth = self._concurrency + self._concurrency // 4
        return ReadAhead(self._client, query.cut_to(page_size), shape, self._pool, depth)
