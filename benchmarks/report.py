"""The results as tables, as a page of the documentation, and as a chart; pure."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Any

from benchmarks.claims import claims
from benchmarks.contenders import AIRBYTE, CONTENDERS, DLT, HERE, ORDINARY, TAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESULTS = HERE / "results" / "latest.json"
TEMPLATE = HERE / "page.md"
PAGE = HERE.parent / "docs" / "benchmarks.md"
IMAGE = HERE.parent / "docs" / "images" / "benchmarks.svg"

TITLES = {contender.name: contender.title for contender in CONTENDERS}
SLOW_TITLES = {
    "tap_yoc 1": "tap-yoc, concurrency 1",
    "tap_yoc 2": "tap-yoc, concurrency 2",
    "tap_yoc 4": "tap-yoc, concurrency 4 (default)",
    "tap_yoc 8": "tap-yoc, concurrency 8",
    "tap_yoc 4, two allowed": "tap-yoc, concurrency 4, server allows two",
    "floor 4": "hand-tuned floor, 4 in flight",
    "dlt": "dlt rest_api",
    "ordinary_sdk": "ordinary SDK tap",
    "airbyte_cdk 2": "Airbyte low-code CDK, 2 workers (default)",
    "airbyte_cdk 4": "Airbyte low-code CDK, 4 workers",
    "airbyte_cdk 8": "Airbyte low-code CDK, 8 workers",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are to the right."""
    lines = [head, ["---", *["---:" for _ in head[1:]]], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables(results: dict[str, Any], *, are_judged: bool = True) -> str:
    """Return the tables of the parts that were run; sizes too small to be judged by leave the claims out."""
    made = sections(results)
    return "\n\n".join(text for name, text in made.items() if text and (are_judged or name != "claims"))


def sections(results: dict[str, Any]) -> dict[str, str]:
    """Return each part's table, empty where it was not run."""
    makers = {"a": _throughput, "b": _latency, "c": _growth, "d": _start, "e": _faults}
    made = {name: make(results[name]) if name in results else "" for name, make in makers.items()}
    return {"claims": _claims(results), **made}


def page(results: dict[str, Any]) -> str:
    """Return the page of the documentation."""
    machine = results["machine"]
    values = {
        **{f"table_{name}": text for name, text in sections(results).items()},
        **machine,
        "when": results["when"],
        "minutes": f"{results['took_seconds'] / 60:.0f}",
        "rows": f"{results['a']['rows']:,}",
        "rounds": str(results["a"]["rounds"]),
        "server_seconds": f"{results['a']['server_seconds']:.2f}",
        "pages": f"{results['b']['pages']:,}",
        "wire": f"{results['b']['pages'] / 40:.1f}",
        "starts": str(results["d"]["rounds"]),
        "fault_rows": f"{results['e']['rows']:,}",
        "versions": table(
            ("environment", "releases"), [(name, release) for name, release in results["versions"].items()]
        ),
    }
    return Template(TEMPLATE.read_text("utf-8")).substitute(values)


def _claims(results: dict[str, Any]) -> str:
    rows = [(claim.says, claim.measured, "yes" if claim.holds else "**no**") for claim in claims(results)]
    return table(("claim", "measured", "holds"), rows)


def _throughput(part: dict[str, Any]) -> str:
    figures = part["contenders"]
    tap = figures["tap_yoc"]
    rows = [
        (
            TITLES[name],
            f"{of['instructions_per_row'] / 1000:,.1f}",
            f"{of['instructions_per_row'] / tap['instructions_per_row']:.2f}",
            f"{of['seconds']:.2f}",
            f"{of['seconds'] / tap['seconds']:.2f}",
            f"{of['cpu_seconds']:.2f}",
            f"{part['rows'] / of['seconds']:,.0f}",
            f"{of['peak_mb']:.0f}",
        )
        for name, of in figures.items()
    ]
    head = ("", "thousand instructions a row", "× tap-yoc", "s", "× tap-yoc", "CPU s", "rows a second", "peak MB")
    return table(head, rows)


def _latency(part: dict[str, Any]) -> str:
    seconds = part["seconds"]
    tap = seconds["tap_yoc 4"]
    rows = [
        (title, f"{seconds[name]:.1f}", f"{seconds[name] / tap:.2f}")
        for name, title in SLOW_TITLES.items()
        if name in seconds
    ]
    return table(("", "s", "× tap-yoc at 4"), rows)


def _growth(part: dict[str, Any]) -> str:
    rows = []
    for name, sizes in part["contenders"].items():
        costs = [f"{cost / 1000:.1f}" for cost in part["tap_instructions_per_row"]] if name == TAP.name else []
        for number, size in enumerate(sizes):
            added = costs[number - 1] if number and costs else ""
            cells = (f"{size['rows']:,}", f"{size['cpu_seconds']:.2f}", added, f"{size['peak_mb']:.1f}")
            rows.append(("" if number else TITLES[name], *cells))
    return table(("", "rows", "CPU s", "thousand instructions for each row more", "peak MB"), rows)


def _start(part: dict[str, Any]) -> str:
    tap = part["seconds"]["tap_yoc"]
    rows = [
        (
            TITLES[name],
            f"{seconds:.2f}",
            f"{seconds / tap:.2f}",
            f"{part['instructions'][name] / 1e9:.2f}" if name in part["instructions"] else "",
        )
        for name, seconds in part["seconds"].items()
    ]
    return table(("", "s", "× tap-yoc", "billion instructions"), rows)


def _faults(part: dict[str, Any]) -> str:
    judged = (TAP, DLT, AIRBYTE, ORDINARY)
    rows = [(what, *(line[contender.name] for contender in judged)) for what, line in part["lines"].items()]
    return table(("the server", *(contender.title for contender in judged)), rows).replace("---:", "---")


WIDTH, LEFT, LINE, BAR = 860, 300, 26, 18
LONGEST = WIDTH - LEFT - 130
OURS, THEIRS, FLOOR_COLOUR = "#0f766e", "#94a3b8", "#cbd5e1"


def chart(results: dict[str, Any]) -> str:
    """Return two panels of bars as SVG: instructions a row, and seconds where pages take 100 ms."""
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
            f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end" fill="#334155">{label}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{length}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{LEFT + length + 8}" y="{y + 14}" fill="#0f172a">{value:.1f}{unit}</text>',
        ]
        y += LINE
    return y
