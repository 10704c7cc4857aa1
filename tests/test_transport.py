"""One exchange, with servers that keep to HTTP more or less."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness import settings_of
from raw_server import RawServer, drips, ok, sends

from tap_yoc.api.transport import Transport
from tap_yoc.clock import Clock
from tap_yoc.doctor.advice import explain
from tap_yoc.errors import NotSentError, RetryableError, SettingsError, UnavailableError
from tap_yoc.redaction import Redactor
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.api.transport import Response

LOGIN = {"client_id": "c", "client_secret": "s3cret-s3cret", "username": "u", "password": "p4ssword"}


def transport_of(**settings: Any) -> Transport:  # noqa: ANN401 - settings of any kind
    """Return a transport with the real clock."""
    return Transport(settings_of({**LOGIN, **settings}), Clock(), Redactor(), RunSummary())


def unavailable(cause: RetryableError) -> UnavailableError:
    """Return what the tap makes of a failure that stays."""
    error = UnavailableError("YOC is not available.")
    error.__cause__ = cause
    return error


def exchange(server: RawServer, **settings: Any) -> Response:  # noqa: ANN401 - settings of any kind
    """Return the answer to one request."""
    transport = transport_of(**settings)
    try:
        return transport.send("GET", server.url, auth=lambda request: request)
    finally:
        transport.close()


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(b"", id="status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: ", id="header"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: ", id="header after another answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="body without a length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", id="size of a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFF\r\n", id="chunk"),
    ],
)
def test_an_answer_that_drips_is_cut_off_wherever_it_is(begin: bytes) -> None:
    """An answer has `request_timeout` in all; one whose headers dripped held the run for hours."""
    with RawServer(drips(begin)) as server, pytest.raises(RetryableError) as caught:
        exchange(server, request_timeout=0.3)
    assert str(caught.value) == "the answer took longer than 0.3 seconds"
    assert not isinstance(caught.value, NotSentError)


def test_each_answer_over_a_kept_connection_has_its_own_time() -> None:
    """What one answer used of its time is not missing from the next one's, and nobody is left watching."""
    slowly = drips(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", count=4, pause=0.5)
    before = {*threading.enumerate()}
    with RawServer(slowly) as server:
        transport = transport_of(request_timeout=3.5)
        bodies = [transport.send("GET", server.url, auth=lambda request: request).content for _ in range(2)]
        others = {*threading.enumerate()} - {*server.threads} - before
        transport.close()
    assert (bodies, server.connections) == (2 * [b"xxxx"], 1)
    assert others == set()


def no_such_name(*_: object, **__: object) -> None:
    """Fail as the system does where nobody knows a name."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9"], ids=["direct", "by a proxy"])
@pytest.mark.parametrize(
    ("is_known", "why"), [(True, "connection refused"), (False, "unknown host name")], ids=["port", "name"]
)
def test_no_connection_is_explained_in_words(
    monkeypatch: pytest.MonkeyPatch, proxy: str | None, why: str, *, is_known: bool
) -> None:
    """Whoever schedules a run need not know what a gaierror is, and looks for the proxy's mistakes at the proxy."""
    if not is_known:
        monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    host = "127.0.0.1:9"
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        host, why = "oauth.yoc.example", f"the proxy: {why}"
    transport = transport_of()
    with pytest.raises(NotSentError) as caught:
        transport.send("GET", f"https://{host}", auth=lambda request: request)
    transport.close()
    assert str(caught.value) == f"no connection to {host} ({why})"
    says, do = explain(unavailable(caught.value))
    assert why in says
    assert ("environment variable HTTPS_PROXY" in do) == bool(proxy)
    assert ("cannot resolve the host name" in do) == (not is_known and not proxy)


def closes(connection: socket.socket, _: threading.Event) -> None:
    """Close the connection instead of answering."""
    connection.shutdown(socket.SHUT_RDWR)


def is_silent(_: socket.socket, closed: threading.Event) -> None:
    """Never answer."""
    closed.wait(10)


# What happens to a connection before a request can leave: by TLS, or by a proxy's CONNECT.
BEFORE_A_REQUEST = [
    pytest.param(closes, id="closed"),
    pytest.param(is_silent, id="silent"),
    pytest.param(sends(b"220 mail.example ESMTP\r\n"), id="another protocol"),
    pytest.param(sends(ok(b"busy", "text/plain", "503 Service Unavailable")), id="503"),
    pytest.param(sends(ok(b"busy", "text/plain", "502 Bad Gateway")), id="502"),
    pytest.param(sends(b"HTTP/1.1 200 OK\r\n\r\n"), id="a tunnel without TLS behind it"),
]


@pytest.mark.parametrize("fault", BEFORE_A_REQUEST)
@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "by a proxy"])
def test_what_fails_before_the_first_byte_was_not_sent(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[socket.socket, threading.Event], None], *, by_proxy: bool
) -> None:
    """Whether a request may have arrived is known from what was written, not from how it failed."""
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    begun: list[str] = []
    with RawServer(fault) as server:
        host = server.url.removeprefix("http://")
        if by_proxy:
            monkeypatch.setenv("HTTPS_PROXY", server.url)
            host = "oauth.yoc.example"
        transport = transport_of(request_timeout=0.5)
        for new_connection in (True, False):
            with pytest.raises((NotSentError, SettingsError), match=f"no connection to {host}|does not use TLS"):
                transport.send(
                    "POST", f"https://{host}", auth=lambda request: request, new_connection=new_connection,
                    before_first_byte=lambda: begun.append("sent"), json={"refresh_token": "t0ken"},
                )  # fmt: skip
        transport.close()
    assert begun == []
    assert not any(b"t0ken" in request for request in server.requests)


@pytest.mark.parametrize("fault", [pytest.param(closes, id="closed"), pytest.param(is_silent, id="silent")])
@pytest.mark.parametrize("new_connection", [False, True])
def test_what_fails_later_may_have_been_sent(
    fault: Callable[[socket.socket, threading.Event], None], *, new_connection: bool
) -> None:
    """From the first byte on a request may have done its work; each one says so before it leaves, and once."""
    begun: list[int] = []
    with RawServer(sends(ok()), sends(ok()), fault) as server:
        transport = transport_of(request_timeout=0.5)

        def send() -> None:
            transport.send(
                "POST", server.url, auth=lambda request: request, new_connection=new_connection,
                before_first_byte=lambda: begun.append(len(server.requests)), json={"refresh_token": "t0ken"},
            )  # fmt: skip

        send()
        send()
        with pytest.raises(RetryableError) as caught:
            send()
        transport.close()
    assert not isinstance(caught.value, NotSentError)
    assert begun == [0, 1, 2]


def test_what_cannot_be_noted_is_not_sent() -> None:
    """A failure to write ahead keeps the request on this machine, and is reported correctly."""

    def full() -> None:
        raise SettingsError("No space left on device.")

    with RawServer(sends(ok())) as server:
        transport = transport_of()
        with pytest.raises(SettingsError, match="No space left"):
            transport.send("POST", server.url, auth=lambda request: request, before_first_byte=full, json={"a": 1})
        assert transport.send("GET", server.url, auth=lambda request: request).status == 200
        transport.close()
    assert [request.split(b" ")[0] for request in server.requests] == [b"GET"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("application/json", '{"a": "für 5 €"}'.encode(), id="nothing declared"),
        pytest.param(
            "application/json; charset=UTF-8", '{"a": "für 5 €"}'.encode("utf-8-sig"), id="with a byte-order mark"
        ),
        pytest.param("application/json; charset=windows-1252", '{"a": "für 5 €"}'.encode("cp1252"), id="cp1252"),
        pytest.param('application/json; charset="utf-16"', '{"a": "für 5 €"}'.encode("utf-16"), id="utf-16"),
        pytest.param(
            "application/json; charset=utf-16le", '{"a": "für 5 €"}'.encode("utf-16-le"), id="utf-16 without a mark"
        ),
        pytest.param("text/json; charset=latin-1", '{"a": "für 5 €"}'.encode(), id="UTF-8 under a wrong label"),
        pytest.param(
            "application/json; charset=klingon", '{"a": "für 5 €"}'.encode(), id="UTF-8 under an unknown label"
        ),
    ],
)
def test_a_body_is_read_in_the_charset_that_is_declared(content_type: str, body: bytes) -> None:
    """Text in another charset was taken for no JSON, and asked for until `max_wait_minutes` were over."""
    with RawServer(sends(ok(body, content_type))) as server:
        assert exchange(server).json() == {"a": "für 5 €"}


@pytest.mark.parametrize("charset", ["klingon", "hex", "utf-16", "ascii", ""])
def test_a_body_that_no_charset_fits_is_no_json(charset: str) -> None:
    """Bytes that are not what is declared, or of an unknown charset, are reported correctly."""
    with RawServer(sends(ok(b'{"a": "\xdc"', f"application/json; charset={charset}"))) as server:
        answer = exchange(server)
    with pytest.raises(RetryableError, match="the answer is not JSON"):
        answer.json()
