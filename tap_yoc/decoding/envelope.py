"""Finds the rows in a report's answer, in any known envelope; pure.

An answer that it cannot read is an error, never zero rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from tap_yoc.decoding.failures import Verdict, signs_in, tells_only_of_failure
from tap_yoc.decoding.total import ROW_LISTS, TOTAL_HOLDERS, total_of
from tap_yoc.errors import FailureInBodyError, UnknownEnvelopeError
from tap_yoc.exact_json import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_yoc.decoding.failures import Sign
    from tap_yoc.exact_json import Json

RawRow: TypeAlias = "dict[str, Json]"
"""`{column: cell}`, cells as the API sent them."""

_MOST_SIGNS, _MOST_NAMES, _LONGEST_NAME = 16, 100, 60


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One page of a report."""

    rows: list[Any]
    total: int | None
    """The number of rows that the server reports, for the report or for this page; `pagination.py` finds out which."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Where the rows are in an answer."""

    path: tuple[str, ...]
    """The keys that lead to the rows; empty if the answer is a bare list."""
    levels: tuple[tuple[str, ...], ...]
    """All keys at each level of the path."""

    @classmethod
    def of(cls, answer: Json, path: tuple[str, ...]) -> Envelope:
        """Return the envelope of an answer with its rows at the end of a path."""
        levels = [answer] if path else []
        for name in path[:-1]:
            levels.append(levels[-1][name])
        return cls(path=path, levels=tuple(tuple(sorted(level)) for level in levels))

    def is_without_rows(self, body: Json) -> bool:
        """Whether an answer is this envelope around an empty list."""
        part = body
        for name, names in zip(self.path, self.levels, strict=True):
            if not isinstance(part, dict) or tuple(sorted(part)) != names:
                return False
            part = part[name]
        return isinstance(part, list) and not part

    def around(self, rows: Any) -> Any:  # noqa: ANN401 - types that are made at run time
        """Return the type of an answer with rows of this type: all the known keys, and no other.

        Raises:
            ValueError: One of the keys cannot be a name in such a type.
        """
        part = rows
        for name, names in reversed([*zip(self.path, self.levels, strict=True)]):
            fields = {f"n{position}": known for position, known in enumerate(names)}
            part = msgspec.defstruct(
                "Envelope",
                [(field, part if known == name else Any) for field, known in fields.items()],
                rename=fields,
                forbid_unknown_fields=True,
            )
        return part

    def open(self, answer: Any) -> tuple[Json, list[Any]]:  # noqa: ANN401 - of the type made above
        """Return the answer with its rows replaced by `[{}]`, or by `[]` if there are none; and the rows."""
        return self._open(answer, 0)

    def _open(self, part: Any, depth: int) -> tuple[Json, list[Any]]:  # noqa: ANN401 - likewise
        if depth == len(self.path):
            return ([{}] if part else []), part
        level = dict(zip(self.levels[depth], msgspec.structs.astuple(part), strict=True))
        level[self.path[depth]], rows = self._open(level[self.path[depth]], depth + 1)
        return level, rows


class RowType(Protocol):
    """Converts JSON to rows."""

    def decode(self, content: bytes, envelope: Envelope) -> tuple[Json, list[Any]] | None:
        """Return an answer without its rows, and the rows; None if they must be cast cell by cell."""

    def cast(self, raw_rows: list[RawRow]) -> list[Any]:
        """Return the rows, cast cell by cell."""


class EnvelopeReader:
    """Reads answers, faster if the envelope is the same as before; thread-safe.

    Source: assumed; YOC's help shows no complete answer.
    """

    def __init__(self) -> None:
        """Know no envelope yet."""
        self._known: Envelope | None = None
        self._with_rows: Envelope | None = None
        """The newest envelope that had rows."""
        self._beside_rows: set[tuple[str, str]] = set()
        """Possible failures that were seen beside rows, and so are none."""

    def read(self, content: bytes, headers: Mapping[str, str], row_type: RowType) -> Answer:
        """Return the rows and the total of a report's answer.

        Raises:
            ValueError: The body is not JSON.
            UnknownEnvelopeError: There is no list of rows, or more than one; names the keys, never their values.
            FailureInBodyError: The answer also contains a failure.
        """
        answer = self._read_known(content, headers, row_type)
        if answer:
            return answer
        body = decode(content)
        path, found = self._locate(body)
        if found:
            self._with_rows = Envelope.of(body, path)
        rows = _trimmed(found)
        envelope = Envelope.of(body, path)
        if rows is found and envelope != self._known and sum(map(len, envelope.levels)) <= _MOST_NAMES:
            self._known = envelope
            if answer := self._read_known(content, headers, row_type):
                return answer
        self._judge(body, path, rows)
        return Answer(rows=row_type.cast(rows), total=total_of(body, headers))

    def _locate(self, body: Json) -> tuple[tuple[str, ...], list[RawRow]]:
        """Return the rows and their path; an empty list counts as no rows if a known envelope had rows there."""
        try:
            return _locate_rows(body)
        except UnknownEnvelopeError as error:
            if isinstance(error, FailureInBodyError) or not (self._with_rows and self._with_rows.is_without_rows(body)):
                raise
            return self._with_rows.path, []

    def _read_known(self, content: bytes, headers: Mapping[str, str], row_type: RowType) -> Answer | None:
        """Return the answer if its envelope is the known one and its cells have the declared types, else None."""
        if self._known is None or (decoded := row_type.decode(content, self._known)) is None:
            return None
        body, rows = decoded
        try:
            # Another key may contain rows now, or a failure.
            if self._known.path and _locate_rows(body)[0] != self._known.path:
                return None
        except UnknownEnvelopeError:
            return None
        self._judge(body, self._known.path, rows)
        return Answer(rows=rows, total=total_of(body, headers))

    def _judge(self, body: Json, path: Sequence[str], rows: list[Any]) -> None:
        """Raise for a possible failure in an answer without rows, unless it was seen beside rows before."""
        unclear = [sign for sign in signs_in(body, path) if sign.verdict is Verdict.UNCLEAR]
        if rows:
            self._beside_rows |= {(sign.name, sign.text) for sign in unclear[: _MOST_SIGNS - len(self._beside_rows)]}
        elif left := [sign for sign in unclear if (sign.name, sign.text) not in self._beside_rows]:
            raise _failure(left)


def raise_if_failed(body: Json, path: Sequence[str] | None = None) -> None:
    """Raise if an answer contains a failure at a level of the path to its rows, or anywhere if there is no path.

    Raises:
        FailureInBodyError: It does.
    """
    if failed := [sign for sign in signs_in(body, path) if sign.verdict is Verdict.FAILED]:
        raise _failure(failed)


def _failure(signs: Sequence[Sign]) -> FailureInBodyError:
    return FailureInBodyError(
        names=" and ".join(f"`{sign.name}`" for sign in signs[:_MOST_SIGNS]),
        text=" ".join(sign.text for sign in signs[:_MOST_SIGNS] if sign.text),
        status=next((sign.status for sign in signs if sign.status), None),
    )


def rows_of(body: Json) -> list[RawRow]:
    """Return the report rows of an answer.

    Shape: `[row]`, `{"data": [row]}` or `{"data": {"rows": [row]}}`; a row is `{column: cell}`.

    Raises:
        UnknownEnvelopeError: There is no list of rows, or more than one; names the keys, never their values.
    """
    return _trimmed(_locate_rows(body)[1])


def rows_path(body: Json) -> tuple[str, ...]:
    """Return the keys that lead to the rows of an answer, empty for a bare list; raises like `rows_of`."""
    return _locate_rows(body)[0]


def _locate_rows(body: Json) -> tuple[tuple[str, ...], list[RawRow]]:
    """Return the keys that lead to the rows, and the rows as sent."""
    found = _find_rows(body, levels=2)
    raise_if_failed(body, found[0] if found else None)
    if found and len(found[1]) == 1 and tells_only_of_failure(found[1][0]):
        raise_if_failed(found[1][0])
    if found is None:
        keys = (
            [key[:_LONGEST_NAME] for key in sorted(body)[:_MOST_SIGNS]]
            if isinstance(body, dict)
            else type(body).__name__
        )
        raise UnknownEnvelopeError(
            f"YOC's answer to a report has no single list of rows (found: {keys}); please report this."
        )
    return found


def _trimmed(rows: list[RawRow]) -> list[RawRow]:
    """Return the rows without blanks around column names; the same list if there are no such blanks."""
    names = {name for row in rows for name in row}
    if any(name != name.strip() for name in names):
        return [{name.strip(): cell for name, cell in row.items()} for row in rows]
    return rows


def _find_rows(body: Json, levels: int, path: tuple[str, ...] = ()) -> tuple[tuple[str, ...], list[RawRow]] | None:
    if isinstance(body, list):
        return (path, body) if all(isinstance(row, dict) for row in body) else None
    if not isinstance(body, dict) or not levels:
        return None
    known = [found for name in ROW_LISTS if (found := _find_rows(body.get(name), levels - 1, (*path, name)))]
    if known:
        return known[0] if len(known) == 1 else None
    others = {name: value for name, value in body.items() if name not in {*ROW_LISTS, *TOTAL_HOLDERS}}
    unknown = [found for name, value in others.items() if (found := _find_rows(value, levels - 1, (*path, name)))]
    # An empty list under an unknown key, next to other keys, may be anything.
    is_clear = len(unknown) == 1 and (unknown[0][1] or len(others) == 1 or total_of(body, {}) == 0)
    return unknown[0] if is_clear else None
