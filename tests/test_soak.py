"""`make soak` itself: what it counts, what it says of a failure, and the page that it makes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from simulation import life, oracle, page, soak
from simulation.faults import Fault
from simulation.server import METADATA, REPORT
from simulation.shrink import command_for, described, played, shrunk

if TYPE_CHECKING:
    from pathlib import Path

    from simulation.morning import Outcome


def test_a_failing_life_is_reported_with_the_faults_it_takes_and_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all faults of a life, only the one that makes it fail is left, and the command names it."""
    slow = {"kind": "slow", "place": METADATA, "seconds": 5.0}
    drawn = [
        Fault(number=1, morning=0, kind="slow", options=slow),
        Fault(number=2, morning=1, kind="hangs", options={"kind": "hangs", "place": METADATA, "seconds": 61.0}),
        Fault(number=3, morning=1, kind="slow", options={**slow, "place": REPORT}),
    ]

    def wrong_ending(outcome: Outcome, _: object) -> list[str]:
        return ["an answer was waited for in vain"] if outcome.virtual_seconds > 60 else []

    monkeypatch.setattr(life, "drawn_faults", lambda *_: drawn)
    monkeypatch.setattr(oracle, "wrong_ending", wrong_ending)
    failure, _ = played(3, until=9)
    assert failure
    smallest, is_steady = shrunk(failure)
    assert is_steady
    assert [fault.number for fault in smallest.faults] == [2]
    assert "an answer was waited for in vain" in described(smallest)
    assert command_for(smallest, real=False) == "make soak ARGS=\"--seed 3 --until 1 --only '2' --no-processes\""


def test_it_ends_after_so_many_mornings_and_writes_the_totals(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The totals of all lives are in the file, and the exit code says whether all is well."""
    file = tmp_path / "totals.json"
    arguments = ["--mornings", "1", "--workers", "1", "--first-seed", "3", "--no-processes", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["soak", *arguments])
    with pytest.raises(SystemExit) as stop:
        soak.main()
    assert stop.value.code == 0, capsys.readouterr().out
    totals = json.loads(file.read_text("utf-8"))
    assert totals["failures"] == []
    assert totals["mornings"] == sum(totals["exit_codes"].values()) >= 1
    assert "**no failures**" in page.section(totals)


def test_the_page_has_the_totals_of_the_last_long_run() -> None:
    """`make docs` was run after the totals were written."""
    assert page.page() == page.PAGE.read_text("utf-8")
