"""What a run learns of the server: its first page, its total, whether it cuts pages; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.decoding.envelope import Answer


class Pages(Protocol):
    """Where pages come from."""

    def get(self, number: int) -> Answer | None:
        """Return a page, or None when the server says that it lies past the end."""

    def begin_to_try(self, number: int) -> Callable[[], Answer | None]:
        """Ask for a page; return what waits for it and returns it, or None when the server refuses its number."""

    def get_sized(self, number: int, page_size: int) -> Answer | None:
        """Return a page cut to another size."""

    def wait_until_served(self) -> None:
        """Return once the server gives a page that it gave before; at once when it has never given any."""

    def expect(self, last: int | None) -> None:
        """Take the hint that the pages up to `last` exist; None: many more may."""


@dataclass(kw_only=True)
class ServerBehaviour:
    """What the server has shown of itself in this run; None is not known yet."""

    first_page: int | None = None
    counts_all: bool | None = None
    """Whether its total counts the whole report; False when it counts the page."""
    pages_advance: bool = False
    """Whether two pages with different rows were seen, so that the page number is not ignored."""
    rows_per_page: int = 0
    """The most rows seen in one page."""
    page_cap: int | None = None
    """The page size to ask for instead of a larger one that the server cuts in silence."""
    cap_is_harmless: bool = False
    """Whether pages that the server cuts follow each other without a gap."""

    def expected_pages(self, first: Answer) -> int:
        """Return how many pages of a report are surely asked for, as far as its first one tells, which has rows."""
        if self.counts_all and first.total:
            return -(-first.total // len(first.rows))
        nobody_counts = self.counts_all is False or first.total is None
        return 2 if nobody_counts else 1  # the page behind the last one is what proves it the last

    def remember(self, learned: ServerBehaviour) -> None:
        """Take over what a verified reading has shown."""
        vars(self).update(vars(learned))
