"""One HTTP exchange: sent once, read in full before the timeout, never redirected."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from tap_yoc.api.body import ENCODINGS, read_body
from tap_yoc.api.deadline import DeadlineAdapter
from tap_yoc.api.environment import Environment
from tap_yoc.api.failed_exchange import LOGIN_WANTED, classified, proxy_refusal
from tap_yoc.api.retry import http_date, retry_after_seconds
from tap_yoc.decoding.envelope import raise_if_failed
from tap_yoc.errors import FailureInBodyError, IncompleteDataError, RetryableError, SettingsError
from tap_yoc.exact_json import DEEPEST, TooDeepError, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from datetime import datetime

    from tap_yoc.clock import Clock
    from tap_yoc.exact_json import Json
    from tap_yoc.redaction import Redactor
    from tap_yoc.settings.parsing import Settings
    from tap_yoc.summary import RunSummary

LONGEST_EXCERPT = 200
LEAST_REDIRECT, LEAST_REFUSAL, FORBIDDEN, TOO_MANY_REQUESTS, UNAVAILABLE = 300, 400, 403, 429, 503
ACCEPTED = 202
"""The server is still processing the request."""
RETRYABLE_STATUSES = frozenset(
    {ACCEPTED, 408, 425, TOO_MANY_REQUESTS, 500, 502, UNAVAILABLE, 504, 507, 509, 520, 521, 522, 523, 524}
)


def is_refusal(status: int) -> bool:
    """Return whether a status is an error (4xx or 5xx)."""
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
        """Whether the status is an error (4xx or 5xx)."""
        return is_refusal(self.status)

    @cached_property
    def failure_in_body(self) -> FailureInBodyError | None:
        """The failure in the body of an answer with a good status, or None; always None if the body is not JSON."""
        try:
            raise_if_failed(decode(self.content))
        except FailureInBodyError as failure:
            return None if self.is_refusal else failure
        except ValueError:
            return None
        return None

    @property
    def date(self) -> datetime | None:
        """The time of the answer by the server's clock, None if the answer has none."""
        return http_date(self.headers.get("Date"))

    def json(self) -> Json:
        """Return the decoded body.

        Raises:
            RetryableError: The body is not JSON: a proxy's page, or cut off.
            IncompleteDataError: It is nested too deeply.
        """
        try:
            return decode(self.content)
        except ValueError as error:
            raise self.unreadable(error) from None

    def unreadable(self, error: ValueError) -> Exception:
        """Return what to raise for a body that cannot be decoded: not JSON, or nested too deeply."""
        if isinstance(error, TooDeepError):
            return IncompleteDataError(f"YOC's answer is nested deeper than {DEEPEST} levels; please report this.")
        kind = self.headers.get("Content-Type", "no content type")
        return RetryableError(f"the answer is not JSON ({kind}, {len(self.content)} bytes)")


class Transport:
    """Sends requests over a pool of connections; thread-safe."""

    def __init__(self, settings: Settings, clock: Clock, redactor: Redactor, summary: RunSummary) -> None:
        """Open nothing yet."""
        self.clock = clock
        self.redactor = redactor
        self._timeout_seconds = settings.request_timeout
        self._summary = summary
        self._headers = requests.utils.default_headers()
        self._headers.update(
            {"User-Agent": settings.user_agent, "Accept": "application/json", "Accept-Encoding": ENCODINGS}
        )
        self._adapter = DeadlineAdapter(settings.concurrency)
        self._environment = Environment()
        self._unsigned: dict[tuple[str, str], requests.PreparedRequest] = {}
        """A request without a body for each method and URL."""

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
        **body: Any,  # noqa: ANN401 - `json` or `files`, as in requests
    ) -> Response:
        """Return the answer to one request, with any status except a redirect.

        A kept connection may be dead without notice; with `new_connection` a new one is opened.
        `before_first_byte` is called once the connection is established; if it raises, nothing is sent.

        Raises:
            NotSentError: Nothing was sent, because no connection could be established.
            RetryableError: The connection broke, or the answer was cut off or took longer than the timeout.
            SettingsError: The host redirects; following would send the credentials to another host.
        """
        adapter = DeadlineAdapter() if new_connection else self._adapter
        is_sent = False

        def begin() -> None:
            nonlocal is_sent
            if before_first_byte:
                before_first_byte()
            is_sent = True

        try:
            request = self._prepared(method, url, **body)
            request.prepare_auth(auth)
            self._summary.count_request()  # after signing, which may need a login first
            environment = self._environment.of(url)
            adapter.before_first_byte(begin)
            with (
                closing(adapter) if new_connection else nullcontext(),
                adapter.send(request, timeout=self._timeout_seconds, **environment) as answer,
            ):
                content = read_body(answer.raw, url, is_refusal=is_refusal(answer.status_code))
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise self._classified(error, url, is_sent=is_sent) from error
        self._raise_for_proxy(answer, url)
        if answer.is_redirect:
            raise SettingsError(
                f"{url} redirects elsewhere, and the tap sends no credentials there; set api_url or auth_url."
            )
        if LEAST_REDIRECT <= answer.status_code < LEAST_REFUSAL:
            raise SettingsError(f"{url} redirects to nowhere (HTTP {answer.status_code}); check api_url or auth_url.")
        return Response(
            status=answer.status_code,
            headers=answer.headers,
            content=content,
            sent_headers=request.headers,
        )

    def _prepared(self, method: str, url: str, *, files: Any = None, json: Json = None) -> requests.PreparedRequest:  # noqa: ANN401 - as in requests
        """Return a request that is not signed yet; its URL is parsed only the first time."""
        # No session: it would look up proxies and keep cookies with every request.
        if (method, url) not in self._unsigned:
            self._unsigned[method, url] = requests.Request(method, url, headers=self._headers).prepare()
        request = self._unsigned[method, url].copy()
        request.prepare_body(data=None, files=files, json=json)
        return request

    def _classified(self, error: Exception, url: str, *, is_sent: bool) -> Exception:
        if not isinstance(error, (requests.exceptions.RequestException, urllib3.exceptions.HTTPError)):
            self._environment.check_bundle()  # an OSError of requests is about this file
        timeout_seconds, proxy = self._timeout_seconds, self._environment.proxy_of(url)
        return classified(error, url, proxy=proxy, is_sent=is_sent, timeout_seconds=timeout_seconds)

    def _raise_for_proxy(self, answer: requests.Response, url: str) -> None:
        """Raise if a proxy answers in place of the server; with https it cannot."""
        is_of_proxy = urlsplit(url).scheme == "http" and self._environment.proxy_of(url)
        is_page = "json" not in answer.headers.get("Content-Type", "").lower()
        if answer.status_code == LOGIN_WANTED or (answer.status_code == FORBIDDEN and is_of_proxy and is_page):
            raise proxy_refusal(answer.status_code, url) or AssertionError

    def raise_if_retryable(self, response: Response) -> None:
        """Raise `RetryableError` for an answer with a retryable status."""
        if response.status in RETRYABLE_STATUSES:
            raise self.retryable(response, response.status)

    def raise_if_retryable_in_body(self, response: Response, statuses: Container[int] = RETRYABLE_STATUSES) -> None:
        """Raise `RetryableError` for an answer with a good status, but a retryable one in its body."""
        if response.failure_in_body and (status := response.failure_in_body.status) and status in statuses:
            raise self.retryable(response, status)

    def retryable(self, response: Response, status: int) -> RetryableError:
        """Return the error for a retryable status of an answer, or in its body."""
        says = f"HTTP {status}" if status == response.status else f"HTTP {status}, in the body of an answer"
        wait = retry_after_seconds(response.headers.get("Retry-After"), self.clock.now(), response.date)
        slow_down = status in {TOO_MANY_REQUESTS, UNAVAILABLE}
        return RetryableError(says, status=status, retry_after=wait, slow_down=slow_down)

    def excerpt(self, response: Response) -> str:
        """Return the message of an error answer as one short line without secrets."""
        try:
            body = decode(response.content)
        except ValueError:
            return f"HTTP {response.status}"
        said = " ".join(str(body[key]) for key in _ERROR_KEYS if body.get(key)) if isinstance(body, dict) else ""
        said = self.one_line(said)
        return f"HTTP {response.status}: {said}" if said else f"HTTP {response.status}"

    def one_line(self, text: str) -> str:
        """Return a server's text as one short line without secrets."""
        said = " ".join(self.redactor.clean(text).split())
        return f"{said[:LONGEST_EXCERPT]}…" if len(said) > LONGEST_EXCERPT else said


_ERROR_KEYS = ("error", "error_description", "message", "detail", "title", "errors")
