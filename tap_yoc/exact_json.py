"""JSON decoding that keeps every digit of numbers; pure."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from tap_yoc.exact_numbers import MOST_DIGITS, exact_number

Json: TypeAlias = Any
"""A decoded JSON value: dict, list, str, int, Decimal, bool or None."""

DEEPEST = 32
"""Maximum levels of lists and mappings; an answer has about five."""


class TooDeepError(ValueError):
    """A body is nested deeper than any real answer."""


def decode(content: bytes) -> Json:
    """Return a body's JSON, with all digits of numbers.

    Raises:
        ValueError: The body is not JSON (an HTML page, a truncated body, nothing).
        TooDeepError: It is nested deeper than `DEEPEST` levels.
    """
    try:
        decoded = _decode(content)
    except RecursionError:
        raise TooDeepError from None
    level = [decoded]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return decoded
    raise TooDeepError


def _decode(content: bytes) -> Json:
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # NaN is not JSON, but some servers send it, or thousands of digits, which Python does not convert to an
        # integer. An error about the cell helps more than one about the body.
        return json.loads(
            content.decode("utf-8-sig"), parse_int=_whole_number, parse_float=Decimal, parse_constant=Decimal
        )


def refuse_constant(constant: str) -> None:
    """Refuse NaN and Infinity, which Python accepts but JSON does not allow."""
    raise ValueError(constant)


def _whole_number(text: str) -> int | Decimal:
    return int(text) if len(text) <= MOST_DIGITS else Decimal(text)


_decoder = msgspec.json.Decoder(float_hook=exact_number)
