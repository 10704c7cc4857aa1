"""Reading once more: a reading that turns out to be faulty is repeated once, then the stream fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from tap_yoc.errors import IncompleteDataError, InconsistentWindowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Attempt(Protocol[T_co]):
    """One reading, which is told whether it is the last one."""

    def __call__(self, *, is_last: bool) -> Iterator[T_co]:
        """Yield what is read."""


def with_reread(attempt: Attempt[T], what: str, warn: Callable[[str], None]) -> Iterator[T]:
    """Yield what an attempt yields; when it turns out to be faulty, once more from the start.

    Raises:
        IncompleteDataError: It is faulty again.
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
    """Return all that is read; when a reading turns out to be faulty, what the second one has and nothing of the first.

    Raises:
        IncompleteDataError: The second reading is faulty, too.
    """

    def attempt(**_: bool) -> Iterator[list[T]]:
        yield list(read())

    (kept,) = with_reread(attempt, what, warn)
    return kept
