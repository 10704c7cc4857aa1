"""The display on the terminal: where it appears, what it shows, and that no line of the log is lost in it."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import logging
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from harness import command, last_days, run_command
from pages import snippets
from rich.console import Console
from screen import Screen
from timeouts import SECONDS

from tap_yoc.cli import progress
from tap_yoc.cli.progress import Display, terminal
from tap_yoc.errors import UnavailableError
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_yoc.sandbox.server import Sandbox

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| (INFO|ERROR|WARNING) +\| [\w.-]+ +\| .*[.}\dce]")


class Watch:
    """Seconds that go on when told."""

    seconds = 0.0

    def __call__(self) -> float:
        """Return the present second."""
        return self.seconds


def reading(watch: Watch, *, name: str = "site_daily", days: int = 93) -> RunSummary:
    """Return a summary in the middle of its second stream, some days behind it."""
    summary = RunSummary(monotonic=watch)
    summary.begin("companies")
    summary.rows, summary.requests = 3, 2
    watch.seconds = 1.2
    summary.end("companies")
    summary.begin(name)
    summary.plan(name, date(2026, 1, 1), date(2026, 7, 2))
    summary.complete(name, [date(2026, 1, 1) + timedelta(days=day) for day in range(31)])
    summary.note_newest_day(name, date.fromordinal(date(2026, 1, 1).toordinal() + days))
    summary.rows, summary.requests = 14206, 41
    watch.seconds = 33.2
    return summary


def on_paper(summary: RunSummary, *, width: int = 120) -> tuple[Display, io.StringIO]:
    """Return a display that writes into memory."""
    paper = io.StringIO()
    console = Console(file=paper, force_terminal=True, color_system=None, width=width, height=24, legacy_windows=False)
    return Display(summary, console, streams=12), paper


def screen_of(paper: io.StringIO, width: int = 120) -> list[str]:
    """Return what a terminal shows of it."""
    return Screen(width).take(paper.getvalue()).lines


def test_the_present_stream_and_the_run() -> None:
    """One line has the stream's days, rows, requests, time and the rest of it; one line has the run's."""
    watch = Watch()
    summary = reading(watch)
    display, paper = on_paper(summary)
    display.draw()
    present, totals = (text.splitlines() for language, text in snippets("docs/running.md")[:2])
    assert screen_of(paper) == ["", *present]
    watch.seconds, summary.rows, summary.requests = 64.1, 27953, 75
    summary.complete("site_daily", [date(2026, 1, 1) + timedelta(days=day) for day in range(31, 183)])
    summary.end("site_daily")
    display.close()
    assert screen_of(paper) == [*totals, ""]
    assert present == [
        f"site_daily              {'━' * 12:24}   93 of 183 days   14,203 rows     39 requests   0:32, 0:31 left",
        "stream 2 of 12, 14,206 rows, 41 requests, 0:33",
    ]


def test_waits_warnings_and_failures_are_shown() -> None:
    """Whoever looks sees that YOC lets the run wait, and that something went wrong."""
    summary = reading(Watch())
    summary.count_retry(75)
    summary.warn("one")
    summary.fail("companies", UnavailableError("down"))
    display, paper = on_paper(summary)
    display.draw()
    assert screen_of(paper)[-1].startswith("stream 2 of 12, 1 failed, 1 warning, 1:15 waited, ")


@pytest.mark.parametrize("days", [0, 93, 183])
def test_the_time_left_is_shown_only_if_it_is_not_a_guess(days: int) -> None:
    """Before the first day is read nobody knows the pace; the estimate ends at 0."""
    watch = Watch()
    summary = reading(watch, days=days)
    summary.readings[-1].days_complete = 0
    display, paper = on_paper(summary)
    display.draw()
    (line,) = [line for line in screen_of(paper) if line.startswith("site_daily")]
    assert line.endswith({0: " 0:32", 93: ", 0:31 left", 183: ", 0:00 left"}[days])
    watch.seconds = 2.0
    display.draw()
    assert " left" not in screen_of(paper)[1]


def test_a_stream_without_days_has_no_bar() -> None:
    """Names are read in one go: rows, requests and time, and no share of anything."""
    summary = RunSummary(monotonic=Watch())
    summary.begin("companies")
    display, paper = on_paper(summary)
    display.draw()
    assert screen_of(paper) == [
        "",
        "companies                     0 rows      0 requests   0:00",
        "stream 1 of 12, 0 rows, 0 requests, 0:00",
    ]


@pytest.mark.parametrize(
    ("width", "bar"),
    [(120, "━" * 12 + " " * 12), (114, "━" * 12 + " " * 12), (100, "━" * 5 + " " * 5), (98, "━" * 4 + " " * 4)],
)
def test_the_bar_is_as_long_as_the_terminal_allows(width: int, bar: str) -> None:
    """It gets shorter, down to 8 columns; then it leaves the days to say it."""
    display, paper = on_paper(reading(Watch()), width=width)
    display.draw()
    assert screen_of(paper, width)[1].startswith(f"{'site_daily':22}  {bar}   93 of 183 days ")


@pytest.mark.parametrize("width", [97, 88])
def test_a_terminal_too_narrow_for_a_bar_has_the_whole_name(width: int) -> None:
    """What the bar would take, the name and the figures keep."""
    display, paper = on_paper(reading(Watch()), width=width)
    display.draw()
    assert screen_of(paper, width)[1].startswith(f"{'site_daily':22}   93 of 183 days ")


@pytest.mark.parametrize("width", [24, 40, 79, 80, 100, 119, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """A line that wrapped would make the display climb up the log; the name is cut before any figure."""
    summary = reading(Watch(), name="a_report_of_the_user_s_own_with_a_very_long_name_indeed_63_letters")
    display, paper = on_paper(summary, width=width)
    display.draw()
    display.write("a log line\n")
    shown = screen_of(paper, width)
    assert shown[0] == "a log line"
    assert len(shown) == 4
    assert max(map(len, shown)) < width
    if width >= 79:
        assert "93 of 183 days   14,203 rows     39 requests   0:32, 0:31 left" in shown[2]
    display.close()
    assert max(map(len, screen_of(paper, width))) < width


def test_the_totals_stay_on_the_screen() -> None:
    """At the end there is a line for each stream and one for the run, and the display is gone."""
    watch = Watch()
    summary = reading(watch)
    summary.fail("site_daily", UnavailableError("down"))
    display, paper = on_paper(summary)
    display.draw()
    display.close()
    assert screen_of(paper) == [
        "stream      days    rows  requests  time",
        "companies              3         2  0:01",
        "site_daily    31  14,203        39  0:32  failed",
        "2 streams     31  14,206        41  0:33",
        "",
    ]


def test_a_run_without_streams_leaves_no_table() -> None:
    """Where nothing was read there are no totals to show."""
    display, paper = on_paper(RunSummary())
    display.draw()
    display.close()
    assert screen_of(paper) == [""]


def test_lines_of_the_log_stand_above_the_display_whole_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the display is drawn in between, each line of each thread is there once; afterwards too."""
    monkeypatch.setattr(progress, "FRAMES_PER_SECOND", 2000)
    display, paper = on_paper(reading(Watch()))
    handler = logging.StreamHandler(paper)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        display.start()

        def work(name: int) -> None:
            for number in range(100):
                logging.getLogger("tap-yoc").error("thread %d, line %d", name, number)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        display.stop()
        logging.getLogger("tap-yoc").error("the last line")
    finally:
        root.removeHandler(handler)
    *lines, last, end = screen_of(paper)
    assert (last, end) == ("the last line", "")
    for name in range(4):
        told = [line for line in lines if line.startswith(f"thread {name}, ")]
        assert told == [f"thread {name}, line {number}" for number in range(100)]
    assert [line.split(" ")[0] for line in lines[400:]] == ["stream", "companies", "site_daily", "2"]


def test_lines_of_others_are_kept() -> None:
    """A target that writes to the same terminal finds the cursor on an empty line, and its lines stay."""
    display, paper = on_paper(reading(Watch()))
    display.draw()
    paper.write("target: 700 rows loaded\n")
    display.draw()
    paper.write("target: 1400 rows loaded\n")
    display.write("a log line\n")
    display.draw()
    shown = screen_of(paper)
    assert [line[:24].rstrip() for line in shown[:3]] == [
        "target: 700 rows loaded",
        "target: 1400 rows loaded",
        "a log line",
    ]
    assert [line.split(" ")[0] for line in shown[3:]] == ["", "site_daily", "stream"]


def test_a_terminal_that_is_closed_does_not_end_the_run() -> None:
    """Whoever closes the window loses the display, and no row."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, "gone", text)

    display = Display(reading(Watch()), Console(file=Closed(), force_terminal=True, width=80, height=24), streams=2)
    display.start()
    display.stop()


def test_handlers_get_their_stream_back() -> None:
    """After the display has ended the log goes where it went before, and not through what is left of the display."""
    display, paper = on_paper(reading(Watch()))
    here, elsewhere = logging.StreamHandler(paper), logging.StreamHandler(io.StringIO())
    other = elsewhere.stream
    root = logging.getLogger()
    for handler in (here, elsewhere):
        root.addHandler(handler)
    try:
        display.start()
        during = (here.stream, elsewhere.stream)
        display.stop()
    finally:
        for handler in (here, elsewhere):
            root.removeHandler(handler)
    assert during[0] is not paper
    assert during[1] is other
    assert (here.stream, elsewhere.stream) == (paper, other)


def test_of_a_stream_that_has_ended_nothing_is_left() -> None:
    """Between two streams the last one's line stays, without an estimate of days that nobody reads."""
    watch = Watch()
    summary = reading(watch)
    summary.end("site_daily")
    watch.seconds = 40.0
    display, paper = on_paper(summary)
    display.draw()
    (line,) = [line for line in screen_of(paper) if line.startswith("site_daily")]
    assert line.endswith("93 of 183 days   14,203 rows     39 requests   0:32")


@contextmanager
def a_terminal(rows: int = 24, columns: int = 400) -> Iterator[tuple[int, int]]:
    """Make a pseudo-terminal; yields the end that shows and the end that programs write to."""
    shows, writes = pty.openpty()
    fcntl.ioctl(writes, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    try:
        yield shows, writes
    finally:
        os.close(shows)
        os.close(writes)


WHERE = [
    pytest.param({}, True, id="terminal"),
    pytest.param({"NO_COLOR": "1"}, True, id="without colours"),
    pytest.param({"TERM": "dumb"}, False, id="dumb terminal"),
    pytest.param({"TTY_INTERACTIVE": "0"}, False, id="switched off"),
]


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing about terminals, as most do."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.parametrize(("environment", "is_shown"), WHERE)
def test_where_it_is_shown(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *, is_shown: bool) -> None:
    """On a terminal, with the colours that the user wants, unless the terminal or the user cannot do with it."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with a_terminal() as (_, writes), open(writes, "w", closefd=False) as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        console = terminal()
        assert (console is not None) == is_shown
        if console:
            assert console.no_color == ("NO_COLOR" in environment)


@pytest.mark.usefixtures("plain_environment")
def test_where_it_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never into a pipe, whatever is forced; not over rows on the terminal; not in a slit; not without rich."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert terminal() is None
    monkeypatch.setattr(sys, "stderr", None)
    assert terminal() is None
    with a_terminal() as (_, writes), open(writes, "w", closefd=False) as tty:
        monkeypatch.setattr(sys, "stderr", tty)
        assert terminal() is not None
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", tty)
            assert terminal() is None
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "rich.console", None)
            assert terminal() is None
        monkeypatch.setenv("LINES", "7")
        monkeypatch.setenv("COLUMNS", "80")
        assert terminal() is None


@pytest.mark.usefixtures("plain_environment")
@pytest.mark.parametrize("name", ["stderr", "stdout"])
def test_a_stream_that_is_closed_is_no_terminal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A process that was started with stderr or stdout closed runs all the same."""
    closed = io.StringIO()
    closed.close()
    with a_terminal() as (_, writes), open(writes, "w", closefd=False) as tty:
        monkeypatch.setattr(sys, "stderr", tty)
        monkeypatch.setattr(sys, name, closed)
        assert (terminal() is None) == (name == "stderr")


# The SDK warns of a Python that has reached its end of life, which is no line of the log.
SURROUNDINGS = {"TERM": "xterm-256color", "PYTHONWARNINGS": "ignore"}


@contextmanager
def tap_on_a_terminal(folder: Path, config: dict[str, Any]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the installed tap with stderr on a terminal and stdout in a file; yields it, and what the terminal shows."""
    (folder / "config.json").write_text(json.dumps(config))
    env = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
    with (
        a_terminal() as (shows, writes),
        (folder / "rows.jsonl").open("wb") as rows,
        subprocess.Popen(
            [str(command("tap-yoc")), "--config", "config.json"],
            stdout=rows,
            stderr=writes,
            cwd=folder,
            env={**env, **SURROUNDINGS},
        ) as process,
    ):
        try:
            yield process, shows
        finally:
            process.kill()


def read_until(shows: int, what: str | None, process: subprocess.Popen[bytes] | None = None) -> str:
    """Return what is written to a terminal until something appears, or until the process has ended."""
    told = b""
    deadline = time.monotonic() + SECONDS
    while what is None or what.encode() not in told:
        assert time.monotonic() < deadline, told.decode()
        if what is None and process and process.poll() is not None and not _has_more(shows):
            break
        if _has_more(shows):
            told += os.read(shows, 65536)
    return told.decode()


def _has_more(shows: int) -> bool:
    return bool(select.select([shows], [], [], 0.05)[0])


@pytest.mark.parametrize("is_killed", [False, True], ids=["to its end", "killed"])
def test_the_tap_on_a_terminal(live: Sandbox, tmp_path: Path, *, is_killed: bool) -> None:
    """The display appears while YOC lets the run wait; in the end there are log lines, totals and the last line.

    Nothing but Singer lines is on stdout.
    """
    live.add_fault("status", status=503, retry_after="1", times=-1, match="revenue")
    with tap_on_a_terminal(tmp_path, last_days(live, "site_daily")) as (process, shows):
        told = read_until(shows, "of 14 days")
        if is_killed:
            process.send_signal(signal.SIGTERM)
        else:
            live.clear_faults()
        told += read_until(shows, None, process)
    assert process.returncode == (143 if is_killed else 0), told
    *log, last, end = Screen(400).take(told.replace("\r\n", "\n")).lines
    table = next(number for number, line in enumerate(log) if line.startswith("stream "))
    assert end == ""
    assert LOG_LINE.fullmatch(last)
    assert [line for line in log[:table] if not LOG_LINE.fullmatch(line)] == []
    assert ("STOPPED (signal 15): " if is_killed else "Done: 7 streams, 14 days, ") in last
    site = next(line for line in log[table:] if line.startswith("site_daily"))
    assert re.fullmatch(
        r"site_daily +0 +0 +\d+ +\d:\d\d  stopped" if is_killed else r"site_daily +14 +168 +\d+ +\d:\d\d", site
    )
    assert "━" in told
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert {json.loads(line)["type"] for line in lines} >= {"SCHEMA", "RECORD"}


def test_the_tap_in_a_pipe(live: Sandbox, tmp_path: Path) -> None:
    """Cron, Meltano and pipes get plain lines, regardless of colour settings."""
    (tmp_path / "config.json").write_text(json.dumps(last_days(live, "daily_totals")))
    env = {**os.environ, "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1", **SURROUNDINGS}
    done = run_command("--config", "config.json", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if not LOG_LINE.fullmatch(line)] == []
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stderr)
