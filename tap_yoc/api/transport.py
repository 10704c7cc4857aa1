"""One HTTP exchange: sent once, read in full within its time, never redirected."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from tap_yoc.api.deadline import DeadlineAdapter
from tap_yoc.api.retry import http_date, retry_after_seconds
from tap_yoc.decoding.envelope import raise_if_failed
from tap_yoc.errors import FailureToldError, NotSentError, RetryableError, SettingsError
from tap_yoc.exact_json import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from datetime import datetime

    from tap_yoc.clock import Clock
    from tap_yoc.exact_json import Json
    from tap_yoc.redaction import Redactor
    from tap_yoc.settings.parsing import Settings
    from tap_yoc.summary import RunSummary

LONGEST_EXCERPT = 200
LEAST_REDIRECT, LEAST_REFUSAL, TOO_MANY_REQUESTS, UNAVAILABLE = 300, 400, 429, 503
ACCEPTED = 202
"""The server has begun, and has nothing to show yet."""
RETRYABLE_STATUSES = frozenset(
    {ACCEPTED, 408, 425, TOO_MANY_REQUESTS, 500, 502, UNAVAILABLE, 504, 507, 509, 520, 521, 522, 523, 524}
)


def is_refusal(status: int) -> bool:
    """Say whether a status means that the server did not do what it was asked."""
    return status >= LEAST_REFUSAL


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer, read in full."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    sent_headers: Mapping[str, str]

    @property
    def is_refusal(self) -> bool:
        """Whether the server did not do what it was asked."""
        return is_refusal(self.status)

    @cached_property
    def told(self) -> FailureToldError | None:
        """The failure in a body with a good status, or None. A body that is not JSON has none."""
        try:
            raise_if_failed(decode(self.content))
        except FailureToldError as failure:
            return None if self.is_refusal else failure
        except ValueError:
            return None
        return None

    @property
    def date(self) -> datetime | None:
        """The instant of the answer by the server's clock, None where it does not tell."""
        return http_date(self.headers.get("Date"))

    def json(self) -> Json:
        """Return the decoded body.

        Raises:
            RetryableError: The body is not JSON: a page of some proxy, or cut.
        """
        try:
            return decode(self.content)
        except ValueError:
            raise self.not_json() from None

    def not_json(self) -> RetryableError:
        """Return what to raise for a body that is no JSON: a page of some proxy, or cut."""
        kind = self.headers.get("Content-Type", "no content type")
        return RetryableError(f"the answer is not JSON ({kind}, {len(self.content)} bytes)")


class Transport:
    """Sends requests over one pool of connections; safe under threads."""

    def __init__(self, settings: Settings, clock: Clock, redactor: Redactor, summary: RunSummary) -> None:
        """Open nothing yet."""
        self.clock = clock
        self.redactor = redactor
        self._timeout_seconds = settings.request_timeout
        self._summary = summary
        self._headers = requests.utils.default_headers()
        self._headers.update({"User-Agent": settings.user_agent, "Accept": "application/json"})
        self._adapter = DeadlineAdapter(settings.concurrency)
        self._environment: dict[str, dict[str, Any]] = {}

    def _environment_of(self, url: str) -> dict[str, Any]:
        """Return the proxies and certificates that the environment names for an address, looked up once."""
        if url not in self._environment:
            found = requests.Session().merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
            self._environment[url] = {**found}
        return self._environment[url]

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        auth: Callable[[requests.PreparedRequest], requests.PreparedRequest],
        new_connection: bool = False,
        before_first_byte: Callable[[], None] | None = None,
        **body: Any,  # noqa: ANN401 - `json` or `files`, as requests takes them
    ) -> Response:
        """Return the answer to one request, whatever its status but a redirect.

        A kept connection may have been dropped on the way, unseen until it is used; with `new_connection` none is used.
        `before_first_byte` is called when the connection stands, and keeps the request from leaving if it raises.

        Raises:
            NotSentError: No byte of the request was sent, since no connection came about.
            RetryableError: The connection broke, or the answer was cut or took longer than the timeout in all.
            SettingsError: The host redirects; following would show the credentials to another one, or cannot be done.
        """
        adapter = DeadlineAdapter() if new_connection else self._adapter
        is_sent = False

        def begin() -> None:
            nonlocal is_sent
            if before_first_byte:
                before_first_byte()
            is_sent = True

        try:
            # Without a session, which would look up proxies and keep cookies at every request.
            request = requests.Request(method, url, headers=self._headers, auth=auth, **body).prepare()
            self._summary.count_request()  # not before it is signed, for which a login may have to be sent, or fail
            surroundings = self._environment_of(url)
            adapter.before_first_byte(begin)
            with (
                closing(adapter) if new_connection else nullcontext(),
                adapter.send(request, timeout=self._timeout_seconds, **surroundings) as answer,
            ):
                content = answer.raw.read(decode_content=True)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            if is_sent and isinstance(error, _TOO_LATE):
                raise RetryableError(f"the answer took longer than {self._timeout_seconds:g} seconds") from error
            raise _classified(error, url, is_sent=is_sent) from error
        if answer.is_redirect:
            raise SettingsError(f"{url} redirects elsewhere, and credentials do not follow; set api_url or auth_url.")
        if LEAST_REDIRECT <= answer.status_code < LEAST_REFUSAL:
            raise SettingsError(f"{url} redirects to nowhere (HTTP {answer.status_code}); check api_url or auth_url.")
        return Response(
            status=answer.status_code,
            headers=answer.headers,
            content=_in_utf8(content, answer.headers),
            sent_headers=request.headers,
        )

    def raise_if_retryable(self, response: Response) -> None:
        """Raise `RetryableError` for an answer that asks to come back later."""
        if response.status in RETRYABLE_STATUSES:
            raise self.retryable(response, response.status)

    def raise_if_told(self, response: Response, statuses: Container[int] = RETRYABLE_STATUSES) -> None:
        """Raise `RetryableError` for an answer whose body asks to come back later, though its status is good."""
        if response.told and (status := response.told.status) and status in statuses:
            raise self.retryable(response, status)

    def retryable(self, response: Response, status: int) -> RetryableError:
        """Return what to raise for an answer that asks to come back later, by its status or by one in its body."""
        says = f"HTTP {status}" if status == response.status else f"HTTP {status}, told in the body of an answer"
        wait = retry_after_seconds(response.headers.get("Retry-After"), self.clock.now(), response.date)
        slow_down = status in {TOO_MANY_REQUESTS, UNAVAILABLE}
        return RetryableError(says, status=status, retry_after=wait, slow_down=slow_down)

    def excerpt(self, response: Response) -> str:
        """Return what an error answer says, in one short line and without secrets."""
        try:
            body = decode(response.content)
        except ValueError:
            return f"HTTP {response.status}"
        said = " ".join(str(body[key]) for key in _ERROR_KEYS if body.get(key)) if isinstance(body, dict) else ""
        said = self.one_line(said)
        return f"HTTP {response.status}: {said}" if said else f"HTTP {response.status}"

    def one_line(self, text: str) -> str:
        """Return what a server says as one short line without secrets."""
        said = " ".join(self.redactor.clean(text).split())
        return f"{said[:LONGEST_EXCERPT]}…" if len(said) > LONGEST_EXCERPT else said


def _in_utf8(content: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a body in UTF-8, out of the charset that its Content-Type declares.

    One that is UTF-8 stays as it is, whatever is declared: JSON has to be, so that it is the label that is wrong.
    """
    charset = requests.utils.get_encoding_from_headers(headers) or "utf-8"
    if charset.lower() == "utf-8" or _is_utf8(content):
        return content
    try:
        return content.decode(charset).encode()
    except (LookupError, ValueError):
        return content  # of no use either way; whoever decodes it says so


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content  # there is none in JSON, and many in UTF-16


_TOO_LATE = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
_ERROR_KEYS = ("error", "error_description", "message", "detail", "title", "errors")


def _classified(error: Exception, url: str, *, is_sent: bool) -> Exception:
    """Return what a failed exchange means: whom to tell, or whether and when to try again."""
    reason = _reason(error)
    if to_mend := _settings_error(error, url):
        return to_mend
    why = _IN_WORDS.get(reason, reason)
    if isinstance(error, requests.exceptions.ProxyError):
        why = f"the proxy: {why}"
    if not is_sent:
        return NotSentError(f"no connection to {urlsplit(url).netloc} ({why})")
    broken = isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout))
    what = f"no connection to {urlsplit(url).netloc}" if broken else "the answer broke off"
    return RetryableError(f"{what} ({why})")


_IN_WORDS = {
    "TimeoutError": "it took too long",
    "ConnectionRefusedError": "nothing listens there",
    "gaierror": "the name is not known",
    "NameResolutionError": "the name is not known",
}


def _settings_error(error: Exception, url: str) -> SettingsError | None:
    """Return what the user must fix before any exchange can work, or None."""
    is_about_an_address = isinstance(error, requests.exceptions.InvalidURL)
    if is_about_an_address and _is_address(url):
        return SettingsError("The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names is no usable address; mend it.")
    if isinstance(error, requests.exceptions.InvalidSchema):
        return SettingsError("The proxy is of a kind that needs another package: pip install 'requests[socks]'.")
    if is_about_an_address:
        return SettingsError(f"{url} is no usable address; mend api_url or auth_url.")
    if isinstance(error, requests.exceptions.InvalidJSONError):
        return SettingsError("A report's query holds a number that JSON does not have, such as NaN.")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return SettingsError(
            f"The certificate of {url} is not trusted; if a proxy stands between, name its certificate in "
            f"REQUESTS_CA_BUNDLE."
        )
    return None


def _is_address(url: str) -> bool:
    try:
        return bool(urllib3.util.parse_url(url).host)
    except urllib3.exceptions.LocationParseError:
        return False


def _reason(error: BaseException) -> str:
    """Return the innermost cause's name, since its text may hold addresses and more."""
    seen = [error]
    while (inner := _inner(seen[-1])) is not None and inner not in seen:
        seen.append(inner)
    return type(seen[-1]).__name__


def _inner(error: BaseException) -> BaseException | None:
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    for argument in error.args:
        if isinstance(argument, BaseException):
            return argument
    return error.__cause__ or error.__context__
