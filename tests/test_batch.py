"""Rows in files instead of lines: the same rows, in files that are complete before anybody hears of them."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow.parquet as pq
import pytest
from harness import ListWriter, Outcome, VirtualClock, command, run_tap
from singer_sdk import BatchSink, Target
from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
from test_fast_path import WITH_DATE, WITHOUT_DATE

from tap_yoc.decoding import arrow
from tap_yoc.decoding.page import Page
from tap_yoc.errors import CellError, ExitCode
from tap_yoc.singer import batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_yoc.sandbox.server import Sandbox

STREAMS = ["site_daily", "own_daily", "own_total", "ad_units", "report_fields"]
ENCODINGS = {
    "jsonl": {"format": "jsonl"},
    "jsonl-none": {"format": "jsonl", "compression": "none"},
    "jsonl-gzip": {"format": "jsonl", "compression": "gzip"},
    "parquet": {"format": "parquet"},
    "parquet-none": {"format": "parquet", "compression": "none"},
    "parquet-gzip": {"format": "parquet", "compression": "gzip"},
}


@pytest.fixture
def settings(config: dict[str, Any]) -> dict[str, Any]:
    """A fortnight in several windows, of all kinds of streams."""
    return {**config, "page_size": 40, "window_days": 4, "reports": [WITH_DATE, WITHOUT_DATE]}


def batched(settings: dict[str, Any], folder: Path, encoding: str = "jsonl-gzip", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return settings by which rows go to files."""
    storage = {"root": folder.as_uri(), "prefix": "yoc-"}
    return {**settings, "batch_config": {"encoding": ENCODINGS[encoding], "storage": storage, **more}}


class FileReader(BatchSink):
    """Keeps what the SDK gives to a loader for the files of a BATCH message."""

    read: ClassVar[list[dict[str, Any]]] = []

    def process_batch(self, context: dict[str, Any]) -> None:
        """Keep it."""
        self.read.extend(context["records"])


class Reader(Target):
    """A loader of the SDK's kind."""

    name = "target-reader"
    default_sink_class = FileReader


def rows_of(run: Outcome, stream: str) -> list[dict[str, Any]]:
    """Return the rows in a stream's files, as a loader of the SDK's kind reads them."""
    FileReader.read.clear()
    sink = FileReader(Reader(config={}), stream, run.schema(stream)["schema"], run.schema(stream)["key_properties"])
    for message in run.messages:
        if message["type"] == "BATCH" and message["stream"] == stream:
            encoding = batch_encoding(message["encoding"])
            sink.process_batch_files(encoding, message["manifest"])
    return list(FileReader.read)


def batch_encoding(encoding: dict[str, Any]) -> BaseBatchFileEncoding:
    """Return what a loader makes of the message's encoding."""
    return BaseBatchFileEncoding.from_dict(encoding)


def paths_of(message: dict[str, Any]) -> list[Path]:
    """Return the files of a BATCH message."""
    return [Path(url2pathname(urlsplit(url).path)) for url in message["manifest"]]


def as_text(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as a line has it, without the instant of reading; money by its value."""
    return {name: spelled(cell) for name, cell in row.items() if name != "fetched_at"}


def spelled(cell: Any) -> Any:  # noqa: ANN401 - whatever a row has
    """Return days as text, and numbers without zeros at their end."""
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(cell, date):
        return cell.isoformat()
    return cell.normalize() if isinstance(cell, Decimal) else cell


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_hold_the_rows_of_the_lines(
    sandbox: Sandbox, settings: dict[str, Any], tmp_path: Path, encoding: str
) -> None:
    """Of every kind of stream, cell by cell, in order; and the state is the same."""
    lines = run_tap(settings, clock=VirtualClock(), streams=STREAMS)
    sandbox.reset()
    files = run_tap(batched(settings, tmp_path, encoding), clock=VirtualClock(), streams=STREAMS)
    assert lines.exit_code == files.exit_code == 0, files.log
    assert not any(message["type"] == "RECORD" for message in files.messages)
    assert files.state == lines.state
    for stream in STREAMS:
        mine, theirs = rows_of(files, stream), lines.records(stream)
        assert len(theirs) > 0
        assert [as_text(row) for row in mine] == [as_text(row) for row in theirs]
        assert [list(row) for row in mine] == [list(row) for row in theirs]


def test_parquet_has_exact_types(settings: dict[str, Any], tmp_path: Path) -> None:
    """Money is decimal, days are dates, instants are in UTC, and a key is never null."""
    run = run_tap(batched(settings, tmp_path, "parquet"), streams=["site_daily"])
    (message,) = [message for message in run.messages if message["type"] == "BATCH"]
    schema = pq.read_schema(paths_of(message)[0])
    types = {name: str(schema.field(name).type) for name in ("date", "revenue", "clicks", "fetched_at", "is_final")}
    assert types == {
        "date": "date32[day]",
        "revenue": "decimal128(38, 9)",
        "clicks": "int64",
        "fetched_at": "timestamp[us, tz=UTC]",
        "is_final": "bool",
    }
    assert [field.name for field in schema if not field.nullable] == run.schema("site_daily")["key_properties"]


@pytest.mark.parametrize("encoding", ["jsonl-gzip", "parquet"])
@pytest.mark.parametrize(
    ("more", "most_bytes"),
    [
        pytest.param({"batch_size": 50}, batch.MOST_BYTES, id="rows"),
        pytest.param({"batch_size": 7}, batch.MOST_BYTES, id="fewer-rows-than-a-page"),
        pytest.param({}, 9_000, id="bytes"),
    ],
)
def test_files_end_by_rows_or_by_bytes(
    sandbox: Sandbox, settings: dict[str, Any], tmp_path: Path, encoding: str, more: dict[str, Any], most_bytes: int
) -> None:
    """No file has more rows than `batch_size`, or much more than the bytes; none is left out and none is empty."""
    lines = run_tap(settings, streams=["site_daily"])
    sandbox.reset()
    with patch.object(batch, "MOST_BYTES", most_bytes):
        files = run_tap(batched(settings, tmp_path, encoding, **more), streams=["site_daily"])
    assert files.exit_code == 0, files.log
    messages = [message for message in files.messages if message["type"] == "BATCH"]
    counts = [len(rows_of(Outcome([*files.lines[:1], json.dumps(m).encode()], 0, ""), "site_daily")) for m in messages]
    assert len(counts) > 2
    assert sum(counts) == len(lines.records("site_daily"))
    assert min(counts) > 0
    assert max(counts) <= more.get("batch_size", 120)
    assert sorted(tmp_path.iterdir()) == sorted(path for message in messages for path in paths_of(message))


class Witness(ListWriter):
    """Reads each file the moment it is announced."""

    def __init__(self) -> None:
        """Have seen nothing."""
        super().__init__()
        self.days: set[str] = set()
        self.bookmarks: list[str] = []

    def write_lines(self, lines: bytes | bytearray) -> None:
        """Read the files of a BATCH message, and note what a STATE claims."""
        super().write_lines(lines)
        message = json.loads(lines)
        if message["type"] == "BATCH":
            schema = Outcome(self.lines, 0, "").schema("site_daily")
            rows = rows_of(Outcome([json.dumps(schema).encode(), bytes(lines)], 0, ""), "site_daily")
            assert rows
            self.days |= {str(row["date"]) for row in rows}
        if message["type"] == "STATE" and (bookmark := message["value"]["bookmarks"].get("site_daily")):
            self.bookmarks.append(bookmark["replication_key_value"])
            assert self.bookmarks[-1] <= max(self.days), "its rows are in no file yet"


@pytest.mark.parametrize(
    ("encoding", "size"), [("jsonl-gzip", 1), ("jsonl-gzip", 55), ("parquet", 40), ("parquet", 55), ("parquet", 10_000)]
)
def test_a_state_comes_only_behind_the_file_with_its_rows(
    settings: dict[str, Any], tmp_path: Path, encoding: str, size: int
) -> None:
    """A file is complete when its BATCH is written, and a bookmark names no day whose rows are in no file."""
    witness = Witness()
    with patch("harness.ListWriter", lambda *_: witness), patch("os.fsync", wraps=os.fsync) as sync:
        run = run_tap(batched(settings, tmp_path, encoding, batch_size=size), streams=["site_daily"])
    assert run.exit_code == 0, run.log
    assert sync.call_count == sum(message["type"] == "BATCH" for message in run.messages)
    assert witness.bookmarks == sorted(witness.bookmarks)
    assert witness.bookmarks[-1] == max(witness.days)


@pytest.mark.parametrize("size", [40, 10_000])
def test_a_cell_that_no_file_can_hold_costs_its_stream_only(
    settings: dict[str, Any], tmp_path: Path, size: int
) -> None:
    """The others finish, no half file is left, and no STATE names days whose rows were in it."""
    table_of, made = arrow.table_of, iter(range(5))  # three windows have two pages each

    def failing(page: Page, schema: dict[str, Any]) -> Any:  # noqa: ANN401 - a table
        if page.shape and page.shape.stream == "site_daily" and next(made, None) is None:
            raise CellError("Column revenue has a number with more than 76 digits")
        return table_of(page, schema)

    with patch.object(batch, "table_of", failing):
        run = run_tap(batched(settings, tmp_path, "parquet", batch_size=size), streams=["site_daily", "own_daily"])
    assert run.exit_code == ExitCode.INCOMPLETE
    assert "Column revenue has a number with more than 76 digits" in run.log
    assert run.bookmark("own_daily") == "2026-06-14"
    days = {row["date"].isoformat() for row in rows_of(run, "site_daily")}
    assert (run.bookmark("site_daily") or "") <= max(days, default="")
    announced = [path for message in run.messages if message["type"] == "BATCH" for path in paths_of(message)]
    assert sorted(tmp_path.iterdir()) == sorted(announced)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_of_a_failure_only_announced_files_are_left(tmp_path: Path, encoding: str) -> None:
    """Whatever fails, a file that is not complete is removed, and one that somebody may have heard of stays."""

    def pages() -> Iterator[Page]:
        yield Page([{"id": 1}, {"id": 2}, {"id": 3}])  # two of which fill a file
        raise KeyError("bug")

    config = BatchConfig.from_dict({**batched({}, tmp_path, encoding)["batch_config"], "batch_size": 2})
    schema = {"properties": {"id": {"type": "integer"}}, "required": ["id"]}
    urls: list[str] = []
    with pytest.raises(KeyError):
        urls.extend(batch.written_files(pages(), config, name="tap-stream", schema=schema))
    files = batch.written_files(pages(), config, name="tap-stream", schema=schema)
    urls.append(next(files))
    files.close()
    assert len(urls) == 2
    assert sorted(path.as_uri() for path in tmp_path.iterdir()) == sorted(urls)


@pytest.mark.parametrize("encoding", ["jsonl", "jsonl-gzip", "parquet"])
def test_a_full_disk_ends_the_run_without_a_state(settings: dict[str, Any], tmp_path: Path, encoding: str) -> None:
    """One sentence, no traceback, no bookmark, and no half file. A limit on files' sizes plays the full disk."""
    folder = tmp_path / "files"
    (tmp_path / "config.json").write_text(json.dumps({**batched(settings, folder, encoding), "standard_reports": []}))
    done = subprocess.run(
        [command("tap-yoc"), "--config", "config.json"],
        capture_output=True, cwd=tmp_path, check=False, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)),
    )  # fmt: skip
    assert done.returncode == ExitCode.UNEXPECTED, done.stderr
    assert "Batch files cannot be written (" in done.stderr
    assert "Traceback" not in done.stderr
    assert '"type":"BATCH"' not in done.stdout.replace(" ", "")
    assert '"type":"STATE"' not in done.stdout.replace(" ", "")
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_ends_the_run(settings: dict[str, Any], tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").touch()
    run = run_tap(batched(settings, tmp_path / "file" / "folder"), streams=["site_daily"])
    assert run.exit_code == ExitCode.UNEXPECTED
    assert "Batch files cannot be written (" in run.log
    assert run.state == {}


def test_a_stream_without_rows_has_no_file_and_a_state(config: dict[str, Any], tmp_path: Path) -> None:
    """Days without rows move the bookmark all the same once they are old enough."""
    state = {"bookmarks": {"own_daily": {"replication_key": "date", "replication_key_value": "2026-06-02"}}}
    report = {**WITH_DATE, "query": {"like": {"ad_unit_name": "no such unit"}}, "lookback_days": 0}
    settings = {**config, "reports": [report]}
    lines = run_tap(settings, streams=["own_daily"], state=json.loads(json.dumps(state)))
    files = run_tap(batched(settings, tmp_path), streams=["own_daily"], state=json.loads(json.dumps(state)))
    assert files.exit_code == 0, files.log
    assert list(tmp_path.iterdir()) == []
    assert files.state == lines.state
    assert (files.bookmark("own_daily") or "") > "2026-06-02"


@pytest.fixture
def relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_plain_path_is_a_root(settings: dict[str, Any], relative: Path) -> None:
    """The address in the message leads to the file, wherever the loader runs."""
    config = batched(settings, relative)
    config["batch_config"]["storage"] = {"root": "files"}
    run = run_tap(config, streams=["site_daily"])
    (message,) = [message for message in run.messages if message["type"] == "BATCH"]
    (path,) = paths_of(message)
    assert path.parent == relative / "files"
    assert len(rows_of(run, "site_daily")) > 0
