"""Prose lint: proselint and the house's own rules, over pages, docstrings and texts for users (`make lint`).

What is code is left out: snippets, names in backticks, addresses.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

from proselint.checks import __register__ as published_checks
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.registry.checks import Check
from proselint.registry.checks.types import PreferredForms
from proselint.tools import LintFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
PAGES = ("*.md", "docs/*.md", "examples/*/README.md", "benchmarks/page.md")
TEXTS = ("meltano.yml", "tap_yoc/sandbox/static/index.html", "examples/sql/*.sql")
CODE = (
    "tap_yoc/**/*.py",
    "demo/*.py",
    "benchmarks/*.py",
    "examples/**/*.py",
    "tests/simulation/*.py",
    "tests/mutants/*.py",
)
GENERATED = "docs/benchmarks.md"
"""From `benchmarks/page.md`, and figures."""

HOUSE_RULES = {
    r"mend(s|ed|ing)?": "fix",
    r"of which (the|those|so many|any|all|some)": "a sentence of its own",
    r"as far as (is|are|it is) known": "it is not known whether",
    r"whatever .{1,40} says": "regardless of",
    r"told as": "sent as",
    r"(goes|go) before": "takes precedence over",
    r"(is|are) asked for along": "is requested too",
    r"for ever": "every time, forever",
    r"unless told otherwise": "by default",
    r"left out:": "default:",
    r"(read|reads|checked|loaded|come|comes|came) whole": "in full",
    r"some (ten|twenty|thirty|forty|fifty|\d+) (seconds|minutes|requests|lines|days)": "about",
    r"has to be told": "needs to know",
    r"tells? (of|apart|about)": "describes, distinguishes",
    r"what becomes of": "the result of",
    r"in want of|for want of": "without",
    r"anew": "again, from the start",
    r"own reports?": "custom report",
    r"bought no(thing)?": "did not return",
    r"say whether": "return whether (of a function), check whether",
    r"look whether": "check whether",
    r"see (that|whether) (the|a|an|it|there|what|nothing|rows)": "check that",
    r"safe under threads": "thread-safe",
    r"(asked|asks|ask) for (a|an|the|once|by|twice|again)": "requested, requests",
    r"may ask for": "may request",
    r"(it|this|that|which) is no (address|day|row|setting|catalog|file|JSON|page|number|name)": "is not",
    r"holds (a|an|no|the) (value|number|pair|list|token|certificate|day|bookmark|query)": "contains, has",
    r"none of (ours|its|theirs)": "not one of",
    r"in so many words": "explicitly",
    r"so many (days|seconds|rows|pages|requests|places|queries|minutes)": "this many, some",
    r"(is|are|was|were|be|gets?) told": "is reported, is sent",
    r"tells (the|a|an|what|which|how|it|that|whether) ?": "says, shows, reports",
    r"to be had": "available",
    r"(comes?|came) about": "is established, happens",
    r"as (click|the SDK|JSON|requests|dlt|the state|the metadata|Response) (has|have|takes) (it|them)": "as in",
    r"behind (the|a|an) (point|last|window|day)": "after",
    r"any more": "no longer",
    r"which is not known": "which is unknown",
    r"whoever (asks|looks|reads|waits|calls|steers|gets|has|runs|knows|wants)": "name who it is",
    r"of (its|their|his) own accord": "by itself",
    r"lies (after|before|past|in|at)": "is after",
    r"nobody knows": "is unknown",
    r"a row an id|one row a column|rows a page|one instance a (tap|run)": "per",
    r"(made|makes) (up )?room": "free some space",
    r"stands between": "is in between",
    r"beside it\b": "too",
}
"""What a native technical writer would not say, and what to write instead."""

OFF = (
    "annotations",
    "dates_times",
    "lexical_illusions",
    "typography",
    "misc",
    "social_awareness",
    "hedging",
    "uncomparables",
)
"""Published checks that judge tables, units and quotation marks rather than sentences."""


def checks() -> tuple[Check, ...]:
    """Return all rules."""
    house = Check(check_type=PreferredForms(HOUSE_RULES), path="house", message="Write '{}' instead of '{}'.")
    return (*published_checks, house)


def without_code(page: str) -> str:
    """Return a page with blanks in place of its code, so that places stay where they are."""
    for pattern in (
        r"^( *)```.*?^\1```",
        r"<style>.*?</style>",
        r"`[^`\n]*`",
        r"https?://\S+",
        r"\]\([^)]*\)",
        r"<!--.*?-->",
    ):
        page = re.sub(pattern, lambda match: re.sub(r"\S", " ", match[0]), page, flags=re.MULTILINE | re.DOTALL)
    return page


def without_statements(code: str) -> str:
    """Return a module with blanks in place of all but its docstrings, and texts and comments of several words."""
    kept = [[" "] * len(line) for line in code.splitlines()]
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        is_text = token.type in {tokenize.STRING, tokenize.COMMENT, *FSTRING_MIDDLE}
        if is_text and re.search(r"[a-z]+ [a-z]+", token.string):
            for number, line in enumerate(token.string.split("\n")):
                row = token.start[0] - 1 + number
                column = 0 if number else token.start[1]
                kept[row][column : column + len(line)] = line
    texts = "\n".join("".join(line) for line in kept)
    return without_code(re.sub(r"\{[^{}\n]*\}", lambda match: " " * len(match[0]), texts))


FSTRING_MIDDLE = {getattr(tokenize, "FSTRING_MIDDLE", -1)}
"""Since Python 3.12, the texts between the braces are tokens of their own."""


def found(content: str, name: str) -> Iterator[str]:
    """Yield what the rules find in a text, each with its place."""
    # What is quoted would be left out, and in code all texts are.
    content = re.sub("[\"'\u2018-\u201d]", "-", content)
    config = {**DEFAULT, "checks": {**DEFAULT["checks"], **dict.fromkeys(OFF, False), "house": True}}
    for result in LintFile(name, content).lint(config) if content.strip() else ():
        line, column = result.pos
        yield f"{name}:{line}:{column}: {result.check_result.message} ({result.check_result.check_path})"


def main(paths: Sequence[str] = ()) -> int:
    """Print what is found in the project, or in some files; return 1 when anything is."""
    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many(checks())
    files = {path for form in paths or (*PAGES, *TEXTS, *CODE) for path in ROOT.glob(form)}
    findings = 0
    for path in sorted(files - {ROOT / GENERATED}):
        if ".venv" in path.parts or ".demo" in path.parts:
            continue
        text = path.read_text("utf-8")
        prose = without_statements(text) if path.suffix == ".py" else without_code(text)
        for finding in found(prose, path.relative_to(ROOT).as_posix()):
            findings += 1
            print(finding)  # noqa: T201 - a command
    return min(findings, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
