"""A morning without an engine: the recent months of each account, one after another, and a check of every table.

`python -m pipeline.morning ACCOUNTS WAREHOUSE`, with a folder of settings and one for the tables.
"""

from __future__ import annotations

import sys
from pathlib import Path

from . import tap, warehouse


def main(accounts: Path, folder: Path) -> int:
    """Return 0 when every run succeeded and every table sums up."""
    failed = False
    for run in tap.planned(accounts, "--recent"):
        try:
            lines, said = tap.read(run, folder / "landing")
        except tap.TapFailed as failure:  # an engine would try again where failure.is_worth_repeating
            failed, said = True, str(failure)
        else:
            warehouse.publish(run, lines, folder)
        sys.stdout.write(f"{run['id']}: {said}\n")
    warehouse.show(folder)
    for table in warehouse.FACTS:
        if table in warehouse.tables(folder):
            differences = warehouse.differences(folder, table)
            failed = failed or bool(differences)
            sys.stdout.write(f"{table} {'; '.join(differences[:5]) or f'sums up to {warehouse.TOTALS}'}\n")
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main(*map(Path, sys.argv[1:])))
    except tap.TapFailed as failure:
        sys.exit(str(failure))
