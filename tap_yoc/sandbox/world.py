"""The sandbox's state: its day, forms, faults, tokens and requests."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tap_yoc.sandbox.columns import account_columns
from tap_yoc.sandbox.facts import facts_for
from tap_yoc.sandbox.faults import Faults
from tap_yoc.sandbox.forms import Forms
from tap_yoc.sandbox.plans import make_plan, reach_on
from tap_yoc.sandbox.reports import Reports
from tap_yoc.sandbox.request_log import Requests
from tap_yoc.sandbox.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from tap_yoc.sandbox.facts import Facts
    from tap_yoc.sandbox.filters import Reach
    from tap_yoc.sandbox.plans import Plan

# Made up, and easy to find where they should not be.
CREDENTIALS = {
    "client_id": "canary-client-4711",
    "client_secret": "canary+s3cret/=&%41:x",
    "username": "canary.user+tag@example.com",
    "password": "canary-pässwort&7%",
}


def today_in_berlin() -> date:
    """Return today's date in YOC's time zone."""
    return datetime.now(ZoneInfo("Europe/Berlin")).date()


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a sandbox."""

    today: date
    seed: int
    scale: int
    forms: Forms
    gap_days: tuple[date, ...]
    clock: Callable[[], float]


class World:
    """State shared by all requests."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.tokens = Tokens(options.clock)
        self.faults = Faults()
        self.reports = Reports()
        self.requests = Requests()
        self.started = time.time()
        self.today = options.today
        self.forms = options.forms
        self.revisions = 0
        self.in_flight = 0

    def reset(self) -> None:
        """Reset day and forms, and drop faults, tokens and requests."""
        self.tokens = Tokens(self.options.clock)
        self.faults.clear()
        self.requests.clear()
        self.today = self.options.today
        self.forms = self.options.forms
        self.revisions = 0

    @property
    def facts(self) -> Facts:
        """Return the facts that exist today."""
        return facts_for(
            today=self.today, seed=self.options.seed, scale=self.options.scale, gap_days=self.options.gap_days
        )

    @property
    def reach(self) -> Reach:
        """Return the days that are served today."""
        return reach_on(self.today, self.forms.six_months)

    def plan(self, *, group_by: Sequence[str], data_fields: Sequence[str], sort: Sequence[str], query: object) -> Plan:
        """Return the plan of a report with today's reach and forms.

        Raises:
            ApiError: 422, naming what is wrong.
        """
        return make_plan(
            available=account_columns(self.forms),
            group_by=group_by,
            data_fields=data_fields,
            sort=sort,
            query=query,
            reach=self.reach,
            limit_dates=self.forms.enforce_reach,
            without_unit=self.revisions,
        )

    def truth(
        self,
        *,
        group_by: Sequence[str],
        data_fields: Sequence[str],
        start: date | None = None,
        end: date | None = None,
        query: object = None,
    ) -> list[dict[str, Any]]:
        """Return all rows of a report in Python's types, regardless of the forms, sorted by key.

        `start` and `end` are inclusive and limited to the reach.

        Raises:
            ApiError: 422, naming what is wrong.
        """
        reach = self.reach
        first, last = max(start or reach.earliest, reach.earliest), min(end or reach.latest, reach.latest)
        if first > last:
            return []
        days: list[object] = [{"gte": {"date": first.isoformat()}}, {"lte": {"date": last.isoformat()}}]
        plan = make_plan(
            available=account_columns(Forms()),
            group_by=group_by,
            data_fields=data_fields,
            sort=(),
            query={"and": [*days, query] if query else days},
            reach=reach,
            limit_dates=False,
            without_unit=self.revisions,
        )
        rows = self.facts.rows(plan.sql, list(plan.params))
        return [dict(zip(plan.names, row, strict=True)) for row in rows]
