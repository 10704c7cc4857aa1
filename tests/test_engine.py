"""The engine without the Singer SDK: rows, bookmarks and warnings out of a plain iterator."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tap_yoc.sandbox.server import Sandbox

READS_WITHOUT_SDK = """
import json, sys
sys.modules["singer_sdk"] = None  # whatever imports it fails
from tap_yoc.clock import Clock
from tap_yoc.engine import Bookmark, EntityReading, ReportReading, Run
from tap_yoc.redaction import Redactor
from tap_yoc.settings.coercion import coerced_config
from tap_yoc.settings.parsing import parse
from tap_yoc.settings.schema import SETTINGS

run = Run(parse(coerced_config(json.load(sys.stdin), SETTINGS)), Clock(), Redactor())
try:
    (report,) = [report for report in run.reports if report.name == "site_daily"]
    parts = [
        {"bookmark": part.day.isoformat()} if isinstance(part, Bookmark) else {"rows": list(part.records())}
        for part in ReportReading(run, report)
    ]
    (entity,) = [entity for entity in run.entities if entity.name == "sites"]
    names = [row for page in EntityReading(run, entity) for row in page.records()]
finally:
    run.close()
print(json.dumps({"parts": parts, "names": names, "warnings": run.summary.warnings}, default=str))
"""


def test_the_engine_reads_without_the_singer_sdk(live: Sandbox) -> None:
    """Where singer-sdk cannot be imported, reports and names are read all the same, as the source has them."""
    yesterday = live.today - timedelta(days=1)
    start = yesterday - timedelta(days=13)
    config: dict[str, Any] = {**live.config, "start_date": str(start), "window_days": 10}
    done = subprocess.run(
        [sys.executable, "-c", READS_WITHOUT_SDK], input=json.dumps(config), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    rows = [row for part in said["parts"] for row in part.get("rows", ())]
    source = live.truth(
        group_by=["date", "publisher_visx_id", "site_visx_id"],
        data_fields=["currency", "impressions"],
        start=start,
    )
    assert [(row["date"], row["site_visx_id"], row["currency"], row["impressions"]) for row in rows] == [
        (str(row["date"]), row["site_visx_id"], row["currency"], row["impressions"]) for row in source
    ]
    bookmarks = [part["bookmark"] for part in said["parts"] if "bookmark" in part]
    assert len(bookmarks) == 2
    assert bookmarks[-1] == str(yesterday)
    assert {row["site_visx_id"] for row in said["names"]} == {row["site_visx_id"] for row in source}
    assert said["warnings"] == 0
