"""A dlt pipeline into a warehouse, and what is in its tables beside what the source has."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dlt

from tap_yoc.dlt import yoc

if TYPE_CHECKING:
    from pathlib import Path

    from harness import VirtualClock

    from tap_yoc.sandbox.server import Sandbox

UNIT = ["date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id"]
FIGURES = ["currency", "total_traffic", "impressions", "clicks", "vtr_percent", "revenue", "ecpm"]


class Warehouse:
    """A dlt pipeline, and what is in its tables."""

    def __init__(self, folder: Path, sandbox: Sandbox, destination: Any, dataset: str = "ads") -> None:  # noqa: ANN401 - dlt's
        """Load nothing yet."""
        self.sandbox = sandbox
        self.pipeline = dlt.pipeline(
            "yoc", pipelines_dir=str(folder), destination=destination, dataset_name=dataset, dev_mode=False
        )

    def source(self, **settings: Any) -> Any:  # noqa: ANN401 - any setting, and dlt's source
        """Return the source, as a user calls it."""
        return yoc(**{**self.sandbox.config, "start_date": "2026-06-01", **settings})

    def load(self, *streams: str, **settings: Any) -> Any:  # noqa: ANN401 - likewise
        """Run the pipeline."""
        source = self.source(**settings)
        return self.pipeline.run(source.with_resources(*streams) if streams else source)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query gives."""
        with self.pipeline.sql_client() as client:
            return [tuple(row) for row in client.execute_sql(sql) or ()]

    def facts(self, stream: str = "ad_unit_daily", columns: list[str] | None = None) -> list[tuple[Any, ...]]:
        """Return a fact table, sorted by its key."""
        names = ", ".join(f'"{name}"' for name in columns or [*UNIT, *FIGURES])
        found = self.rows(f"SELECT {names} FROM {stream}")  # noqa: S608 - names of columns
        return sorted(found, key=lambda row: tuple(map(str, row)))

    def source_facts(self, start: str = "2026-06-01", dimensions: list[str] | None = None) -> list[tuple[Any, ...]]:
        """Return the same of the source."""
        found = self.sandbox.truth(group_by=dimensions or UNIT, data_fields=FIGURES, start=date.fromisoformat(start))
        names = [*(dimensions or UNIT), *FIGURES]
        rows = [tuple(_without_gaps(name, row[name]) for name in names) for row in found]
        return sorted(rows, key=lambda row: tuple(map(str, row)))

    def bookmark(self, stream: str) -> str | None:
        """Return the bookmark in dlt's state."""
        resources = self.pipeline.state["sources"]["yoc"].get("resources", {})
        bookmark: str | None = resources.get(stream, {}).get("bookmark")
        return bookmark


def _without_gaps(name: str, value: Any) -> Any:  # noqa: ANN401 - any cell
    """Return a cell as the tap writes it: a missing id is 0, and figures are exact decimals."""
    if name.endswith("_id"):
        return value or 0
    return Decimal(str(value)) if isinstance(value, float) else value


def go_to(day: date, sandbox: Sandbox, clock: VirtualClock) -> None:
    """Let it be another morning."""
    sandbox.today = day
    clock.instant = datetime(day.year, day.month, day.day, 6, tzinfo=timezone.utc)
