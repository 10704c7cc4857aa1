"""Breaks real connections: resets, truncated answers, slow answers."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Peer = tuple[int, int]
"""`(server port, client port)`, which identifies a connection within a process."""
_OPEN: dict[Peer, asyncio.Transport] = {}
MOMENT_SECONDS = 0.03
DRIPS = 10


class BreakableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with connections that an answer can break."""

    peer: Peer | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Remember the connection."""
        super().connection_made(transport)
        here, there = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if here and there:
            self.peer = (here[1], there[1])
            _OPEN[self.peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.peer is not None:
            _OPEN.pop(self.peer, None)
        super().connection_lost(exc)


async def _end(scope: Scope, *, reset: bool) -> None:
    """End the connection of a request: with a TCP reset, or by closing it after what was sent."""
    transport = _OPEN.get((scope["server"][1], scope["client"][1]))
    if transport is None:
        return
    if reset:
        tcp = transport.get_extra_info("socket")
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close sends RST
        transport.abort()
    else:
        transport.close()
    await asyncio.sleep(MOMENT_SECONDS)  # until the protocol notices that the connection is closed


class ResetResponse(Response):
    """No answer: the connection is reset before the first byte."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Reset the connection."""
        await _end(scope, reset=True)


class HalfResponse(Response):
    """The headers and half of the body; then the connection is reset, or closed."""

    def __init__(self, *, reset: bool, **options: Any) -> None:  # noqa: ANN401 - arguments of Response
        super().__init__(**options)
        self.reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send half, then end the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(MOMENT_SECONDS)  # until the half is sent: a reset drops unsent data
        await _end(scope, reset=self.reset)


class DripResponse(Response):
    """The whole answer, with its body sent slowly over some seconds."""

    def __init__(self, *, seconds: float, **options: Any) -> None:  # noqa: ANN401 - arguments of Response
        super().__init__(**options)
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the body in small pieces."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        step = max(1, -(-len(body) // DRIPS))
        for start in range(0, len(body), step):
            await asyncio.sleep(self.seconds / DRIPS)
            await send({"type": "http.response.body", "body": body[start : start + step], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
