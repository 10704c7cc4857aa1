"""The connector with PyAirbyte, which loads into tables: `python pipeline.py config.json manifest.yaml`.

The connector is a process of its own: inside PyAirbyte's it would be given no state, and read everything every time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import airbyte as ab
import yaml
from airbyte.caches import DuckDBCache, PostgresCache


def main(path: str, manifest: str) -> None:
    """Read the report into a cache, as PyAirbyte calls a database."""
    config = json.loads(Path(path).read_text("utf-8"))
    connector = {"__injected_declarative_manifest": yaml.safe_load(Path(manifest).read_text("utf-8"))}
    source = ab.get_source(
        "source-declarative-manifest",
        config={**config["source"], **connector},
        local_executable=Path(sys.executable).with_name("source-declarative-manifest"),
    )
    source.select_streams([config["stream"]])
    where, schema = config["cache"], config["schema"]
    if "path" in where:
        cache = DuckDBCache(db_path=where["path"], schema_name=schema)
    else:
        login = {"username": where["user"], "password": where["password"]}
        place = {"host": where["host"], "port": where["port"], "database": where["database"]}
        cache = PostgresCache(**place, **login, schema_name=schema)
    source.read(cache=cache)


if __name__ == "__main__":
    main(*sys.argv[1:])
