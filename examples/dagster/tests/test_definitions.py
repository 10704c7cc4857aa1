"""The example does what its README says, in this process and against two sandboxes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest
from pipeline import warehouse
from pipeline.sandboxes import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster without runs, in memory."""
    with dg.DagsterInstance.ephemeral() as new:
        yield new


def months(definitions: ModuleType) -> list[str]:
    """Return the months that YOC serves a day of, oldest first."""
    return sorted({run["window"] for run in definitions.PLAN})


def read(definitions: ModuleType, instance: dg.DagsterInstance, account: str, month: str) -> dg.ExecuteInProcessResult:
    """Run one partition."""
    job = definitions.defs.resolve_job_def("read_months")
    key = dg.MultiPartitionKey({"account": account, "month": month})
    return job.execute_in_process(partition_key=key, instance=instance, raise_on_error=False)


def tries(result: dg.ExecuteInProcessResult) -> int:
    """Return how often the tap was started."""
    return 1 + sum(event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY for event in result.all_events)


def check(definitions: ModuleType, instance: dg.DagsterInstance) -> dict[str, bool]:
    """Run the checks and return by table whether they passed."""
    result = definitions.defs.resolve_job_def("check").execute_in_process(instance=instance, raise_on_error=False)
    return {found.asset_key.to_user_string(): found.passed for found in result.get_asset_check_evaluations()}


def test_partitions_are_accounts_by_the_months_served(definitions: ModuleType) -> None:
    """Six months and a piece of one touch seven or eight months of the calendar; each is there for both accounts."""
    served = months(definitions)
    assert 6 <= len(served) <= 8
    partitions = [key.keys_by_dimension for key in definitions.PARTITIONS.get_partition_keys()]
    keys = {(key["account"], key["month"]) for key in partitions}
    assert keys >= {(account, month) for account in ("north", "south") for month in served}


def test_partitions_become_tables_that_equal_the_source(definitions: ModuleType, instance: dg.DagsterInstance) -> None:
    """One run a partition, after an outage (exit code 5) another try; every figure of both accounts is there once.

    However often a partition is read; and the check sees when a figure is lost, also while somebody reads the database.
    """
    first, *_, last = months(definitions)
    for account, month, outages in (("south", first, 0), ("north", last, 0), ("north", last, 1)):
        if outages:
            ask(definitions.ACCOUNTS, account, "faults", {"kind": "status", "status": 503, "times": outages})
        result = read(definitions, instance, account, month)
        assert result.success
        assert tries(result) == 1 + outages
        assert len(result.get_asset_materialization_events()) == len(definitions.TABLES)
    assert check(definitions, instance) == dict.fromkeys(
        ["account_daily", "ad_unit_daily", "country_daily", "publisher_daily", "site_daily"], True
    )
    with duckdb.connect(str(warehouse.show(definitions.WAREHOUSE)), read_only=True) as database:
        for account, month in (("south", first), ("north", last)):
            (run,) = (run for run in definitions.PLAN if run["id"] == f"{account}-{month}")
            truth = ask(
                definitions.ACCOUNTS,
                account,
                "truth",
                {
                    "group_by": ["date", "site_visx_id"],
                    "data_fields": ["impressions"],
                    "start": run["first_day"],
                    "end": run["last_day"],
                },
            )
            mine = database.execute(
                "SELECT date::VARCHAR, site_visx_id, sum(impressions)::BIGINT FROM site_daily "
                "WHERE account = ? GROUP BY ALL ORDER BY ALL",
                [account],
            ).fetchall()
            assert mine == sorted((row["date"], row["site_visx_id"], row["impressions"]) for row in truth)

    file = definitions.WAREHOUSE / "country_daily" / "account=north" / f"{last}.parquet"
    whole = file.read_bytes()
    duckdb.execute(f"COPY (FROM '{file}' WHERE country <> 'CH') TO '{file}.less' (FORMAT parquet)")
    file.with_name(f"{file.name}.less").replace(file)
    with duckdb.connect(str(definitions.WAREHOUSE / warehouse.DATABASE), read_only=True):
        assert [table for table, passed in check(definitions, instance).items() if not passed] == ["country_daily"]
    file.write_bytes(whole)


def test_a_refused_login_is_not_tried_again(definitions: ModuleType, instance: dg.DagsterInstance) -> None:
    """Exit code 3: one try, the tap's own sentence, and what was read before stays as it is."""
    config = definitions.ACCOUNTS / "south.json"
    right = config.read_text("utf-8")
    before = sorted(definitions.WAREHOUSE.rglob("*.parquet"))
    config.write_text(json.dumps({**json.loads(right), "password": "another"}), encoding="utf-8")
    try:
        result = read(definitions, instance, "south", months(definitions)[0])
    finally:
        config.write_text(right, encoding="utf-8")
    assert not result.success
    assert tries(result) == 1
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    said = failure.step_failure_data.user_failure_data
    assert "YOC refuses the login" in said.description
    assert said.metadata["exit_code"].value == 3
    assert sorted(definitions.WAREHOUSE.rglob("*.parquet")) == before
    assert not list((definitions.WAREHOUSE / "landing").iterdir())


def test_every_morning_asks_for_the_months_of_the_lookback(definitions: ModuleType) -> None:
    """Yesterday and the seven days before it, for each account."""
    now = datetime.now(BERLIN)
    days = [now.date() - timedelta(days=n) for n in range(1, 9)]
    context = dg.build_schedule_context(
        scheduled_execution_time=now, repository_def=definitions.defs.get_repository_def()
    )
    requests = [
        request.partition_key.keys_by_dimension
        for request in definitions.every_morning.evaluate_tick(context).run_requests
    ]
    assert sorted((key["account"], key["month"]) for key in requests) == sorted(
        {(account, f"{day:%Y-%m}-01") for account in ("north", "south") for day in days}
    )
