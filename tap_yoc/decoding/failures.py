"""Failures in the body of an answer, regardless of its status; pure.

Source: assumed; YOC's help shows no such answer, but many services behind a gateway send them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_yoc.exact_json import Json


class Verdict(IntEnum):
    """Whether a value is a failure."""

    FINE = 0
    UNCLEAR = 1
    """Harmless if there are rows; otherwise it may be the reason why there are none."""
    FAILED = 2


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A value in an answer that is a failure, or may be one."""

    verdict: Verdict
    name: str
    text: str
    """The value, shortened; it comes from the server and may contain anything."""
    status: int | None = None
    """The HTTP status in the value, if any."""


# Keys in lower case, without separators between words. The first match decides what a value means.
_ROLES = {
    "error": re.compile(
        r"((is|has)?(error|err|exception|fault|failure)s?(code|msg|messages?|description|details?|text|type|info)?)"
        r"|failed|fatal|timedout|aborted|cancelled|canceled|throttled|ratelimited"
    ),
    "code": re.compile(
        r"((http|api|result|response|return|job|query)?(status|code|statuscode|state))|status(text|message)"
        r"|result|outcome|rc|ret"
    ),
    "success": re.compile(r"(is|was)?(success(ful)?|succeeded|ok)"),
    "completion": re.compile(r"(is|job)?(completed?|done|finished|ready)"),
    "cut": re.compile(r"(is)?(partial|truncated|incomplete)(results)?"),
    "message": re.compile(r"message|msg|details?"),
}
_HOLDERS = re.compile(r"meta(data)?|pag(ing|ination)|stat(us|e)|result|response|outcome|headers?|info")
"""Mappings next to the rows that may contain any of these; other mappings may have a metric called `errors`."""

_FALSE = frozenset({"0", "false", "no", "off", "n", "f"})
_NOTHING = _FALSE | {"", "none", "null", "[]", "{}"}
_FINE = re.compile(
    r"(ok(ay)?|success\w*|succeeded|done|completed?|finished|ready|fine|good|true|yes|y|on|valid|active|normal|healthy"
    r"|up|none|null|empty|nothing|cached|fresh|final|published"
    r"|no (data|content|results?|rows?|records?|entries|matches))\b"
)
_SURELY_FINE = re.compile(r"(ok(ay)?|success(ful)?|none|nothing)\b")
_NO_FAILURE = re.compile(r"\b(no|0|zero|without|without any) (errors?|failures?|exceptions?|failed)\b")
_FAILING = re.compile(
    r"error|\berr\b|fail|exception|denied|forbidden|unauthor|invalid|time ?out|timed out|unavailable|exceed|quota|"
    r"throttl|too many|rate limit|reject|refus|abort|cancel|partial|incomplete|truncated|maintenance|overload|crash|"
    r"bad request|bad gateway|\bnot ok\b|\bnok\b|\bko\b|internal|expired|try again"
)
_NUMBER = re.compile(r"(?:http(?:/[\d.]+)?\s+)?(-?\d{1,6})(?:\.0+)?(?!\w)", re.IGNORECASE)
_GOOD_STATUSES = frozenset({200, 201, 203, 204})
_ACCEPTED, _LEAST_GOOD, _LEAST_NO_STATUS = 202, 200, 600
_LARGEST, _LONGEST_NAME, _LONGEST_TEXT, _MOST_WORDS, _DEEPEST = 10**6, 60, 500, 10, 8


def signs_in(body: Json, path: Sequence[str] | None) -> list[Sign]:
    """Return failures and possible failures at each level of the path to the rows, or anywhere without a path."""
    return [sign for level in _levels(body, path) for sign in _signs(level)]


def tells_only_of_failure(row: dict[str, Json]) -> bool:
    """Return whether a supposed row is only a failure."""
    has_no_cell = all(_role(_plain(name)) for name in row)
    return has_no_cell and any(sign.verdict is Verdict.FAILED for sign in _signs(row))


def _levels(body: Json, path: Sequence[str] | None) -> Iterator[dict[str, Json]]:
    if not isinstance(body, dict):
        return
    yield body
    on_the_way = path[0] if path else None
    for name, value in body.items():
        if path is None and isinstance(value, dict):
            yield from _levels(value, ())
        elif _HOLDERS.fullmatch(_plain(name)) and name != on_the_way and isinstance(value, dict):
            yield value
    if path:
        yield from _levels(body.get(path[0]), path[1:])


def _signs(level: dict[str, Json]) -> Iterator[Sign]:
    for name, value in level.items():
        verdict, status = _judged(_plain(name), value)
        if verdict:
            text = " ".join(islice(_texts_in(value), _MOST_WORDS))[:_LONGEST_TEXT]
            yield Sign(verdict=verdict, name=name[:_LONGEST_NAME], text=text, status=status)


def _judged(name: str, value: Json) -> tuple[Verdict, int | None]:
    role = _role(name)
    if role == "error":
        return _error(name, value)
    if not role or isinstance(value, dict | list):
        return Verdict.FINE, None  # a level of its own, or rows
    if role == "code":
        return _code(name, value)
    return (_success(value) if role == "success" else _unclear(role, value)), None


def _unclear(role: str, value: Json) -> Verdict:
    """Judge a value that alone proves no failure: it may be about all pages."""
    if role == "message":
        is_bad = isinstance(value, str) and _is_failing(_words(value))
    else:
        is_bad = value is not None and _is_nothing(value) == (role == "completion")
    return Verdict.UNCLEAR if is_bad else Verdict.FINE


def _code(name: str, value: Json) -> tuple[Verdict, int | None]:
    if value is None or value is True or value == "":
        return Verdict.FINE, None
    if value is False:
        return Verdict.FAILED, None
    number = _number(value)
    if number is None:
        return (_worded(value) if isinstance(value, str) else Verdict.UNCLEAR), None
    if number in _GOOD_STATUSES or (number == 0 and ("code" in name or name in {"rc", "ret"})):
        return Verdict.FINE, None
    if _LEAST_GOOD <= number < _LEAST_NO_STATUS:
        return Verdict.FAILED, number
    return (Verdict.FAILED if number < 0 else Verdict.UNCLEAR), None


def _success(value: Json) -> Verdict:
    if value is None or value == "":
        return Verdict.UNCLEAR
    if _is_nothing(value):
        return Verdict.FAILED
    return _worded(value) if isinstance(value, str) and value.strip() != "1" else Verdict.FINE


def _worded(text: str) -> Verdict:
    words = _words(text)
    if words in _FALSE or _is_failing(words):
        return Verdict.FAILED
    is_fine = not words or _FINE.match(words) or _NO_FAILURE.match(words)
    return Verdict.FINE if is_fine else Verdict.UNCLEAR


def _error(name: str, value: Json) -> tuple[Verdict, int | None]:
    if _is_nothing(value) or _is_fine(value):
        return Verdict.FINE, None
    if isinstance(value, dict | list):
        return Verdict.FAILED, next(_statuses(value), None)
    verdict, status = _code("code", value)
    is_fine = verdict is Verdict.FINE and value is not True and name.endswith("code")
    return (Verdict.FINE, None) if is_fine else (Verdict.FAILED, status)


def _statuses(value: Json, depth: int = 0) -> Iterator[int]:
    """Yield the HTTP statuses in the description of an error."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for inner in value:
            yield from _statuses(inner, depth + 1)
    if isinstance(value, dict):
        for name, inner in value.items():
            is_code = _role(_plain(name)) == "code" and not isinstance(inner, dict | list)
            status = _code(_plain(name), inner)[1] if is_code else None
            if status:
                yield status
            yield from _statuses(inner, depth + 1)


def _texts_in(value: Json, depth: int = 0) -> Iterator[str]:
    """Yield a value as text; each part of a mapping or a list."""
    if not isinstance(value, dict | list):
        yield str(value)[:_LONGEST_TEXT]
    elif depth <= _DEEPEST:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(part, depth + 1)


def _is_nothing(value: Json, depth: int = 0) -> bool:
    """Return whether a value is null, false, 0 or empty in any spelling, or contains nothing else."""
    if isinstance(value, dict | list) and depth <= _DEEPEST:
        inner = value.values() if isinstance(value, dict) else value
        return all(_is_nothing(part, depth + 1) for part in inner)
    return not value or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def _is_fine(value: Json) -> bool:
    """Return whether the value of an error key means success: `"ok"`, or `{"code": 200, "message": "OK"}`."""
    if isinstance(value, dict):
        return all(
            _is_nothing(part)
            or _is_fine(part)
            or (_role(_plain(name)) == "code" and not _judged(_plain(name), part)[0])
            for name, part in value.items()
        )
    words = _words(value) if isinstance(value, str) else ""
    return bool(_NO_FAILURE.match(words) or _SURELY_FINE.match(words)) and not _is_failing(words)


def _is_failing(words: str) -> bool:
    return bool(_FAILING.search(_NO_FAILURE.sub("", words)))


def _number(value: Json) -> int | None:
    """Return the integer in a code: of 500, `"500"` or `"HTTP/1.1 500 Internal Server Error"`."""
    if isinstance(value, str):
        found = _NUMBER.match(value.strip()[:_LONGEST_TEXT])
        return int(found[1]) if found else None
    is_small = isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite())
    return int(value) if is_small and -_LARGEST < value < _LARGEST else None


def _words(text: str) -> str:
    """Return a text as lower-case words: `RateLimit_Exceeded` as `rate limit exceeded`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text[:_LONGEST_TEXT])
    return re.sub(r"[\W_]+", " ", apart).strip().lower()


@lru_cache(maxsize=256)
def _role(name: str) -> str:
    """Return the role of a key, an empty text if it has none."""
    return next((role for role, names in _ROLES.items() if names.fullmatch(name)), "")


def _plain(name: str) -> str:
    return _without_separators(name[:_LONGEST_NAME])


@lru_cache(maxsize=256)
def _without_separators(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
