"""Numbers kept as their JSON literals, because nothing is computed with them; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from tap_yoc.reports.columns import MOST_DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

NULL = msgspec.Raw(b"null")
"""A missing number."""

_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_LONG = b"0" * (MOST_DIGITS - len("-."))
_PLAIN_OR_QUOTED = re.compile(rb'(?:("?)(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|null|(?<="))\1,)*')


def are_plain(cells: Sequence[msgspec.Raw]) -> bool:
    """Return whether all cells are null or JSON numbers to keep as they are: no text, no exponent, not too long."""
    literals = b",".join(cells)
    zeros = literals.translate(_DIGITS_TO_ZERO, b".-")
    others = zeros.translate(None, b"0,")
    # Without digits, only nulls may be left. -0 is a valid JSON number, but casting turns it into 0.
    return (
        others == b"null" * (len(others) // len(NULL))
        and b"-0," not in literals
        and not literals.endswith(b"-0")
        and _TOO_LONG not in zeros
    )


def without_quotes(cells: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
    """Return cells with quoted numbers unquoted, or unchanged if a text is not a plain number."""
    literals = b",".join(cells)
    if b'"' not in literals or not _PLAIN_OR_QUOTED.fullmatch(literals + b","):
        return cells
    return [msgspec.Raw(cell) if cell else NULL for cell in literals.replace(b'"', b"").split(b",")]


def written(number: int | Decimal | None) -> msgspec.Raw:
    """Return a number as a JSON literal."""
    return NULL if number is None else msgspec.Raw(str(number).encode())
