"""The sandbox over an account that changes, answered in this process: no socket, no thread that waits."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from simulation.days import BERLIN
from simulation.figures import read_filters
from tap_yoc.sandbox import oauth, reporting
from tap_yoc.sandbox.exchange import serve
from tap_yoc.sandbox.reports import Reports
from tap_yoc.sandbox.world import Options, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import date

    from starlette.responses import Response

    from simulation.account import Account
    from tap_yoc.sandbox.facts import Facts
    from tap_yoc.sandbox.forms import Forms
    from tap_yoc.sandbox.plans import Plan

TOKEN, METADATA, REPORT = "token", "metadata", "report"
HANDLERS: dict[str, Callable[..., Any]] = {
    TOKEN: oauth.token,
    METADATA: reporting.metadata,
    REPORT: reporting.report,
}


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

    def new_morning(self) -> None:
        """Forget faults, requests and results; tokens live on."""
        self.faults.clear()
        self.requests.clear()
        self.reports = Reports()


class _Loop:
    """One event loop a process, in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="simulated-server", daemon=True).start()

    def result(self, answering: Any) -> Any:  # noqa: ANN401 - whatever the coroutine returns
        """Run a coroutine there, and wait for it."""
        future: Future[Any] = asyncio.run_coroutine_threadsafe(answering, self.loop)
        return future.result()


_loops: list[_Loop] = []


def place_of(method: str, path: str) -> str:
    """Return which endpoint a request is for."""
    return TOKEN if path.endswith("/oauth/token") else METADATA if method == "GET" else REPORT


def answer(world: World, place: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Return the sandbox's answer to a request."""
    if not _loops:
        _loops.append(_Loop())

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "GET" if place == METADATA else "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    response: Response = _loops[0].result(serve(world, Request(scope, receive), place, HANDLERS[place]))
    return response
