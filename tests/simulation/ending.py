"""How a run may end: its exit code, its log and its last line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulation.expectation import Expectation
    from simulation.morning import Outcome

LONGEST_VIRTUAL_SECONDS = 4 * 3600.0
MOST_WRITES_AFTER_STOP = 2
"""One may be under way."""
SUMMARY = re.compile(r"(?:INFO|ERROR) (Done:|FAILED \((.*); exit (\d)\)|STOPPED \(signal (\d+)\))")
LONGEST_STOP_SECONDS = 30.0
"""Ten are promised; a busy machine takes longer, and a run that waits for an answer that hangs, longer than this."""
MOST_MEGABYTES = 300
DAYS_LOST = "no longer serves"
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
        found.append(f"the run went on for {outcome.writes_after_stop} writes after the signal to stop")
    if outcome.seconds_to_stop > LONGEST_STOP_SECONDS:
        found.append(f"the run went on for {outcome.seconds_to_stop:.0f} s after a signal")
    if outcome.megabytes > MOST_MEGABYTES:
        found.append(f"the run took {outcome.megabytes} MB")
    if not outcome.is_killed and (wrong := _wrong_last_line(outcome)):
        found.append(wrong)
    return found


def wrong_figures(outcome: Outcome, records: int) -> list[str]:
    """Return what is wrong with the figures in the last line of a run, if it is JSON, in sentences."""
    told = summary(outcome)
    found = []
    if told and told["rows"] != records:
        found.append(f"the last line says {told['rows']} rows, and {records} were written")
    sent = sum(each.became != "not sent" for each in outcome.sent)
    if told and outcome.began and told["requests"] < sent:
        found.append(f"the last line says {told['requests']} requests, and {sent} were sent")
    return found


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return the last line of a run, if it is JSON."""
    for line in reversed(outcome.log):
        _, _, text = line.partition(" ")
        if text.startswith("{"):
            found: dict[str, Any] = json.loads(text)
            return found
    return {}


def incomplete_days(outcome: Outcome) -> set[str]:
    """Return the days that a run, set to warn of them, says may be incomplete."""
    return set(summary(outcome).get("incomplete_days", ()))


def failed_streams(outcome: Outcome) -> set[str]:
    """Return the streams that have failed, as the last line says."""
    if told := summary(outcome):
        return set(told["failures"])
    matches = [match for line in outcome.log if (match := SUMMARY.match(line))]
    return set((matches[-1][2] or "").split(", ")) if matches else set()


def says_uncompared(outcome: Outcome) -> bool:
    """Return whether a run has logged that it has no totals to compare its days with."""
    return any(UNCOMPARED in line for line in outcome.log)


def _wrong_last_line(outcome: Outcome) -> str:
    last = next((line for line in reversed(outcome.log) if not line.startswith("DEBUG")), "")
    _, _, text = last.partition(" ")
    code = outcome.exit_code
    if text.startswith("{"):
        said = json.loads(text)
        told, stopped = said["exit_code"], said["signal"]
        if said["outcome"] != ("stopped" if stopped else "failed" if told else "done"):
            return f"exit {code}, and the last line says that the run is {said['outcome']}"
    else:
        match = SUMMARY.match(last)
        if not match:
            return f"exit {code}, and the last line is {last!r}"
        stopped = int(match[4]) if match[4] else None
        told = 128 + stopped if stopped else int(match[3] or 0)
    return "" if told == code else f"exit {code}, and the last line says {last!r}"
