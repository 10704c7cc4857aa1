"""The contenders: how each is called, and where it leaves its rows."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.work import DIMENSIONS, METRICS, PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.work import Work

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent / ".venv-bench"
"""Beside the project's own, where every tool already leaves such folders alone."""
PEERS = HERE / "peers"
STREAM = "ad_unit_country_daily"
OUTPUT = "output.jsonl"
CONFIG = "config.json"
ROW_MARK = b'"EUR"'
"""Stands in every row exactly once, and nowhere else."""

CREDENTIALS = {"client_id": "benchmark", "client_secret": "benchmark", "username": "benchmark", "password": "benchmark"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a contender is to read, and how."""

    work: Work
    url: str
    folder: Path
    concurrency: int = 4
    variables: dict[str, str] = field(default_factory=dict)
    """What the server asks of its clients' environment."""

    def query(self) -> dict[str, Any]:
        """Return the report's request but for its page."""
        days = [{"gte": {"date": self.work.first.isoformat()}}, {"lte": {"date": self.work.last.isoformat()}}]
        key = [*DIMENSIONS, "currency"]
        return {
            "query": {"and": days},
            "page_size": PAGE_SIZE,
            "group_by": list(DIMENSIONS),
            "data_fields": list(METRICS),
            "sort": [f"+{name}" for name in key],
        }

    def config(self) -> dict[str, Any]:
        """Return the settings that are the same for all."""
        return {
            **CREDENTIALS,
            "api_url": self.url,
            "auth_url": self.url,
            "start_date": self.work.first.isoformat(),
            "end_date": self.work.last.isoformat(),
        }

    def write(self, name: str, content: dict[str, Any]) -> str:
        """Write a file for the contender, and return its path."""
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)


@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """One of those that are compared."""

    name: str
    title: str
    environment: str
    """Which one of `requirements/` it is installed from."""
    command: Callable[[Job], list[str]]
    """The arguments of its environment's Python."""
    rows_in: Callable[[Any], dict[str, Any] | None]
    """The row that a line of output holds, if it holds one."""
    loaded: str | None = None
    """The files that hold its rows, where that is not the standard output."""
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return ENVIRONMENTS / self.environment / "bin" / "python"

    def arguments(self, job: Job) -> list[str]:
        """Return the whole command, for a folder with nothing of an earlier run in it."""
        shutil.rmtree(job.folder, ignore_errors=True)
        job.folder.mkdir(parents=True)
        return [str(self.python), *self.command(job)]

    def count(self, folder: Path) -> int:
        """Return how many rows came out."""
        return sum(_count_in(path) for path in self._files(folder))

    def rows(self, folder: Path) -> Iterator[dict[str, Any]]:
        """Yield the rows that came out."""
        for path in self._files(folder):
            for line in _read(path).splitlines():
                try:
                    message = json.loads(line, parse_float=Decimal)
                except ValueError:  # A killed process leaves half a line.
                    continue
                if (row := self.rows_in(message)) is not None:
                    yield row

    def _files(self, folder: Path) -> list[Path]:
        if self.loaded is None:
            return [folder / OUTPUT]
        return sorted(path for path in folder.glob(self.loaded) if path.is_file())


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _count_in(path: Path) -> int:
    """Count row by row, since a process's memory includes for a moment that of the one which started it."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as lines:
        return sum(line.count(ROW_MARK) for line in lines)


def _singer_row(message: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    if message.get("type") == "RECORD" and message.get("stream") == STREAM:
        return dict(message["record"])
    return None


def _airbyte_row(message: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    return dict(message["record"]["data"]) if message.get("type") == "RECORD" else None


def _plain_row(message: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    return dict(message) if "ad_unit_visx_id" in message else None


def _tap(job: Job) -> list[str]:
    config = {**job.config(), "standard_reports": [STREAM], "concurrency": job.concurrency}
    return ["-m", "tap_yoc", "--config", job.write(CONFIG, config)]


def _tap_without(parts: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        return [str(PEERS / "tap_yoc_without" / "without.py"), parts, *_tap(job)[2:]]

    return command


def _floor(job: Job) -> list[str]:
    config = {**job.config(), "query": job.query(), "concurrency": job.concurrency}
    return [str(PEERS / "floor" / "floor.py"), job.write(CONFIG, config)]


def _ordinary(job: Job) -> list[str]:
    return ["-m", "tap_ordinary", "--config", job.write(CONFIG, job.config())]


def _dlt(*steps: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        config = {**job.config(), "query": {**job.query(), "page": 1}, "folder": str(job.folder)}
        return [str(PEERS / "dlt_rest_api" / "pipeline.py"), job.write(CONFIG, config), *steps]

    return command


def _dlt_by_weeks(job: Job) -> list[str]:
    """Return the command that reads weeks side by side, as many as there may be requests in flight."""
    work, week = job.work, timedelta(days=7)
    starts = [work.first + number * week for number in range(-(-work.days // week.days))]
    windows = [(start.isoformat(), min(work.last, start + week - timedelta(days=1)).isoformat()) for start in starts]
    config = {**job.config(), "query": {**job.query(), "page": 1}, "folder": str(job.folder)}
    config |= {"windows": windows, "workers": job.concurrency}
    return [str(PEERS / "dlt_rest_api" / "pipeline.py"), job.write(CONFIG, config)]


def airbyte_config(job: Job) -> dict[str, Any]:
    """Return the connector's settings."""
    return {**job.config(), "num_workers": job.concurrency}


def _airbyte(job: Job) -> list[str]:
    stream = {
        "name": STREAM,
        "json_schema": {},
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
        "default_cursor_field": ["date"],
    }
    chosen = {
        "stream": stream,
        "sync_mode": "incremental",
        "destination_sync_mode": "append_dedup",
        "cursor_field": ["date"],
    }
    return [
        str(ENVIRONMENTS / "airbyte_cdk" / "bin" / "source-declarative-manifest"),
        "read",
        *("--config", job.write(CONFIG, airbyte_config(job))),
        *("--catalog", job.write("catalog.json", {"streams": [chosen]})),
        *("--manifest-path", str(PEERS / "airbyte_cdk" / "manifest.yaml")),
    ]


_DLT_VARIABLES = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
}

FLOOR = Contender(name="floor", title="hand-tuned floor", environment="floor", command=_floor, rows_in=_singer_row)
TAP = Contender(name="tap_yoc", title="tap-yoc", environment="tap_yoc", command=_tap, rows_in=_singer_row)
DLT_EXTRACT = Contender(
    name="dlt_extract",
    title="dlt rest_api, extract only",
    environment="dlt",
    command=_dlt("extract"),
    rows_in=_plain_row,
    loaded="pipelines/yoc/normalize/extracted/*/new_jobs/ad_unit_country_daily.*",
    variables=_DLT_VARIABLES,
)
DLT = Contender(
    name="dlt",
    title="dlt rest_api",
    environment="dlt",
    command=_dlt(),
    rows_in=_plain_row,
    loaded=f"loaded/yoc/{STREAM}/*",
    variables=_DLT_VARIABLES,
)
DLT_BY_WEEKS = replace(
    DLT,
    name="dlt_by_weeks",
    title="dlt rest_api, a resource a week, in parallel",
    command=_dlt_by_weeks,
)
AIRBYTE = Contender(
    name="airbyte_cdk",
    title="Airbyte low-code CDK",
    environment="airbyte_cdk",
    command=_airbyte,
    rows_in=_airbyte_row,
    variables={"DO_NOT_TRACK": "1"},
)
ORDINARY = Contender(
    name="ordinary_sdk",
    title="ordinary SDK tap",
    environment="ordinary_sdk",
    command=_ordinary,
    rows_in=_singer_row,
    variables={"PYTHONPATH": str(PEERS / "ordinary_sdk")},
)
PROMISES = {
    "integrity": "no row twice, none outside its window, in the order asked for",
    "totals": "each day's sums against the account's totals",
    "types": "each number and day is what its column declares",
    "added": "`fetched_at` and `is_final`",
}
"""The difference between the tap and the floor, by what `peers/tap_yoc_without` can leave out."""
ALL_PROMISES = ",".join(PROMISES)
FAST_PATH = "fast_path"
"""Not a promise: without it, the SDK's own loop writes row by row."""
TAP_WITHOUT = tuple(
    replace(TAP, name=f"without {parts}", title=f"tap-yoc without {parts}", command=_tap_without(parts))
    for parts in (*PROMISES, ALL_PROMISES, FAST_PATH)
)
CONTENDERS = (FLOOR, TAP, DLT_EXTRACT, DLT, AIRBYTE, ORDINARY)
