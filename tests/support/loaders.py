"""Real loaders, each in an environment of its own as Meltano would make it, and what they have written."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb
import preloaded
import requests
import yaml
from filelock import FileLock
from harness import needs
from pages import ROOT, snippets
from timeouts import SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postgres import Database

    Row = dict[str, Any]

PINS = ROOT / "requirements" / "loaders"
# Beside the packages of the tests, so that `make clean` removes them and other tests find them.
ENVIRONMENTS = Path(sys.prefix) / "loaders"
SCHEMA = "yoc"
COMMAND = "tap-yoc-target-postgres"


def shipped(name: str) -> dict[str, Any]:
    """Return a loader's settings as meltano.yml has them, without those that differ from place to place."""
    loaders = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))["plugins"]["loaders"]
    (entry,) = [entry for entry in loaders if entry["name"] == name]
    values = {setting["name"]: setting["value"] for setting in entry["settings"] if "value" in setting}
    return {name: value for name, value in values.items() if "$" not in str(value)}


def as_documented(name: str) -> dict[str, Any]:
    """Return a loader's entry for meltano.yml, as docs/targets.md has it."""
    entries = [yaml.safe_load(text) for language, text in snippets("docs/targets.md") if language == "yaml"]
    (entry,) = [entry[0] for entry in entries if isinstance(entry, list) and entry[0]["name"] == name]
    return dict(entry)


class Loader(ABC):
    """A loader with its settings; `rows` returns what lies in its tables or files, in the order they came."""

    name: ClassVar[str]
    newest_python: ClassVar[tuple[int, int]] = (3, 99)
    """The newest interpreter that its pinned packages are built for."""
    variables: ClassVar[dict[str, str]] = {}

    def __init__(self, folder: Path) -> None:
        """Keep its files in a folder."""
        self.folder = folder / self.name
        self.folder.mkdir()

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Its settings, as docs/targets.md gives them."""

    @abstractmethod
    def rows(self, stream: str) -> list[Row]:
        """Return the rows of a stream, in Python's types."""

    def load(self, lines: Sequence[bytes], config: dict[str, Any] | None = None) -> subprocess.CompletedProcess[bytes]:
        """Feed it with the lines that a tap wrote; `config` instead of its own settings."""
        settings = self.folder / "config.json"
        settings.write_text(json.dumps(config or self.config), encoding="utf-8")
        return subprocess.run(
            [str(self.command()), "--config", str(settings)],
            input=b"".join(line.strip() + b"\n" for line in lines),
            capture_output=True,
            cwd=self.folder,
            env={**os.environ, **self.variables},
            timeout=SECONDS,
            check=False,
        )

    @classmethod
    def command(cls) -> Path:
        """Return the path of the loader's command, installing it where that was not done yet."""
        pins = (PINS / f"{cls.name}.txt").read_bytes()
        folder = ENVIRONMENTS / f"{cls.name}-{hashlib.sha256(pins).hexdigest()[:12]}"
        ENVIRONMENTS.mkdir(exist_ok=True)
        with FileLock(f"{ENVIRONMENTS / cls.name}.lock"):
            if not (folder / "installed").exists():
                for older in ENVIRONMENTS.glob(f"{cls.name}-*"):
                    shutil.rmtree(older)
                cls._install(folder)
        return folder / "bin" / cls.name

    @classmethod
    def _install(cls, folder: Path) -> None:
        newest = ".".join(map(str, cls.newest_python))
        python = sys.executable if sys.version_info[:2] <= cls.newest_python else f">=3.10,<={newest}.999"
        uv = [str(Path(sys.executable).with_name("uv"))]
        pins = str(PINS / f"{cls.name}.txt")
        for arguments in (
            ["venv", "--python", python, str(folder)],
            ["pip", "install", "--python", str(folder), "--require-hashes", "--requirement", pins],
        ):
            done = subprocess.run(
                [*uv, "--quiet", *arguments],
                env={**os.environ, "UV_SYSTEM_CERTS": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                needs(f"{cls.name} cannot be installed here: {done.stderr.strip()}")
        (folder / "installed").touch()


class ToPostgres(Loader):
    """Tables in a schema of its own, as meltano.yml fills them."""

    name = "target-postgres"

    def __init__(self, folder: Path, database: Database) -> None:
        """Load into a database."""
        super().__init__(folder)
        self.database = database

    @classmethod
    def command(cls) -> Path:
        """Return the command that comes with the tap's extra, and so with the tests' environment."""
        return Path(sys.executable).with_name(COMMAND)

    def load(self, lines: Sequence[bytes], config: dict[str, Any] | None = None) -> subprocess.CompletedProcess[bytes]:
        """Feed it, as a fork of a process that has imported it, unless a test wants another command."""
        if self.command().name != COMMAND:
            return super().load(lines, config)
        settings = self.folder / "config.json"
        settings.write_text(json.dumps(config or self.config), encoding="utf-8")
        content = b"".join(line.strip() + b"\n" for line in lines)
        done = preloaded.run(COMMAND, "--config", str(settings), cwd=self.folder, stdin=content)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.encode(), done.stderr.encode())

    @property
    def config(self) -> dict[str, Any]:
        """Return the settings of meltano.yml, and the address."""
        address = {name: getattr(self.database, name) for name in ("host", "port", "user", "password")}
        return {**shipped(self.name), **address, "database": self.database.name, "default_target_schema": SCHEMA}

    def rows(self, stream: str) -> list[Row]:
        """Return the rows of a table."""
        return self.database.rows(f"SELECT * FROM {SCHEMA}.{stream}")  # noqa: S608 - written in the tests


class ToJsonLines(Loader):
    """Files of JSON, appended to."""

    name = "target-jsonl"

    @property
    def config(self) -> dict[str, Any]:
        """Return the settings of meltano.yml."""
        return {"destination_path": str(self.folder), "do_timestamp_file": False}

    def rows(self, stream: str) -> list[Row]:
        """Return the lines of a file."""
        written = (self.folder / f"{stream}.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line, parse_float=Decimal) for line in written]


class ToCsv(Loader):
    """Files of text, further ones for each run."""

    name = "target-csv"

    @property
    def config(self) -> dict[str, Any]:
        """Return settings by which the files of earlier runs stay."""
        return {**as_documented(self.name)["config"], "output_path": str(self.folder)}

    def rows(self, stream: str) -> list[Row]:
        """Return the lines of all files of a stream, below their heads."""
        rows: list[Row] = []
        for file in sorted(self.folder.glob(f"{stream}-*.csv")):
            with file.open(encoding="utf-8", newline="") as lines:
                rows += csv.DictReader(lines)
        return rows


class ToParquet(Loader):
    """Parquet files in object storage, another one for each run."""

    name = "target-s3"
    newest_python = (3, 12)
    variables: ClassVar = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}

    def __init__(self, folder: Path, endpoint: str) -> None:
        """Load into a bucket of a server of the tests' own, which takes any credentials."""
        super().__init__(folder)
        self.endpoint = endpoint
        requests.put(f"{endpoint}/lake", timeout=10).raise_for_status()

    @property
    def config(self) -> dict[str, Any]:
        """Return bucket, folder and format, and the address of the tests' own server."""
        config: dict[str, Any] = as_documented(self.name)["config"]
        config["cloud_provider"]["aws"] |= {"aws_region": "us-east-1", "aws_endpoint_override": self.endpoint}
        return config

    def rows(self, stream: str) -> list[Row]:
        """Return the rows of all files of a stream."""
        listed = requests.get(f"{self.endpoint}/lake?list-type=2&prefix={SCHEMA}/{stream}/", timeout=10).text
        rows: list[Row] = []
        for key in sorted(re.findall("<Key>(.*?)</Key>", listed)):
            file = self.folder / "fetched.parquet"
            file.write_bytes(requests.get(f"{self.endpoint}/lake/{key}", timeout=10).content)
            relation = duckdb.read_parquet(str(file))
            rows += [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        return sorted(rows, key=lambda row: int(row["_sdc_sequence"]))


class ToDuckdb(Loader):
    """Tables in a DuckDB file; loses rows."""

    name = "target-duckdb"

    @property
    def config(self) -> dict[str, Any]:
        """Return the path of the file."""
        return {"path": str(self.folder / "warehouse.duckdb"), "default_target_schema": SCHEMA}

    def rows(self, stream: str) -> list[Row]:
        """Return the rows of a table."""
        with duckdb.connect(str(self.folder / "warehouse.duckdb"), read_only=True) as database:
            cursor = database.execute(f"SELECT * FROM {SCHEMA}.{stream}")  # noqa: S608 - written in the tests
            names = [name for name, *_ in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
