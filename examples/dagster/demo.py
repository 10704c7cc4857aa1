"""Backfill all partitions through Dagster, one after another, and run the checks."""

from __future__ import annotations

import sys
import time

import dagster as dg
from definitions import PARTITIONS, defs


def main() -> int:
    """Return 0 when every run and every check succeeded."""
    started = time.monotonic()
    with dg.DagsterInstance.get() as instance:
        months = defs.resolve_job_def("read_months")
        keys = PARTITIONS.get_partition_keys()
        for number, key in enumerate(keys, 1):
            done = months.execute_in_process(partition_key=key, instance=instance, raise_on_error=False)
            _say(f"{number:2} of {len(keys)}  {key}  {'read' if done.success else 'FAILED'}")
            if not done.success:
                return 1
        checked = defs.resolve_job_def("check").execute_in_process(instance=instance, raise_on_error=False)
    results = checked.get_asset_check_evaluations()
    for result in results:
        _say(f"{result.asset_key.to_user_string()} {'sums up to' if result.passed else 'DIFFERS from'} daily_totals")
    _say(f"Took {time.monotonic() - started:.0f} s.")
    return 0 if results and all(result.passed for result in results) else 1


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
