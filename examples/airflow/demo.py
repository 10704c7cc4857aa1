"""Run the DAG once as `airflow dags test` does, keep its log in a file, and say what each task did."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

TOLD = re.compile(
    r"\[DAG TEST\] starting task_id=(?P<task>\w+)"
    r"|\| (?P<run>(?:Done|FAILED)\b.*)"  # the tap's own last line
    r"|(?P<check>\w+ (?:sums up to|DIFFERS from) \w+)"
    r"|(?P<error>(?:TapFailed|AirflowException|AirflowFailException)\b.*)"
)
WHAT = {
    "plan": "the months of each account that are to be read",
    "read": "one month of one account",
    "check": "every day of every table against the account's totals",
    "complete": "nothing failed before",
}


def main(log: Path) -> int:
    """Return the exit code of `airflow dags test`, which is not 0 when the run of the DAG failed."""
    started = time.monotonic()
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            ["airflow", "dags", "test", "yoc"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as airflow,
    ):
        for line in airflow.stdout or ():
            file.write(line)
            if match := TOLD.search(line):
                _say(match)
    sys.stdout.write(f"Took {time.monotonic() - started:.0f} s.\n")
    return airflow.returncode


def _say(match: re.Match[str]) -> None:
    task = match["task"]
    sys.stdout.write(f"{task}: {WHAT[task]}\n" if task else f"  {match['run'] or match['check'] or match['error']}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
