"""Redaction: keeps secrets out of all output."""

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
"""Shorter values are not secrets, and replacing them would garble every message."""


class Redactor(logging.Filter):
    """Replaces known secrets, in any common escaping, in texts and log records."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Start with these secrets; more can be added as tokens come in."""
        super().__init__()
        self._spellings: list[str] = []
        self._lock = threading.Lock()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Redact this secret from now on: plain, escaped once or twice for JSON, URLs and HTML, and in Base64."""
        if not secret or len(secret) < SHORTEST:
            return
        once = {escaped(secret) for escaped in _ESCAPES}
        spellings = {escaped(text) for escaped in _ESCAPES for text in once} | {base64.b64encode(_raw(secret)).decode()}
        with self._lock:
            # Longest first, so that a secret that contains another one is replaced completely.
            self._spellings = sorted({*self._spellings, *spellings}, key=len, reverse=True)

    def add_basic_credentials(self, client_id: str, client_secret: str) -> None:
        """Redact the value of an HTTP Basic header."""
        self.add(base64.b64encode(f"{client_id}:{client_secret}".encode("utf-8", "surrogatepass")).decode())

    def clean(self, text: str) -> str:
        """Return the text without any secret."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, HIDDEN)
        return text

    def guard_all(self) -> None:
        """Clean everything that is logged in this process: a logging config may add handlers to any logger."""
        for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
            if isinstance(logger, logging.Logger):  # others are placeholders
                self.guard(logger)

    def guard(self, logger: logging.Logger) -> None:
        """Clean everything that the logger's handlers write from now on."""
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
            # A formatter may use the exception and its causes, so remove them all.
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
    """Return a function that also escapes slashes, as PHP does in JSON."""
    return lambda text: escaped(text).replace("/", r"\/")


def _in_lower_case(escaped: Callable[[str], str]) -> Callable[[str], str]:
    """Return a URL escape that writes `%3c` instead of `%3C`."""
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
"""How clients and servers escape a text that they quote, including not at all."""

_MESSAGE_FIELDS = frozenset({"msg", "args", "exc_info"})


def _all_of(error: BaseException | None) -> str:
    """Return the texts of an exception and all its causes, suppressed or not."""
    texts: list[str] = []
    behind = [error]
    seen: set[int] = set()
    while behind:
        if (current := behind.pop()) is not None and id(current) not in seen:
            seen.add(id(current))
            texts += [str(current), repr(current)]
            behind += [current.__cause__, current.__context__]
    return "\n".join(texts)
