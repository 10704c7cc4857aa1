"""A deadline for an answer as a whole: a socket's own timeout begins anew with every byte that arrives."""

from __future__ import annotations

import io
import sys
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, cast

from requests.adapters import HTTPAdapter

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    import socket


class DeadlineAdapter(HTTPAdapter):
    """Sends requests; its timeout is that of a connection, and then of all that comes back, the status line included.

    Neither a thread nor a timer watches: whoever reads from the socket looks at the time before.
    """

    @override
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pool of connections for a request, of whatever kind its address and proxy need."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        connection = pool.ConnectionCls
        if connection.response_class is not _DeadlineResponse:
            pool.ConnectionCls = type(connection.__name__, (connection,), {"response_class": _DeadlineResponse})
        return pool


class _DeadlineResponse(HTTPResponse):
    """An answer that has the socket's timeout in all, from the moment at which its request is sent."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until its deadline."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
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
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()
