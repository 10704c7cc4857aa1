"""The project's pages, as tests look at them: their sections, tables, snippets, commands, links and anchors."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
SHELL = ("sh", "bash")

_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def text_of(page: str) -> str:
    """Return a page as it stands."""
    return (ROOT / page).read_text("utf-8")


def prose_of(page: str) -> str:
    """Return a page without its snippets."""
    return _FENCED.sub("", text_of(page))


def snippets(page: str) -> list[tuple[str, str]]:
    """Return a page's snippets: the language that each names, and its text."""
    return [(match[1], match[2]) for match in _FENCED.finditer(text_of(page))]


def commands(page: str) -> list[str]:
    """Return the commands that a page tells its readers to type, one line each; continued lines are joined.

    Shape: the lines of `sh` snippets without comments, and what follows `$` in `console` snippets.
    """
    found = []
    for language, text in snippets(page):
        lines = [re.sub(r"\s+# .*", "", line) for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines()]
        if language in SHELL:
            found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        elif language == "console":
            found += [line.strip().removeprefix("$ ") for line in lines if line.lstrip().startswith("$ ")]
    return found


def section(page: str, title: str) -> str:
    """Return the text below a heading of the second level."""
    found = text_of(page).partition(f"\n## {title}\n")[2]
    assert found, (page, title)
    return found.partition("\n## ")[0]


def rows_of(text: str) -> list[list[str]]:
    """Return the rows of the only table in a text, without its head; the cells are trimmed."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def table(page: str, title: str) -> list[list[str]]:
    """Return the rows of a section's only table, without its head."""
    rows = rows_of(section(page, title))
    assert rows, (page, title)
    return rows


def links(page: str) -> list[str]:
    """Return where a page's links and pictures point to."""
    return [match.split(" ")[0] for match in re.findall(r"\]\(([^)]+)\)", prose_of(page))]


def anchors(page: str) -> set[str]:
    """Return what can stand behind `#` in a link to a page, as GitHub makes it of the headings."""
    found: set[str] = set()
    for title in re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE):
        anchor = re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        number = 0
        while (unique := f"{anchor}-{number}" if number else anchor) in found:
            number += 1
        found.add(unique)
    return found


def target_of(page: str, link: str) -> tuple[str, str]:
    """Return the path, as seen from the root, and the anchor that a relative link names."""
    path, _, anchor = link.partition("#")
    if not path:
        return page, anchor
    return (ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT).as_posix(), anchor
