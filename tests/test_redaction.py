"""Secrets in no text and no log record, however they are spelled."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter

from tap_yoc.redaction import HIDDEN, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = 'pä"ss w/ö\\rd+&=<'
"""A password with everything that some notation escapes."""

SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "json": json.dumps,
    "json-with-umlauts": lambda secret: json.dumps(secret, ensure_ascii=False),
    "repr": repr,
    "url-path": quote,
    "url-part": lambda secret: quote(secret, safe=""),
    "url-form": quote_plus,
    "urlencode": lambda secret: urlencode({"password": secret}),
    "html": html.escape,
    "html-with-quotes": lambda secret: html.escape(secret, quote=False),
    "html-by-number": lambda secret: html.escape(secret).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "url-in-lower-case": lambda secret: re.sub("%..", lambda code: code[0].lower(), quote(secret, safe="")),
    "json-twice": lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
    "json-with-slashes": lambda secret: json.dumps(secret).replace("/", r"\/"),
    "slashes": lambda secret: secret.replace("/", r"\/"),
    "html-in-json": lambda secret: json.dumps(html.escape(secret)),
    "url-in-html": lambda secret: html.escape(urlencode({"password": secret})),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "in-a-dict": lambda secret: str({"password": secret}),
}


def shows(text: str, secret: str = SECRET) -> bool:
    """Return whether a text holds a secret in any spelling."""
    plain = text.replace("\\\\", "\\")
    return any(
        spelled.strip("\"'") in version
        for spelled in (to(secret) for to in SPELLINGS.values())
        for version in (text, plain)
    )


@pytest.fixture(params=["plain", "console", "structured"])
def logged(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A guarded logger with one of the formatters that taps run with, and what it wrote."""
    formatters = {
        "plain": logging.Formatter("%(message)s"),
        "console": ConsoleFormatter(),
        "structured": StructuredFormatter(),
    }
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatters[request.param])
    logger = logging.Logger("tap-yoc-test", logging.DEBUG)  # noqa: LOG001 - one that no other test knows
    logger.addHandler(handler)
    Redactor([SECRET]).guard(logger)
    yield logger, written
    logger.removeHandler(handler)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_hidden_in_every_spelling(spelling: str) -> None:
    """A secret is hidden as it is, and escaped for JSON, Python and URLs, and in Base64."""
    text = f"before {SPELLINGS[spelling](SECRET)} after"
    cleaned = Redactor([SECRET]).clean(text)
    assert not shows(cleaned)
    assert HIDDEN in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


@given(secret=st.text(min_size=4, max_size=30), spelling=st.sampled_from(list(SPELLINGS)))
def test_any_secret_is_hidden_in_every_spelling(secret: str, spelling: str) -> None:
    """Whatever a secret consists of, no spelling of it is left."""
    spelled = SPELLINGS[spelling](secret)
    assert spelled.strip("\"'") not in Redactor([secret]).clean(f"<{spelled}>")


def test_the_basic_header_is_hidden() -> None:
    """The header that carries the client's id and secret is a secret itself."""
    redactor = Redactor()
    redactor.add_basic_credentials("client", "s3cr3t-canary")
    header = base64.b64encode(b"client:s3cr3t-canary").decode()
    assert redactor.clean(f"Authorization: Basic {header}") == "Authorization: Basic ***"


def test_tokens_are_added_as_they_come_in() -> None:
    """A secret is hidden from the moment on that it is known."""
    redactor = Redactor()
    assert redactor.clean("token-4711") == "token-4711"
    redactor.add("token-4711")
    assert redactor.clean("token-4711") == "***"


def test_a_secret_within_another_one_leaves_no_rest() -> None:
    """Where one secret is the beginning of another one, the longer one is hidden as a whole."""
    for secrets in (["secret", "secret-and-more"], ["secret-and-more", "secret"]):
        assert Redactor(secrets).clean("secret-and-more, secret") == "***, ***"


@pytest.mark.parametrize("value", [None, "", "a", "abc"])
def test_short_values_are_not_blotted_out(value: str | None) -> None:
    """A value of up to three characters would blot out half of every message, and is none to protect."""
    redactor = Redactor()
    redactor.add(value)
    assert redactor.clean("abc, a cab") == "abc, a cab"


def test_a_text_without_secrets_stays_as_it_is() -> None:
    """What holds no secret is not touched."""
    assert Redactor([SECRET]).clean("GET /api/v1/reporting/publishers 200") == "GET /api/v1/reporting/publishers 200"


def test_log_messages_are_cleaned(logged: tuple[logging.Logger, io.StringIO]) -> None:
    """A secret in the message or in its arguments is not written."""
    logger, written = logged
    logger.warning(f"the password is {SECRET}")  # noqa: G004 - as a careless library may write it
    logger.warning("the password is %s", SECRET)
    logger.warning("the body is %r", {"password": SECRET})
    logger.warning("%(password)s", {"password": SECRET})
    assert written.getvalue().count("***") == 4
    assert not shows(written.getvalue())


def test_log_messages_without_secrets_keep_their_arguments(logged: tuple[logging.Logger, io.StringIO]) -> None:
    """Other messages are written as ever."""
    logger, written = logged
    logger.info("%d rows of %s, 100%%", 5, "site_daily")
    assert "5 rows of site_daily, 100%" in written.getvalue()


def test_tracebacks_are_cleaned(logged: tuple[logging.Logger, io.StringIO]) -> None:
    """A secret in an exception is not written, and the traceback is."""
    logger, written = logged
    try:
        raise ValueError(f"login with {SECRET} failed")  # noqa: TRY301 - as a careless library may raise it
    except ValueError:
        logger.exception("unexpected")
    assert not shows(written.getvalue())
    assert "***" in written.getvalue()
    assert "unexpected" in written.getvalue()
    assert "Traceback" in written.getvalue()
    assert "ValueError" in written.getvalue()


@pytest.mark.parametrize("how", ["cause", "context"])
def test_exceptions_behind_an_exception_are_cleaned(how: str, logged: tuple[logging.Logger, io.StringIO]) -> None:
    """A secret in the cause of an exception, or in what was being handled, is not written."""
    logger, written = logged
    try:
        try:
            raise KeyError(SECRET)  # noqa: TRY301 - as a careless library may raise it
        except KeyError as error:
            if how == "cause":
                raise RuntimeError("no login") from error
            raise RuntimeError("no login")  # noqa: B904 - with the error as its context
    except RuntimeError:
        logger.exception("unexpected")
    assert not shows(written.getvalue())
    assert "no login" in written.getvalue()


def test_an_exception_without_secrets_stays_an_exception(logged: tuple[logging.Logger, io.StringIO]) -> None:
    """Formatters still get the exception itself where there is nothing to hide."""
    logger, written = logged
    try:
        raise ValueError("harmless")  # noqa: TRY301 - the exception is the matter
    except ValueError:
        logger.exception("unexpected")
    assert "harmless" in written.getvalue()
    assert "ValueError" in written.getvalue()


def test_a_handler_has_the_newest_redactor_only() -> None:
    """Guarding again replaces the earlier guard, so that a second run in one process does not pile them up."""
    logger = logging.Logger("tap-yoc-test")  # noqa: LOG001 - one that no other test knows
    handler = logging.StreamHandler(io.StringIO())
    other = logging.Filter("")
    handler.addFilter(other)
    logger.addHandler(handler)
    Redactor(["first-secret"]).guard(logger)
    newest = Redactor(["second-secret"])
    newest.guard(logger)
    assert handler.filters == [other, newest]


def test_handlers_of_all_loggers_are_guarded() -> None:
    """A logging config may write one logger to a file of its own, beside what the root logger shows."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.getLogger("tap-yoc-test.of-its-own")
    logger.addHandler(handler)
    try:
        Redactor([SECRET]).guard_all()
        logger.error("the password is %s", SECRET)
    finally:
        logger.removeHandler(handler)
    assert written.getvalue() == "the password is ***\n"


def test_a_suppressed_exception_is_cleaned(logged: tuple[logging.Logger, io.StringIO]) -> None:
    """The structured formatter writes what was being handled even after `from None`: no secret there either."""
    logger, written = logged
    try:
        try:
            raise KeyError(SECRET)  # noqa: TRY301 - as a careless library may raise it
        except KeyError:
            raise RuntimeError("no login") from None
    except RuntimeError:
        logger.exception("unexpected")
    assert not shows(written.getvalue())


def test_fields_beside_the_message_are_cleaned(logged: tuple[logging.Logger, io.StringIO]) -> None:
    """The structured formatter writes every extra field of a record: no secret there either."""
    logger, written = logged
    logger.info("sent", extra={"request_url": f"https://h.example/?password={SECRET}", "headers": {"x": SECRET}})
    assert not shows(written.getvalue())


def test_the_stack_is_cleaned() -> None:
    """A stack that is logged along is cleaned as the message is."""
    record = logging.makeLogRecord({"msg": "here", "stack_info": f"Stack:\n  login({SECRET!r})"})
    Redactor([SECRET]).filter(record)
    assert not shows(str(record.stack_info))


def test_a_wrong_log_call_does_not_end_the_run() -> None:
    """Arguments that do not fit their message are the logging module's to report, and no error of the caller."""
    record = logging.makeLogRecord({"msg": "%d rows", "args": ("many",)})
    assert Redactor([SECRET]).filter(record)
