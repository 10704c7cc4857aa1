"""`make bench`: set up every contender, run the parts, and write the results and their page."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.capacity import write as write_capacity
from benchmarks.chart import chart
from benchmarks.environments import LOADING_NAMES, NAMES, set_up, versions
from benchmarks.parts import PARTS
from benchmarks.report import IMAGE, PAGE, RESULTS, page, tables
from benchmarks.scale import QUICK, Scale, say

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - so that no disk is measured; what is made there is private


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; return 0 when it ran."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", help="parts to run, such as a,b; prints their tables and writes no page")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, one round; prints, judges no claim and writes no page"
    )
    parser.add_argument("--render", action="store_true", help="only make the page from the results that are there")
    parser.add_argument("--setup", action="store_true", help="only make the environments")
    options = parser.parse_args(arguments)
    if options.render:
        _write(json.loads(RESULTS.read_text("utf-8")))
        return 0
    chosen = options.only.split(",") if options.only else list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    with ThreadPoolExecutor() as pool:
        list(pool.map(set_up, [*NAMES, *(LOADING_NAMES if "f" in chosen else ())]))
    if options.setup:
        return 0
    if not shutil.which("valgrind"):
        parser.error("valgrind is needed to count instructions")
    memory = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="tap-yoc-bench-", dir=memory) as folder:
        results = _run(chosen, Scale(folder=Path(folder), **(QUICK if options.quick else {})))
    if options.only or options.quick:
        say("\n" + tables(results, are_judged=not options.quick))
    else:
        _write(results)
        say(f"\n{tables(results)}\nTook {results['took_seconds'] / 60:.0f} minutes.")
    return 0


def _run(chosen: Sequence[str], scale: Scale) -> dict[str, Any]:
    started = time.monotonic()
    results: dict[str, Any] = {
        "when": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": _machine(),
        "versions": versions(),
    }
    for name in chosen:
        say((PARTS[name].__doc__ or name).splitlines()[0])
        results[name] = PARTS[name](scale)
    return {**results, "took_seconds": round(time.monotonic() - started)}


def _machine() -> dict[str, str]:
    model = platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    information = Path("/proc/cpuinfo")
    for line in information.read_text("utf-8").splitlines() if information.exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    valgrind = subprocess.run(["valgrind", "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S607 - the PATH's
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "memory": f"{memory / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "counter": valgrind.strip(),
    }


def _write(results: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")
    IMAGE.parent.mkdir(exist_ok=True)
    IMAGE.write_text(chart(results), encoding="utf-8")
    write_capacity()


if __name__ == "__main__":
    sys.exit(main())
