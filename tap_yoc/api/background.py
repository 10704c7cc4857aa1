"""Background threads: the main thread waits for them so that a stop is noticed, and a process ends without them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LONGEST_DEAFNESS_SECONDS = 0.5


def result_of(future: Future[T]) -> T:
    """Return what a future brings, waiting for it in small steps.

    Python handles a signal between two steps of the main thread. One that arrives while that thread is about to wait
    would be noticed only after the wait.
    """
    while not future.done():
        wait([future], LONGEST_DEAFNESS_SECONDS)
    return future.result()


def in_background(act: Callable[[], T]) -> T:
    """Return what an act returns, done in a daemon thread: no signal interrupts it, and no process waits for it."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the result
            future.set_exception(error)

    threading.Thread(target=run, name="tap-yoc-background", daemon=True).start()
    return result_of(future)


def off_the_main_thread(act: Callable[[], T]) -> T:
    """Return what an act returns, done in a background thread if this is the main thread.

    A name that is looked up in the main thread would hold up a stop for as long as the resolver waits.
    """
    return in_background(act) if threading.current_thread() is threading.main_thread() else act()
