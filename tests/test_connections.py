"""Proxies, certificates and protocols that are wrong: what waiting cannot fix ends at once, and says what to do."""

from __future__ import annotations

import json
import os
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
from certificates import make_certificate
from harness import run_command, run_tap
from raw_server import RawServer, ok, sends
from test_transport import LOGIN, transport_of

from tap_yoc.doctor.advice import OF_SETTINGS, OTHERWISE, explain
from tap_yoc.errors import ExitCode, NotSentError, SettingsError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

ELSEWHERE = "https://oauth.yoc.example"
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set that would change what a test is about."""
    for name in (*VARIABLES, *PROXIES, *map(str.lower, PROXIES)):
        monkeypatch.delenv(name, raising=False)


def ask(url: str) -> int:
    """Return the status of an answer."""
    transport = transport_of(request_timeout=5)
    try:
        return transport.send("GET", url, auth=lambda request: request).status
    finally:
        transport.close()


def assert_final(url: str, says: str, do: str) -> None:
    """See that an exchange ends at once, and that the doctor knows what to do about it."""
    with pytest.raises(SettingsError, match=says) as caught:
        ask(url)
    advice = explain(caught.value)[1]
    assert advice not in {OF_SETTINGS, OTHERWISE}
    assert do in advice


BUNDLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "does not exist"),
    "empty": (lambda path: path.write_text(""), "contains no certificate in PEM format"),
    "not PEM": (lambda path: path.write_bytes(b"\x30\x82\x01\x0a\xff"), "contains no certificate in PEM format"),
    "broken PEM": (
        lambda path: path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        "contains no certificate in PEM format",
    ),
    "folder": (lambda path: path.mkdir(), "is a directory of certificates without hashes as names"),
    "loop": (lambda path: path.symlink_to(path), r"cannot be read \("),
}


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(("make", "why"), BUNDLES.values(), ids=BUNDLES)
def test_certificates_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], why: str, variable: str
) -> None:
    """It was a traceback, or asked for until `max_wait_minutes` were over."""
    bundle = tmp_path / "bundle"
    make(bundle)
    monkeypatch.setenv(variable, str(bundle))
    assert_final("https://127.0.0.1:9", f"^{variable} points to {re.escape(str(bundle))}, which {why}", "PEM")


def test_certificates_that_vanish_during_a_run_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was good for the first request need not be for the second."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))
    with RawServer(sends(ok()), tls=certificate.server) as server:
        transport = transport_of()
        assert transport.send("GET", server.url, auth=lambda request: request).status == 200
        certificate.path.unlink()
        with pytest.raises(SettingsError, match=r"^REQUESTS_CA_BUNDLE points to .*, which does not exist"):
            transport.send("GET", server.url, auth=lambda request: request, new_connection=True)
        transport.close()


@pytest.mark.parametrize(
    ("made", "is_trusted", "says", "do"),
    [
        pytest.param({}, False, r"is not trusted \(self.signed certificate\)", "REQUESTS_CA_BUNDLE", id="self-signed"),
        pytest.param({"days": 0}, True, r"is not valid today \(certificate has expired\)", "clock", id="expired"),
        pytest.param({"days": -9}, True, "is not valid today", "clock", id="expired long ago"),
        pytest.param({"address": "127.0.0.2"}, True, "is for another host", "api_url", id="another host"),
    ],
)
def test_a_certificate_that_is_not_good_is_distinguished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, Any], says: str, do: str, *, is_trusted: bool
) -> None:
    """Each has another remedy; waiting fixes none."""
    certificate = make_certificate(tmp_path, **made)
    if is_trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))
    with RawServer(sends(ok()), tls=certificate.server) as server:
        assert_final(server.url, f"^The certificate of {server.url} {says}", do)
        assert server.requests == []


def test_a_certificate_that_is_named_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a company whose proxy opens all connections."""
    certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")  # which is not asked
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))
    with RawServer(sends(ok()), tls=certificate.server) as server:
        assert ask(server.url) == 200


def test_a_plain_connection_needs_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the environment names are not read for it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with RawServer(sends(ok())) as server:
        assert ask(server.url) == 200


def status(line: str, content_type: str = "text/html") -> bytes:
    """Return an answer with a page."""
    return ok(b"<html></html>", content_type, line)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("407 Proxy Authentication Required", r"^The proxy requires a login, or rejects the one it got \(HTTP 407\)"),
        ("403 Forbidden", r"^The proxy refuses to connect to oauth\.yoc\.example \(HTTP 403\)"),
        ("405 Method Not Allowed", r"^The proxy refuses to connect to oauth\.yoc\.example \(HTTP 405\)"),
    ],
)
def test_a_proxy_that_refuses_for_good_is_asked_once(monkeypatch: pytest.MonkeyPatch, line: str, says: str) -> None:
    """A wrong password was tried for half an hour, which locks accounts; the password is not shown."""
    with RawServer(sends(status(line))) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url.replace("//", "//me:pr0xy-p4ss@"))
        assert_final(ELSEWHERE, says, "HTTPS_PROXY")
        run = run_tap({**LOGIN, "auth_url": ELSEWHERE, "api_url": ELSEWHERE})
        assert (run.exit_code, len(server.requests)) == (ExitCode.SETTINGS, 2), run.log
    assert re.search(says[1:], run.log)
    assert "pr0xy-p4ss" not in run.log


@pytest.mark.parametrize("line", ["429 Too Many Requests", "408 Request Timeout", "502 Bad Gateway", "503 Busy"])
def test_a_proxy_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """It may connect later, and nothing was sent."""
    with RawServer(sends(status(line))) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        with pytest.raises(NotSentError) as caught:
            ask(ELSEWHERE)
    assert str(caught.value) == f"no connection to oauth.yoc.example (the proxy: HTTP {line[:3]})"


@pytest.mark.parametrize(
    ("line", "says"),
    [("407 Proxy Authentication Required", "^The proxy requires a login"), ("403 Forbidden", "^The proxy refuses to")],
)
def test_a_proxy_for_plain_http_that_refuses_for_good(monkeypatch: pytest.MonkeyPatch, line: str, says: str) -> None:
    """Its answer stands where the server's would."""
    with RawServer(sends(status(line))) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        assert_final("http://127.0.0.1:9", says, "HTTPS_PROXY")
    with RawServer(sends(status("403 Forbidden", "application/json"))) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        assert ask("http://127.0.0.1:9") == 403


@pytest.mark.parametrize("proxy", ["http://host:port", "ftp://127.0.0.1:9", "http://", "http://[::1", "x:y:z"])
def test_a_proxy_that_is_no_address_is_called_so(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Whatever is wrong with it, the variable must be fixed."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert_final(ELSEWHERE, "^The proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is not a valid URL", "HTTPS_PROXY")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_needs_a_package(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """Which is named."""
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:9")
    assert_final(ELSEWHERE, r"^This kind of proxy .* pip install 'requests\[socks\]'", "HTTPS_PROXY")


def test_a_port_without_tls_is_called_so() -> None:
    """It was taken for a connection that broke."""
    with RawServer(sends(ok())) as server:
        url = server.url.replace("http:", "https:")
        assert_final(url, f"^{url} does not use TLS; check host and port", "TLS")


def expects_tls(connection: socket.socket, _: threading.Event) -> None:
    """Answer with an alert, as who does not understand."""
    connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")
    connection.shutdown(socket.SHUT_RDWR)


def test_a_port_with_tls_is_called_so() -> None:
    """A server that expects TLS answers a plain request with an alert of its own."""
    with RawServer(expects_tls) as server:
        assert_final(server.url, f"^{server.url} uses TLS; api_url and auth_url must start with https://", "TLS")


def test_a_proxy_with_the_other_protocol_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most proxies for https speak plain HTTP themselves."""
    with RawServer(sends(status("400 Bad Request"))) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url.replace("http:", "https:"))
        assert_final(ELSEWHERE, "^The proxy speaks http, not https; its URL .* must start with http://", "PROXY")
    with RawServer(expects_tls) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        assert_final(ELSEWHERE, "^The proxy speaks https, not http; its URL .* must start with https://", "PROXY")


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "aes128gcm"])
def test_an_answer_packed_otherwise_than_asked_for_is_called_so(encoding: str) -> None:
    """It was taken for an answer that broke off."""
    answer = ok(b"\x8b\x00").replace(b"\r\n\r\n", f"\r\nContent-Encoding: {encoding}\r\n\r\n".encode())
    with RawServer(sends(answer)) as server:
        assert_final(server.url, f"^The answer from {server.url} is compressed as '{encoding}'", "proxy")
        assert b"Accept-Encoding: gzip, deflate\r\n" in server.requests[0]


@pytest.mark.parametrize("option", [(), ("--discover",), ("--test",)], ids=["run", "discover", "test"])
def test_the_command_names_the_certificates(tmp_path: Path, option: tuple[str, ...]) -> None:
    """It was a traceback, and with --discover stdout got the blame."""
    (tmp_path / "config.json").write_text(json.dumps(LOGIN))
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(tmp_path / "nowhere.pem")}
    done = run_command("--config", "config.json", *option, cwd=tmp_path, env=environment)
    assert done.returncode == ExitCode.SETTINGS, done.stderr
    assert "REQUESTS_CA_BUNDLE points to" in done.stderr
    assert "Traceback" not in done.stderr
    assert "tdout" not in done.stderr
