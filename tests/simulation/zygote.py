"""A process that has imported the tap and forks a run whenever it is asked to.

It receives what to run over a socket, with the descriptors that become the run's stdout and stderr.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_yoc.__main__ import main as tap_main
from tap_yoc.clock import Clock
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    import threading

LONGEST_MESSAGE = 65536


class RunningClock(Clock):
    """A clock that starts at an instant, runs as the real one does, and waits by going ahead."""

    def __init__(self, instant: float) -> None:
        self._ahead = instant - time.time()
        self._waited = 0.0

    def now(self) -> datetime:
        """Return the instant."""
        return datetime.fromtimestamp(time.time() + self._ahead + self._waited, timezone.utc)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic() + self._waited

    def sleep(self, seconds: float, stop: threading.Event) -> None:
        """Wait a moment, and be a number of seconds ahead."""
        stop.wait(0.002)
        self._waited += seconds


def run(order: dict[str, Any], descriptors: list[int]) -> None:
    """Become the run."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL if number != signal.SIGPIPE else signal.SIG_IGN)
    os.dup2(descriptors[0], 1)
    os.dup2(descriptors[1], 2)
    for descriptor in descriptors[:2]:  # the third one stays open until the run is dead
        os.close(descriptor)
    os.environ.update(order["environment"])
    raw = io.FileIO(1, "w", closefd=False)
    sys.stdout = (
        io.TextIOWrapper(raw, encoding="utf-8", write_through=True)  # as python -u does
        if order["is_unbuffered"]
        else io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8")
    )
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)), encoding="utf-8", line_buffering=True
    )
    sys.argv = ["tap-yoc", *order["arguments"]]
    TapYOC.clock = RunningClock(order["instant"])
    tap_main()


def serve(channel: socket.socket) -> None:
    """Fork a run for each order; when asked, wait for its end and return its exit code and its memory in megabytes."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, LONGEST_MESSAGE, 3)
        if not message:
            return
        order = json.loads(message)
        if "wait" in order:
            _, status, used = os.wait4(order["wait"], 0)
            channel.send(json.dumps([os.waitstatus_to_exitcode(status), used.ru_maxrss // 1024]).encode())
            continue
        if (child := os.fork()) == 0:
            channel.close()
            try:
                run(order, descriptors)
            finally:
                os._exit(70)  # a run that ends well has ended its process itself
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(json.dumps(child).encode())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(socket.socket(fileno=int(sys.argv[1])))
