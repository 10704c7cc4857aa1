"""The warehouse that a life loads by way of dlt: a DuckDB file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dlt

if TYPE_CHECKING:
    from simulation.pipeline import Pipeline
    from simulation.target import Key, Row


@dataclass(kw_only=True)
class Warehouse:
    """The tables and bookmarks at one moment."""

    tables: dict[str, dict[str, dict[Key, Row]]]
    bookmarks: dict[str, str | None]
    twice: list[str] = field(default_factory=list)
    """Rows that are there more than once, in sentences."""


def pipeline_of(life: Pipeline) -> Any:  # noqa: ANN401 - dlt's
    """Return the pipeline as a new process has it."""
    return dlt.pipeline(
        "yoc",
        pipelines_dir=str(life.folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(life.folder / "yoc.duckdb")),
        dataset_name="ads",
    )


def stored(life: Pipeline) -> Warehouse:
    """Return what is in the warehouse."""
    pipeline = pipeline_of(life)
    state = pipeline.state.get("sources", {}).get("yoc", {}).get("resources", {})
    bookmarks = {stream.name: state.get(stream.name, {}).get("bookmark") for stream in life.streams}
    found = Warehouse(tables={}, bookmarks=bookmarks)
    if not (life.folder / "yoc.duckdb").exists():
        return found
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'ads'")
        tables = {name for (name,) in rows or ()}
        for stream in life.streams:
            if stream.name not in tables:
                continue
            names = [*stream.key, *stream.figures]
            days = found.tables.setdefault(stream.name, {})
            for cells in client.execute_sql(f"SELECT {', '.join(names)} FROM {stream.name}") or ():  # noqa: S608 - names
                row = {**dict(zip(names, cells, strict=True)), "date": None}
                row["date"] = str(cells[names.index("date")])
                key = tuple(row[name] for name in stream.key)
                rows_of_day = days.setdefault(row["date"], {})
                if key in rows_of_day:
                    found.twice.append(f"{stream.name} has {key} twice")
                rows_of_day[key] = {name: row[name] for name in stream.figures}
    return found
