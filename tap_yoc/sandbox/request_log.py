"""The log of requests: limited in size, and returned without secrets."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from itertools import count, islice, takewhile
from typing import Any

MOST_REQUESTS = 10_000
MOST_CHARACTERS = 20_000_000
# An allow list, because a misspelt field may also contain a secret.
LOGIN_FIELDS_TO_RETURN = {"grant_type", "client_id", "username"}
MASK = "•••"
BOUNDS = {"gte": (0, ""), "gt": (0, ">"), "lte": (1, ""), "lt": (1, "<")}


@dataclass(frozen=True, kw_only=True)
class RequestLog:
    """A request and its answer; `status` is 0 if there was no answer.

    `kind` is token, metadata or report; `grant` the grant type of a token request; `rows` the number of rows sent and
    `total` the number of the whole report; `fault` the kind of the fault applied to it; `milliseconds` the time until
    the answer was ready to be sent; `at` the sandbox's clock, in seconds since 1970.
    """

    kind: str
    grant: str | None = None
    status: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    rows: int | None = None
    total: int | None = None
    fault: str | None = None
    milliseconds: float = 0.0
    at: float = 0.0

    @property
    def has_failed(self) -> bool:
        """Whether the answer was an error or affected by a fault."""
        return self.fault is not None or not HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Requests:
    """The newest requests, numbered from 1 in the order of their answers. Thread-safe.

    The oldest are dropped beyond `MOST_REQUESTS`, or if all bodies together exceed `MOST_CHARACTERS`.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[RequestLog, int]] = deque()
        self._characters = 0
        self._newest = 0
        self._cleared = 0
        self._lock = threading.Lock()

    def add(self, request: RequestLog, characters: int = 0) -> None:
        """Add a request with the length of its body."""
        with self._lock:
            self._kept.append((request, characters))
            self._newest += 1
            self._characters += characters
            while len(self._kept) > 1 and (len(self._kept) > MOST_REQUESTS or self._characters > MOST_CHARACTERS):
                self._characters -= self._kept.popleft()[1]

    def kept(self) -> list[RequestLog]:
        """Return the requests that are still kept, oldest first."""
        with self._lock:
            return [request for request, _ in self._kept]

    def without_secrets(self, *, after: int = 0, most: int | None = None, failed: bool = False) -> list[dict[str, Any]]:
        """Return the newest requests after a number, oldest first, with `number` and `window` and without secrets."""
        with self._lock:
            numbered = zip(count(self._newest, -1), reversed(self._kept), strict=False)
            newer = takewhile(lambda item: item[0] > after, ((number, request) for number, (request, _) in numbered))
            wanted = list(islice((item for item in newer if item[1].has_failed or not failed), most))
        return [_without_secrets(number, request) for number, request in reversed(wanted)]

    def counts(self) -> dict[str, int]:
        """Return the number of requests since `clear`, and the numbers of the oldest and newest ones kept."""
        with self._lock:
            return {
                "requests": self._newest - self._cleared,
                "oldest_request": self._newest - len(self._kept) + 1,
                "newest_request": self._newest,
            }

    def clear(self) -> None:
        """Drop all requests; numbering continues."""
        with self._lock:
            self._kept.clear()
            self._characters = 0
            self._cleared = self._newest


def _without_secrets(number: int, request: RequestLog) -> dict[str, Any]:
    entry = {"number": number, **asdict(request), "window": window_of(request.body.get("query"))}
    if request.kind == "token":
        entry["body"] = {
            name: value if name in LOGIN_FIELDS_TO_RETURN else MASK for name, value in request.body.items()
        }
    return entry


def window_of(query: object) -> list[str] | None:
    """Return the first and last day of a filter, None if it does not limit the days.

    Shape: `["2026-06-01", "2026-06-14"]`; an open end is `""`, an exclusive one starts with its sign.
    """
    found = ["", ""]
    waiting = [query]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        for operator, operand in node.items():
            if operator == "and" and isinstance(operand, list):
                waiting.extend(operand)
            elif isinstance(operand, dict) and isinstance(day := operand.get("date"), str):
                if operator == "eq":
                    found = [day, day]
                elif operator in BOUNDS:
                    end, sign = BOUNDS[operator]
                    found[end] = sign + day
    return found if any(found) else None
