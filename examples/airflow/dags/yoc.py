"""The tap under Airflow: one task maps over the plan, one run of the tap each, and one checks every table."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from pipeline import tap, warehouse

ACCOUNTS = Path(os.environ.get("YOC_ACCOUNTS", ".demo/accounts")).absolute()
WAREHOUSE = Path(os.environ.get("YOC_WAREHOUSE", ".demo/warehouse")).absolute()
RETRY_DELAY = timedelta(seconds=float(os.environ.get("YOC_RETRY_SECONDS", "300")))
SIDE_BY_SIDE = 4


@dag(
    schedule="10 6 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
    catchup=False,
    max_active_runs=1,
    params={"from": Param(None, type=["string", "null"], format="date", description="backfill from this day on")},
)
def yoc() -> None:
    """Read the recent months of each account every morning; `{"from": "2026-01-01"}` reads all days since then."""

    @task
    def plan() -> list[dict[str, Any]]:
        """Return the runs of today, or those since the day that was asked for."""
        first = get_current_context()["params"]["from"]
        return tap.planned(ACCOUNTS, *(["--from", first] if first else ["--recent"]))

    @task(
        map_index_template="{{ window }}",
        max_active_tis_per_dag=SIDE_BY_SIDE,
        retries=3,
        retry_delay=RETRY_DELAY,
        retry_exponential_backoff=True,
    )
    def read(run: dict[str, Any]) -> str:
        """Read the days of one month and account and put them into the place of what was read of them before."""
        get_current_context()["window"] = run["id"]
        try:
            lines, said = tap.read(run, WAREHOUSE / "landing")
        except tap.TapFailed as failure:
            kind = AirflowException if failure.is_worth_repeating else AirflowFailException
            raise kind(f"{run['id']}: {failure}") from failure
        warehouse.publish(run, lines, WAREHOUSE)
        return said

    @task(trigger_rule="all_done")
    def check() -> None:
        """Compare every day of every account with the account's totals, over all that is in the warehouse."""
        warehouse.show(WAREHOUSE)
        found = []
        for table in warehouse.FACTS:
            if table in warehouse.tables(WAREHOUSE):
                differences = warehouse.differences(WAREHOUSE, table)
                said = "DIFFERS from" if differences else "sums up to"
                sys.stdout.write(f"{table} {said} {warehouse.TOTALS}\n")
                found += differences
        if found:
            raise AirflowFailException(f"{len(found)} figures do not sum up: {'; '.join(found[:5])}")

    @task
    def complete() -> None:
        """Fail the run of the DAG when anything before failed: its last task decides, and `check` runs all the same."""

    months = read.expand(run=plan())
    months >> check() >> (last := complete())
    months >> last


yoc()
