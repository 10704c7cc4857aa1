"""One request and its answer: fault, handler, error, log."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from tap_yoc.sandbox.cells import to_json
from tap_yoc.sandbox.problems import NO_CONTENT, ApiError, TokenError
from tap_yoc.sandbox.request_log import RequestLog
from tap_yoc.sandbox.transport import DripResponse, HalfResponse, ResetResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from tap_yoc.sandbox.faults import Fault
    from tap_yoc.sandbox.world import World

SMALLEST_ZIPPED = 1024
HTML = "<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
PHRASES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 422: "invalid_request", 429: "too_many_requests"}


@dataclass(kw_only=True)
class Reply:
    """An answer before it is sent: `content` as JSON, or `text`; `rows` and `total` are for the log."""

    status: int = 200
    content: Any = None
    text: str | None = None
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    rows: int | None = None
    total: int | None = None


@dataclass(kw_only=True)
class Exchange:
    """A handler's input, and what it adds for the log."""

    world: World
    request: Request
    kind: str
    text: str
    fault: Fault | None
    grant: str | None = None
    body: dict[str, Any] = field(default_factory=dict)


async def serve(world: World, request: Request, kind: str, handler: Callable[[Exchange], Awaitable[Reply]]) -> Response:
    """Answer a request, by the handler, a fault or an error."""
    began = time.perf_counter()
    text = (await request.body()).decode("utf-8", "replace")
    exchange = Exchange(world=world, request=request, kind=kind, text=text, fault=world.faults.take(kind, text))
    try:
        reply = await _before(exchange) or await handler(exchange)
    except ApiError as error:
        reply = _error(error, world)
    response = await _send(exchange, reply)
    world.requests.add(
        RequestLog(
            kind=kind,
            grant=exchange.grant,
            status=0 if isinstance(response, ResetResponse) else response.status_code,
            body=exchange.body or json_object(text),  # a fault may have replaced the handler
            rows=reply.rows,
            total=reply.total,
            fault=exchange.fault.kind if exchange.fault else None,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            at=world.tokens.clock(),
        ),
        len(text),
    )
    return response


def json_object(text: str) -> dict[str, Any]:
    """Return the JSON object in a body, an empty one if it is something else."""
    try:
        body = json.loads(text) if text else {}
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _error(error: ApiError, world: World) -> Reply:
    form = world.forms.errors
    if form == "json":
        return Reply(status=error.status, content=error.body, headers=error.headers)
    text = HTML.format(f"{error.status} {error.error}") if form == "html" else ""
    return Reply(status=error.status, text=text, media_type="text/html", headers=error.headers)


async def _before(exchange: Exchange) -> Reply | None:
    """Apply a fault before the handler; return an answer if it replaces the handler's."""
    fault, world = exchange.fault, exchange.world
    if fault is None:
        return None
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    elif fault.kind == "expire_access":
        world.tokens.expire_access()
    elif fault.kind == "revoke_family":
        world.tokens.revoke_all()
    elif fault.kind == "revise":
        world.revisions += 1
    elif fault.kind == "status":
        status = fault.status or 503
        problem = TokenError if exchange.kind == "token" else ApiError
        headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
        raise problem(status=status, error=PHRASES.get(status, "server_error"), message="As ordered.", headers=headers)
    return _instead(fault, exchange)


def _instead(fault: Fault, exchange: Exchange) -> Reply | None:
    """Return the answer of a fault that replaces the handler."""
    wait = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
    echo = {"error": "bad_request", "body": exchange.text, "headers": dict(exchange.request.headers)}
    replies = {
        "html_200": Reply(text=HTML.format("Under maintenance"), media_type="text/html"),
        "json_scalar": Reply(content=42),
        "no_rows_key": Reply(content={"status": "ok"}),
        "redirect": Reply(status=fault.status or 307, text="", headers={"Location": fault.location or "/"}),
        "echo_secrets": Reply(status=fault.status or 400, content=echo),
        "zip_bomb": Reply(),
        "deep_json": Reply(text="[" * 100_000 + "]" * 100_000),
        "odd_packing": Reply(content=[], headers={"Content-Encoding": "br"}),
        "body_status": Reply(content={"status": fault.status or 500, "data": []}, headers=wait),
        "body_code": Reply(content={"code": fault.status or 429, "message": "quota", "data": []}, headers=wait),
        "body_flag": Reply(content={"success": "false", "data": []}),
        "nested_error": Reply(content={"data": {"error": "boom", "rows": []}}),
        "reset_before": Reply(),
    }
    return replies.get(fault.kind)


async def _send(exchange: Exchange, reply: Reply) -> Response:
    kind = exchange.fault.kind if exchange.fault else ""
    if kind in {"reset_before", "lost_rotation"}:
        return ResetResponse()
    text = to_json(reply.content) if reply.text is None else reply.text
    if kind == "cut_json":
        text = text[: len(text) // 2]
    content = b"" if reply.status == NO_CONTENT else text.encode()
    # By the sandbox's clock, like the tokens' lifetime, so that a wrong clock is visible.
    headers = {**reply.headers, "Date": formatdate(exchange.world.tokens.clock(), usegmt=True)}
    takes_gzip = "gzip" in exchange.request.headers.get("accept-encoding", "")
    if kind == "zip_bomb":
        content = gzip.compress(bytes(2**24), mtime=0) * 18
        headers["Content-Encoding"] = "gzip"
    elif len(content) >= SMALLEST_ZIPPED and takes_gzip and exchange.world.forms.compression == "gzip":
        content = gzip.compress(content, compresslevel=1, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    options = {"content": content, "status_code": reply.status, "headers": headers, "media_type": reply.media_type}
    if kind == "slow_body":
        return DripResponse(seconds=exchange.fault.seconds if exchange.fault else 0.0, **options)
    if kind in {"cut_body", "reset_after_headers"}:
        return HalfResponse(reset=kind == "reset_after_headers", **options)
    return Response(**options)  # type: ignore[arg-type]  # the arguments of Response
