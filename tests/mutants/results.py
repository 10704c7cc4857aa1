"""What the simulator saw of each mutant, as it is kept, and as docs/soak.md shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, TypedDict

from simulation.sample import MORNINGS, SEEDS

from mutants.table import MUTANTS

UNCHANGED = "unchanged"
"""The package as it is, in which nothing may be seen."""
FILE = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[2] / "docs" / "soak.md"
BEGIN, END = "<!-- made by `make mutants` -->\n", "<!-- end -->\n"
LONGEST = 80


class _Played(TypedDict):
    mornings: int


class Result(_Played, total=False):
    """How many mornings were played, and, if something was wrong at last, when, and the first sentence about it."""

    life: int
    saw: str


def kept() -> dict[str, Result]:
    """Return the results of the last complete run."""
    content: dict[str, Result] = json.loads(FILE.read_text("utf-8"))
    return content


def section(results: dict[str, Result]) -> str:
    """Return the part of the page between its marks."""
    mornings = sorted(result["mornings"] for name, result in results.items() if name != UNCHANGED)
    lines = [
        f"The simulator sees {sum('life' in results[name] for name in MUTANTS)} of {len(MUTANTS)} mutants within",
        f"{MORNINGS} mornings of {len(SEEDS)} lives, and half of them within {mornings[len(mornings) // 2]} mornings.",
        f"Nothing is wrong with the unchanged tap in all {results[UNCHANGED]['mornings']:,} mornings.",
        "",
        "| mutant | the promise that it breaks | seen in life | after mornings | what the simulator says first |",
        "|---|---|---|---|---|",
    ]
    for name, mutant in MUTANTS.items():
        seen = results[name]
        cells = [name, mutant.breaks, seen.get("life", "none"), f"{seen['mornings']:,}", seen.get("saw", "")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def shortened(sentence: str) -> str:
    """Return a sentence without the log that may follow it, as a cell of a table."""
    sentence = re.sub(r" fits the faults: .*", " fits the faults", sentence.splitlines()[0] if sentence else "")
    sentence = re.sub(r"[`|<>]", "", sentence)
    return sentence if len(sentence) <= LONGEST else f"{sentence[:LONGEST].rsplit(' ', 1)[0]} …"


def write_page(results: dict[str, Result]) -> None:
    """Replace what is between the marks of the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{section(results)}{END}{rest.partition(END)[2]}", encoding="utf-8")


def write(results: dict[str, Any]) -> None:
    """Keep the results of a complete run, and show them on the page."""
    results = {
        name: {**result, "saw": shortened(result["saw"])} if "saw" in result else result
        for name, result in results.items()
    }
    FILE.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_page(results)


if __name__ == "__main__":
    write_page(kept())
