"""YOC's reporting endpoint: the metadata and one page of a report; status to exception."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from tap_yoc.api.transport import RETRYABLE_STATUSES
from tap_yoc.decoding.envelope import Answer, EnvelopeReader
from tap_yoc.decoding.total import total_of
from tap_yoc.errors import (
    FailureInBodyError,
    LoginError,
    PermissionDeniedError,
    RequestRefusedError,
    RetryableError,
    SettingsError,
    UnknownEnvelopeError,
)
from tap_yoc.reports.columns import columns_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_yoc.api.auth import Signer, TokenManager
    from tap_yoc.api.query import Query
    from tap_yoc.api.retry import Retrier
    from tap_yoc.api.transport import Response, Transport
    from tap_yoc.decoding.envelope import RowType
    from tap_yoc.exact_json import Json
    from tap_yoc.reports.columns import Column
    from tap_yoc.settings.parsing import Settings

REPORT_PATH = "/api/v1/reporting/publishers"
COMPLETE = frozenset({200, 201, 203, 204})
"""The statuses of complete answers."""
NO_CONTENT, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, INTERNAL_ERROR = 204, 401, 403, 404, 500
FIRST_PAGE = 1
"""Some servers start at 0; see `pagination.py`."""
ERRORS_THAT_REFUSE = 3
"""After this many internal errors for a page that may not exist, the page counts as refused."""


class YOCClient:
    """Sends requests to YOC, with retries; one instance per run, thread-safe."""

    def __init__(
        self, settings: Settings, transport: Transport, retrier: Retrier, tokens: TokenManager, sign: Signer
    ) -> None:
        """Send nothing yet; `sign` adds a token to a request."""
        self._url = settings.api_url + REPORT_PATH
        self._transport = transport
        self._retrier = retrier
        self._tokens = tokens
        self._sign = sign
        self._has_been_authorized = False
        self._envelopes = EnvelopeReader()
        self._served: dict[str, Json] | None = None
        """The body of a request whose answer had rows."""

    def columns(self) -> list[Column]:
        """Return the columns that the account may request.

        Raises:
            YOCError: The columns cannot be read.
        """

        def attempt() -> Json:
            response = self._exchange("GET", [])
            self._raise_for_status(response, "the metadata")
            body = response.json()
            if response.failure_in_body:
                raise self._error_in_body(response, response.failure_in_body, "the metadata")
            return body

        try:
            return columns_of(self._retrier.call("The metadata", attempt))
        except RequestRefusedError as error:
            raise SettingsError(f"{error} Is api_url right?") from error

    def page(
        self, query: Query, number: int, row_type: RowType, is_wanted: Callable[[], bool] = lambda: True
    ) -> Answer | None:
        """Return a page of a report, or None if YOC answers that it is past the end.

        The request is retried only while `is_wanted()` is true.

        Raises:
            RequestRefusedError: YOC does not accept the query.
            YOCError: The page cannot be read.
        """
        return self._page(query, number, row_type, is_wanted, is_probe=False)

    def try_page(self, query: Query, number: int, row_type: RowType) -> Answer | None:
        """Return a page, or None if YOC refuses its number, with a 4xx or a repeated 500.

        Raises:
            UnknownEnvelopeError: The answer has neither rows nor a status that refuses.
        """
        try:
            return self._page(query, number, row_type, lambda: True, is_probe=True)
        except RequestRefusedError:
            return None

    def wait_until_served(self, sent: list[str]) -> None:
        """Repeat a request that had rows before until YOC answers it with anything but 404; if there is none, return.

        A refusal is such an answer: the request's first day may no longer be served.

        Raises:
            YOCError: The retries are used up.
        """
        if (body := self._served) is None:
            return

        def attempt() -> None:
            response = self._exchange("POST", sent, json=body)
            if response.status == NOT_FOUND:
                raise RetryableError("HTTP 404 for a page that existed before")
            with suppress(RequestRefusedError):
                self._raise_for_status(response, "a page that existed before")

        self._retrier.call("A page that existed before", attempt)

    def _page(
        self, query: Query, number: int, row_type: RowType, is_wanted: Callable[[], bool], *, is_probe: bool
    ) -> Answer | None:
        what = f"Page {number} of {', '.join(query.group_by)}{f' for {query.window}' if query.window else ''}"

        errors = 0

        def attempt() -> Answer | None:
            nonlocal errors
            body = query.body(number)
            response = self._exchange("POST", query.sent, json=body)
            if response.status == NOT_FOUND:
                return None  # the URL is right, because the metadata came from it
            try:
                self._raise_for_status(response, what)
                answer = self._read(response, row_type, what)
            except RetryableError as failure:
                errors += failure.status == INTERNAL_ERROR
                if is_probe and errors == ERRORS_THAT_REFUSE:
                    return None  # some servers pass a negative offset to their database
                raise
            query.received.append(self._transport.clock.now())
            if answer.rows and number <= FIRST_PAGE:  # the first page stays, even if later ones come and go
                self._served = body
            return answer

        return self._retrier.call(what, attempt, is_wanted=is_wanted)

    def _read(self, response: Response, row_type: RowType, what: str) -> Answer:
        if response.status == NO_CONTENT:
            return Answer(rows=[], total=total_of(None, response.headers))  # an empty page
        try:
            return self._envelopes.read(response.content, response.headers, row_type)
        except ValueError as error:
            raise response.unreadable(error) from None
        except FailureInBodyError as failure:
            raise self._error_in_body(response, failure, what) from None

    def _error_in_body(self, response: Response, failure: FailureInBodyError, what: str) -> Exception:
        """Return what to raise for a failure in the body of an answer with a good status."""
        if failure.status in RETRYABLE_STATUSES:
            return self._transport.retryable(response, failure.status)
        said = f"{failure.names}: {self._transport.one_line(failure.text)}"
        return UnknownEnvelopeError(
            f"YOC answers {what} with HTTP success but an error in the body ({said}); please report this."
        )

    def _exchange(self, method: Literal["GET", "POST"], sent: list[str], **body: Any) -> Response:  # noqa: ANN401 - JSON
        """Return the answer to a signed request, counted in `sent`; after a 401, renew the token and retry once."""
        sent.append(method)
        response = self._transport.send(method, self._url, auth=self._sign, **body)
        if response.status == UNAUTHORIZED:
            self._tokens.renew(response.sent_headers.get("Authorization"))
            sent.append(method)
            response = self._transport.send(method, self._url, auth=self._sign, **body)
        self._has_been_authorized |= not response.is_refusal
        return response

    def _raise_for_status(self, response: Response, what: str) -> None:
        self._transport.raise_if_retryable(response)
        if response.status in COMPLETE:
            return
        if not response.is_refusal:
            raise UnknownEnvelopeError(
                f"YOC answers {what} with HTTP {response.status}, which is not a complete answer; please report this."
            )
        said = self._transport.excerpt(response)
        if response.status == UNAUTHORIZED and self._has_been_authorized:
            raise LoginError(
                f"YOC rejects a token that it has just issued ({said}), although it accepted earlier ones: another "
                "run's login may end this run's session; let all runs of this login share one token_cache, or run one "
                "at a time."
            )
        if response.status == UNAUTHORIZED:
            raise LoginError(
                f"YOC rejects a token that it has just issued ({said}); if another run uses this login, let both share "
                f"one token_cache, otherwise ask YOC whether the account is enabled."
            )
        if response.status == FORBIDDEN:
            raise PermissionDeniedError(
                f"YOC does not let this account see {what} ({said}); ask YOC's account manager."
            )
        raise RequestRefusedError(
            f"YOC refuses {what} ({said}); check your custom reports, or report this.",
            status=response.status,
            server_date=response.date,
        )
