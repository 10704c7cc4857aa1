"""Keeping secrets out of everything that is written."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HIDDEN = "***"
SHORTEST = 4
"""A shorter secret would blot out half of every message, and is none."""


class Redactor(logging.Filter):
    """Replaces the secrets it knows, however they are spelled, in texts and log records."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Start with these secrets; more can be added as tokens come in."""
        super().__init__()
        self._spellings: list[str] = []
        self._lock = threading.Lock()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Hide this secret from now on: as it is, escaped for JSON, URLs and HTML, even twice, and in Base64."""
        if not secret or len(secret) < SHORTEST:
            return
        once = {escaped(secret) for escaped in _ESCAPES}
        spellings = {escaped(text) for escaped in _ESCAPES for text in once} | {base64.b64encode(_raw(secret)).decode()}
        with self._lock:
            # Longest first, so that a secret within another one leaves no rest.
            self._spellings = sorted({*self._spellings, *spellings}, key=len, reverse=True)

    def add_basic_credentials(self, client_id: str, client_secret: str) -> None:
        """Hide what an HTTP Basic header is made of."""
        self.add(base64.b64encode(f"{client_id}:{client_secret}".encode("utf-8", "surrogatepass")).decode())

    def clean(self, text: str) -> str:
        """Return the text without any secret."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, HIDDEN)
        return text

    def guard_all(self) -> None:
        """Clean whatever is logged in this process: a logging config may give any logger handlers of its own."""
        for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
            if isinstance(logger, logging.Logger):  # others only hold the place of a name
                self.guard(logger)

    def guard(self, logger: logging.Logger) -> None:
        """Clean whatever the logger's handlers write from now on."""
        for handler in logger.handlers:
            for earlier in [known for known in handler.filters if isinstance(known, Redactor)]:
                handler.removeFilter(earlier)
            handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a log record in place: message, arguments, extra fields, exception and stack."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = f"{record.msg} {record.args}"
        if (cleaned := self.clean(message)) != message:
            record.msg, record.args = cleaned, ()
        if record.exc_info and (cleaned := self.clean(seen := _all_of(record.exc_info[1]))) != seen:
            # A formatter may go back to the exception itself and to those behind it, so they all have to go.
            traceback = self.clean(logging.Formatter().formatException(record.exc_info))
            record.msg, record.args = f"{self.clean(message)}\n{traceback}", ()
            record.exc_info, record.exc_text = None, None
        for name, value in record.__dict__.items():
            if name not in _MESSAGE_FIELDS and (cleaned := self.clean(text := str(value))) != text:
                record.__dict__[name] = cleaned
        return True


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _with_slashes(escaped: Callable[[str], str]) -> Callable[[str], str]:
    """Return an escape that does slashes as well, as PHP has them in JSON."""
    return lambda text: escaped(text).replace("/", r"\/")


def _in_lower_case(escaped: Callable[[str], str]) -> Callable[[str], str]:
    """Return an escape for URLs with `%3c` instead of `%3C`."""
    return lambda text: re.sub("%..", lambda code: code[0].lower(), escaped(text))


_FOR_JSON: tuple[Callable[[str], str], ...] = (
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
)
_FOR_URLS: tuple[Callable[[str], str], ...] = (
    lambda text: quote(_raw(text)),
    lambda text: quote(_raw(text), safe=""),
    lambda text: quote_plus(_raw(text)),
)
_ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: repr(text)[1:-1],
    html.escape,
    lambda text: html.escape(text, quote=False),
    lambda text: html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    *_FOR_JSON,
    _with_slashes(str),
    *(_with_slashes(escaped) for escaped in _FOR_JSON),
    *_FOR_URLS,
    *(_in_lower_case(escaped) for escaped in _FOR_URLS),
)
"""What clients and servers do to a text that they quote, the text as it is among it."""

_MESSAGE_FIELDS = frozenset({"msg", "args", "exc_info"})


def _all_of(error: BaseException | None) -> str:
    """Return what an exception and all those behind it could show, whether or not they are suppressed."""
    texts: list[str] = []
    behind = [error]
    seen: set[int] = set()
    while behind:
        if (current := behind.pop()) is not None and id(current) not in seen:
            seen.add(id(current))
            texts += [str(current), repr(current)]
            behind += [current.__cause__, current.__context__]
    return "\n".join(texts)
