"""Meltano with the repository's own meltano.yml, in a private project whose state and files are nobody else's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
LAST_LOG_LINES = 15
LONGEST_SECONDS = 300
OTHERS = ("TAP_YOC_", "TARGET_JSONL_", "MELTANO_")
"""Variables of the user's own pipelines, which the demo has to keep apart from its own."""

DONE = re.compile(
    r"Done: (?P<streams>[\d,]+) streams?, (?P<days>[\d,]+) days?, (?P<rows>[\d,]+) rows?, "
    r"(?P<requests>[\d,]+) requests?, [\d,]+ retr(?:y|ies), [\d.]+ s waited, "
    r"oldest day read again: (?P<oldest>[\d-]+|none), (?P<warnings>[\d,]+) warnings?, "
)


@dataclass(frozen=True, kw_only=True)
class RunCounts:
    """What a run read, from the tap's last line."""

    streams: int
    days: int
    rows: int
    requests: int
    warnings: int
    oldest_day_read_again: date | None


def counts_in(log: str) -> RunCounts:
    """Return what the tap's last line says.

    Raises:
        DemoError: There is no such line.
    """
    found = DONE.search(log)
    if not found:
        raise DemoError("The tap's log does not end with its line `Done: …`.")
    oldest = found["oldest"]
    return RunCounts(
        oldest_day_read_again=None if oldest == "none" else date.fromisoformat(oldest),
        **{name: int(found[name].replace(",", "")) for name in ("streams", "days", "rows", "requests", "warnings")},
    )


class Pipeline:
    """The tap and target-jsonl, run by Meltano."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """Make the project in a folder; `settings` are the tap's, and travel as environment variables."""
        self._project = folder / "project"
        self.output = self._project / "output" / "tap_yoc"
        self._log = folder / "meltano.log"
        self._project.mkdir(parents=True, exist_ok=True)
        self._log.unlink(missing_ok=True)
        shutil.rmtree(self.output, ignore_errors=True)
        for database in (self._project / ".meltano").glob("meltano.db*"):  # the state of an earlier demo
            database.unlink()
        # An editable installation follows the code by itself, so that only these two files make it stale.
        self._installed = self._project / ".installed"
        definition = (ROOT / "meltano.yml").read_text("utf-8").replace("pip_url: -e .", f"pip_url: -e {ROOT}")
        (self._project / "meltano.yml").write_text(definition, encoding="utf-8")
        self._what_is_installed = definition + (ROOT / "pyproject.toml").read_text("utf-8")
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
        self._env |= {f"TAP_YOC_{name.upper()}": value for name, value in settings.items()}
        self._env["TAP_YOC_MAX_WAIT_MINUTES"] = "1"  # the sandbox is here or it is not
        self._env |= {"NO_COLOR": "1", "UV_SYSTEM_CERTS": "1", "UV_LINK_MODE": "copy"}
        self._env["MELTANO_CLI_DISABLE_VERSION_CHECK"] = "1"  # every command would ask PyPI

    def install(self) -> None:
        """Install the tap and the loader, each into an environment of its own, unless they are there."""
        if self._installed.exists() and self._installed.read_text("utf-8") == self._what_is_installed:
            return
        self._meltano("install", "tap-yoc", "target-jsonl")
        self._installed.write_text(self._what_is_installed, encoding="utf-8")

    def run(self, *, until: date) -> RunCounts:
        """Run the tap into the loader, up to a day, and return what was read."""
        return counts_in(self._meltano("run", "tap-yoc", "target-jsonl", TAP_YOC_END_DATE=until.isoformat()))

    def _meltano(self, *arguments: str, **variables: str) -> str:
        """Return what a Meltano command says.

        Raises:
            DemoError: It fails; shows the end of what it said.
        """
        command = [str(Path(sys.executable).with_name("meltano")), "--environment=sandbox", *arguments]
        # A session of its own, so that whatever Meltano started ends with it.
        with subprocess.Popen(  # noqa: S603 - written above
            command,
            cwd=self._project,
            env={**self._env, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=LONGEST_SECONDS)
            except BaseException as reason:
                os.killpg(process.pid, signal.SIGTERM)
                if isinstance(reason, subprocess.TimeoutExpired):
                    raise DemoError(f"`meltano {' '.join(arguments)}` took over {LONGEST_SECONDS} seconds.") from None
                raise
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ meltano {' '.join(arguments)}\n{said}\n")
        if process.returncode:
            last_lines = "\n".join(said.splitlines()[-LAST_LOG_LINES:])
            raise DemoError(
                f"`meltano {' '.join(arguments)}` ended with exit code {process.returncode}; "
                f"all of its log is in {self._log}, and this is its end:\n{last_lines}"
            )
        return said
