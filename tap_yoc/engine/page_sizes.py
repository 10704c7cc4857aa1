"""Whether a server cuts pages short, and whether rows are lost between them; pure."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from tap_yoc.errors import InconsistentWindowError

if TYPE_CHECKING:
    from tap_yoc.engine.server_behaviour import Pages, ServerBehaviour


class PageEnds:
    """What tells a page from the next one: its length, its first row and its last.

    Copies, since whoever gets the page fills in cells of its rows.
    """

    def __init__(self, rows: list[Any]) -> None:
        self.length = len(rows)
        self._rows = [copy(row) for row in (*rows[:1], *rows[-1:])]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PageEnds) and (self.length, self._rows) == (other.length, other._rows)

    __hash__ = None  # type: ignore[assignment] # its rows have none


def check_sizes(  # noqa: PLR0913, PLR0917 - what the loop knows at that point
    pages: Pages,
    number: int,
    rows: list[Any],
    cap: int,
    page_size: int,
    learned: ServerBehaviour,
    behaviour: ServerBehaviour,
) -> None:
    """See whether a server that cuts its pages counts them by the size it gives or by the size it was asked for.

    By the size it was asked for, the rows between two pages are lost; then the window is read again with its size.
    Where pages grow, there is no telling which rows are skipped.
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
    """See whether the only page of a report is all of it, or what a server that cuts its pages has given.

    If it counts its pages by the size it was asked for, what it cut off is on no page.

    Raises:
        InconsistentWindowError: There are more rows; if they are cut off, the window is read again with their number.
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
