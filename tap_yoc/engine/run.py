"""A run: what its streams share, such as the client, the tokens, the rate limiter and today's date."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from tap_yoc.api.auth import TokenManager
from tap_yoc.api.client import FIRST_PAGE, YOCClient
from tap_yoc.api.query import Query
from tap_yoc.api.rate_limiter import RateLimiter
from tap_yoc.api.retry import Retrier
from tap_yoc.api.token_store import token_store
from tap_yoc.api.transport import Transport
from tap_yoc.dates import Window, today_at
from tap_yoc.decoding.rows import RowShape
from tap_yoc.engine.control_totals import ControlTotals
from tap_yoc.engine.prefetch import Reader
from tap_yoc.engine.reach import Reach
from tap_yoc.errors import IncompleteDataError, PermissionDeniedError
from tap_yoc.reports.custom import custom_reports
from tap_yoc.reports.metadata import AccountMetadata
from tap_yoc.reports.report import DATE, Report
from tap_yoc.reports.standard import available_entities, standard_reports
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from tap_yoc.api.auth import Signer
    from tap_yoc.clock import Clock
    from tap_yoc.errors import YOCError
    from tap_yoc.redaction import Redactor
    from tap_yoc.reports.standard import Entity
    from tap_yoc.settings.parsing import Settings

logger = logging.getLogger("tap-yoc")


class Run:
    """One run of the tap."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        redactor: Redactor,
        *,
        transport: Callable[[Settings, Clock, Redactor, RunSummary], Transport] = Transport,
        authenticator: Callable[[TokenManager, Settings], Signer] | None = None,
    ) -> None:
        """Send nothing yet; `transport` creates the transport, and `authenticator` what signs requests."""
        self.settings = settings
        self.clock = clock
        self.today = today_at(clock.now(), settings.timezone)
        self.summary = RunSummary(monotonic=clock.monotonic, clean=redactor.clean)
        self.reach = Reach(today=self.today, settings=settings, warn=self.summary.warn, serves=self._serves)
        self.stopped_by: YOCError | None = None
        """The failure that stops all further requests: a rejected login."""
        self._limiter = RateLimiter(concurrency=settings.concurrency, clock=clock)
        retrier = Retrier(
            budget_seconds=settings.max_wait_minutes * 60, limiter=self._limiter, clock=clock, summary=self.summary
        )
        self._transport = transport(settings, clock, redactor, self.summary)
        self.tokens = TokenManager(settings, self._transport, retrier, token_store(settings), self.summary.warn)
        sign = authenticator(self.tokens, settings) if authenticator else self.tokens
        self.client = YOCClient(settings, self._transport, retrier, self.tokens, sign)
        self._pool = ThreadPoolExecutor(max_workers=settings.concurrency, thread_name_prefix="tap-yoc")
        self.reader = Reader(self.client, self._pool, concurrency=settings.concurrency, summary=self.summary)

    @cached_property
    def metadata(self) -> AccountMetadata:
        """The columns that the account may request."""
        return AccountMetadata(self.client.columns())

    @cached_property
    def reports(self) -> list[Report]:
        """The reports that the settings select and the account's columns allow, standard ones first.

        Raises:
            SettingsError: A setting names a report or a column that does not exist.
        """
        settings, metadata = self.settings, self.metadata
        if unknown := metadata.of_unknown_type:
            columns = ", ".join(column.with_type for column in unknown)
            self.summary.warn(f"YOC's metadata has types that this tap does not know; read as text: {columns}.")
        return [
            *standard_reports(settings.standard_reports, metadata, settings.lookback_days, self.summary.warn),
            *custom_reports(settings.reports, metadata, settings.lookback_days),
        ]

    @cached_property
    def entities(self) -> list[Entity]:
        """The entities that the account's columns allow."""
        return available_entities(self.metadata, self.summary.warn)

    def require_something_to_read(self) -> None:
        """Check that the account can see anything.

        Raises:
            PermissionDeniedError: It cannot.
        """
        if not (self.metadata.default_metrics and (self.reports or self.entities)):
            self.metadata.require_figures()

    @cached_property
    def control_totals(self) -> ControlTotals:
        """The account's totals of each day."""
        return ControlTotals(self.reader, self.metadata, self.reach, self.settings.page_size, self.summary.warn)

    def _serves(self, day: date) -> bool:
        """Return whether YOC serves a day: it answers the smallest report of it.

        If it refuses that report for another reason, the day may still be why it refuses others.
        """
        report = Report(
            name="one day", group_by=self.metadata.pick([DATE]), data_fields=self.metadata.any_metric, lookback_days=0
        )
        query = Query.of(report, window=Window(first=day, last=day), page_size=self.settings.page_size)
        first_page = self.reader.behaviour.first_page
        try:
            self.client.page(query, FIRST_PAGE if first_page is None else first_page, RowShape(report, ()))
        except (IncompleteDataError, PermissionDeniedError):
            return False
        return True

    def warn_of_nothing_to_read(self) -> None:
        """Warn that there is no day to read."""
        self.summary.warn("There is nothing to read: YOC serves none of the days between start and end.")

    def close(self) -> None:
        """Stop all requests and close all connections."""
        self._limiter.stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.tokens.settle()
        self._transport.close()
