"""Rereading: an inconsistent reading is repeated once; if it is inconsistent again, the stream fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from tap_yoc.errors import IncompleteDataError, InconsistentWindowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Attempt(Protocol[T_co]):
    """One reading; `is_last` says whether it is the last attempt."""

    def __call__(self, *, is_last: bool) -> Iterator[T_co]:
        """Yield the parts of the reading."""


def with_reread(attempt: Attempt[T], what: str, warn: Callable[[str], None]) -> Iterator[T]:
    """Yield what an attempt yields; if it turns out to be inconsistent, start again once.

    Raises:
        IncompleteDataError: The second reading is inconsistent, too.
    """
    try:
        yield from attempt(is_last=False)
    except InconsistentWindowError as fault:
        warn(f"{what}: {fault}; reading it once more.")
    else:
        return
    try:
        yield from attempt(is_last=True)
    except InconsistentWindowError as fault:
        raise IncompleteDataError(
            f"{what}: {fault}, twice; the bookmark stays before it, so run again, and report this if it persists."
        ) from fault


def read_all_with_reread(read: Callable[[], Iterable[T]], what: str, warn: Callable[[str], None]) -> list[T]:
    """Return the result of one complete reading; if the first is inconsistent, only that of the second.

    Raises:
        IncompleteDataError: The second reading is inconsistent, too.
    """

    def attempt(**_: bool) -> Iterator[list[T]]:
        yield list(read())

    (kept,) = with_reread(attempt, what, warn)
    return kept
