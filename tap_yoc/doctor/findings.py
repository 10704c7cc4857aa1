"""What an examination finds, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from tap_yoc.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_yoc.exact_json import Json
    from tap_yoc.reports.columns import Column


class State(str, Enum):
    """How a step ended."""

    OK = "ok"
    NOTE = "note"
    """It works, and there is something to know."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that was tried."""

    name: str = ""
    state: State
    says: str
    do: str = ""
    """What to do about it."""
    missing: str = ""
    """The step without which this one made no sense."""


def ok(says: str) -> Step:
    """Return a step that works."""
    return Step(state=State.OK, says=says)


def note(says: str, do: str) -> Step:
    """Return a step that works, with something to know."""
    return Step(state=State.NOTE, says=says, do=do)


def skipped(says: str) -> Step:
    """Return a step that was not tried."""
    return Step(state=State.SKIPPED, says=says)


@dataclass(frozen=True, kw_only=True)
class Trait:
    """One habit of the server."""

    name: str
    value: Json
    says: str
    forms: Mapping[str, str | int | bool] = field(default_factory=dict)
    """The sandbox's forms that play it; none where the sandbox has none."""


@dataclass(kw_only=True)
class Findings:
    """All that an examination finds: no secret, no name of a publisher or site, no figure."""

    steps: list[Step] = field(default_factory=list)
    traits: list[Trait] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Streams that the account's columns do not allow."""
    off: list[str] = field(default_factory=list)
    """Standard reports that the settings do not ask for."""
    columns: tuple[Column, ...] = ()
    sees: dict[str, int] = field(default_factory=dict)
    """How many companies, sites and so on there are; `MOST_COUNTED` stands for that many or more."""
    period: str = ""
    """The days that were looked at."""
    newest_day: str | None = None
    has_newest_wanted: bool | None = None
    """Whether the last day that a run reads, usually yesterday, has rows; None where that was not found out."""
    requests: int = 0
    repeated: int = 0
    exit_code: int = ExitCode.ALL_THERE

    @property
    def forms(self) -> dict[str, str | int | bool]:
        """The sandbox's forms that reproduce the server, as far as it was seen."""
        return {name: value for trait in self.traits for name, value in trait.forms.items()}

    @property
    def verdict(self) -> str:
        """Say in one sentence whether a run will work."""
        failed = [step for step in self.steps if step.state is State.FAILED]
        notes = [step for step in self.steps if step.state is State.NOTE]
        if failed:
            names = ", ".join(step.name for step in failed)
            return f"This will not work yet: {names} failed (exit code {int(self.exit_code)})."
        if notes:
            things = "1 note" if len(notes) == 1 else f"{len(notes)} notes"
            return f"This works, but read {things}: {', '.join(step.name for step in notes)}."
        return f"All is well: a run with these settings will work, and the newest day, {self.newest_day}, has rows."
