"""The reporting endpoints: metadata and reports."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from tap_yoc.sandbox import columns
from tap_yoc.sandbox.cells import envelope, rows_as_json
from tap_yoc.sandbox.damage import damaged_rows, damaged_total
from tap_yoc.sandbox.exchange import Reply, json_object
from tap_yoc.sandbox.models import ReportRequest
from tap_yoc.sandbox.problems import ApiError, invalid
from tap_yoc.sandbox.reports import cut_page

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_yoc.sandbox.exchange import Exchange
    from tap_yoc.sandbox.world import World


HUGE = "9" * 5000


async def metadata(exchange: Exchange) -> Reply:
    """Return the columns that the account may request.

    Raises:
        ApiError: 401 without a valid access token.
    """
    _check_bearer(exchange.request, exchange.world)
    return Reply(content=columns.metadata(exchange.world.forms))


async def report(exchange: Exchange) -> Reply:
    """Return a page of a report.

    Raises:
        ApiError: 401 without a valid access token, 422 for an invalid request, 429 for too many at once.
    """
    world = exchange.world
    forms = world.forms
    exchange.body = json_object(exchange.text)
    _check_bearer(exchange.request, world)
    if forms.max_in_flight and world.in_flight >= forms.max_in_flight:
        headers = {"Retry-After": forms.rate_limit_retry_after} if forms.rate_limit_retry_after else {}
        message = f"More than {forms.max_in_flight} reports at once."
        raise ApiError(status=429, error="too_many_requests", message=message, headers=headers)
    world.in_flight += 1
    try:
        if forms.latency_ms:
            await asyncio.sleep(forms.latency_ms / 1000)
        return await run_in_threadpool(_report, exchange)
    finally:
        world.in_flight -= 1


def _report(exchange: Exchange) -> Reply:
    world, fault = exchange.world, exchange.fault
    forms, facts = world.forms, world.facts
    request = _read(exchange.text)
    plan = world.plan(
        group_by=request.group_by, data_fields=request.data_fields, sort=request.sort, query=request.query
    )
    page_number = request.page
    if fault and fault.kind == "repeat_page" and page_number is not None and page_number > forms.first_page:
        page_number -= 1
    rows = world.reports.rows(plan, facts, stable=forms.stable_sort)
    page = cut_page(rows, page=page_number, page_size=request.page_size, forms=forms)
    written = damaged_rows(rows_as_json(page.rows, plan, forms), fault, world.today)
    page = damaged_total(page, fault)
    content, headers = envelope(written, page, forms)
    if fault and fault.kind == "error_beside_rows" and isinstance(content, dict):
        content["error"] = "partial"
    if fault and fault.kind == "huge_total":
        headers = {**headers, "X-Total-Count": HUGE}
        content = {**content, "total": HUGE} if isinstance(content, dict) else content
    return Reply(content=content, headers=headers, rows=len(written), total=page.total)


def _read(text: str) -> ReportRequest:
    try:
        return ReportRequest.model_validate_json(text)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in error.errors()[:5]
        ]
        raise invalid("; ".join(problems)) from None


def _check_bearer(request: Request, world: World) -> None:
    scheme, _, access_token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not world.tokens.is_live(access_token.strip()):
        raise ApiError(
            status=401,
            error="unauthorized",
            message="The access token is missing, expired or revoked.",
            headers={"WWW-Authenticate": 'Bearer realm="yoc", error="invalid_token"'},
        )
