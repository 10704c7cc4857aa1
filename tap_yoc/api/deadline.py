"""Connections that say when a request begins to leave, and that wait for its answer until a deadline and no longer.

A socket's own timeout starts again with every byte that arrives.
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
"""Bytes of an answer, as sent and unpacked: a page has 500 rows at most, so that each may have 128 KiB."""


class TooLargeError(OSError):
    """An answer is larger than anything that YOC has to say."""


class DeadlineAdapter(HTTPAdapter):
    """Sends requests; its timeout is that of a connection, and then of all that comes back, the status line included.

    Neither a thread nor a timer watches: whoever reads from the socket looks at the time before.
    """

    def __init__(self, connections: int = 1) -> None:
        """Connect to nothing yet, and keep so many connections to each host."""
        self._thread = threading.local()
        super().__init__(pool_connections=2, pool_maxsize=connections, max_retries=0)

    def before_first_byte(self, act: Callable[[], None]) -> None:
        """Have something done before the next request of this thread begins to leave.

        That is after the connection, a proxy's tunnel and the TLS handshake came about. What it raises keeps the
        request from leaving.
        """
        self._thread.act = act

    def begin_to_send(self) -> None:
        """Do what is to be done before the first byte, once."""
        if act := vars(self._thread).pop("act", None):
            act()

    @override
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pool of connections for a request, of whatever kind its address and proxy need."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        connection = pool.ConnectionCls
        if connection.response_class is not _DeadlineResponse:
            own = {"response_class": _DeadlineResponse, "begin_to_send": staticmethod(self.begin_to_send)}
            pool.ConnectionCls = type(connection.__name__, (_WatchedConnection, connection), own)
        return pool


class _WatchedConnection(HTTPConnection):
    """A connection that tells when a request's first byte leaves; what connecting takes is not of the request."""

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
    """An answer that has the socket's timeout in all, from the moment at which its request is sent."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until its deadline, and up to a bound: urllib3 reads lines of any length."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._left_bytes = LARGEST_ANSWER
        self._deadline = time.monotonic() + cast("float", sock.gettimeout())  # no request is sent without

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
