"""What a run learns about the server: its first page, its total, whether it caps pages; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.decoding.envelope import Answer


class Pages(Protocol):
    """A source of pages."""

    def get(self, number: int) -> Answer | None:
        """Return a page, or None if the server answers that it is past the end."""

    def begin_to_try(self, number: int) -> Callable[[], Answer | None]:
        """Request a page; return a function that waits for it and returns it, or None if the server refuses it."""

    def get_sized(self, number: int, page_size: int) -> Answer | None:
        """Return a page of another size."""

    def wait_until_served(self) -> None:
        """Wait until the server sends a page that it sent before; if it has sent none, return immediately."""

    def expect(self, last: int | None) -> None:
        """Take a hint that pages up to `last` exist; None means that many more may."""


@dataclass(kw_only=True)
class ServerBehaviour:
    """What is known about the server in this run; None means not known yet."""

    first_page: int | None = None
    counts_all: bool | None = None
    """Whether its total counts the whole report; False if it counts the page."""
    pages_advance: bool = False
    """Whether two pages had different rows, so the server does not ignore the page number."""
    rows_per_page: int = 0
    """The largest number of rows in a page so far."""
    page_cap: int | None = None
    """The page size to request if the server silently caps larger ones."""
    cap_is_harmless: bool = False
    """Whether capped pages follow each other without a gap."""

    def expected_pages(self, first: Answer) -> int:
        """Return how many pages of a report will certainly be requested, given its first page, which has rows."""
        if self.counts_all and first.total:
            return -(-first.total // len(first.rows))
        has_no_total = self.counts_all is False or first.total is None
        return 2 if has_no_total else 1  # without a total, the next page proves the first to be the last

    def remember(self, learned: ServerBehaviour) -> None:
        """Keep what a verified reading has learned."""
        vars(self).update(vars(learned))
