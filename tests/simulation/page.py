"""The part of docs/soak.md that shows how much was played; `make docs` writes it from `totals.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simulation.faults import CACHE, CLOCK, DISK, KINDS, OUTPUT, PROCESS, SERVER, STATE, WIRE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "soak.md"
TOTALS = Path(__file__).with_name("totals.json")
BEGIN, END = "<!-- made by `make docs` from tests/simulation/totals.json -->", "<!-- end of the totals -->"
LAYERS = {
    SERVER: "the server's answers",
    WIRE: "the connection, and bodies on their way",
    PROCESS: "the process",
    OUTPUT: "stdout",
    CACHE: "the token cache",
    DISK: "the disk under it",
    CLOCK: "the clock",
    STATE: "the state",
}
EXIT_CODES = {0: "all there", 1: "stdout took no more", 2: "settings", 3: "login", 4: "incomplete", 5: "unavailable"}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page with the totals as they are now."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{section(json.loads(TOTALS.read_text(encoding='utf-8')))}\n{END}{after}"


def section(totals: dict[str, Any]) -> str:
    """Return what was played, in Markdown."""
    mornings, real, seconds = (totals[name] for name in ("mornings", "real", "seconds"))
    failures = len(totals["failures"])
    verdict = f"**{failures or 'no'} failure{'s' * (failures != 1)}**"
    figures = {
        "mornings without any fault": f"{totals['clean']:,}",
        "mornings as real processes, with signals, pipes and HTTP": f"{real:,} ({100 * real / max(mornings, 1):.1f} %)",
        f"time on {totals['workers']} cores": f"{seconds / 60:,.0f} minutes",
        "mornings a minute": f"{60 * mornings / max(seconds, 1):,.0f}",
        "mornings a minute of CPU": f"{60 * mornings / max(totals['cpu_seconds'], 1):,.0f}",
        "memory of one worker, over all its lives": f"{totals['megabytes']} MB at most",
    }
    lines = [
        f"{mornings:,} mornings of {totals['lives']:,} lives at commit `{totals['commit']}`: {verdict}.",
        "",
        "| what | how much |",
        "|---|---|",
        *(f"| {name} | {figure} |" for name, figure in figures.items()),
        "",
        "| faults on | which, and how often |",
        "|---|---|",
    ]
    for layer, name in LAYERS.items():
        counts = {kind: totals["faults"].get(kind, 0) for kind in KINDS if KINDS[kind].layer == layer}
        shown = ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items(), key=lambda item: -item[1]))
        lines.append(f"| {name} | {shown} |")
    lines += [
        f"| two runs at once | {totals['faults'].get('two at once', 0):,} |",
        "",
        "| exit code | runs |",
        "|---|---|",
    ]
    for text, count in totals["exit_codes"].items():
        code = int(text)
        name = EXIT_CODES.get(code) or (f"signal {code - 128}" if code > 0 else "killed")
        lines.append(f"| {code} ({name}) | {count:,} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
