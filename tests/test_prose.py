"""The prose lint finds what the house avoids in pages, docstrings and texts, and leaves code alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import prose
import pytest
from proselint.registry import CheckRegistry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module", autouse=True)
def rules() -> None:
    """Register the rules once, as the command does."""
    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many(prose.checks())


def places(text: str) -> list[str]:
    """Return where something is found, as line and column."""
    return [":".join(finding.split(":")[1:3]) for finding in prose.found(text, "x")]


@pytest.mark.parametrize(
    "idiom",
    [
        "Mend it where the settings are kept.",
        "It extracts figures, of which the newest are revised.",
        "It never ends, as far as is known.",
        "It stays quiet whatever the variable says.",
        "The lifetime is told as a number.",
        "A variable goes before the file.",
        'The "mended" file is read.',
        "The very unique case is at this point in time absolutely essential.",
    ],
)
def test_an_idiom_that_the_house_avoids_is_found(idiom: str) -> None:
    """In the middle of a page, with its line."""
    assert {place.partition(":")[0] for place in places(f"# Title\n\n{idiom}\n")} == {"3"}


def test_code_on_a_page_is_left_out() -> None:
    """Snippets, names in backticks and addresses are no prose, and what follows keeps its place."""
    page = "Run `mend` [here](mend.md).\n\n```sh\nmend it\n```\n\nhttps://mend.example\n\nWe mend it.\n"
    assert [place.partition(":")[0] for place in places(prose.without_code(page))] == ["9"]


def test_docstrings_and_texts_of_a_module_are_read_and_nothing_else() -> None:
    """Whatever quotation marks they have, and also between the braces of an f-string."""
    module = (
        '"""Mend a file."""\n\n'
        "def mend(mend: str) -> str:\n"
        "    '''Return it mended.\n\n    As far as is known.\n    '''\n"
        '    raise ValueError(f"{mend} is wrong; mend it")  # mend\n'
    )
    found = places(prose.without_statements(module))
    assert [place.partition(":")[0] for place in found] == ["1", "4", "6", "8"]


def test_the_command_fails_where_something_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the file, the line and what to write instead."""
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("All is well.\n", encoding="utf-8")
    assert prose.main(["*.md"]) == 0
    (tmp_path / "page.md").write_text("Mend it.\n", encoding="utf-8")
    assert prose.main(["*.md"]) == 1
    assert capsys.readouterr().out == "page.md:1:1: Write 'fix' instead of 'Mend'. (house)\n"
