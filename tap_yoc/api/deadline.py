"""Connections that report when a request is about to be sent, and that limit the time for the whole answer.

A socket's own timeout restarts with every byte that arrives.
"""

from __future__ import annotations

import io
import sys
import threading
import time
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any, cast

from requests.adapters import HTTPAdapter

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


LARGEST_ANSWER = 64 * 2**20
"""Maximum bytes of an answer, both as sent and decompressed: with 500 rows per page, 128 KiB per row."""


class TooLargeError(OSError):
    """An answer is larger than any answer of YOC can be."""


class DeadlineAdapter(HTTPAdapter):
    """Sends requests; the timeout applies to connecting, and then to the whole answer from its status line on.

    There is no watching thread or timer: each read from the socket checks the time first.
    """

    def __init__(self, connections: int = 1) -> None:
        """Keep up to `connections` open connections to each host."""
        self._thread = threading.local()
        super().__init__(pool_connections=2, pool_maxsize=connections, max_retries=0)

    def before_first_byte(self, act: Callable[[], None]) -> None:
        """Call `act` before the first byte of this thread's next request is sent.

        By then the connection, a proxy's tunnel and the TLS handshake are established. If `act` raises, the request is
        not sent.
        """
        self._thread.act = act

    def begin_to_send(self) -> None:
        """Call what `before_first_byte` registered, once."""
        if act := vars(self._thread).pop("act", None):
            act()

    @override
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the connection pool for a request, with the deadline and the callback added."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        connection = pool.ConnectionCls
        if connection.response_class is not _DeadlineResponse:
            members = {"response_class": _DeadlineResponse, "begin_to_send": staticmethod(self.begin_to_send)}
            pool.ConnectionCls = type(connection.__name__, (_WatchedConnection, connection), members)
        return pool


class _WatchedConnection(HTTPConnection):
    """A connection that reports when a request's first byte is about to be sent; connecting does not count."""

    begin_to_send: Callable[[], None]
    _is_connecting = False

    @override
    def connect(self) -> None:
        self._is_connecting = True
        try:
            super().connect()
        finally:
            self._is_connecting = False

    @override
    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if not self._is_connecting:
            self.begin_to_send()
        super().send(data)


class _DeadlineResponse(HTTPResponse):
    """An answer that must be complete within the socket's timeout, counted from sending the request."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket up to a deadline and a size limit, because urllib3 reads lines of any length."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._left_bytes = LARGEST_ANSWER
        self._deadline = time.monotonic() + cast("float", sock.gettimeout())  # every request has one

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        count = self._raw.readinto(buffer)
        self._left_bytes -= count or 0
        if self._left_bytes < 0:
            raise TooLargeError(f"more than {LARGEST_ANSWER >> 20} MiB sent")
        return count

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()
