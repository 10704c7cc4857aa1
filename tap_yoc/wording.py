"""Wording that several messages share; pure."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean x?)` with the closest known name, or an empty text."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def counted(number: int, what: str) -> str:
    """Return a number with its noun: `1 row`, `14,203 rows`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
