"""Numbers with every digit that was sent: JSON literals, cells, and columns that stay literals; pure.

Most numbers are only passed on, so whole columns stay literals (`are_plain`). A cell that is anything else becomes a
number by `to_number`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_DIGITS = 100
"""A number with more digits than this before or after the point is not a real figure, and could fill the memory."""
NULL = msgspec.Raw(b"null")
"""A missing number."""

_NUMERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_SURELY_PLAIN = len("0.000000")
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_TOO_LONG = b"0" * (MOST_DIGITS - len("-."))
_PLAIN_OR_QUOTED = re.compile(rb'(?:("?)(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|null|(?<="))\1,)*')


class PlainDecimal(Decimal):
    """A decimal that is written with all its digits, never with an exponent."""

    def __str__(self) -> str:
        return format(self, "f")


def exact_number(text: str) -> Decimal | str:
    """Return a number with a decimal point exactly, or as text if Python would write it with an exponent."""
    is_plain = "e" not in text and "E" not in text and (len(text) <= _SURELY_PLAIN or _is_plain(text))
    return Decimal(text) if is_plain else text


def _is_plain(text: str) -> bool:
    return len(text) <= MOST_DIGITS and not text.lstrip("-").startswith("0.000000")


def to_integer(cell: object) -> int:
    """Return a cell as an integer; raises as `to_number` does."""
    number = to_number(cell)
    if number != int(number):
        raise ValueError("not a whole number")
    return int(number)


def to_number(cell: object) -> int | Decimal:
    """Return a cell, a number or a number as text, with all its digits.

    Raises:
        ValueError: It is not a number, not finite, or has too many digits.
    """
    if isinstance(cell, bool):
        raise ValueError("not a number")  # noqa: TRY004 - one kind of error for every cell
    if isinstance(cell, int):
        return cell
    number = cell
    if isinstance(cell, str) and _NUMERAL.fullmatch(cell.strip()):
        number = Decimal(cell.strip())
    if not isinstance(number, Decimal) or not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        raise ValueError("not a number")
    return PlainDecimal(number) if "E" in str(number) else number


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
