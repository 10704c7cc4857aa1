"""Faults on demand: a queue of rules, each of which affects some requests."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: dict[str, str] = {
    "status": "Answers with `status` (503), and with `retry_after` if given.",
    "html_200": "Answers 200 with an HTML page.",
    "json_scalar": "Answers 200 with a JSON number.",
    "redirect": "Answers 307 (or `status`) with `location`.",
    "echo_secrets": "Answers 400 (or `status`). The body repeats the request's body and Authorization header.",
    "slow": "Waits `seconds`, then answers normally.",
    "slow_body": "Sends the answer in small pieces over `seconds`.",
    "reset_before": "Resets the connection before the first byte.",
    "reset_after_headers": "Sends the headers and half the body, then resets the connection.",
    "cut_body": "Sends half of the body that Content-Length promised, then closes the connection.",
    "cut_json": "Sends half of the JSON in a valid HTTP answer.",
    "lost_rotation": "Processes the request, for example a refresh, then resets the connection without an answer.",
    "revoke_family": "Revokes all access and refresh tokens first.",
    "expire_access": "Expires all access tokens first.",
    "repeat_page": "Answers with the rows of the previous page.",
    "shuffle": "Sends the rows of the page in reverse order.",
    "duplicate_row": "Replaces the second row with the first.",
    "drop_row": "Drops the last row and keeps the total.",
    "foreign_day": "Gives the last row a day outside every window: the sandbox's today.",
    "null_date": "Removes the date of the first row.",
    "garbage_cell": "Replaces a number in the first row with `n/a` (`column`, or the first number).",
    "nan_cell": "Replaces a number in the first row with NaN (`column`, or the first number).",
    "nul_cell": "Puts U+0000 into a text in the first row (`column`, or the first text).",
    "wrong_total": "Sends a total that is one too high.",
    "no_rows_key": 'Answers 200 with `{"status": "ok"}`.',
    "zip_bomb": "Answers 200 with 300 kB of gzip that decompress to 300 MB.",
    "deep_json": "Answers 200 with JSON that is nested 100,000 deep.",
    "huge_total": "Sends a total of 5,000 digits, in the body and as `X-Total-Count`.",
    "odd_packing": "Answers 200 with a `Content-Encoding` of br, even if the client does not accept it.",
    "body_status": 'Answers 200 with `{"status": 500, "data": []}` (or `status`), with `retry_after` if given.',
    "body_code": 'Answers 200 with `{"code": 429, "message": "quota", "data": []}` (or `status`), and `retry_after`.',
    "body_flag": 'Answers 200 with `{"success": "false", "data": []}`.',
    "nested_error": 'Answers 200 with `{"data": {"error": "boom", "rows": []}}`.',
    "error_beside_rows": 'Puts `"error": "partial"` next to the rows.',
    "revise": "Changes the facts first: one ad unit disappears, and one that had disappeared returns.",
}
TOKEN_KINDS = {"lost_rotation", "revoke_family"}
OWN_OPTIONS: dict[str, tuple[str, ...]] = {
    "status": ("status", "retry_after"),
    "redirect": ("location", "status"),
    "echo_secrets": ("status",),
    "body_status": ("status", "retry_after"),
    "body_code": ("status", "retry_after"),
    "slow": ("seconds",),
    "slow_body": ("seconds",),
    "garbage_cell": ("column",),
    "nan_cell": ("column",),
    "nul_cell": ("column",),
}
"""The options that only some kinds use; the other options narrow down any fault."""
PLACES = ("token", "metadata", "report")
LEAST_STATUS, MOST_STATUS = 200, 599
_TEXT, _MAYBE_TEXT, _MAYBE_NUMBER = (str,), (str, type(None)), (int, type(None))
TYPES: dict[str, tuple[type, ...]] = {
    "kind": _TEXT,
    "where": _TEXT,
    "times": (int,),
    "after": (int,),
    "page": _MAYBE_NUMBER,
    "match": _MAYBE_TEXT,
    "status": _MAYBE_NUMBER,
    "retry_after": _MAYBE_TEXT,
    "seconds": (int, float),
    "location": _MAYBE_TEXT,
    "column": _MAYBE_TEXT,
}


class FaultError(ValueError):
    """A fault that does not exist, or an option it cannot take."""


@dataclass(kw_only=True)
class Fault:
    """A rule: what goes wrong, where, and how often.

    `times`: how many requests it affects, -1 for all. `after`: how many matching requests pass first. `page` and
    `match` narrow it to reports of that page and to request bodies that contain that text. `seconds` is for the slow
    kinds, `column` for the cell kinds.

    Raises:
        FaultError: An unknown kind or place, or invalid numbers.
    """

    kind: str
    where: str = ""
    times: int = 1
    after: int = 0
    page: int | None = None
    match: str | None = None
    status: int | None = None
    retry_after: str | None = None
    seconds: float = 1.0
    location: str | None = None
    column: str | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if self.kind not in KINDS:
            raise FaultError(f"Unknown fault {self.kind!r}; known are {', '.join(KINDS)}.")
        self.where = self.where or _usual_place(self.kind)
        if self.where not in PLACES:
            raise FaultError(f"A fault happens at {', '.join(PLACES)}, not at {self.where!r}.")
        if self.times < -1 or self.times == 0 or self.after < 0:
            raise FaultError("A fault takes `times` of 1 or more, or -1 for all, and `after` of 0 or more.")
        if self.seconds < 0 or not LEAST_STATUS <= (self.status or LEAST_STATUS) <= MOST_STATUS:
            raise FaultError(f"A fault takes `seconds` of 0 or more and a `status` of {LEAST_STATUS} to {MOST_STATUS}.")
        if self.kind == "redirect" and not self.location:
            raise FaultError("The fault redirect takes a `location`.")

    def _check_types(self) -> None:
        for name, kinds in TYPES.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise FaultError(f"The option {name} of a fault cannot be {value!r}.")

    @classmethod
    def from_dict(cls, options: Mapping[str, object]) -> Fault:
        """Return the fault of a JSON object.

        Raises:
            FaultError: Unknown options, or values a fault cannot take.
        """
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(options) - known)
        if unknown or "kind" not in options:
            raise FaultError(f"A fault takes {', '.join(sorted(known))}, `kind` always; not {', '.join(unknown)}.")
        return cls(**dict(options))  # type: ignore[arg-type]  # `__post_init__` checks the values

    def matches(self, place: str, body: str, page: int | None) -> bool:
        """Return whether this fault applies to a request."""
        return (
            self.where == place
            and (self.page is None or self.page == page)
            and (self.match is None or self.match in body)
        )


class Faults:
    """The queue; the first matching rule is applied to a request. Thread-safe."""

    def __init__(self) -> None:
        self._rules: dict[int, Fault] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Put a rule at the end of the queue."""
        with self._lock:
            self._rules[next(self._numbers)] = fault

    def drop(self, number: int) -> None:
        """Drop one rule, if it is still pending."""
        with self._lock:
            self._rules.pop(number, None)

    def clear(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._rules.clear()

    def listed(self) -> list[dict[str, object]]:
        """Return the pending rules, each with its number."""
        with self._lock:
            return [{"number": number, **asdict(rule)} for number, rule in self._rules.items()]

    def take(self, place: str, body: str) -> Fault | None:
        """Return the fault for a request and count it, or None."""
        if not self._rules:
            return None
        page = _page_of(body) if place == "report" else None
        with self._lock:
            for number, rule in self._rules.items():
                if not rule.matches(place, body, page):
                    continue
                if rule.after:
                    rule.after -= 1
                    continue
                if rule.times > 0:
                    rule.times -= 1
                if rule.times == 0:
                    del self._rules[number]
                return rule
        return None


def described() -> list[dict[str, object]]:
    """Return all kinds. Shape: `[{"kind": ..., "about": ..., "where": usual place, "options": its own}]`."""
    return [
        {"kind": kind, "about": about, "where": _usual_place(kind), "options": OWN_OPTIONS.get(kind, ())}
        for kind, about in KINDS.items()
    ]


def _usual_place(kind: str) -> str:
    return "token" if kind in TOKEN_KINDS else "report"


def _page_of(body: str) -> int | None:
    try:
        page = json.loads(body).get("page")
    except (ValueError, AttributeError):
        return None
    return page if isinstance(page, int) else None
