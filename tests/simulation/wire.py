"""The way from the tap's HTTP client to the simulated server, without sockets, and what may go wrong on it."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError

from simulation.sent import sent_by
from simulation.server import REPORT, TOKEN, answer, place_of, without_threads
from tap_yoc.sandbox.transport import DripResponse, HalfResponse, ResetResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.responses import Response

    from simulation.clock import Time
    from simulation.instants import Instants
    from simulation.sent import Sent
    from simulation.server import ChangingWorld

EMPTY_ANSWER = "empty answer"
LONGEST_RUN_SECONDS = 24 * 3600.0
TOKEN_LATENCY_SECONDS = 0.05
"""A login takes less time than a report, so that a token may die on the way of a report that was signed in time."""
LONGEST_WAIT_SECONDS = 600.0
"""How long the tap may be asked to wait; it is promised to ask again earlier than an absurd `Retry-After` says."""


class HangError(BaseException):
    """The run does not end."""


@dataclass(kw_only=True)
class WireFault:
    """What goes wrong with some requests on their way: a kind, a place, and the requests that it passes over first."""

    kind: str
    place: str = REPORT
    after: int = 0
    times: int = 1
    match: str = ""
    seconds: float = 0.0
    body: str = ""
    act: Callable[[], None] | None = None


@dataclass(kw_only=True)
class Wire:
    """Carries requests to the server, one morning long."""

    world: ChangingWorld
    time: Time
    instants: Instants
    latency_seconds: float
    faults: list[WireFault] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    hasty: list[str] = field(default_factory=list)
    """Requests that were repeated before the server wanted them."""
    fired: list[str] = field(default_factory=list)
    spoilt: list[dict[str, Any]] = field(default_factory=list)
    """The reports asked for whose answers were replaced by others."""
    started: float = field(init=False)
    _not_before: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.started = self.time()

    def send(
        self, request: requests.PreparedRequest, timeout: float, begin_to_send: Callable[[], None]
    ) -> requests.Response:
        """Return the answer, or raise what an HTTP client raises; call `begin_to_send` before the first byte."""
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        place = place_of(request.method or "", request.url or "")
        about = f" {TOKEN}" if place == TOKEN else ""
        self.instants.passing(f"send{about}")
        began = self.time()
        if began > self.started + LONGEST_RUN_SECONDS:
            raise HangError(f"the run still asks after {LONGEST_RUN_SECONDS / 3600:.0f} hours")
        sent = sent_by(place, body, began)
        key = hashlib.sha256(place.encode() + body).hexdigest() if place != TOKEN else f"{place} {sent.grant}"
        with self._lock:
            self.sent.append(sent)
            if began < self._not_before.get(key, 0.0) - 0.001:
                self.hasty.append(f"{place} {self._not_before[key] - began:.1f} s too early")
            fault = self._take(place, body.decode("utf-8", "replace"))
        if fault and fault.kind in _BEFORE_SENDING:
            sent.became = "not sent"
            raise _BEFORE_SENDING[fault.kind](request)
        sent.became = "not sent"  # if what the tap does before the first byte fails
        begin_to_send()
        sent.became = "lost"
        self.instants.passing(f"leaving{about}")
        self.time.pass_until(began + (TOKEN_LATENCY_SECONDS if place == TOKEN else self.latency_seconds))
        if fault and fault.act:
            fault.act()
        if fault and fault.kind == EMPTY_ANSWER:
            self.spoilt.append(json.loads(body))
        headers = {str(name): str(value) for name, value in request.headers.items()}
        if fault and fault.kind == "unsorted":
            asked = json.loads(body)
            body = json.dumps({**asked, "sort": []}).encode()
        response = answer(self.world, place, headers, body)
        sent.became = "lost" if isinstance(response, ResetResponse) else response.status_code
        self.instants.passing(f"answered{about}")
        delivered = self._delivered(request, response, fault, began, timeout, sent)
        self._note_wait(key, response)  # a lost answer asks for no wait
        return delivered

    def _take(self, place: str, text: str) -> WireFault | None:
        for fault in self.faults:
            if fault.place != place or fault.match not in text or not fault.times:
                continue
            if fault.after:
                fault.after -= 1
                continue
            fault.times -= 1
            self.fired.append(fault.kind)
            return fault
        return None

    def _note_wait(self, key: str, response: Response) -> None:
        wait = response.headers.get("Retry-After")
        if response.status_code not in {429, 503} or wait is None:
            return
        if wait.isdigit():
            seconds = float(wait)
        else:
            there = parsedate_to_datetime(response.headers["Date"])
            seconds = (parsedate_to_datetime(wait) - there).total_seconds() - 1  # both are cut to whole seconds
        with self._lock:
            self._not_before[key] = self.time() + min(seconds, LONGEST_WAIT_SECONDS)

    def _delivered(
        self,
        request: requests.PreparedRequest,
        response: Response,
        fault: WireFault | None,
        began: float,
        timeout: float,
        sent: Sent,
    ) -> requests.Response:
        kind = fault.kind if fault else ""
        if isinstance(response, ResetResponse) or kind == "reset":
            sent.became = "lost"
            raise requests.exceptions.ConnectionError(
                urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
            )
        seconds = response.seconds if isinstance(response, DripResponse) else fault.seconds if fault else 0.0
        self.time.pass_until(began + min(seconds, timeout))
        if seconds >= timeout:
            sent.became = "lost"
            raise requests.exceptions.ReadTimeout("timed out")
        body, status = bytes(response.body), response.status_code
        raw: io.IOBase = io.BytesIO(body)
        headers = urllib3.HTTPHeaderDict(
            (name.decode(), value.decode("latin-1")) for name, value in response.raw_headers
        )
        if isinstance(response, HalfResponse):
            sent.became = "lost"
            raw = _Broken(body[: len(body) // 2])
        elif fault and (fault.body or kind == "secrets quoted"):
            quoted = {"error": "rejected", "message": f"{request.headers.get('Authorization')} {_text_of(request)}"}
            raw = io.BytesIO((fault.body or json.dumps(quoted)).encode())
            status = 400 if kind == "secrets quoted" else response.status_code
            sent.became = status
            for name in ("Content-Encoding", "Content-Length", "X-Total-Count"):
                headers.pop(name, None)
        low = urllib3.HTTPResponse(
            body=raw, headers=headers, status=status, preload_content=False, decode_content=False
        )
        return HTTPAdapter().build_response(request, low)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Carry whatever requests are sent in this process."""

        def send(adapter: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - the signature of requests
            timeout = options.get("timeout") or 60.0
            with self.time.on_the_wire():
                seconds = timeout[1] if isinstance(timeout, tuple) else timeout
                return self.send(request, seconds, adapter.begin_to_send)

        with patch.object(HTTPAdapter, "send", send), without_threads():
            yield


class _Broken(io.RawIOBase):
    """A body that breaks off."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if not self._content:
            raise IncompleteRead(b"", 1)
        end = len(self._content) if size is None or size < 0 else size
        given, self._content = self._content[:end], self._content[end:]
        if size is None or size < 0:
            raise IncompleteRead(given, 1)
        return given


def _text_of(request: requests.PreparedRequest) -> str:
    body = request.body or b""
    return body if isinstance(body, str) else body.decode("utf-8", "replace")


def _refused_connection(request: requests.PreparedRequest) -> requests.exceptions.RequestException:
    reason = NewConnectionError(None, "refused")  # type: ignore[arg-type]  # there is none
    reason.__cause__ = ConnectionRefusedError(111, "Connection refused")
    return requests.exceptions.ConnectionError(
        MaxRetryError(None, request.url, reason),  # type: ignore[arg-type]  # there is no pool
        request=request,
    )


def _refusing_proxy(request: requests.PreparedRequest) -> requests.exceptions.RequestException:
    reason = ProxyError("Unable to connect to proxy", OSError("Tunnel connection failed: 503 Service Unavailable"))
    return requests.exceptions.ProxyError(
        MaxRetryError(None, request.url, reason),  # type: ignore[arg-type]  # there is no pool
        request=request,
    )


_BEFORE_SENDING = {"no connection": _refused_connection, "proxy refuses": _refusing_proxy}
