"""The sandbox over an account that changes, answered in this process: no socket, no thread that waits."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from starlette.requests import Request

from simulation.days import BERLIN
from simulation.figures import read_filters
from tap_yoc.sandbox import oauth, reporting
from tap_yoc.sandbox.exchange import serve
from tap_yoc.sandbox.reports import Reports
from tap_yoc.sandbox.world import Options, World

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from datetime import date

    from starlette.responses import Response

    from simulation.account import Account
    from tap_yoc.sandbox.facts import Facts
    from tap_yoc.sandbox.forms import Forms
    from tap_yoc.sandbox.plans import Plan

DROPPED_ROW = "drop_row"
TOKEN, METADATA, REPORT = "token", "metadata", "report"
HANDLERS: dict[str, Callable[..., Any]] = {
    TOKEN: oauth.token,
    METADATA: reporting.metadata,
    REPORT: reporting.report,
}
_answering = threading.Lock()


class ChangingWorld(World):
    """The sandbox's state over an account's facts; the day is that of its clock in Berlin."""

    def __init__(self, account: Account, forms: Forms, clock: Callable[[], float]) -> None:
        self.account = account
        today = datetime.fromtimestamp(clock(), timezone.utc).astimezone(BERLIN).date()
        super().__init__(Options(today=today, seed=0, scale=1, forms=forms, gap_days=(), clock=clock))

    @property
    def facts(self) -> Facts:
        """The account's facts as they are now."""
        return self.account.facts  # type: ignore[return-value]  # answers the same plans

    @property
    def today(self) -> date:
        """The day it is in Berlin."""
        return datetime.fromtimestamp(self.options.clock(), timezone.utc).astimezone(BERLIN).date()

    @today.setter
    def today(self, _day: date) -> None:
        """Stay with the clock."""

    def plan(self, *, group_by: Sequence[str], data_fields: Sequence[str], sort: Sequence[str], query: object) -> Plan:
        """Return the sandbox's plan, checked as strictly, over the account's own facts."""
        plan = super().plan(group_by=group_by, data_fields=data_fields, sort=sort, query=query)
        return replace(plan, sql=json.dumps([plan.names, list(sort), query]))

    def truth(
        self,
        *,
        group_by: Sequence[str],
        data_fields: Sequence[str],
        start: date | None = None,
        end: date | None = None,
        query: object = None,
    ) -> list[dict[str, Any]]:
        """Return all rows of a report in Python's types, whatever the forms."""
        names = [*group_by, *data_fields]
        first, last = start or self.reach.earliest, end or self.reach.latest
        rows = self.account.facts.report(names, (), first, last, read_filters(query)[2])
        return [dict(zip(names, row, strict=True)) for row in rows]

    def spoilt(self) -> list[dict[str, Any]]:
        """Return the reports of this morning whose answers lacked a row and were well formed."""
        return [log.body for log in self.requests.kept() if log.fault == DROPPED_ROW]

    def new_morning(self) -> None:
        """Forget faults, requests and results; tokens live on."""
        self.faults.clear()
        self.requests.clear()
        self.reports = Reports()


def place_of(method: str, path: str) -> str:
    """Return which endpoint a request is for."""
    return TOKEN if path.endswith("/oauth/token") else METADATA if method == "GET" else REPORT


def answer(world: World, place: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Return the sandbox's answer to a request; requests are answered one after another."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "GET" if place == METADATA else "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    with _answering:
        return _at_once(serve(world, Request(scope, receive), place, HANDLERS[place]))


@contextmanager
def without_threads() -> Iterator[None]:
    """Have the sandbox compute its reports where it is asked for them."""

    async def run_here(function: Callable[[Any], Any], argument: object) -> Any:  # noqa: ANN401 - as the function has it
        return function(argument)

    with patch.object(reporting, "run_in_threadpool", run_here):
        yield


def _at_once(answering: Coroutine[Any, Any, Response]) -> Response:
    """Return what a coroutine returns that waits for nothing, without an event loop."""
    try:
        answering.send(None)
    except StopIteration as end:
        response: Response = end.value
        return response
    raise RuntimeError("The sandbox waits, which costs real time.")
