"""A server of pages rendered in advance: several times faster than any client, so that only the client is measured.

`python -m benchmarks.server --days 10 --rows-per-day 1000` prints its address as one line of JSON and serves until its
standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import ssl
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from benchmarks.behaviour import Behaviour
from benchmarks.certificate import HOST
from benchmarks.packed import Packed
from benchmarks.work import METADATA, PAGE_SIZE, Work, yesterday

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN_PATH = "/api/v2/oauth/token"  # noqa: S105 - a path
REPORT_PATH = "/api/v1/reporting/publishers"
STATS_PATH = "/stats"
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 422: "Invalid", 429: "Slow Down"}
HEAD_END = b"\r\n\r\n"
PAGE_START = b'{"data":['


class Reply(Exception):  # noqa: N818 - an answer, not an error
    """An answer other than a page."""

    def __init__(self, status: int, body: Any, retry_after: str = "") -> None:  # noqa: ANN401 - JSON
        """Take the status and what the body says."""
        super().__init__(status)
        self.status = status
        self.body = json.dumps(body).encode()
        self.headers = f"Retry-After: {retry_after}\r\n" if retry_after else ""

    def parts(self) -> list[bytes]:
        """Return the whole answer."""
        return [_head(self.status, len(self.body), self.headers), self.body]


class Site:
    """What all connections share: the rendered pages, the tokens, the counts."""

    def __init__(self, work: Work, behaviour: Behaviour) -> None:
        """Render every page."""
        self.work = replace(work, as_text=behaviour.as_text)
        self.behaviour = behaviour
        self.in_flight = 0
        self.counts: Counter[str] = Counter()
        self._tokens: dict[str, float] = {}
        self._pages: dict[tuple[date, int], bytes] = {}
        if self.work.rows_per_day % PAGE_SIZE == 0 and not behaviour.page_cap:
            for day in self.work.within(self.work.first, self.work.last):
                for start in range(0, self.work.rows_per_day, PAGE_SIZE):
                    self._pages[day, start] = self.work.rows_json([day], start, start + PAGE_SIZE)
        self._packed = {
            where: Packed.of(PAGE_START + rows) for where, rows in self._pages.items() if behaviour.is_https
        }

    def token(self, body: bytes) -> Reply:
        """Return the answer of the token endpoint."""
        try:
            grant = json.loads(body)
        except ValueError:  # Forms are taken as well, since some peers send nothing else.
            grant = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if grant.get("grant_type") not in {"password", "refresh_token"}:
            return Reply(400, {"error": "invalid_grant"})
        self.counts["tokens"] += 1
        token = f"access-{self.counts['tokens']}"
        life = self.behaviour.token_life_seconds
        self._tokens[token] = time.monotonic() + life
        pair = {"access_token": token, "refresh_token": f"refresh-{self.counts['tokens']}"}
        return Reply(200, {"token_type": "Bearer", "expires_in": life, **pair})

    def check_token(self, token: str, *, is_report: bool) -> None:
        """Answer 401 for a token that is unknown, too old, or revoked."""
        behaviour = self.behaviour
        is_used_up = behaviour.token_pages and token == "access-1" and self.counts["pages"] >= behaviour.token_pages  # noqa: S105 - no secret
        if self._tokens.get(token, 0.0) < time.monotonic() or (is_used_up and is_report):
            self.counts["401"] += 1
            raise Reply(401, {"error": "invalid_token"})

    def admit(self) -> None:
        """Count a report request, and answer 429 to one that comes at the wrong time."""
        behaviour = self.behaviour
        self.counts["reports"] += 1
        self.counts["most in flight"] = max(self.counts["most in flight"], self.in_flight)
        too_many = 0 < behaviour.most_in_flight < self.in_flight
        if too_many or self.counts["reports"] in behaviour.throttled:
            self.counts["429"] += 1
            said = behaviour.retry_after
            if said == "date":
                said = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True)
            raise Reply(429, {"error": "too many requests"}, said)

    def page(self, body: bytes, *, takes_gzip: bool = False) -> list[bytes]:
        """Return the answer to a report request.

        Raises:
            Reply: It is not a page.
        """
        query = json.loads(body)
        number, size = query["page"], query["page_size"]
        if number < 1 or not 0 < size <= PAGE_SIZE:
            raise Reply(422, {"error": "page or page_size"})
        days = self._days_of(query["query"])
        if query["group_by"] == ["date"]:
            return self._totals(days, number, size)
        total = len(days) * self.work.rows_per_day
        given = min(size, self.behaviour.page_cap or size)
        start = self._start_of(number, given if self.behaviour.cap_moves_pages else size, total)
        self.counts["pages"] += 1
        if start >= total:
            return self._envelope(b"", total, number, given)
        day, offset = divmod(start, self.work.rows_per_day)
        where = days[day], offset
        if given == PAGE_SIZE and where in self._pages:
            return self._envelope(
                self._pages[where], total, number, given, self._packed.get(where) if takes_gzip else None
            )
        return self._envelope(self.work.rows_json(days, start, start + given), total, number, given)

    def _start_of(self, number: int, step: int, total: int) -> int:
        start = (number - 1) * step
        if start >= total and number > 1:
            if self.behaviour.past_end == "404":
                raise Reply(404, {"error": "no such page"})
            if self.behaviour.past_end == "repeat" and total:
                return (total - 1) // step * step
        return start

    def _days_of(self, tree: dict[str, Any]) -> list[date]:
        first, last = date.min, date.max
        for branch in tree.get("and", [tree]):
            ((operator, operand),) = branch.items()
            day = date.fromisoformat(operand["date"])
            first, last = (day, last) if operator == "gte" else (first, day)
        return self.work.within(first, last)

    def _totals(self, days: list[date], number: int, size: int) -> list[bytes]:
        """Return a page of the totals by day, with which the rows agree."""
        start = self._start_of(number, size, len(days))
        chosen = days[start : start + size]
        quote = str if self.behaviour.as_text else int
        sums = {name: quote(value) for name, value in self.work.day_totals.items()}
        rows = ",".join(json.dumps({"date": day.isoformat(), **sums}) for day in chosen)
        return self._envelope(rows.encode(), len(days), number, size)

    def _envelope(self, rows: bytes, total: int, number: int, size: int, packed: Packed | None = None) -> list[bytes]:
        claim = f'"total":{total},' if self.behaviour.has_total else ""
        tail = f'],{claim}"page":{number},"page_size":{size}}}'.encode()
        if packed:
            self.counts["compressed"] += 1
            parts = packed.gzip(tail)
            return [_head(200, sum(map(len, parts)), "Content-Encoding: gzip\r\n"), *parts]
        return [_head(200, len(PAGE_START) + len(rows) + len(tail)), PAGE_START, rows, tail]


class Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, site: Site) -> None:
        """Wait for the first request."""
        self._site = site
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._is_last = False
        self._takes_gzip = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if isinstance(transport, asyncio.Transport):
            transport.set_write_buffer_limits(high=1 << 22)
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._buffer += data
        while (head_end := self._buffer.find(HEAD_END)) >= 0:
            lines = self._buffer[:head_end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            end = head_end + len(HEAD_END) + int(headers.get("content-length", "0"))
            if len(self._buffer) < end:
                return
            self._is_last = headers.get("connection", "").lower() == "close"
            body = bytes(self._buffer[head_end + len(HEAD_END) : end])
            del self._buffer[:end]
            method, path, _ = lines[0].split(" ")
            self._takes_gzip = "gzip" in headers.get("accept-encoding", "")
            self._handle(f"{method} {path}", headers.get("authorization", "").removeprefix("Bearer "), body)

    def _handle(self, what: str, token: str, body: bytes) -> None:
        site = self._site
        if what == f"GET {STATS_PATH}":
            self._send(Reply(200, site.counts).parts())
        elif what == f"POST {TOKEN_PATH}":
            self._send(site.token(body).parts())
        elif what == f"GET {REPORT_PATH}":
            try:
                site.check_token(token, is_report=False)
                self._send(Reply(200, METADATA).parts())
            except Reply as reply:
                self._send(reply.parts())
        elif what == f"POST {REPORT_PATH}":
            self._report(token, body)
        else:
            self._send(Reply(404, {"error": what}).parts())

    def _report(self, token: str, body: bytes) -> None:
        site = self._site
        site.in_flight += 1
        try:
            site.admit()
        except Reply as reply:
            self._answer(reply.parts())
            return
        if latency := site.behaviour.latency_ms:
            asyncio.get_running_loop().call_later(latency / 1000, self._look_up, token, body)
        else:
            self._look_up(token, body)

    def _look_up(self, token: str, body: bytes) -> None:
        """Answer with the page, if the token has lived until now."""
        try:
            self._site.check_token(token, is_report=True)
            self._answer(self._site.page(body, takes_gzip=self._takes_gzip))
        except Reply as reply:
            self._answer(reply.parts())

    def _answer(self, parts: list[bytes]) -> None:
        self._site.in_flight -= 1
        self._send(parts)

    def _send(self, parts: list[bytes]) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(b"".join(parts))
            if self._is_last:
                self._transport.close()


def _head(status: int, length: int, headers: str = "") -> bytes:
    kind = "Content-Type: application/json\r\n"
    return f"HTTP/1.1 {status} {REASONS[status]}\r\n{kind}{headers}Content-Length: {length}\r\n\r\n".encode()


async def serve(site: Site, certificate: tuple[str, str] | None) -> None:
    """Serve on a free port of this machine until standard input ends; with a certificate and its key, over TLS."""
    loop = asyncio.get_running_loop()
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    server = await loop.create_server(lambda: Connection(site), HOST, 0, ssl=context)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201 - the address
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve one work with one behaviour."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--rows-per-day", type=int, default=1000)
    parser.add_argument("--revision", type=int, default=0, help="how often the figures were revised")
    parser.add_argument("--behaviour", type=json.loads, default={}, help="a Behaviour as JSON")
    parser.add_argument("--certificate", nargs=2, metavar=("FILE", "KEY"), help="serve over TLS")
    options = parser.parse_args(arguments)
    work = Work(days=options.days, rows_per_day=options.rows_per_day, last=yesterday(), revision=options.revision)
    site = Site(work, Behaviour(**{**asdict(Behaviour()), **options.behaviour}))
    gc.freeze()
    asyncio.run(serve(site, options.certificate))


if __name__ == "__main__":
    main()
