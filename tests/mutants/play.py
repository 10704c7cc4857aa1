"""The simulator against one mutant: `make mutants` runs this in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from simulation.sample import MORNINGS, SEEDS
from simulation.shrink import played

import tap_yoc

LONGEST_SENTENCE = 300


def main(folder: str) -> None:
    """Play lives with the package in a folder until something is wrong, and print what was seen as JSON."""
    if not Path(tap_yoc.__file__).is_relative_to(folder):
        sys.exit(f"{tap_yoc.__file__} is not the copy in {folder}")
    mornings = 0
    seen = {}
    for seed in SEEDS:
        failure, totals = played(seed, until=MORNINGS - 1)
        mornings += totals.mornings
        if failure:
            seen = {"life": seed, "saw": failure.what[0][:LONGEST_SENTENCE]}
            break
    print(json.dumps({"mornings": mornings, **seen}))  # noqa: T201 - for the process that waits


if __name__ == "__main__":
    main(sys.argv[1])
