"""Answers without bounds: one sentence each, at once, and memory that stays flat."""

from __future__ import annotations

import gc
import gzip
import json
import tracemalloc
import weakref
import zlib
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness import run_tap
from hypothesis import given
from hypothesis import strategies as st
from raw_server import RawServer, ok, sends
from test_reading import REPORT
from test_transport import exchange

from tap_yoc.api.body import read_body
from tap_yoc.api.deadline import LARGEST_ANSWER, TooLargeError
from tap_yoc.decoding.envelope import EnvelopeReader
from tap_yoc.decoding.rows import RowShape
from tap_yoc.decoding.total import total_of
from tap_yoc.errors import ExitCode, IncompleteDataError, RetryableError, UnknownEnvelopeError
from tap_yoc.exact_json import DEEPEST, TooDeepError, decode

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable, Iterator

    from tap_yoc.sandbox.server import Sandbox

MIB = 2**20


class Packed:
    """An answer as urllib3 has it before its body is read."""

    def __init__(self, body: bytes, encoding: str, piece: int = 2**16) -> None:
        """Take the body as it is sent, and in which pieces it arrives."""
        self.headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        self._body = body
        self._piece = piece

    def stream(self, amt: int, decode_content: bool) -> Iterator[bytes]:  # noqa: FBT001 - as urllib3 has it
        """Yield the body."""
        assert not decode_content
        for begin in range(0, len(self._body), min(amt, self._piece)):
            yield self._body[begin : begin + min(amt, self._piece)]


def unpacked(body: bytes, encoding: str, piece: int = 2**16, *, is_refusal: bool = False) -> bytes:
    """Return a body as it is read."""
    raw: Any = Packed(body, encoding, piece)
    return read_body(raw, "https://api.yoc.example", is_refusal=is_refusal)


def members(body: bytes, cut: int) -> bytes:
    """Return a body as two members of gzip."""
    return gzip.compress(body[:cut]) + gzip.compress(body[cut:])


def raw_deflate(body: bytes) -> bytes:
    """Return a body packed without the header that the name stands for."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": gzip.compress,
    "x-gzip": lambda body: members(body, len(body) // 2),
    "GZIP": lambda body: gzip.compress(body) + b"\0" * 8,
    "deflate": zlib.compress,
    " Deflate ": raw_deflate,
}


@pytest.mark.parametrize("encoding", PACKINGS)
@given(body=st.binary(max_size=300).map(lambda body: json.dumps(body.hex()).encode()), piece=st.integers(1, 40))
def test_what_was_asked_for_is_unpacked(encoding: str, body: bytes, piece: int) -> None:
    """In whatever pieces it arrives, in one member or several, with or without the header of deflate."""
    packed = PACKINGS[encoding](body)
    assert unpacked(packed, encoding, piece) == body


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@given(cut=st.integers(1, 10_000), body=st.binary(min_size=1, max_size=300))
def test_what_was_cut_is_asked_for_again(encoding: str, cut: int, body: bytes) -> None:
    """A body that ends before its end is no body, even where its beginning is whole JSON."""
    packed = PACKINGS[encoding](body)
    with pytest.raises(RetryableError, match="the answer was cut off"):
        unpacked(packed[: cut % len(packed) or 1], encoding)


def test_a_body_is_not_unpacked_beyond_its_bound() -> None:
    """Three megabytes became three gigabytes; the memory that is used is that of the bound."""
    bomb = gzip.compress(bytes(16 * MIB)) * 64
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="more than 64 MiB decompressed"):
            unpacked(bomb, "gzip")
        assert len(unpacked(bomb, "gzip", is_refusal=True)) <= MIB
        assert tracemalloc.get_traced_memory()[1] < LARGEST_ANSWER + 8 * MIB
    finally:
        tracemalloc.stop()
    assert len(unpacked(gzip.compress(b" " * LARGEST_ANSWER), "gzip")) == LARGEST_ANSWER


def endless(begin: bytes, piece: bytes) -> Any:  # noqa: ANN401 - as of RawServer
    """Return an answer that never ends."""

    def send(connection: socket.socket, closed: threading.Event) -> None:
        connection.sendall(begin)
        while not closed.is_set():
            connection.sendall(piece)

    return send


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2**16, id="body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 2**16 + b"\r\n", id="chunks"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
            gzip.compress(b"") * 3000,
            id="members without content",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 2**16, id="a header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n" * 1000, id="headers"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, id="answers before the answer"),
    ],
)
def test_an_answer_without_end_is_too_large(monkeypatch: pytest.MonkeyPatch, begin: bytes, piece: bytes) -> None:
    """Whatever part of it has no end, the tap stops reading, and says so at once."""
    for module in ("body", "deadline"):
        monkeypatch.setattr(f"tap_yoc.api.{module}.LARGEST_ANSWER", 2 * MIB)
    with RawServer(endless(begin, piece)) as server, pytest.raises(IncompleteDataError, match="is too large"):
        exchange(server, request_timeout=60)


def test_a_line_without_end_is_not_kept() -> None:
    """The size of a chunk is a line of its own."""
    begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with RawServer(endless(begin, b"1" * 2**16)) as server, pytest.raises((IncompleteDataError, RetryableError)):
        exchange(server, request_timeout=60)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', '{"data":[{"x":'])
@pytest.mark.parametrize("depth", [DEEPEST, 900, 100_000])
@pytest.mark.parametrize("is_closed", [True, False])
def test_a_body_that_is_nested_too_deep_is_no_answer(opening: str, depth: int, *, is_closed: bool) -> None:
    """It was a traceback; one that is cut as well is no JSON either way."""
    closing = "".join({"[": "]", "{": "}"}.get(mark, "") for mark in reversed(opening)) * depth if is_closed else ""
    content = f"{opening * depth}0{closing}".encode()
    with pytest.raises(TooDeepError if is_closed else ValueError):
        decode(content)
    shape = RowShape(REPORT, REPORT.figures)
    reader = EnvelopeReader()
    reader.read(b'{"data": [], "beside": 1}', {}, shape)
    is_read = is_closed and depth * sum(map(opening.count, "[{")) < 1000  # beside the rows, and not looked into
    with nullcontext() if is_read else pytest.raises(TooDeepError if is_closed else ValueError):
        reader.read(b'{"data": [], "beside": ' + content + b"}", {}, shape)


def test_what_is_nested_as_deep_as_allowed_is_read() -> None:
    """The bound is far above what answers have."""
    assert decode(b"[" * DEEPEST + b"]" * DEEPEST)


@pytest.mark.parametrize("place", ["token", "metadata", "report"])
@pytest.mark.parametrize(
    ("kind", "says"),
    [("zip_bomb", "is too large"), ("deep_json", "nested deeper than"), ("odd_packing", "compressed as 'br'")],
)
def test_every_answer_has_bounds(sandbox: Sandbox, config: dict[str, Any], place: str, kind: str, says: str) -> None:
    """Those of the token endpoint and of the metadata, too; nothing is requested again."""
    sandbox.add_fault(kind, where=place, times=-1)
    run = run_tap(config, streams=["daily_totals"])
    assert run.exit_code == (ExitCode.SETTINGS if kind == "odd_packing" else ExitCode.INCOMPLETE), run.log
    assert says in run.log
    assert "waiting" not in run.log
    assert "Traceback" not in run.log


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 19, "0" * 5000 + "9" * 19])
def test_a_total_that_no_report_has_is_an_error(digits: str) -> None:
    """A header of 5,000 digits was taken for an answer that is not JSON, and asked for half an hour."""
    answers: list[tuple[Any, dict[str, str]]] = [([], {"X-Total-Count": digits}), ({"total": digits}, {})]
    if not digits.startswith("0"):
        answers.append((decode(f'{{"total": {digits}}}'.encode()), {}))
    for body, headers in answers:
        with pytest.raises(UnknownEnvelopeError, match="with more than 18 digits"):
            total_of(body, headers)
    assert total_of({"total": "0" * 5000 + "7"}, {}) == 7


@given(value=st.text(alphabet="0123456789eE+-._ ٣²", max_size=30) | st.integers() | st.decimals())
def test_no_total_breaks_the_run(value: object) -> None:
    """Any total is a count, none, or an error that says so."""
    try:
        total = total_of({"total": value}, {})
    except UnknownEnvelopeError:
        return
    assert total is None or 0 <= total < 10**18


def test_answers_whose_names_change_leave_nothing_behind() -> None:
    """Each left a decoder, so that a long run with a request's id for a key filled the memory."""
    reader, shape = EnvelopeReader(), RowShape(REPORT, REPORT.figures)
    seen: list[weakref.ref[Any]] = []
    for number in range(40):
        row = {"date": "2026-06-01", "site_visx_id": 7, "country": "DE", "clicks": 5, "revenue": 1, f"x{number}": 1}
        row["is_publisher_campaign"] = False
        body = {"data": [row], f"request_{number}": {"id": number}}
        assert len(reader.read(json.dumps(body).encode(), {}, shape).rows) == 1
        assert len(vars(shape)["_decoders"]) <= 4
        seen += [weakref.ref(kind) for kind in msgspec.Struct.__subclasses__() if kind.__name__ == "Envelope"]
    assert len(shape.seen) <= len(shape.names)
    gc.collect()
    assert sum(ref() is not None for ref in seen) < 20


def test_an_answer_of_a_thousand_names_is_read_without_a_type_of_its_own() -> None:
    """A type for each would cost more than it saves."""
    shape = RowShape(REPORT, REPORT.figures)
    body = {"data": [], **{f"n{number}": number for number in range(1000)}}
    assert EnvelopeReader().read(json.dumps(body).encode(), {}, shape).rows == []
    assert vars(shape)["_decoders"] == {}


def test_an_error_about_an_endless_list_of_names_is_short() -> None:
    """The names of what was found are cut, in number and in length."""
    body = {f"{number}" + "x" * 10_000: 1 for number in range(1000)}
    with pytest.raises(UnknownEnvelopeError) as caught:
        EnvelopeReader().read(json.dumps(body).encode(), {}, RowShape(REPORT, REPORT.figures))
    assert len(str(caught.value)) < 2000


def test_an_error_answer_is_quoted_from_its_beginning() -> None:
    """A refusal of any size keeps its status."""
    large = b'{"message": "' + b"x" * (3 * MIB) + b'"}'
    with RawServer(sends(ok(large, status="500 Oops"))) as server:
        answer = exchange(server)
    assert (answer.status, len(answer.content) <= MIB) == (500, True)
