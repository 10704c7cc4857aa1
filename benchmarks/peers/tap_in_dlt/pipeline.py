"""The tap's engine as a dlt source, as docs/dlt.md has it: `python pipeline.py config.json`."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import dlt


def main(path: str) -> None:
    """Load the report."""
    config = json.loads(Path(path).read_text("utf-8"))
    name, credentials = config["destination"]
    destination = dlt.destinations.postgres(credentials) if name == "postgres" else dlt.destinations.duckdb(credentials)
    pipeline = dlt.pipeline(
        pipeline_name="yoc",
        pipelines_dir=config["folder"] + "/pipelines",
        destination=destination,
        dataset_name="yoc",
    )
    pipeline.run(import_module("tap_yoc.dlt").yoc(**config["settings"]).with_resources(config["stream"]))


if __name__ == "__main__":
    main(sys.argv[1])
