"""The body of an answer: decompressed in chunks up to a size limit, and returned in UTF-8."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import requests

from tap_yoc.api.deadline import LARGEST_ANSWER, TooLargeError
from tap_yoc.errors import RetryableError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import BaseHTTPResponse

LARGEST_REFUSAL = 2**20
"""Bytes to read of an error answer; the rest is not needed."""
ENCODINGS = "gzip, deflate"
"""The requested encodings; others need packages, and cannot be decompressed with a size limit."""
_PIECE = 2**16
_GZIP, _ZLIB, _RAW = 31, 15, -15
_GZIP_BEGINS = b"\x1f\x8b"
_AS_IT_IS = frozenset({"", "identity", "none", "utf-8", "utf8"})


def read_body(raw: BaseHTTPResponse, url: str, *, is_refusal: bool) -> bytes:
    """Return the body of an answer; of an error, only its beginning.

    Raises:
        TooLargeError: It is larger than any page of a report.
        RetryableError: It was cut.
        SettingsError: It has an encoding that was not requested.
    """
    bound = LARGEST_REFUSAL if is_refusal else LARGEST_ANSWER
    pieces, size = [], 0
    for piece in _unpacked(raw, url):
        size += len(piece)
        if size > bound:
            if not is_refusal:
                raise TooLargeError(f"more than {LARGEST_ANSWER >> 20} MiB decompressed")
            break
        pieces.append(piece)
    return _in_utf8(b"".join(pieces), raw.headers)


def _unpacked(raw: BaseHTTPResponse, url: str) -> Iterator[bytes]:
    encoding = raw.headers.get("Content-Encoding", "").strip().lower()
    packed = raw.stream(_PIECE, decode_content=False)
    if encoding in _AS_IT_IS:
        return packed
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise SettingsError(
            f"The answer from {url} is compressed as {encoding[:20]!r}, which the tap did not request; if there is a "
            f"proxy in between, have it pass answers on unchanged."
        )
    return _inflated(packed, _ZLIB if encoding == "deflate" else _GZIP)


def _inflated(packed: Iterator[bytes], form: int) -> Iterator[bytes]:
    """Yield decompressed chunks, one gzip member after another; ignore anything after the last one."""
    inflate: Any = None
    left = b""
    has_ended = False
    for piece in packed:
        left += piece
        while left:
            if inflate is None:
                if len(left) < len(_GZIP_BEGINS):
                    break
                if has_ended and (form != _GZIP or not left.startswith(_GZIP_BEGINS)):
                    return
                is_raw = form == _ZLIB and not _has_zlib_header(
                    left
                )  # not what `deflate` means, but many servers send it
                inflate = zlib.decompressobj(_RAW if is_raw else form)
            try:
                unpacked = inflate.decompress(left, _PIECE)
            except zlib.error:
                raise _cut() from None
            left = inflate.unconsumed_tail
            if unpacked:
                yield unpacked
            if inflate.eof:
                left, inflate, has_ended = inflate.unused_data, None, True
    if inflate is not None or (left and not has_ended):
        raise _cut()


def _cut() -> RetryableError:
    return RetryableError("the answer was cut off (it cannot be decompressed)")


def _has_zlib_header(packed: bytes) -> bool:
    """Return whether compressed bytes start with a zlib header (RFC 1950)."""
    return packed[0] & 0x0F == zlib.DEFLATED and int.from_bytes(packed[:2], "big") % 31 == 0


def _in_utf8(content: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a body in UTF-8, converted from the charset in its Content-Type.

    A body that is valid UTF-8 stays as it is, even if another charset is declared: JSON must be UTF-8, so the
    declaration is wrong.
    """
    charset = requests.utils.get_encoding_from_headers(headers) or "utf-8"
    if charset.lower() == "utf-8" or _is_utf8(content):
        return content
    try:
        return content.decode(charset).encode()
    except (LookupError, ValueError):
        return content  # unusable either way; decoding it as JSON raises


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content  # never in JSON, but common in UTF-16
