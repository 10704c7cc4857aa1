"""Background threads: the main thread can be stopped while it waits for them, and the process exits without them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

STEP_SECONDS = 0.5


def result_of(future: Future[T]) -> T:
    """Return the result of a future; wait for it in short steps.

    Python handles signals between two steps of the main thread; a signal just before a long wait would be handled only
    after it.
    """
    while not future.done():
        wait([future], STEP_SECONDS)
    return future.result()


def in_background(act: Callable[[], T]) -> T:
    """Return the result of `act`, run in a daemon thread: signals do not interrupt it, and the process can exit."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="tap-yoc-background", daemon=True).start()
    return result_of(future)


def off_the_main_thread(act: Callable[[], T]) -> T:
    """Return the result of `act`, run in a background thread if this is the main thread.

    A name lookup in the main thread would delay a stop for as long as the resolver waits.
    """
    return in_background(act) if threading.current_thread() is threading.main_thread() else act()
