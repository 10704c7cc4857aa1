"""Bytes that arrive: all of them, or the run ends and says so, and no STATE follows the first that is lost."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import preloaded
import pytest
from harness import command, last_days
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.errors import OutputError
from tap_yoc.singer.messages import YOCMessageWriter
from tap_yoc.stdout import UnbufferedOutput, output, unbuffered_stdout
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tap_yoc.sandbox.server import Sandbox

# --- a write


class Pipe(io.RawIOBase):
    """What takes as many bytes a call as configured: some, none for now (None), or an error."""

    def __init__(self, takes: Sequence[int | OSError | None]) -> None:
        """Take everything once the list is through."""
        super().__init__()
        self.takes = list(takes)
        self.arrived = b""

    def writable(self) -> bool:
        """Take bytes."""
        return True

    def write(self, data: Any) -> int | None:  # noqa: ANN401 - any buffer
        """Take the first bytes, and tell how many."""
        step = self.takes.pop(0) if self.takes else len(data)
        if isinstance(step, OSError):
            raise step
        if step is None:
            return None
        taken = bytes(data[: max(step, 1)])
        self.arrived += taken
        return len(taken)


STEPS = st.one_of(st.none(), st.integers(1, 40))
LINES = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6)


def output_on(pipe: Pipe, patch: pytest.MonkeyPatch, waits: list[object] | None = None) -> UnbufferedOutput:
    """Return an output that writes into a pipe, which is ready again as soon as somebody waits for it."""
    patch.setattr("tap_yoc.stdout.select.select", lambda *files: None if waits is None else waits.append(files))
    return UnbufferedOutput(SimpleNamespace(buffer=pipe))  # type: ignore[arg-type] # a stdout has more than is needed here


@given(LINES, st.lists(STEPS, max_size=30))
def test_whatever_a_write_takes_all_bytes_arrive_in_order(lines: list[bytes], takes: list[int | None]) -> None:
    """Short writes, and a pipe that is full for now, cost no byte."""
    pipe, waits = Pipe(takes), list[object]()
    with pytest.MonkeyPatch.context() as patch:
        out = output_on(pipe, patch, waits)
        for line in lines:
            assert out.write(line) == len(line)
    assert pipe.arrived == b"".join(lines)
    used = takes[: len(takes) - len(pipe.takes)]
    assert len(waits) == used.count(None), "it waits until there is room, and does not try in circles"


@given(LINES, st.lists(STEPS, max_size=12), st.sampled_from([errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF]))
def test_after_the_first_lost_byte_nothing_is_written(lines: list[bytes], takes: list[int | None], code: int) -> None:
    """What arrives is the beginning of what was written, and every later write fails as the first one did."""
    pipe = Pipe([*takes, OSError(code, os.strerror(code))])
    said = set()
    with pytest.MonkeyPatch.context() as patch:
        out = output_on(pipe, patch)
        for line in [*lines, b"STATE", b"STATE"]:
            try:
                out.write(line)
            except OutputError as lost:  # noqa: PERF203 - each is looked at
                said.add(str(lost))
    assert b"".join([*lines, b"STATE", b"STATE"]).startswith(pipe.arrived)
    assert len(said) == (not pipe.takes)


def test_a_write_that_a_signal_ends_is_the_last_one() -> None:
    """The handler may end the run within a line; a STATE behind it would stand for rows that are not there."""

    class Stopped(Pipe):
        def write(self, data: Any) -> int | None:  # noqa: ANN401, ARG002 - as the base class has it
            raise SystemExit(143)

    out = UnbufferedOutput(SimpleNamespace(buffer=Stopped([])))  # type: ignore[arg-type] # see above
    with pytest.raises(SystemExit):
        out.write(b"rows")
    with pytest.raises(OutputError, match="in the middle of a line"):
        out.write(b"STATE")


def test_messages_and_print_share_what_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a command there is one stdout, whoever writes: the SDK's print, click, the message writer."""
    pipe = Pipe([3, OSError(errno.EPIPE, "")])
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(pipe)))
    with unbuffered_stdout():
        with pytest.raises(OutputError, match="The target stopped reading"):
            YOCMessageWriter().write_lines(b"line")
        with pytest.raises(OutputError, match="The target stopped reading"):
            print("catalog")  # noqa: T201 - as the SDK does
        with pytest.raises(OutputError, match="The target stopped reading"):
            output().write(b"STATE")
    assert pipe.arrived == b"lin"


# --- the commands, with slow readers

TAP = "tap-yoc --config config.json"
PAUSED = pytest.param("paused", id="paused")
FULL_FOR_NOW = pytest.param("not blocking", id="a pipe that does not block")


def write_config(folder: Path, sandbox: Sandbox, **settings: Any) -> None:  # noqa: ANN401 - settings of any kind
    """Write a config file of two weeks."""
    settings = {**last_days(sandbox, "site_daily"), **settings}
    (folder / "config.json").write_text(json.dumps(settings))


def start(call: str, folder: Path, stdout: int | None) -> preloaded.Started:
    """Start a command, unbuffered as in most containers, with its log in a file; None closes its stdout."""
    name, *arguments = call.split()
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (folder / "log").open("wb") as log:
        return preloaded.start(name, *arguments, cwd=folder, stdout=stdout, stderr=log.fileno(), env=env)


def log_of(folder: Path) -> str:
    """Return what a command said on stderr."""
    return (folder / "log").read_text("utf-8")


def read_slowly(call: str, folder: Path, reader: str) -> bytes:
    """Return what a command prints into a pipe of one page, read piece by piece.

    It is paused after each piece, as `docker pause`, Ctrl-Z and a lid that is closed do; or its pipe does not block.
    """
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, reader == "paused")
    came = b""
    with start(call, folder, writing) as process:
        os.close(writing)
        while piece := os.read(reading, 3000):
            came += piece
            if reader == "paused" and process.poll() is None:
                process.send_signal(signal.SIGSTOP)
                process.send_signal(signal.SIGCONT)
        os.close(reading)
    assert process.returncode == 0, log_of(folder)
    return came


@pytest.mark.parametrize("reader", [FULL_FOR_NOW, PAUSED])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="pages"),
        pytest.param({"stream_maps": {"site_daily": {"note": "'x'"}}}, id="rows"),
    ],
)
def test_every_message_arrives(live: Sandbox, tmp_path: Path, reader: str, settings: dict[str, Any]) -> None:
    """As many messages of each kind as into a file, each a whole line, and the same bookmarks."""
    write_config(tmp_path, live, **settings)
    with (tmp_path / "all").open("w+b") as file, start(TAP, tmp_path, file.fileno()) as process:
        process.wait()
    expected = [json.loads(line) for line in (tmp_path / "all").read_bytes().splitlines()]
    live.reset()
    messages = [json.loads(line) for line in read_slowly(TAP, tmp_path, reader).splitlines()]
    kinds = [Counter((message["type"], message.get("stream")) for message in run) for run in (messages, expected)]
    assert kinds[0] == kinds[1]
    assert kinds[0]["RECORD", "site_daily"] > 100
    assert messages[-1] == expected[-1]


@pytest.mark.parametrize(
    ("call", "reader"),
    [
        (f"{TAP} --discover", "paused"),
        (f"{TAP} --discover", "not blocking"),
        ("tap-yoc --about --format=json", "not blocking"),
        ("tap-yoc --about --format=markdown", "not blocking"),
        ("tap-yoc --help", "not blocking"),
        ("tap-yoc-plan --window day config.json", "paused"),
        ("tap-yoc-plan --window day config.json", "not blocking"),
    ],
)
def test_all_that_a_command_prints_arrives(live: Sandbox, tmp_path: Path, call: str, reader: str) -> None:
    """The same bytes as into a file."""
    write_config(tmp_path, live)
    with (tmp_path / "all").open("w+b") as file, start(call, tmp_path, file.fileno()) as process:
        process.wait()
    assert read_slowly(call, tmp_path, reader) == (tmp_path / "all").read_bytes() != b""


def test_the_findings_of_the_doctor_arrive(live: Sandbox, tmp_path: Path) -> None:
    """One whole JSON object, also through a pipe that does not block."""
    write_config(tmp_path, live)
    came = read_slowly("tap-yoc-doctor --json --config config.json", tmp_path, "not blocking")
    assert json.loads(came)["verdict"].startswith("All is well")


# --- a stdout that takes no more


def said_into(stdout: str, call: str, folder: Path) -> str:
    """Return what a command says whose stdout is full, closed or gone; it must end with 1."""
    writing = None
    if stdout == "full":
        writing = os.open("/dev/full", os.O_WRONLY)
    elif stdout == "gone":
        reading, writing = os.pipe()
        os.close(reading)
    with start(call, folder, writing) as process:
        if writing is not None:
            os.close(writing)
    assert process.returncode == 1, log_of(folder)
    return log_of(folder)


@pytest.mark.parametrize(
    "call",
    [
        TAP,
        f"{TAP} --discover",
        f"{TAP} --test",
        "tap-yoc --version",
        "tap-yoc --help",
        "tap-yoc --about",
        "tap-yoc-plan config.json",
        "tap-yoc-plan --help",
        "tap-yoc-doctor --config config.json",
    ],
)
@pytest.mark.parametrize(
    ("stdout", "says"),
    [
        ("full", "Cannot write to stdout (No space left on device); free some space"),
        ("gone", "The target stopped reading; see its log."),
        ("closed", "Stdout is closed, but the tap writes there"),
    ],
)
def test_what_does_not_arrive_is_one_sentence(live: Sandbox, tmp_path: Path, call: str, stdout: str, says: str) -> None:
    """Whatever is printed and wherever it is lost: exit code 1, and what happened, without a traceback."""
    write_config(tmp_path, live)
    said = said_into(stdout, call, tmp_path)
    assert says in said.splitlines()[-1]
    assert "Traceback" not in said
    assert "please report" not in said


@pytest.mark.parametrize(
    ("to", "says"), [(">&-", "Stdout is closed"), (">/dev/full", "Cannot write to stdout (No space left on device)")]
)
def test_the_installed_file_says_the_same(live: Sandbox, tmp_path: Path, to: str, says: str) -> None:
    """The tests above run forks of a process that has imported everything; here the interpreter starts with it."""
    write_config(tmp_path, live)
    script = f"'{command('tap-yoc')}' --config config.json {to}"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert says in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("room", [10_000, 60_000])
def test_no_state_follows_what_a_full_disk_cut_off(live: Sandbox, tmp_path: Path, room: int) -> None:
    """The disk fills within a page of rows: the file ends there."""
    write_config(tmp_path, live)
    with (tmp_path / "rows").open("wb") as file:
        limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))"
        process = subprocess.run(
            [
                sys.executable,
                "-c",
                f"{limit}; os.execv(sys.argv[1], sys.argv[1:])",
                str(command("tap-yoc")),
                "--config",
                "config.json",
            ],
            cwd=tmp_path,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 1
    assert "FAILED (target; exit 1)" in process.stderr
    assert "Cannot write to stdout (File too large); free some space" in process.stderr
    came = (tmp_path / "rows").read_bytes()
    assert len(came) == room
    *lines, cut = came.split(b"\n")
    states = [json.loads(line)["value"]["bookmarks"] for line in lines if b'"type":"STATE"' in line]
    assert all(not any(state.values()) for state in states), "nothing was complete when the disk was full"
    assert not cut.endswith(b"}")


# --- a target that is gone

LOOPS = {
    "pages": {},
    "rows": {"stream_maps": {"site_daily": {"note": "'x'"}}},
    "batches": {"batch_config": {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": ""}}},
}


class Leaves(YOCMessageWriter):
    """A target that reads so many messages and leaves."""

    def __init__(self, sandbox: Sandbox, reads: int) -> None:
        """Have read nothing yet."""
        self.sandbox, self.reads = sandbox, reads
        self.read: list[dict[str, Any]] = []
        self.asked_when_it_left = -1

    def write_lines(self, lines: bytes | bytearray) -> None:
        """Read lines, and leave when it is enough."""
        assert self.asked_when_it_left < 0, f"written after the target left: {bytes(lines[:80])!r}"
        for line in bytes(lines).splitlines():
            if len(self.read) == self.reads:
                self.asked_when_it_left = len(self.sandbox.requests)
                raise OutputError("The target stopped reading; see its log.")
            self.read.append(json.loads(line))


def messages_of(sandbox: Sandbox, settings: dict[str, Any], reads: int) -> tuple[Leaves, TapYOC]:
    """Run the tap for a target that leaves after so many messages."""
    sandbox.reset()
    writer = Leaves(sandbox, reads)
    tap = TapYOC(config=dict(settings), message_writer=writer)
    with pytest.raises(SystemExit), tap.finishing():
        tap.sync_all()
    return writer, tap


@pytest.mark.parametrize("loop", LOOPS)
def test_a_target_that_leaves_ends_the_run(live: Sandbox, tmp_path: Path, loop: str) -> None:
    """After whichever message it leaves: nothing more is written or asked for, and no stream is said to have failed."""
    settings = {
        **live.config,
        **LOOPS[loop],
        "start_date": str(live.today - timedelta(days=3)),
        "standard_reports": ["daily_totals", "publisher_daily"],
        "window_days": 1,
        "concurrency": 1,
    }
    if loop == "batches":
        settings["batch_config"]["storage"]["root"] = tmp_path.as_uri()
    whole, tap = messages_of(live, settings, 10**9)
    assert tap.run.summary.exit_code == 0
    kinds = {message["type"] for message in whole.read}
    assert kinds == {"SCHEMA", "STATE", "BATCH" if loop == "batches" else "RECORD"}
    same = {index for index in range(1, len(whole.read)) if whole.read[index]["type"] == whole.read[index - 1]["type"]}
    for reads in [index for index in range(len(whole.read)) if index not in same or index % 25 == 0]:
        writer, tap = messages_of(live, settings, reads)
        assert list(tap.run.summary.failures) == ["target"], reads
        assert tap.run.summary.exit_code == 1
        assert len(live.requests) <= writer.asked_when_it_left + 1, "one request may be on its way"


@pytest.mark.parametrize("lines", [1, 100, 400])
def test_head_ends_the_run_every_time(live: Sandbox, tmp_path: Path, lines: int) -> None:
    """`tap-yoc | head -n 100`: the target is named, and nothing else."""
    write_config(tmp_path, live, standard_reports=["site_daily", "ad_unit_daily"])
    with subprocess.Popen(["head", "-n", str(lines)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as head:
        assert head.stdin
        with start(TAP, tmp_path, head.stdin.fileno()) as process:
            head.stdin.close()
    assert process.returncode == 1
    said = log_of(tmp_path)
    assert re.search(r"FAILED \(target; exit 1\): .* The target stopped reading; see its log\.$", said.strip()), said
    assert "Traceback" not in said


def test_batch_files_that_cannot_be_written_end_the_run(live: Sandbox, tmp_path: Path) -> None:
    """A full or missing disk under the batch files is one sentence, and is no stream's failure."""
    (tmp_path / "file").write_text("")
    settings: dict[str, Any] = json.loads(json.dumps(LOOPS["batches"]))
    settings["batch_config"]["storage"]["root"] = (tmp_path / "file" / "folder").as_uri()
    writer, tap = messages_of(live, {**last_days(live, "site_daily"), **settings}, 10**9)
    assert list(tap.run.summary.failures) == ["target"]
    assert str(tap.run.summary.failures["target"]).startswith("Batch files cannot be written (")
    assert [message["type"] for message in writer.read] == ["SCHEMA"]
