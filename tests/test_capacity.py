"""What many large accounts cost is computed from figures that are measured, here and by the benchmark."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from harness import run_tap

from benchmarks.capacity import BYTES_A_ROW, END, PAGE, PAGE_SIZE, REQUESTS_A_RUN, START, load, requests_of, section

if TYPE_CHECKING:
    from harness import Outcome

    from tap_yoc.sandbox.server import Sandbox


@pytest.fixture
def outcome(config: dict[str, Any]) -> Outcome:
    """A run over one window."""
    return run_tap({**config, "start_date": "2026-05-16"})


def test_the_page_has_the_figures_that_are_kept() -> None:
    """`make bench` writes both, `make docs` the page alone."""
    assert PAGE.read_text("utf-8").partition(START)[2].partition(END)[0] == section()


def test_requests_are_as_counted(outcome: Outcome, sandbox: Sandbox) -> None:
    """A run asks for what the model says; ids that were renamed cost one more, which it leaves out."""
    counted = int(re.findall(r"([\d,]+) requests", outcome.log)[-1].replace(",", ""))
    streams = {message["stream"] for message in outcome.messages if message["type"] == "SCHEMA"} - {"report_fields"}
    rows = [len(outcome.records(stream)) for stream in streams]
    assert max(rows) > PAGE_SIZE
    renamed = [request for request in sandbox.requests if '"in"' in json.dumps(request.body.get("query"))]
    assert counted == requests_of(rows) + len(renamed)
    assert len(renamed) <= 2


def test_bytes_a_row_are_as_measured(outcome: Outcome, sandbox: Sandbox, tmp_path: Path) -> None:
    """On the wire, as messages and in Parquet, within a tenth: releases of DuckDB compress differently."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    warehouse = importlib.import_module("pipeline.warehouse")
    lines = [line + b"\n" for line in outcome.lines]
    records = [line for line in lines if line.startswith(b'{"type":"RECORD","stream":"ad_unit_daily"')]
    file = tmp_path / "run.jsonl"
    file.write_bytes(b"".join(lines))
    run = {"id": "north-2026-06-01", "account": "north", "window": "2026-06-01"}
    rows = warehouse.publish(run, file, tmp_path)["ad_unit_daily"]
    parquet = tmp_path / "ad_unit_daily" / "account=north" / "2026-06-01.parquet"
    measured = {
        "on the wire": bytes_of_a_page(sandbox) / PAGE_SIZE,
        "as a Singer message": sum(map(len, records)) / len(records),
        "in Parquet": parquet.stat().st_size / rows,
    }
    assert {where: pytest.approx(count, rel=0.1) for where, count in measured.items()} == BYTES_A_ROW


def bytes_of_a_page(sandbox: Sandbox) -> int:
    """Return the length of a full page of ad units, uncompressed."""
    with requests.Session() as session:
        login = {"grant_type": "password", **sandbox.config}
        token = session.post(f"{sandbox.url}/api/v2/oauth/token", json=login).json()["access_token"]
        metrics = [
            *("total_traffic", "ad_requests", "impressions", "views", "clicks", "vtr_imps", "ctr_imps", "vtr_percent"),
            *("ctr_percent", "billable_events", "revenue", "ecpm", "currency"),
        ]
        units = ["date", "publisher_visx_id", "site_visx_id", "ad_unit_visx_id"]
        body = {"group_by": units, "data_fields": metrics, "sort": ["+date"], "page": 1, "page_size": PAGE_SIZE}
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        answer = session.post(f"{sandbox.url}/api/v1/reporting/publishers", json=body, headers=headers)
        assert answer.status_code == 200
        return len(answer.content)


def test_the_arithmetic_by_hand() -> None:
    """One day: six fact streams and five entities in 1 + 1 + 1 + 1 + 1 + 20 and 1 + 1 + 1 + 1 + 20 pages."""
    one = load("a day", [1], 1)
    assert one.requests == (REQUESTS_A_RUN + 25 + 24) * 1000
    assert one.rows == (1 + 1 + 10 + 300 + 500 + 10_000 + 1 + 1 + 10 + 500 + 10_000) * 1000
