"""The tap as an engine runs it: the plan, one run of it, and which failures are worth another try."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

REPEATABLE = {4, 5}
"""Incomplete data, and YOC unavailable: a retry may help. It does not help with settings and logins."""
KILLED = 128
SETTINGS = 2


class TapFailed(Exception):  # noqa: N818 - what happened
    """A run that did not end with exit code 0; the message is the last line of its log."""

    def __init__(self, exit_code: int, last_line: str) -> None:
        """Keep what the tap said last."""
        super().__init__(f"exit code {exit_code}: {last_line}")
        self.exit_code = exit_code

    @property
    def is_worth_repeating(self) -> bool:
        """Whether the same run may succeed later; Python gives the number of a signal below zero."""
        return self.exit_code in REPEATABLE or self.exit_code > KILLED or self.exit_code < 0


def planned(accounts: Path, *options: str) -> list[dict[str, Any]]:
    """Return the runs that `tap-yoc-plan` prints for the accounts in a folder.

    Raises:
        TapFailed: A setting is wrong, or there is none.
    """
    configs = sorted(str(path) for path in accounts.glob("*.json"))
    if not configs:
        raise TapFailed(SETTINGS, f"there are no settings in {accounts}: one file an account, such as north.json.")
    done = subprocess.run(["tap-yoc-plan", *configs, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TapFailed(done.returncode, done.stderr.strip())
    runs: list[dict[str, Any]] = json.loads(done.stdout)
    return runs


def read(run: dict[str, Any], folder: Path) -> tuple[Path, str]:
    """Run the tap once; return the file of its messages, and what it said last: what it read.

    Its log goes on to stderr, which engines keep.

    Raises:
        TapFailed: It did not read everything; nothing of it should be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state, lines = folder / f"{run['id']}.state.json", folder / f"{run['id']}.jsonl"
    state.write_text(json.dumps(run["state"]), encoding="utf-8")
    command = ["tap-yoc", "--config", run["config"], "--config=ENV", "--state", str(state)]
    environment = {**os.environ, **run["environment"]}
    last_line = ""
    with (
        lines.open("wb") as stdout,
        subprocess.Popen(command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True) as tap,
    ):
        try:
            for line in tap.stderr or ():
                sys.stderr.write(line)
                last_line = line.rpartition("| ")[2].strip() or last_line
        except BaseException:  # the engine stops the run
            tap.terminate()
            raise
    state.unlink()
    if tap.returncode:
        lines.unlink()
        raise TapFailed(tap.returncode, last_line)
    return lines, last_line
