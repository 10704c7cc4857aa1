"""Findings for people, and for machines."""

from __future__ import annotations

import json
import platform
import textwrap
from typing import TYPE_CHECKING, Any

from tap_yoc.doctor.findings import State
from tap_yoc.reports.columns import Role

if TYPE_CHECKING:
    from tap_yoc.doctor.findings import Findings

WIDTH = 100
MARKS = {State.OK: "ok", State.NOTE: "note", State.FAILED: "FAILED", State.SKIPPED: "-"}
SHAPE = 1
"""The version of the JSON format; it changes with every incompatible change."""


def as_json(found: Findings, version: str) -> str:
    """Return the findings as one JSON object, whose names are public."""
    content: dict[str, Any] = {
        "doctor": SHAPE,
        "version": version,
        "python": platform.python_version(),
        "verdict": found.verdict,
        "exit_code": int(found.exit_code),
        "steps": [
            {"name": step.name, "state": step.state.value, "says": step.says, "do": step.do} for step in found.steps
        ],
        "account": {
            "streams": found.streams,
            "left_out": found.left_out,
            "off": found.off,
            "columns": [
                {"name": column.name, "role": column.role.value, "type": column.declared} for column in found.columns
            ],
            "period": found.period or None,
            "sees": found.sees,
            "newest_day": found.newest_day,
            "has_newest_wanted": found.has_newest_wanted,
        },
        "server": {trait.name: trait.value for trait in found.traits},
        "forms": found.forms,
        "without_form": [trait.name for trait in found.traits if not trait.forms],
        "requests": found.requests,
        "repeated": found.repeated,
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def as_text(found: Findings, version: str) -> str:
    """Return the findings as text: the verdict, the steps, and details for maintainers."""
    lines = [found.verdict, ""]
    tried = [step for step in found.steps if not step.missing]
    for step in tried:
        lines += _row(f"{MARKS[step.state]:<8}{step.name:<10}", step.says)
        if step.do:
            lines += _row(" " * 18, f"-> {step.do}")
        if any(other.missing == step.name for other in found.steps):
            lines += _row("-       the rest  ", f"skipped: {step.name} failed")
    if found.columns:
        lines += ["", "What the account has"]
        lines += _row("  streams         ", ", ".join(found.streams))
        for sentence in found.left_out:
            lines += _row("  left out        ", sentence)
        for role in Role:
            lines += _row(f"  {role.value:<16}", _by_type(found, role))
    if found.traits:
        lines += ["", "How the server answers"]
        for trait in found.traits:
            lines += _row(f"  {trait.name.replace('_', ' '):<16}", trait.says)
    if "envelope" in found.forms:
        lines += ["", "For the maintainers: a sandbox with the same answers", *_wrapped_command(found)]
    lines += ["", f"tap-yoc {version}, Python {platform.python_version()}; requests: {found.requests}."]
    lines += ["This output contains no secrets, no names of publishers or sites, and no figures."]
    return "\n".join(lines)


def _by_type(found: Findings, role: Role) -> str:
    """Return the columns of a role, grouped by type."""
    names: dict[str, list[str]] = {}
    for column in found.columns:
        if column.role is role:
            names.setdefault(column.declared or "no type", []).append(column.name)
    return "; ".join(f"{declared}: {', '.join(columns)}" for declared, columns in names.items())


_GLUE = "\0"


def command_of(found: Findings) -> list[str]:
    """Return the command of a sandbox that answers like this server."""
    values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in found.forms.items()}
    return ["tap-yoc-sandbox", *(f"--form {name}={value}" for name, value in values.items())]


def _wrapped_command(found: Findings) -> list[str]:
    """Return the command, wrapped without separating a name from its value."""
    glued = " ".join(part.replace(" ", _GLUE) for part in command_of(found))
    lines = textwrap.wrap(glued, WIDTH - 2, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return " \\\n".join(lines).replace(_GLUE, " ").splitlines()


def _row(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False)
