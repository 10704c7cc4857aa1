"""Ways from the API to a table: which commands, with which settings, and where the table is then."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.contenders import CONFIG, ENVIRONMENTS, HERE, OUTPUT, PEERS, STREAM, airbyte_config
from benchmarks.work import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from postgres import Database

    from benchmarks.contenders import Job
    from benchmarks.tables import Found

POSTGRES, DUCKDB, FILES = STORES = "PostgreSQL", "DuckDB", "files"
SCHEMA = "yoc"
LOOKBACK_DAYS = 7
LOADER_CONFIG = "loader.json"
STATE = "state.json"
BATCHES = "batches"
POSTGRES_LOADER = "tap_yoc_postgres"


@dataclass(frozen=True, kw_only=True)
class Load:
    """One load of a job's days into a place of its own."""

    job: Job
    database: Database
    is_first: bool

    @property
    def folder(self) -> Path:
        """Where it keeps files and state."""
        return self.job.folder

    @property
    def warehouse(self) -> Path:
        """The file of the embedded database."""
        return self.folder / "warehouse.duckdb"


@dataclass(frozen=True, kw_only=True, eq=False)
class Pipe:
    """One way from the API to a table."""

    name: str
    title: str
    into: str
    environments: tuple[str, ...]
    commands: Callable[[Load], list[list[str]]]
    look: Callable[[Load], Found]
    adds: bool = False
    """Whether rows that are read again are appended, by design."""
    is_peer: bool = False
    is_slow: bool = False
    """Whether one round says enough."""
    variables: Mapping[str, str] = field(default_factory=dict)

    def prepare(self, load: Load) -> None:
        """Make an empty folder for the first load, and keep for the second the state that the first one ended with."""
        if load.is_first:
            shutil.rmtree(load.folder, ignore_errors=True)
            load.folder.mkdir(parents=True)
        elif states := (load.folder / OUTPUT).read_text("utf-8").splitlines():
            (load.folder / STATE).write_text(states[-1], encoding="utf-8")


def shipped(name: str, schema: str = SCHEMA) -> dict[str, Any]:
    """Return the settings with which meltano.yml calls a loader."""
    project = yaml.safe_load((HERE.parent / "meltano.yml").read_text("utf-8"))
    (entry,) = [loader for loader in project["plugins"]["loaders"] if loader["name"] == name]
    values = {setting["name"]: setting["value"] for setting in entry["settings"] if "value" in setting}
    config = {**values, **entry.get("config", {})}
    return {key: schema if "LOAD_SCHEMA" in str(value) else value for key, value in config.items()}


def address(database: Database) -> dict[str, Any]:
    """Return where a database is, in the words of target-postgres."""
    names = ("host", "port", "user", "password")
    return {**{name: getattr(database, name) for name in names}, "database": database.name}


def _program(environment: str, name: str) -> str:
    return str(ENVIRONMENTS / environment / "bin" / name)


def tap(load: Load, environment: str = "tap_yoc", **settings: Any) -> list[str]:  # noqa: ANN401 - settings are JSON
    """Return the command of the tap, which writes lines."""
    config = {**load.job.config(), "standard_reports": [STREAM], "lookback_days": LOOKBACK_DAYS, **settings}
    command = [_program(environment, "python"), "-m", "tap_yoc", "--config", load.job.write(CONFIG, config)]
    return command if load.is_first else [*command, "--state", str(load.folder / STATE)]


def _loader(load: Load, name: str, config: dict[str, Any], environment: str = "") -> list[str]:
    return [_program(environment or name, name), "--config", load.job.write(LOADER_CONFIG, config)]


def _shipped_loader(load: Load) -> list[str]:
    """Return the command that meltano.yml calls, which comes with the tap, and its settings there."""
    config = {**shipped("target-postgres"), **address(load.database)}
    return _loader(load, "tap-yoc-target-postgres", config, POSTGRES_LOADER)


def _encoding(file_format: str) -> dict[str, Any]:
    return {"format": file_format, **({"compression": "gzip"} if file_format == "jsonl" else {})}


def tap_in_files(load: Load, file_format: str) -> list[str]:
    """Return the tap's command with files instead of lines."""
    root = load.folder / BATCHES
    root.mkdir(exist_ok=True)
    batch = {"encoding": _encoding(file_format), "storage": {"root": root.as_uri()}}
    return tap(load, "tap_yoc_parquet", batch_config=batch)


def as_shipped(load: Load) -> list[list[str]]:
    """Return the pipe that meltano.yml sets up."""
    return [tap(load), _shipped_loader(load)]


def by_default(load: Load) -> list[list[str]]:
    """Return the same pipe with nothing but an address."""
    config = {**address(load.database), "default_target_schema": SCHEMA}
    return [tap(load), _loader(load, "target-postgres", config, POSTGRES_LOADER)]


def in_batches(file_format: str) -> Callable[[Load], list[list[str]]]:
    """Return the pipe that hands files over."""

    def commands(load: Load) -> list[list[str]]:
        return [tap_in_files(load, file_format), _shipped_loader(load)]

    return commands


def pipelinewise(load: Load) -> list[list[str]]:
    """Return the pipe with another loader for PostgreSQL."""
    where = address(load.database)
    config = {**where, "dbname": where.pop("database"), "default_target_schema": SCHEMA}
    return [tap(load), _loader(load, "target-postgres", config, "pipelinewise-target-postgres")]


def json_lines(load: Load) -> list[list[str]]:
    """Return the pipe into files that meltano.yml sets up."""
    config = {**shipped("target-jsonl"), "destination_path": str(load.folder)}
    return [tap(load), _loader(load, "target-jsonl", config)]


def _credentials(load: Load, into: str) -> tuple[str, Any]:
    """Return dlt's name of a database, and what it takes to get there."""
    if into == DUCKDB:
        return "duckdb", str(load.warehouse)
    database = load.database
    names = ("host", "port", "password")
    where = {name: getattr(database, name) for name in names}
    return "postgres", {**where, "username": database.user, "database": database.name}


def dlt(file_format: str, into: str, first: str = "merge") -> Callable[[Load], list[list[str]]]:
    """Return dlt's pipe, which needs one process; without a file format, dlt chooses one."""

    def commands(load: Load) -> list[list[str]]:
        config = {
            **load.job.config(),
            "query": {**load.job.query(), "page": 1},
            "folder": str(load.folder),
            "destination": _credentials(load, into),
            "file_format": file_format or None,
            "key": [*DIMENSIONS, "currency"],
            "write_disposition": first if load.is_first else "merge",
            # dlt counts from the newest day that it has, which is read again as well.
            "lag_days": LOOKBACK_DAYS - 1,
        }
        program = str(PEERS / "dlt_rest_api" / "pipeline.py")
        return [[_program("dlt_tables", "python"), program, load.job.write(CONFIG, config)]]

    return commands


def tap_in_dlt(into: str) -> Callable[[Load], list[list[str]]]:
    """Return the pipe of the tap as a source of dlt."""

    def commands(load: Load) -> list[list[str]]:
        config = {
            "settings": {**load.job.config(), "standard_reports": [STREAM], "lookback_days": LOOKBACK_DAYS},
            "stream": STREAM,
            "folder": str(load.folder),
            "destination": _credentials(load, into),
        }
        program = str(PEERS / "tap_in_dlt" / "pipeline.py")
        return [[_program("tap_yoc_dlt", "python"), program, load.job.write(CONFIG, config)]]

    return commands


def airbyte(into: str) -> Callable[[Load], list[list[str]]]:
    """Return the pipe of the connector under PyAirbyte."""

    def commands(load: Load) -> list[list[str]]:
        where = address(load.database) if into == POSTGRES else {"path": str(load.warehouse)}
        config = {"source": airbyte_config(load.job), "stream": STREAM, "schema": SCHEMA, "cache": where}
        program = str(PEERS / "airbyte_cdk" / "pipeline.py")
        manifest = str(PEERS / "airbyte_cdk" / "manifest.yaml")
        return [[_program("pyairbyte", "python"), program, load.job.write(CONFIG, config), manifest]]

    return commands
