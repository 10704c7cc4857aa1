"""How a run may end: its exit code, its log and its last line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulation.expectation import Expectation
    from simulation.morning import Outcome

LONGEST_VIRTUAL_SECONDS = 4 * 3600.0
MOST_WRITES_AFTER_STOP = 2
"""One may be under way."""
SUMMARY = re.compile(r"(?:INFO|ERROR) (Done:|FAILED \((.*); exit (\d)\)|STOPPED \(signal (\d+)\))")
UNCOMPARED = "days are not compared with them"
"""Part of the warning that the account's totals could not be read."""


def wrong_ending(outcome: Outcome, expected: Expectation) -> list[str]:
    """Return what is wrong with the way a run ended, in sentences."""
    found = []
    code = outcome.exit_code
    text = "\n".join(outcome.log)
    if code not in expected.codes:
        found.append(f"exit {code}, and only {sorted(expected.codes)} fits the faults: {text[-600:]}")
    if expected.is_clean and says_uncompared(outcome):
        found.append("without a fault, the account's totals could not be read")
    if "Traceback" in text:
        found.append(f"a traceback: {text[-1500:]}")
    if outcome.has_lost_output and code == 0:
        found.append("exit 0, and stdout has refused some of the output")
    if outcome.virtual_seconds > LONGEST_VIRTUAL_SECONDS:
        found.append(f"the run took {outcome.virtual_seconds / 3600:.1f} hours")
    if outcome.writes_after_stop > MOST_WRITES_AFTER_STOP:
        found.append(f"the run went on for {outcome.writes_after_stop} writes after it was told to stop")
    if not outcome.is_killed and (wrong := _wrong_last_line(outcome)):
        found.append(wrong)
    return found


def incomplete_days(outcome: Outcome) -> set[str]:
    """Return the days that a run, set to warn of them, says may be incomplete."""
    for line in reversed(outcome.log):
        _, _, text = line.partition(" ")
        if text.startswith("{"):
            return set(json.loads(text).get("incomplete_days", ()))
    return set()


def failed_streams(outcome: Outcome) -> set[str]:
    """Return the streams that have failed, as the last line says."""
    for line in reversed(outcome.log):
        _, _, text = line.partition(" ")
        if text.startswith("{"):
            return set(json.loads(text)["failures"])
        if match := SUMMARY.match(line):
            return set((match[2] or "").split(", "))
    return set()


def says_uncompared(outcome: Outcome) -> bool:
    """Say whether a run has told that it has no totals to compare its days with."""
    return any(UNCOMPARED in line for line in outcome.log)


def _wrong_last_line(outcome: Outcome) -> str:
    last = next((line for line in reversed(outcome.log) if not line.startswith("DEBUG")), "")
    _, _, text = last.partition(" ")
    code = outcome.exit_code
    if text.startswith("{"):
        said = json.loads(text)
        told, stopped = said["exit_code"], said["signal"]
    else:
        match = SUMMARY.match(last)
        if not match:
            return f"exit {code}, and the last line is {last!r}"
        stopped = int(match[4]) if match[4] else None
        told = 128 + stopped if stopped else int(match[3] or 0)
    return "" if told == code else f"exit {code}, and the last line says {last!r}"
