"""The progress display on the terminal.

A separate thread draws the run's summary, so the engine does not depend on it. The cursor stays on an empty line above
the display: if another process writes to the terminal (such as the target), its output goes there, and the next frame
is drawn below it. No line is lost.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from tap_yoc.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rich.console import Console, RenderableType
    from rich.table import Table

    from tap_yoc.counters import Mark, StreamReading
    from tap_yoc.summary import RunSummary

FRAMES_PER_SECOND = 4
FEWEST_LINES = 8
"""A terminal with fewer lines gets no display."""
GAP = "  "
NAME_WIDTH, BAR_WIDTH = 22, 24
LEAST_BAR_WIDTH = 8
"""A shorter bar would show less than the number of days next to it."""
TOTALS_WIDTH = 48
"""Width of the totals next to the streams' names."""
SECONDS_BEFORE_ESTIMATE = 2
CLEAR = "\r\x1b[J"


@contextmanager
def progress_display(summary: RunSummary, streams: int) -> Iterator[None]:
    """Show a run's progress during this context if there is a terminal; then its totals."""
    console = terminal()
    if console is None:
        yield
        return
    display = Display(summary, console, streams)
    display.start()
    try:
        yield
    finally:
        display.stop()


def terminal() -> Console | None:
    """Return the terminal of stderr, or None if there should be no display.

    None for pipes and files, without the extra `progress`, with TERM=dumb or TTY_INTERACTIVE=0, and if stdout is the
    terminal, too: then the user wants to see the rows.
    """
    if not _is_terminal(sys.stderr) or _is_terminal(sys.stdout):
        return None
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    console = Console(stderr=True, highlight=False)  # respects NO_COLOR and TERM
    is_usable = console.is_interactive and not console.legacy_windows and console.height >= FEWEST_LINES
    return console if is_usable else None


def _is_terminal(stream: IO[str] | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


class Display:
    """Two lines below the log: the current stream, and the run."""

    def __init__(self, summary: RunSummary, console: Console, streams: int) -> None:
        """Show nothing yet; `streams` is the number of streams to read."""
        self._summary = summary
        self._console = console
        self._streams = streams
        self._file = console.file
        self._frame = ""
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_drawing, name="tap-yoc-progress", daemon=True)
        self._handlers: list[logging.StreamHandler[IO[str]]] = []

    def start(self) -> None:
        """Show the display, and redirect log lines above it."""
        above = Above(self)
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is self._file:
                handler.setStream(above)
                self._handlers.append(handler)
        self._thread.start()

    def stop(self) -> None:
        """Replace the display by the totals, and stop redirecting log lines."""
        self._stop.set()
        self._thread.join()
        for handler in self._handlers:
            handler.setStream(self._file)
        self.close()

    def close(self) -> None:
        """Replace the display by the totals."""
        with self._lock, self._while_there_is_a_terminal():
            self._frame = ""
            self.write(self._drawn(self.totals()) if self._summary.readings else "")

    def draw(self) -> None:
        """Draw the current state."""
        with self._lock, self._while_there_is_a_terminal():
            lines = self._drawn(self.now()).rstrip("\n").split("\n")
            self._frame = "\n".join(["", *lines]) + f"\x1b[{len(lines)}A\r"
            self.write("")

    def write(self, text: str) -> None:
        """Write text above the display."""
        with self._lock, self._while_there_is_a_terminal():
            self._file.write(f"{CLEAR}{text}{self._frame}")
            self._file.flush()

    @staticmethod
    def _while_there_is_a_terminal() -> AbstractContextManager[None]:
        """Ignore errors after the terminal was closed: the run continues without a display."""
        return suppress(OSError)

    def _keep_drawing(self) -> None:
        while not self._stop.wait(1 / FRAMES_PER_SECOND):
            self.draw()

    def _drawn(self, what: RenderableType) -> str:
        with self._console.capture() as captured:
            self._console.print(what, width=self._width, no_wrap=True)
        return captured.get()

    @property
    def _width(self) -> int:
        return self._console.width - 1

    def now(self) -> RenderableType:
        """Return the current stream and the run, one line each."""
        from rich.console import Group  # noqa: PLC0415 - an extra
        from rich.text import Text  # noqa: PLC0415 - an extra

        summary = self._summary
        run = summary.mark()
        parts = [f"stream {summary.streams} of {self._streams}"]
        if summary.failures:  # the most important first, because a narrow terminal truncates the line
            parts.append(f"{len(summary.failures)} failed")
        if summary.warnings:
            parts.append(counted(summary.warnings, "warning"))
        if summary.retries:
            parts.append(f"{_clock(summary.waited_seconds)} waited")
        parts += [counted(run.rows, "row"), counted(run.requests, "request"), _clock(run.seconds)]
        streams: list[RenderableType] = [self._of(reading) for reading in summary.readings[-1:]]
        return Group(*streams, Text(", ".join(parts), style="dim", overflow="ellipsis"))

    def _of(self, reading: StreamReading) -> Table:
        """Return the line of a stream; on a narrow terminal, bar and name get shorter, but not the figures."""
        from rich.progress_bar import ProgressBar  # noqa: PLC0415 - an extra
        from rich.table import Table  # noqa: PLC0415 - an extra

        done, wanted = self._summary.done(reading), reading.days_wanted
        figures = [f"{counted(done.rows, 'row'):>12}", f"{counted(done.requests, 'request'):>14}"]
        if wanted:
            figures.insert(0, f"{reading.days_passed:{len(str(wanted))}} of {counted(wanted, 'day')}")
        left = _seconds_left(reading, done)
        figures.append(f"{_clock(done.seconds):>5}{'' if left is None else f', {_clock(left)} left'}")
        figures_text = GAP.join(figures)
        room = self._width - len(figures_text) - len(GAP)
        bar_width = min(BAR_WIDTH, room - NAME_WIDTH - len(GAP))
        has_bar = wanted and bar_width >= LEAST_BAR_WIDTH
        name_room = room - bar_width - len(GAP) if has_bar else room
        line = Table.grid(padding=(0, len(GAP)))
        line.add_column(no_wrap=True, overflow="ellipsis", style="bold", width=max(1, min(NAME_WIDTH, name_room)))
        cells: list[RenderableType] = [reading.name]
        if has_bar:
            line.add_column(width=bar_width)
            cells.append(ProgressBar(total=wanted, completed=reading.days_passed, width=bar_width))
        line.add_column(no_wrap=True, overflow="ellipsis")
        line.add_row(*cells, figures_text)
        return line

    def totals(self) -> Table:
        """Return what was read, one line for each stream."""
        from rich.table import Table  # noqa: PLC0415 - an extra

        summary = self._summary
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True, footer_style="bold")
        run = summary.mark()
        table.add_column(
            "stream", counted(summary.streams, "stream"), no_wrap=True, max_width=max(8, self._width - TOTALS_WIDTH)
        )
        for name, total in (
            ("days", f"{len(summary.days):,}"),
            ("rows", f"{run.rows:,}"),
            ("requests", f"{run.requests:,}"),
            ("time", _clock(run.seconds)),
        ):
            table.add_column(name, total, justify="right", no_wrap=True)
        table.add_column("", "")
        for reading in summary.readings:
            done = summary.done(reading)
            days = f"{reading.days_complete:,}" if reading.days_wanted else ""
            end = "failed" if reading.name in summary.failures else "" if reading.ended else "stopped"
            table.add_row(
                reading.name,
                days,
                f"{done.rows:,}",
                f"{done.requests:,}",
                _clock(done.seconds),
                end,
                style="red" * bool(end),
            )
        return table


class Above(io.TextIOBase):
    """A log stream that writes above the display."""

    def __init__(self, display: Display) -> None:
        """Write nothing yet."""
        self._display = display

    def write(self, text: str) -> int:
        """Write lines above the display."""
        self._display.write(text)
        return len(text)


def _seconds_left(reading: StreamReading, done: Mark) -> float | None:
    """Return the estimated time for the remaining days, None if it would be a guess."""
    if reading.ended or not reading.days_passed or done.seconds < SECONDS_BEFORE_ESTIMATE:
        return None
    return done.seconds / reading.days_passed * (reading.days_wanted - reading.days_passed)


def _clock(seconds: float) -> str:
    """Return seconds as `0:07`, `12:34` or `1:02:03`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
