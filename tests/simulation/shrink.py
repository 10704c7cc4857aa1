"""A failing life made small: faults dropped while it still fails in the same way.

Not Hypothesis: an example of it would be a whole life, with hundreds of choices and seconds to play, and it would
shrink by changing all of them. Here every fault is drawn on its own; dropping one leaves the others as they were.
"""

from __future__ import annotations

import re
import time
import traceback
from typing import TYPE_CHECKING

from simulation.life import Failure, Life
from simulation.wire import HangError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from simulation.life import Totals
    from simulation.process import Workshop

LONGEST_SECONDS = 90.0


def played(
    seed: int,
    *,
    until: int | None = None,
    only: Collection[int] | None = None,
    workshop: Workshop | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> tuple[Failure | None, Totals]:
    """Play a life, to its end, its first failure or until `is_over`; a simulation that breaks is a failure as well."""
    life = Life(seed, until=until, only=only, workshop=workshop)
    try:
        failure = life.play(is_over)
    except (Exception, HangError):  # noqa: BLE001 - any error has to be reported with its seed
        what = [f"the simulation broke: {traceback.format_exc()[-1500:]}"]
        failure = Failure(seed=seed, morning=life.totals.mornings, what=what, faults=life.faults)
    finally:
        life.close()
    return failure, life.totals


def shrunk(failure: Failure, workshop: Workshop | None = None) -> tuple[Failure, bool]:
    """Return a failure with as few faults as it takes, and whether it fails every time it is played."""
    deadline = time.monotonic() + LONGEST_SECONDS
    smallest = failure
    faults = [fault for fault in failure.faults if fault.morning <= failure.morning]

    def fails_with(numbers: list[int]) -> bool:
        nonlocal smallest
        again, _ = played(failure.seed, until=failure.morning, only=numbers, workshop=workshop)
        if again is None or kind_of(again) != kind_of(failure):
            return False
        smallest = again
        return True

    numbers = [fault.number for fault in faults]
    if not fails_with(numbers):
        return failure, False
    recent = [fault.number for fault in faults if fault.morning >= failure.morning - 1]
    for fewer in ([], recent[-1:], recent):
        if len(fewer) < len(numbers) and fails_with(fewer):
            numbers = fewer
            break
    size = max(1, len(numbers) // 2)
    while numbers and time.monotonic() < deadline:
        for start in range(0, len(numbers), size):
            fewer = numbers[:start] + numbers[start + size :]
            if fails_with(fewer):
                numbers = fewer
                break
        else:
            if size == 1:
                break
            size = max(1, size // 2)
    return smallest, True


def kind_of(failure: Failure) -> str:
    """Return what a failure is about, without days, figures and names."""
    return re.sub(r"\d[\d.:T-]*|'[^']*'|\b[a-z_]+_[a-z_]+\b", "·", failure.what[0])[:40]


def command_for(failure: Failure, *, real: bool) -> str:
    """Return the command that plays a failure again."""
    only = ",".join(str(fault.number) for fault in failure.faults)
    arguments = f"--seed {failure.seed} --until {failure.morning} --only '{only}'{'' if real else ' --no-processes'}"
    return f'make soak ARGS="{arguments}"'


def described(failure: Failure) -> str:
    """Return what a developer needs of a failure: what is wrong, the faults so far, and the end of the log."""
    lines = [f"Life {failure.seed}, morning {failure.morning}:", *(f"  {what}" for what in failure.what)]
    lines += ["  faults:", *(f"    {fault}" for fault in failure.faults if fault.morning <= failure.morning)]
    lines += ["  log:", *(f"    {line[:300]}" for line in failure.log[-30:])]
    return "\n".join(lines)
