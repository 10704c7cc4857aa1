"""The tap under Dagster: partitions of account and month, one run of the tap each, and a check of every table."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from pipeline import tap, warehouse

ACCOUNTS = Path(os.environ.get("YOC_ACCOUNTS", ".demo/accounts")).absolute()
WAREHOUSE = Path(os.environ.get("YOC_WAREHOUSE", ".demo/warehouse")).absolute()
RETRY_SECONDS = float(os.environ.get("YOC_RETRY_SECONDS", "300"))
ZONE = "Europe/Berlin"

# Made again whenever Dagster loads this file; a run plans again, because the day may have changed.
PLAN = tap.planned(ACCOUNTS)
TABLES = sorted({stream for run in PLAN for stream in run["state"]["bookmarks"]})
PARTITIONS = dg.MultiPartitionsDefinition(
    {
        "account": dg.StaticPartitionsDefinition(sorted({run["account"] for run in PLAN})),
        # A fixed first month keeps older partitions in sight when YOC no longer serves them.
        "month": dg.MonthlyPartitionsDefinition(
            start_date=os.environ.get("YOC_FIRST_MONTH") or min(run["window"] for run in PLAN),
            timezone=ZONE,
            end_offset=1,  # this month from its first day
        ),
    }
)


@dg.multi_asset(
    name="read",
    specs=[dg.AssetSpec(table, skippable=True) for table in TABLES],
    partitions_def=PARTITIONS,
    retry_policy=dg.RetryPolicy(max_retries=3, delay=RETRY_SECONDS, backoff=dg.Backoff.EXPONENTIAL),
    pool="yoc",
)
def read(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Read the days of one month and account and put them into the place of what was read of them before."""
    account, month = (context.partition_key.keys_by_dimension[name] for name in ("account", "month"))
    try:
        runs = {run["id"]: run for run in tap.planned(ACCOUNTS, "--from", month)}
        run = runs.get(f"{account}-{month}")
        if run is None:
            raise dg.Failure(f"YOC serves no day of {month} now.", allow_retries=False)
        lines, said = tap.read(run, WAREHOUSE / "landing")
    except tap.TapFailed as failure:
        raise dg.Failure(
            f"{account}, {month}: {failure}",
            metadata={"exit_code": failure.exit_code},
            allow_retries=failure.is_worth_repeating,
        ) from failure
    rows = warehouse.publish(run, lines, WAREHOUSE)
    days = {"first_day": run["first_day"], "last_day": run["last_day"], "tap": said}
    for table in TABLES:
        if table in rows:
            yield dg.MaterializeResult(asset_key=table, metadata={"dagster/partition_row_count": rows[table], **days})


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("sums_up_to_daily_totals", asset=table, additional_deps=[warehouse.TOTALS])
        for table in warehouse.FACTS
        if table in TABLES
    ]
)
def sums_up() -> Iterator[dg.AssetCheckResult]:
    """Compare every day of every account with the account's totals, over all that is in the warehouse."""
    warehouse.show(WAREHOUSE)
    for table in warehouse.FACTS:
        if table in TABLES:
            found = warehouse.differences(WAREHOUSE, table)
            yield dg.AssetCheckResult(
                asset_key=table,
                check_name="sums_up_to_daily_totals",
                passed=not found,
                metadata={"differences": len(found), "first": "; ".join(found[:5])},
            )


read_months = dg.define_asset_job("read_months", selection=dg.AssetSelection.assets(read))
check = dg.define_asset_job("check", selection=dg.AssetSelection.checks(sums_up))


@dg.schedule(job=read_months, cron_schedule="10 6 * * *", execution_timezone=ZONE)
def every_morning(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """Read the months again that hold yesterday or a day of the lookback, one run for each account and month."""
    today = context.scheduled_execution_time.date().isoformat()
    for run in tap.planned(ACCOUNTS, "--recent", "--today", today):
        yield dg.RunRequest(
            run_key=f"{run['id']} on {today}",
            partition_key=dg.MultiPartitionKey({"account": run["account"], "month": run["window"]}),
        )


defs = dg.Definitions(
    assets=[read],
    asset_checks=[sums_up],
    jobs=[read_months, check],
    schedules=[every_morning],
)
