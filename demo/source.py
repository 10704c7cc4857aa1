"""The sandbox as a process of its own, steered by its control endpoints."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

STOP_SECONDS = 10
ANSWER_SECONDS = 30


class Source:
    """A local YOC on a free port, up while the `with` block runs, and stopped however that ends."""

    def __init__(self, today: date, log: Path) -> None:
        """Start nothing yet; `today` is the day it is in the sandbox."""
        self._today = today
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.config: dict[str, str] = {}
        """The settings that reach it."""

    def __enter__(self) -> Source:  # noqa: PYI034 - `Self` is not in Python 3.10
        """Start it and wait until it answers.

        Raises:
            DemoError: It does not come up.
        """
        # The tap's day is the real one and the sandbox's is yesterday at first, so that a query may reach ahead.
        command = [sys.executable, "-m", "tap_yoc.sandbox", "--port", "0", "--form", "enforce_reach=false"]
        command += ["--today", self._today.isoformat()]
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 - ours
        try:
            self.config = self._printed_config()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None

    def _printed_config(self) -> dict[str, str]:
        printed = ""
        for line in (self._process and self._process.stdout) or ():
            printed += line
            if line.startswith("}"):
                config: dict[str, str] = json.loads(printed)
                return config
        raise DemoError(f"The sandbox did not start; see {self._log}.")

    def move_to(self, today: date) -> None:
        """Let it be another day: a new one has figures, and recent ones are revised."""
        self._ask("PUT", "/_sandbox/today", {"today": today.isoformat()})

    def truth(
        self, group_by: Sequence[str], data_fields: Sequence[str], first: date, last: date
    ) -> list[dict[str, Any]]:
        """Return its own aggregation of all facts, past any paging; numbers with all their digits."""
        body = {
            "group_by": list(group_by),
            "data_fields": list(data_fields),
            "start": first.isoformat(),
            "end": last.isoformat(),
        }
        rows: list[dict[str, Any]] = self._ask("POST", "/_sandbox/truth", body)
        return rows

    def _ask(self, method: str, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
            self.config["api_url"] + path,
            method=method,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=ANSWER_SECONDS) as answer:
                return json.loads(answer.read(), parse_float=Decimal)
        except (OSError, ValueError) as error:
            raise DemoError(f"The sandbox does not answer {path} ({error}); see {self._log}.") from error
