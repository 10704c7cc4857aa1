"""The mutants fit the code, and the page has what the simulator saw of each; `make mutants` plays against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mutants.mutant import PACKAGE
from mutants.results import BEGIN, END, PAGE, UNCHANGED, kept, section, shortened
from mutants.table import MUTANTS

if TYPE_CHECKING:
    from mutants.mutant import Mutant


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_fits_the_code(mutant: Mutant) -> None:
    """What a mutant replaces is there exactly once, and what it leaves is Python."""
    assert mutant.times_found == 1
    broken = (PACKAGE / mutant.file).read_text("utf-8").replace(mutant.old, mutant.new)
    compile(broken, mutant.file, "exec")


def test_every_mutant_was_seen() -> None:
    """The last complete run had these mutants, saw each of them, and nothing in the package as it is."""
    results = kept()
    assert [name for name in MUTANTS if "life" not in results[name]] == []
    assert results.keys() == {UNCHANGED, *MUTANTS}
    assert "life" not in results[UNCHANGED]


def test_the_page_shows_the_results() -> None:
    """The table of docs/soak.md is made of the results."""
    assert PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0] == section(kept())


@pytest.mark.parametrize(
    ("sentence", "cell"),
    [
        ("exit 4, and only [0] fits the faults: INFO a\nlog", "exit 4, and only [0] fits the faults"),
        ("a | b", "a  b"),
        ("word " * 20, "word word word word word word word word word word word word word word word word …"),
    ],
    ids=["log", "mark of a table", "long"],
)
def test_a_sentence_fits_into_a_cell(sentence: str, cell: str) -> None:
    """The log behind a sentence is left out, marks of a table are, and long ones are cut between words."""
    assert shortened(sentence) == cell
