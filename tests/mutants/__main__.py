"""`make mutants`: breaks the tap in one place after another, and has the simulator find each breakage.

A run of all mutants writes what was seen to docs/soak.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from mutants.mutant import copy_package
from mutants.results import UNCHANGED, write
from mutants.table import MUTANTS

if TYPE_CHECKING:
    from mutants.results import Result

TESTS = Path(__file__).parents[1]
LONGEST_SECONDS = 900.0


def main() -> int:
    """Play against the mutants, and return 1 if one is not seen or the unchanged package fails."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", help="names of mutants, separated by commas; nothing is written then")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many mutants side by side")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else [UNCHANGED, *MUTANTS]
    began = time.monotonic()
    with ThreadPoolExecutor(options.workers) as pool:
        results = dict(zip(names, pool.map(_told, names), strict=True))
    blind = [name for name, result in results.items() if ("life" in result) is (name == UNCHANGED)]
    print(f"{len(names)} played in {time.monotonic() - began:.0f} s; wrong: {', '.join(blind) or 'none'}")  # noqa: T201 - a command's output
    if not options.only:
        write(results)
    return bool(blind)


def _told(name: str) -> Result:
    result = _played(name)
    when = f"life {result['life']}, after {result['mornings']} mornings" if "life" in result else "nothing is wrong"
    print(f"{name}: {when}: {result.get('saw', '')[:300]}", flush=True)  # noqa: T201 - likewise
    return result


def _played(name: str) -> Result:
    """Return what the simulator sees of a mutant, in a process that has its copy of the package."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        if name == UNCHANGED:
            copy_package(Path(folder))
        else:
            MUTANTS[name].write(Path(folder))
        path = os.pathsep.join([folder, str(TESTS)])
        played = subprocess.run(
            [sys.executable, "-m", "mutants.play", folder],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            timeout=LONGEST_SECONDS,
            check=True,
        )
    result: Result = json.loads(played.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    sys.exit(main())
