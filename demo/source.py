"""The sandbox as a process of its own, steered by its control endpoints."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from demo.errors import DemoError
from examples.pipeline.sandboxes import answer_of, serving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path


class Source:
    """A local YOC on a free port, up while the `with` block runs, and stopped however that ends."""

    def __init__(self, today: date, log: Path) -> None:
        """Start nothing yet; `today` is the day it is in the sandbox."""
        self._today = today
        self._log = log
        self._stack = ExitStack()
        self.config: dict[str, str] = {}
        """The settings that reach it."""

    def __enter__(self) -> Source:  # noqa: PYI034 - `Self` is not in Python 3.10
        """Start it and wait until it answers.

        Raises:
            DemoError: It does not come up.
        """
        # The tap's day is the real one and the sandbox's is yesterday at first, so that a query may reach ahead.
        options = ["--form", "enforce_reach=false", "--today", self._today.isoformat()]
        with self._log.open("w", encoding="utf-8") as log:
            process = serving(sys.executable, "-m", "tap_yoc.sandbox", *options, log=log)
            try:
                self.config = self._stack.enter_context(process)
            except RuntimeError as error:
                raise DemoError(f"{error} See {self._log}.") from error
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._stack.close()

    def move_to(self, today: date) -> None:
        """Let it be another day: a new one has figures, and recent ones are revised."""
        self._ask("PUT", "today", {"today": today.isoformat()})

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
        rows: list[dict[str, Any]] = self._ask("POST", "truth", body)
        return rows

    def _ask(self, method: str, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        try:
            return answer_of(self.config, method, path, body)
        except (OSError, ValueError) as error:
            raise DemoError(f"The sandbox does not answer {path} ({error}); see {self._log}.") from error
