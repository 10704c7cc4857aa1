"""The results as tables, as a page of the documentation, and as a chart; pure."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Any

from benchmarks.claims import claims
from benchmarks.contenders import AIRBYTE, ALL_PROMISES, CONTENDERS, DLT, FAST_PATH, HERE, ORDINARY, PROMISES, TAP
from benchmarks.verdict import FAILS
from benchmarks.ways import ALONE, IN_DLT, LOADED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RESULTS = HERE / "results" / "latest.json"
TEMPLATE = HERE / "page.md"
PAGE = HERE.parent / "docs" / "benchmarks.md"
IMAGE = HERE.parent / "docs" / "images" / "benchmarks.svg"

WAYS = {way.name: way.title for way in (*LOADED, *IN_DLT)}
TITLES = {contender.name: contender.title for contender in CONTENDERS}
SLOW_TITLES = {
    "tap_yoc 1": "tap-yoc, concurrency 1",
    "tap_yoc 2": "tap-yoc, concurrency 2",
    "tap_yoc 4": "tap-yoc, concurrency 4 (default)",
    "tap_yoc 8": "tap-yoc, concurrency 8",
    "tap_yoc 4, two allowed": "tap-yoc, concurrency 4, server allows two",
    "floor 4": "hand-tuned floor, 4 in flight",
    "floor 8": "hand-tuned floor, 8 in flight",
    "dlt": "dlt rest_api",
    "dlt 4": "dlt rest_api, a resource a week, 4 workers",
    "dlt 8": "dlt rest_api, a resource a week, 8 workers",
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
    makers = {
        "a": _throughput,
        "a_https": _encrypted,
        "a_floor": _floor,
        "b": _latency,
        "c": _growth,
        "d": _start,
        "e": _faults,
        "f_alone": _alone,
        "f": _loading,
    }
    made = {name: make(results[name[0]]) if name[0] in results else "" for name, make in makers.items()}
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
        "https_seconds": f"{results['a']['https']['server_seconds']:.2f}",
        "pages": f"{results['b']['pages']:,}",
        "wire": f"{results['b']['pages'] / 40:.1f}",
        "wire_eight": f"{results['b']['pages'] / 80:.1f}",
        "loaded_rows": f"{results['f']['rows']:,}",
        "again_rows": f"{results['f']['again_rows']:,}",
        "loads": str(results["f"]["rounds"]),
        "slow": "; ".join(f"{way.title} ({way.into})" for way in LOADED if way.is_slow),
        "floor_cost": _thousands(results["a"]["contenders"]["floor"]["instructions_per_row"]),
        "tap_cost": _thousands(results["a"]["contenders"]["tap_yoc"]["instructions_per_row"]),
        "bare_cost": _thousands(results["a"]["without"][f"without {ALL_PROMISES}"]),
        "fast_path": _fast_path(results["a"]),
        "alone_rows": f"{results['f']['alone']['rows']:,}",
        "starts": str(results["d"]["rounds"]),
        "fault_rows": f"{results['e']['rows']:,}",
        "versions": table(
            ("environment", "releases"), [(name, release) for name, release in results["versions"].items()]
        ),
    }
    return Template(TEMPLATE.read_text("utf-8")).substitute(values)


def _thousands(instructions: float) -> str:
    return f"{instructions / 1000:.1f}"


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


def _encrypted(part: dict[str, Any]) -> str:
    figures, plain = part["https"]["contenders"], part["contenders"]
    rows = [
        (
            TITLES[name],
            f"{of['seconds']:.2f}",
            f"{of['seconds'] / figures['tap_yoc']['seconds']:.2f}",
            f"{of['cpu_seconds']:.2f}",
            f"{of['cpu_seconds'] - plain[name]['cpu_seconds']:+.2f}",
            f"{part['rows'] / of['seconds']:,.0f}",
        )
        for name, of in figures.items()
    ]
    return table(("", "s", "× tap-yoc", "CPU s", "more than in the clear", "rows a second"), rows)


def _floor(part: dict[str, Any]) -> str:
    tap = part["contenders"]["tap_yoc"]["instructions_per_row"]
    saved = {name: tap - part["without"][f"without {name}"] for name in (*PROMISES, ALL_PROMISES)}
    rows = [(what, f"{saved[name] / 1000:.1f}") for name, what in PROMISES.items()]
    return table(
        ("left out", "thousand instructions a row saved"), [*rows, ("all", f"{saved[ALL_PROMISES] / 1000:.1f}")]
    )


def _fast_path(part: dict[str, Any]) -> str:
    """Return what the fast path saves, in words; nothing if the results are from before it was counted."""
    if not (slow := part["without"].get(f"without {FAST_PATH}")):
        return ""
    fast = part["contenders"]["tap_yoc"]["instructions_per_row"]
    return (
        f"Without the fast path (`_has_plain_rows` in `tap_yoc/singer/base_stream.py`), the SDK's loop takes each row\n"
        f"by itself, as it does with stream maps and flattening: {_thousands(slow)} thousand instructions a row, "
        f"{slow / fast:.1f} times as many."
    )


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


def _alone(part: dict[str, Any]) -> str:
    alone, titles = part["alone"], {way.name: way.title for way in ALONE}
    lines = alone["pipes"]["lines"]["seconds"]
    rows = [
        (
            titles[name],
            f"{of['seconds']:.2f}",
            f"{alone['rows'] / of['seconds']:,.0f}",
            f"{lines / of['seconds']:.2f}",
            f"{of['cpu_seconds']:.2f}",
            f"{of['peak_mb']:.0f}",
        )
        for name, of in alone["pipes"].items()
    ]
    return table(("tap-yoc alone", "s", "rows a second", "speed, × lines", "CPU s", "peak MB"), rows)


def _loading(part: dict[str, Any]) -> str:
    rows, shown = [], ""
    for name, of in part["pipes"].items():
        first, again = of["first"], of["again"]
        figures = (
            f"{first['seconds']:.2f}",
            f"{part['rows'] / first['seconds']:,.0f}",
            f"{first['cpu_seconds']:.2f}",
            f"{first['peak_mb']:.0f}",
            f"{again['seconds']:.2f}",
            f"{again['cpu_seconds']:.2f}",
        )
        if of["verdict"] == FAILS:
            figures = ("",) * len(figures)  # type: ignore[assignment] # as many as above
        rows.append((f"**{of['into']}**" if of["into"] != shown else "", WAYS[name], *figures, of["verdict"]))
        shown = of["into"]
    head = ("into", "by", "s", "rows a second", "CPU s", "peak MB", "again: s", "CPU s", "beside the source")
    text = table(head, rows)
    return text.replace("| --- | ---: |", "| --- | --- |", 1)
