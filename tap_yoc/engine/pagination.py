"""Pagination: when to request another page, and when to stop.

It stops only on evidence: the total is reached, a page is empty, or the server answers as it does past the end. The
server's behaviour (first page, total, answer past the end) is learned, not assumed, and remembered for the rest of the
run. Pure: pages come from an object that is passed in.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_yoc.engine.page_sizes import PageEnds, check_only_page, check_sizes
from tap_yoc.errors import IncompleteDataError, InconsistentWindowError, UnknownEnvelopeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_yoc.decoding.envelope import Answer
    from tap_yoc.engine.server_behaviour import Pages, ServerBehaviour


def read_pages(pages: Pages, behaviour: ServerBehaviour, page_size: int) -> Iterator[list[Any]]:
    """Yield the pages of a report in order until its end is proven, then remember what was learned.

    Raises:
        InconsistentWindowError: The pages contradict each other or the total.
        IncompleteDataError: The server seems to ignore the page number.
    """
    learned = replace(behaviour)
    start, least = _first_page(pages, learned)
    number = start
    total = _Total(learned)
    read, previous = 0, PageEnds([])
    while total.known is None or read < total.known:
        answer = pages.get(number) or _ask_again(pages, number, page_size, learned)
        rows = answer.rows if answer else []
        if (not rows or PageEnds(rows) == previous) and number == start + 1:
            check_only_page(pages, start, previous, page_size, learned, behaviour, total.known)
        if rows and PageEnds(rows) == previous:
            if total.known is None:
                _prove_end(pages, number, rows, start, learned)
            break
        if answer:
            total.take(answer.total, len(rows))
        if not rows:
            break
        if previous.length:
            check_sizes(pages, number, rows, previous.length, page_size, learned, behaviour)
            learned.pages_advance, learned.first_page = True, start
        learned.rows_per_page = max(learned.rows_per_page, len(rows))
        read += len(rows)
        if total.known is not None:
            pages.expect(number + -(-(total.known - read) // len(rows)))
        else:
            is_full = len(rows) >= page_size or (learned.pages_advance and len(rows) >= learned.rows_per_page)
            pages.expect(None if is_full else number)
        previous = PageEnds(rows)
        yield rows
        number += 1
    _check_count(read, total.known, least)
    behaviour.remember(learned)


def _check_count(read: int, total: int | None, least: int) -> None:
    if total is not None and read != total:
        raise InconsistentWindowError(f"the server counts {total} rows but sent {read}")
    if read < least:
        raise InconsistentWindowError(f"page 0 has {least} rows, and all pages from page 1 have {read}")


def _ask_again(pages: Pages, number: int, page_size: int, learned: ServerBehaviour) -> Answer | None:
    """Request a page again after a 404; return it, or None if it really does not exist.

    In between, the server must send a page that it sent before: a proxy in front of a dead server answers 404, too.

    Raises:
        IncompleteDataError: The server has never sent a row, so the 404 may mean anything.
        InconsistentWindowError: The page exists now, so the answer to page 0 may have been wrong, too.
    """
    pages.wait_until_served()
    again = pages.get_sized(number, page_size)
    if again is None and not learned.rows_per_page:
        raise IncompleteDataError(
            "YOC answers 404 to the first report, as if it did not exist; check whether the account has figures."
        )
    if again and again.rows and learned.first_page is None:
        raise _wrong_404(number)
    return again


def _wrong_404(number: int) -> InconsistentWindowError:
    return InconsistentWindowError(f"the server answered 404 to page {number}, and then sent it")


def _first_page(pages: Pages, learned: ServerBehaviour) -> tuple[int, int]:
    """Return the number of the first page, and how many rows the report has at least.

    Until the first page is known, pages 0 and 1 are compared: otherwise, the first page of a server that starts at 0
    would be lost without notice.

    Raises:
        InconsistentWindowError: The answers to pages 0 and 1 contradict each other.
    """
    if learned.first_page is not None:
        return learned.first_page, 0
    pages.expect(1)
    zero_page, zero = None if learned.counts_all else pages.begin_to_try(0), None
    try:
        one = pages.get(1)
    except UnknownEnvelopeError:
        with suppress(UnknownEnvelopeError):
            zero = (zero_page or pages.begin_to_try(0))()
        if not (zero and zero.rows):
            raise
        one = pages.get(1)  # page 0 has shown where rows are, so that there may now be none
    rows = one.rows if one else []
    if one and rows and learned.counts_all and one.total == len(rows):
        return 1, len(rows)  # the whole report, whichever page it is
    # Page 1 exists, so try page 0 once more: the server may have been down.
    zero = _page_zero(zero_page or pages.begin_to_try(0), rows) or _page_zero_again(pages, rows)
    if not (zero and zero.rows):
        learned.first_page = 1 if rows else None
        if not zero or one is not None:
            return 1, 0
        # Page 0 is empty, so it is the whole report, or page 1 is the first and the 404 was wrong.
        if (again := pages.begin_to_try(1)()) and again.rows:
            raise _wrong_404(1)
        return 0, 0
    if rows and zero.rows[: len(rows)] == rows:
        return 1, len(zero.rows)  # page 0 repeats page 1, or is the whole report, or both are the last page
    if any(row in zero.rows for row in (*rows[:1], *rows[-1:])):
        raise InconsistentWindowError("page 0 repeats rows of page 1, but not all of them in their order")
    learned.first_page = 0
    return 0, 0


def _page_zero_again(pages: Pages, rows_of_page_one: list[Any]) -> Answer | None:
    """Return page 0, or None if it is refused again; page 2, which is read in any case, is requested meanwhile."""
    zero_page = pages.begin_to_try(0)
    if rows_of_page_one:
        pages.expect(2)
    return _page_zero(zero_page, rows_of_page_one)


def _page_zero(zero_page: Callable[[], Answer | None], rows_of_page_one: list[Any]) -> Answer | None:
    """Return page 0, or None if it is refused.

    An answer in which the tap finds no rows counts as a refusal if it has found those of page 1.

    Raises:
        UnknownEnvelopeError: Neither page has rows, and page 0 may be the one that failed.
    """
    try:
        return zero_page()
    except UnknownEnvelopeError:
        if not rows_of_page_one:
            raise
        return None


def _prove_end(pages: Pages, number: int, rows: list[Any], start: int, learned: ServerBehaviour) -> None:
    """Accept a repeated page as the end, if it really is the server's answer past the end.

    Raises:
        InconsistentWindowError: The answers contradict each other, so that one of them is wrong.
        IncompleteDataError: The server sends the first page whatever the number.
    """
    again = pages.get(number + 1)
    if not again or again.rows != rows:
        raise InconsistentWindowError(f"page {number} repeats page {number - 1}, but page {number + 1} does not")
    if learned.pages_advance:
        return
    # Only one page was seen so far: is it the last one, or does the server ignore the page number?
    half = (len(rows) + 1) // 2
    if half < len(rows):
        part = pages.get_sized(start + 1, half)
        is_honoured = part is not None and part.rows == rows[half : 2 * half]
        is_ignored = part is not None and part.rows in (rows[:half], rows)
    else:
        part = pages.get_sized(start, 2)
        is_honoured = part is not None and part.rows == rows
        is_ignored = part is not None and len(part.rows) > 1 and part.rows[:1] == rows
    if is_ignored:
        raise IncompleteDataError(
            "YOC sends the same rows for every page, so rows after the first page cannot be read; "
            "set window_days to 1 if a day fits into one page, and report this to the maintainers."
        )
    if not is_honoured:
        raise InconsistentWindowError(f"page {start} has other rows when it is asked for in parts")
    learned.pages_advance = half < len(rows)


class _Total:
    """Finds out whether the server's total counts the whole report or only the page."""

    def __init__(self, learned: ServerBehaviour) -> None:
        self._learned = learned
        self._claim: int | None = None

    @property
    def known(self) -> int | None:
        """The number of rows of the report, once it is clear that the server counts the report."""
        return self._claim if self._learned.counts_all else None

    def take(self, claim: int | None, rows: int) -> None:
        """Take the total that a page of `rows` rows reports.

        Raises:
            InconsistentWindowError: The total differs from that of an earlier page.
        """
        if claim is None or self._learned.counts_all is False:
            return
        if self._learned.counts_all is None:
            if claim != rows:
                self._learned.counts_all = True
            elif self._claim is not None:
                self._learned.counts_all = False  # the second page reports its own number of rows again
                return
        if self._learned.counts_all and self._claim not in {None, claim}:
            raise InconsistentWindowError(f"the total changed from {self._claim} to {claim} between two pages")
        self._claim = claim
