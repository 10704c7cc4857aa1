"""The results as a chart; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.report import SLOW_TITLES, TITLES, WAYS
from benchmarks.verdict import FAILS

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, LEFT, LINE, BAR = 960, 400, 26, 18
LONGEST = WIDTH - LEFT - 130
OURS, THEIRS, FLOOR_COLOUR = "#0f766e", "#94a3b8", "#cbd5e1"


def chart(results: dict[str, Any]) -> str:
    """Return panels of bars as SVG: instructions a row, seconds where pages take 100 ms, and seconds to a table."""
    figures = results["a"]["contenders"]
    costs = [(name, TITLES[name], of["instructions_per_row"] / 1000) for name, of in figures.items()]
    slow = [
        (name, title, results["b"]["seconds"][name])
        for name, title in SLOW_TITLES.items()
        if name in results["b"]["seconds"]
    ]
    pieces: list[str] = []
    top = _panel(pieces, 30, "Thousand instructions a row, less is better", costs, "")
    top = _panel(pieces, top + 34, f"Seconds for {results['b']['pages']} pages of 100 ms, less is better", slow, " s")
    loaded = [
        (f"tap_yoc {name}" if not of["is_peer"] else name, f"{of['into']}: {WAYS[name]}", of["first"]["seconds"])
        for name, of in results["f"]["pipes"].items()
        if of["verdict"] != FAILS
    ]
    words = f"Seconds from the API to a table, {results['f']['rows']:,} rows, less is better"
    top = _panel(pieces, top + 34, words, loaded, " s")
    body = "\n".join(pieces)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _panel(pieces: list[str], top: int, title: str, bars: Sequence[tuple[str, str, float]], unit: str) -> int:
    pieces.append(f'<text x="16" y="{top}" font-weight="bold" fill="#0f172a">{title}</text>')
    most = max(value for *_, value in bars)
    y = top + 14
    for name, label, value in bars:
        colour = OURS if name.startswith("tap_yoc") else FLOOR_COLOUR if name.startswith("floor") else THEIRS
        length = max(1, round(LONGEST * value / most))
        pieces += [
            f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end" fill="#334155">{label.replace("`", "")}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{length}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{LEFT + length + 8}" y="{y + 14}" fill="#0f172a">{value:.1f}{unit}</text>',
        ]
        y += LINE
    return y
