"""The doctor's findings, as data."""

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
    """It works, but there is something to know."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One check."""

    name: str = ""
    state: State
    says: str
    do: str = ""
    """What to do about it."""
    missing: str = ""
    """The failed step that this one depends on."""


def ok(says: str) -> Step:
    """Return a successful step."""
    return Step(state=State.OK, says=says)


def note(says: str, do: str) -> Step:
    """Return a successful step with something to know."""
    return Step(state=State.NOTE, says=says, do=do)


def skipped(says: str) -> Step:
    """Return a skipped step."""
    return Step(state=State.SKIPPED, says=says)


@dataclass(frozen=True, kw_only=True)
class Trait:
    """One aspect of how the server behaves."""

    name: str
    value: Json
    says: str
    forms: Mapping[str, str | int | bool] = field(default_factory=dict)
    """The sandbox's forms that reproduce it; empty if there are none."""


@dataclass(kw_only=True)
class Findings:
    """All findings, without secrets, names of publishers or sites, or figures."""

    steps: list[Step] = field(default_factory=list)
    traits: list[Trait] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Why streams are left out: the account lacks their columns."""
    off: list[str] = field(default_factory=list)
    """Standard reports that the settings do not select."""
    columns: tuple[Column, ...] = ()
    sees: dict[str, int] = field(default_factory=dict)
    """Number of companies, sites and so on; `MOST_COUNTED` means that many or more."""
    period: str = ""
    """The days that the doctor read."""
    newest_day: str | None = None
    has_newest_wanted: bool | None = None
    """Whether the last day that a run reads, usually yesterday, has rows; None if unknown."""
    requests: int = 0
    repeated: int = 0
    exit_code: int = ExitCode.COMPLETE

    @property
    def forms(self) -> dict[str, str | int | bool]:
        """The sandbox's forms that reproduce the known behaviour of the server."""
        return {name: value for trait in self.traits for name, value in trait.forms.items()}

    @property
    def verdict(self) -> str:
        """One sentence that says whether a run will work."""
        failed = [step for step in self.steps if step.state is State.FAILED]
        notes = [step for step in self.steps if step.state is State.NOTE]
        if failed:
            names = ", ".join(step.name for step in failed)
            return f"This will not work yet: {names} failed (exit code {int(self.exit_code)})."
        if notes:
            things = "1 note" if len(notes) == 1 else f"{len(notes)} notes"
            return f"This works, but read {things}: {', '.join(step.name for step in notes)}."
        return f"All is well: a run with these settings will work, and the newest day, {self.newest_day}, has rows."
