"""What a morning may end with, by its faults and by the day it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

from simulation.days import ONE_DAY, six_months_before
from simulation.faults import DAMAGE
from simulation.script import off_by_seconds
from simulation.server import TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulation.faults import Fault
    from simulation.pipeline import Pipeline

SHORTEST_LIFE_SECONDS = 45
COSTS_A_TOKEN = {"401", "expired", "revoked", "lost rotation"}


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a morning may end with."""

    first_day: date
    last_day: date
    """The newest day that the run could have read: over by the machine's clock, and served."""
    today: date
    """The day it is for the tap."""
    codes: frozenset[int]
    """The exit codes that this morning's faults excuse, 0 among them."""
    is_clean: bool
    """No fault at all."""
    served_from: date
    """The first day that the server has; what is older and was never read is lost."""
    loose_days: frozenset[str] = frozenset()
    """Days that changed while the run was reading; the next run reads them again."""
    tells_expiry: bool = True
    """Whether the server says how long a token lives."""
    entities: tuple[str, ...] = ()
    has_password: bool = True
    are_two: bool = False
    """Two runs at once, whose requests are judged together."""
    keeps_refresh_tokens: bool = False


@dataclass(frozen=True, kw_only=True)
class Days:
    """The days that a run could read, both inclusive, and the first one that the server has."""

    first: date
    last: date
    served_from: date
    today: date
    """The day it is for the tap."""


def expected(
    pipeline: Pipeline,
    faults: Sequence[Fault],
    *,
    days: Days,
    is_login_doubtful: bool = False,
    loose_days: frozenset[str] = frozenset(),
    are_two: bool = False,
) -> Expectation:
    """Return what a run over these days may end with, once it is over."""
    codes = {0} | ({3} if is_login_doubtful else set())
    # A token that lives hardly longer than its own answer takes may be over when it is used. If its lifetime is not
    # told, a request may also wait until the token that replaces it is over.
    is_late = any(fault.kind == "slow" and fault.options["place"] == TOKEN for fault in faults)
    is_untold = pipeline.forms.expires_in_as == "absent"
    too_short = (is_late + 2 * is_untold) if pipeline.forms.expires_in <= SHORTEST_LIFE_SECONDS else 0
    if sum(fault.kind in COSTS_A_TOKEN for fault in faults) + too_short > 1:
        codes |= {3}  # a token that is refused as soon as it was renewed ends the run
    if sum(fault.kind in DAMAGE for fault in faults) > 1:
        codes |= {4}
    if are_two and pipeline.forms.login_ends_sessions and "token_cache" not in pipeline.config:
        codes |= {3}  # each ends the other's session, again and again
    for fault in faults:
        codes |= fault.codes(has_password=pipeline.has_password)
    return Expectation(
        first_day=days.first,
        last_day=days.last,
        today=days.today,
        served_from=days.served_from,
        codes=frozenset(codes),
        is_clean=not faults and not are_two,
        tells_expiry=pipeline.forms.expires_in_as != "absent",
        are_two=are_two,
        loose_days=loose_days,
        entities=pipeline.entities,
        has_password=pipeline.has_password,
        keeps_refresh_tokens=pipeline.forms.rotation == "keep",
    )


def days_of_run(pipeline: Pipeline, faults: Sequence[Fault]) -> Days:
    """Return the days that a run starting now could read."""
    today = today_of(pipeline, faults)
    served_from = max(six_months_before(today) + ONE_DAY, pipeline.world.reach.earliest)
    start = pipeline.config.get("start_date")
    return Days(
        first=max(served_from, date.fromisoformat(start)) if start else served_from,
        last=min(today, pipeline.world.today) - ONE_DAY,
        served_from=served_from,
        today=today,
    )


def without_lost_days(days: Days, pipeline: Pipeline) -> Days:
    """Return the days without those that the server has ceased to serve since: it was midnight during the run."""
    return replace(days, first=max(days.first, pipeline.world.reach.earliest))


def today_of(pipeline: Pipeline, faults: Sequence[Fault]) -> date:
    """Return the day it is now, by the machine's clock and in the user's time zone."""
    now = datetime.fromtimestamp(pipeline.time() + off_by_seconds(faults), timezone.utc)
    return now.astimezone(pipeline.zone).date()
