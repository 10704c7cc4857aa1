"""Checks whether a server caps the page size, and whether rows are lost between pages; pure."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from tap_yoc.errors import InconsistentWindowError

if TYPE_CHECKING:
    from tap_yoc.engine.server_behaviour import Pages, ServerBehaviour


class PageEnds:
    """A page's length, first row and last row, to compare it with another page.

    The rows are copies, because cells of the originals are filled in later.
    """

    def __init__(self, rows: list[Any]) -> None:
        self.length = len(rows)
        self._rows = [copy(row) for row in (*rows[:1], *rows[-1:])]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PageEnds) and (self.length, self._rows) == (other.length, other._rows)

    __hash__ = None  # type: ignore[assignment] # its rows have no hash


def check_sizes(  # noqa: PLR0913, PLR0917 - what the loop knows at that point
    pages: Pages,
    number: int,
    rows: list[Any],
    cap: int,
    page_size: int,
    learned: ServerBehaviour,
    behaviour: ServerBehaviour,
) -> None:
    """Check whether a server that caps its pages advances by the rows it sends or by the page size requested.

    If it advances by the page size requested, the rows between two pages are lost, and the window must be read again
    with the capped size. If pages grow, it is unknown which rows are skipped.

    Raises:
        InconsistentWindowError: Rows are, or may be, lost.
    """
    if len(rows) > cap:
        raise InconsistentWindowError(f"page {number} has {len(rows)} rows, more than the {cap} of the page before it")
    if cap >= page_size or learned.cap_is_harmless:
        return
    same = pages.get_sized(number, cap)
    if not same or same.rows[: len(rows)] != rows[:cap]:
        behaviour.page_cap = cap
        raise InconsistentWindowError(
            f"the server sends at most {cap} rows per page and skips the rows between two pages"
        )
    learned.cap_is_harmless = True


def check_only_page(  # noqa: PLR0913, PLR0917 - what the loop knows at that point
    pages: Pages,
    start: int,
    only: PageEnds,
    page_size: int,
    learned: ServerBehaviour,
    behaviour: ServerBehaviour,
    total: int | None,
) -> None:
    """Check whether the only page of a report is the whole report, or was capped by the server.

    If the server advances by the page size requested, the rows that it cut off are on no page.

    Raises:
        InconsistentWindowError: There are more rows; the window is read again, with the capped size if there is one.
    """
    is_the_largest = behaviour.rows_per_page <= only.length < page_size and not learned.cap_is_harmless
    if not is_the_largest:
        return
    if total is None:
        more = pages.get_sized(start + 1, only.length)
        if not more or not more.rows or PageEnds(more.rows) == only:
            return
    again = pages.get_sized(start, page_size)
    if again and len(again.rows) == only.length:
        behaviour.page_cap = only.length
    raise InconsistentWindowError(f"the server sent {only.length} rows on the only page, but there are more")
