"""The ways from the API to a table that are compared, in the order of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders import HERE, OUTPUT, STREAM
from benchmarks.pipes import (
    BATCHES,
    DUCKDB,
    FILES,
    POSTGRES,
    POSTGRES_LOADER,
    SCHEMA,
    STORES,
    Pipe,
    airbyte,
    as_shipped,
    by_default,
    dlt,
    in_batches,
    json_lines,
    pipelinewise,
    tap,
    tap_in_dlt,
    tap_in_files,
)
from benchmarks.tables import in_duckdb, in_files, in_postgres
from benchmarks.work import DIMENSIONS, METRICS

if TYPE_CHECKING:
    from benchmarks.pipes import Load
    from benchmarks.tables import Found


def _in_postgres(load: Load) -> Found:
    return in_postgres(load.database, f"{SCHEMA}.{STREAM}")


def _in_duckdb(load: Load) -> Found:
    return in_duckdb(load.warehouse, f"{SCHEMA}.{STREAM}")


def _json_lines_of(path: str) -> str:
    """Return rows of JSON in DuckDB's words: figures as text, so that each digit counts, and days as days."""
    columns = {name: "DATE" if kind == "DATE" else "VARCHAR" for name, kind in {**DIMENSIONS, **METRICS}.items()}
    return f"read_json('{path}', format = 'newline_delimited', columns = {columns})"


def _in_lines(load: Load) -> Found:
    columns = ", ".join(f"{name} VARCHAR" for name in {**DIMENSIONS, **METRICS})
    kinds = {"type": "VARCHAR", "stream": "VARCHAR", "record": f"STRUCT({columns})"}
    lines = f"read_json('{load.folder / OUTPUT}', format = 'newline_delimited', columns = {kinds})"
    chosen = f"type = 'RECORD' AND stream = '{STREAM}'"
    days = "record.* REPLACE (CAST(record.date AS DATE) AS date)"
    return in_files(f"(SELECT {days} FROM {lines} WHERE {chosen})")  # noqa: S608 - names are ours


def _in_json_lines(load: Load) -> Found:
    return in_files(_json_lines_of(f"{load.folder}/{STREAM}.jsonl"))


DLT_VARIABLES = {"RUNTIME__DLTHUB_TELEMETRY": "false"}
AIRBYTE_VARIABLES = {
    "DO_NOT_TRACK": "1",
    "AIRBYTE_OFFLINE_MODE": "1",
    "AIRBYTE_NO_UV": "1",
    "AIRBYTE_LOGGING_ROOT": "logs",
}

LOADED = (
    Pipe(
        name="shipped",
        title="tap-yoc, target-postgres as in `meltano.yml`",
        into=POSTGRES,
        environments=("tap_yoc", POSTGRES_LOADER),
        commands=as_shipped,
        look=_in_postgres,
    ),
    Pipe(
        name="by_default",
        title="tap-yoc, target-postgres at its defaults",
        into=POSTGRES,
        environments=("tap_yoc", POSTGRES_LOADER),
        commands=by_default,
        look=_in_postgres,
        is_slow=True,
    ),
    Pipe(
        name="pipelinewise",
        title="tap-yoc, pipelinewise-target-postgres",
        into=POSTGRES,
        environments=("tap_yoc", "pipelinewise-target-postgres"),
        commands=pipelinewise,
        look=_in_postgres,
        is_slow=True,
    ),
    Pipe(
        name="batch_jsonl",
        title="tap-yoc in files of JSON lines, target-postgres",
        into=POSTGRES,
        environments=("tap_yoc_parquet", POSTGRES_LOADER),
        commands=in_batches("jsonl"),
        look=_in_postgres,
    ),
    Pipe(
        name="batch_parquet",
        title="tap-yoc in files of Parquet, target-postgres",
        into=POSTGRES,
        environments=("tap_yoc_parquet", POSTGRES_LOADER),
        commands=in_batches("parquet"),
        look=_in_postgres,
    ),
    Pipe(
        name="dlt_postgres",
        title="dlt rest_api",
        into=POSTGRES,
        environments=("dlt_tables",),
        is_peer=True,
        commands=dlt("", POSTGRES),
        look=_in_postgres,
        variables=DLT_VARIABLES,
    ),
    Pipe(
        name="dlt_postgres_csv",
        title="dlt rest_api, as CSV, first load appended",
        into=POSTGRES,
        environments=("dlt_tables",),
        is_peer=True,
        commands=dlt("csv", POSTGRES, "append"),
        look=_in_postgres,
        variables=DLT_VARIABLES,
    ),
    Pipe(
        name="pyairbyte_postgres",
        title="Airbyte low-code CDK, by PyAirbyte",
        into=POSTGRES,
        environments=("pyairbyte",),
        is_peer=True,
        commands=airbyte(POSTGRES),
        look=_in_postgres,
        is_slow=True,
        variables=AIRBYTE_VARIABLES,
    ),
    Pipe(
        name="dlt_duckdb",
        title="dlt rest_api",
        into=DUCKDB,
        environments=("dlt_tables",),
        is_peer=True,
        commands=dlt("", DUCKDB),
        look=_in_duckdb,
        is_slow=True,
        variables=DLT_VARIABLES,
    ),
    Pipe(
        name="dlt_duckdb_parquet",
        title="dlt rest_api, as Parquet, first load appended",
        into=DUCKDB,
        environments=("dlt_tables",),
        is_peer=True,
        commands=dlt("parquet", DUCKDB, "append"),
        look=_in_duckdb,
        variables=DLT_VARIABLES,
    ),
    Pipe(
        name="pyairbyte_duckdb",
        title="Airbyte low-code CDK, by PyAirbyte",
        into=DUCKDB,
        environments=("pyairbyte",),
        is_peer=True,
        commands=airbyte(DUCKDB),
        look=_in_duckdb,
        is_slow=True,
        variables=AIRBYTE_VARIABLES,
    ),
    Pipe(
        name="jsonl",
        title="tap-yoc, target-jsonl as in `meltano.yml`",
        into=FILES,
        environments=("tap_yoc", "target-jsonl"),
        commands=json_lines,
        look=_in_json_lines,
        adds=True,
        is_slow=True,
    ),
)
IN_DLT = tuple(
    Pipe(
        name=f"tap_in_dlt_{store.lower()}",
        title="tap-yoc in dlt: `tap-yoc[dlt]`",
        into=store,
        environments=("tap_yoc_dlt",),
        commands=tap_in_dlt(store),
        look=look,
        variables=DLT_VARIABLES,
    )
    for store, look in ((POSTGRES, _in_postgres), (DUCKDB, _in_duckdb))
)

ALONE = (
    Pipe(
        name="lines",
        title="lines",
        into=FILES,
        environments=("tap_yoc",),
        commands=lambda load: [tap(load)],
        look=_in_lines,
    ),
    Pipe(
        name="alone_jsonl",
        title="files of JSON lines (gzip)",
        into=FILES,
        environments=("tap_yoc_parquet",),
        commands=lambda load: [tap_in_files(load, "jsonl")],
        look=lambda load: in_files(_json_lines_of(f"{load.folder}/{BATCHES}/*{STREAM}*")),
    ),
    Pipe(
        name="alone_parquet",
        title="files of Parquet",
        into=FILES,
        environments=("tap_yoc_parquet",),
        commands=lambda load: [tap_in_files(load, "parquet")],
        look=lambda load: in_files(f"read_parquet('{load.folder}/{BATCHES}/*{STREAM}*')"),
    ),
)
"""The tap without a loader."""

IS_IN_DLT = (HERE.parent / "tap_yoc" / "dlt").exists() or (HERE.parent / "tap_yoc" / "dlt.py").exists()
PIPES = tuple(sorted((*LOADED, *(IN_DLT if IS_IN_DLT else ())), key=lambda pipe: STORES.index(pipe.into)))
