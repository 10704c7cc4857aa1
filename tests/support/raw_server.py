"""A server that sends bytes as they are given, regardless of HTTP."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


def sends(content: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Return an answer that is sent at once."""
    return lambda connection, _: connection.sendall(content)


def ok(body: bytes = b"{}", content_type: str = "application/json", status: str = "200 OK") -> bytes:
    """Return a whole answer."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def drips(
    begin: bytes, count: int | None = None, pause: float = 0.02
) -> Callable[[socket.socket, threading.Event], None]:
    """Return an answer that goes on with a byte after each pause, in seconds, some of them or forever."""

    def drip(connection: socket.socket, closed: threading.Event) -> None:
        connection.sendall(begin)
        sent = 0
        while sent != count and not closed.wait(pause):
            connection.sendall(b"x")
            sent += 1

    return drip


class RawServer:
    """Takes one request after another on each connection; the n-th request of all gets the n-th answer."""

    def __init__(
        self, *answers: Callable[[socket.socket, threading.Event], None], tls: ssl.SSLContext | None = None
    ) -> None:
        """Listen on a port of this machine, speaking TLS if told how; the last answer is given again and again."""
        self._tls = tls
        self.connections = 0
        self.requests: list[bytes] = []
        self._answers = answers
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self._accept)]
        self._open: list[socket.socket] = []

    def __enter__(self) -> RawServer:  # noqa: PYI034 - `Self` is not in Python 3.10
        """Begin to answer."""
        self.threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of everybody."""
        self._closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):  # over already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self.threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with suppress(OSError), connection, self._secured(connection) as secured:
            self._open.append(secured)
            while (request := self._request(secured)) and not self._closed.is_set():
                self.requests.append(request)
                answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
                answer(secured, self._closed)

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        """Return a request as it came, its body too; nothing at the end of the connection."""
        head, _, body = connection.recv(1 << 16).partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                while len(body) < int(value):
                    body += connection.recv(1 << 16)
        return head and head + b"\r\n\r\n" + body
