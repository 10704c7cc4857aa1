"""Runs the doctor's checks, step by step."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from tap_yoc.doctor import access, figures
from tap_yoc.doctor.advice import OTHERWISE, explain
from tap_yoc.doctor.dialect import traits_of
from tap_yoc.doctor.findings import Findings, State, Step, skipped
from tap_yoc.errors import ExitCode, LoginError, SettingsError, UnavailableError, YOCError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.doctor.observed_tap import ObservedTap

# Each with whether the following steps depend on it.
STEPS: tuple[tuple[str, Callable[[ObservedTap], Step], bool], ...] = (
    ("settings", access.settings, True),
    ("login", access.login, True),
    ("refresh", access.refresh, False),
    ("columns", access.columns, True),
    ("streams", access.streams, False),
    ("days", figures.days, True),
    ("history", figures.history, False),
    ("pages", figures.pages, False),
    ("account", figures.account, False),
)
AFTERWARDS = (
    ("clock", access.clock),
    ("speed", access.speed),
    ("rereads", access.rereads),
    ("repeats", access.repeats),
)


def examine(new_observed: Callable[[], ObservedTap]) -> Findings:
    """Return the findings of all checks; failures are findings, too."""
    try:
        observed = new_observed()
    except Exception as error:  # noqa: BLE001 - any error is reported
        says, do = explain(error) if isinstance(error, SettingsError) else _unexpected(error)
        others = [_skipped(name, "settings") for name, _, _ in STEPS[1:]]
        return Findings(steps=[replace(_failed(says, do), name="settings"), *others], exit_code=_exit_code_of(error))
    found = observed.findings
    try:
        _run_steps(observed)
    finally:
        observed.run.close()
    found.traits = traits_of(observed.recorded, observed.seen, observed.run.reader.behaviour, found.columns)
    found.requests, found.repeated = observed.run.summary.requests, observed.run.summary.retries
    return found


def _run_steps(observed: ObservedTap) -> None:
    found = observed.findings
    missing = ""
    for name, examine_it, is_needed in STEPS:
        if missing:
            found.steps.append(_skipped(name, missing))
            continue
        error: Exception | None = None
        try:
            step = examine_it(observed)
        except YOCError as failure:
            error, step = failure, _failed(*explain(failure))
        except Exception as failure:  # noqa: BLE001 - an error in the doctor must not hide its findings
            error, step = failure, _failed(*_unexpected(failure))
        found.steps.append(_clean(observed, replace(step, name=name)))
        if error and not found.exit_code:
            found.exit_code = _exit_code_of(error)
        if isinstance(error, (LoginError, UnavailableError)) or (
            is_needed and step.state in {State.FAILED, State.SKIPPED}
        ):
            missing = name
    for name, look_back in AFTERWARDS:
        if (seen := look_back(observed)) is not None:
            found.steps.append(_clean(observed, replace(seen, name=name)))


def _failed(says: str, do: str) -> Step:
    return Step(state=State.FAILED, says=says, do=do)


def _exit_code_of(error: Exception) -> ExitCode:
    return error.exit_code if isinstance(error, YOCError) else ExitCode.UNEXPECTED


def _unexpected(error: Exception) -> tuple[str, str]:
    return f"This failed unexpectedly ({_place_of(error)}).", OTHERWISE


def _place_of(error: Exception) -> str:
    """Return the type of an error and the line that raised it; its text may contain anything."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "tap_yoc" in frame.filename]
    return f"{type(error).__name__} in {PurePath(frames[-1].filename).name}, line {frames[-1].lineno}"


def _skipped(name: str, missing: str) -> Step:
    return replace(skipped(f"Skipped: {missing} failed."), name=name, missing=missing)


def _clean(observed: ObservedTap, step: Step) -> Step:
    return replace(step, says=observed.clean(step.says), do=observed.clean(step.do))
