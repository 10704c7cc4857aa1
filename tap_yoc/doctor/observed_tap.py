"""The tap as the doctor uses it: settings, login, client and pagination, but no catalog and no output."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_yoc.doctor.advice import MOST_WAIT_MINUTES
from tap_yoc.doctor.dialect import Seen
from tap_yoc.doctor.findings import Findings
from tap_yoc.doctor.recording_transport import TOKEN, RecordingTransport
from tap_yoc.engine.reread import read_all_with_reread
from tap_yoc.engine.run import Run
from tap_yoc.singer.authenticator import YOCAuthenticator
from tap_yoc.tap import TapYOC

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from tap_yoc.api.query import Query
    from tap_yoc.dates import Window
    from tap_yoc.decoding.row_types import Rows
    from tap_yoc.decoding.rows import RowShape
    from tap_yoc.doctor.recording_transport import RecordedAnswer
    from tap_yoc.reports.report import Report


class ObservedTap(TapYOC):
    """A tap that sends one request at a time, gives up early, and records all answers."""

    def __init__(self, **config: Any) -> None:  # noqa: ANN401 - `config` and `parse_env_config`, as in the SDK
        """Read the settings, and send nothing yet."""
        self.findings = Findings()
        self.recorded: list[RecordedAnswer] = []
        self.seen = Seen()
        self.rereads: list[str] = []
        """Why something had to be read again."""
        self.reports: list[Report] = []
        """The standard reports that a run would read."""
        self.window: Window | None = None
        """Some days that have rows."""
        super().__init__(**config, setup_mapper=False)

    @cached_property
    @override
    def run(self) -> Run:
        """The run that the steps share."""
        settings = self.settings
        cache = settings.token_cache and str(Path(settings.token_cache).expanduser().absolute())
        for private in (settings.username, settings.client_id, cache):
            self._redactor.add(private)  # not secrets, but private
        return Run(
            replace(settings, concurrency=1, max_wait_minutes=min(settings.max_wait_minutes, MOST_WAIT_MINUTES)),
            self.clock,
            self._redactor,
            transport=partial(RecordingTransport, recorded=self.recorded),
            authenticator=YOCAuthenticator,
        )

    def clean(self, text: str) -> str:
        """Return a text without secrets and without the login's names."""
        return self._redactor.clean(text)

    def grants(self) -> list[RecordedAnswer]:
        """Return the answers of the token endpoint so far."""
        return [answer for answer in self.recorded if answer.place == TOKEN]

    def asked(self, query: Query, page: int) -> RecordedAnswer | None:
        """Return the newest answer to a page of a query, None if it was not requested."""
        body = query.body(page)
        return next((answer for answer in reversed(self.recorded) if answer.asked == body), None)

    def read(self, shape: RowShape, query: Query, most_pages: int | None = None) -> list[Rows]:
        """Return the pages of a query, read as the tap reads them: an inconsistent reading is repeated once."""
        return read_all_with_reread(
            lambda: islice(self.run.reader.pages(shape, query), most_pages),
            f"The report by {', '.join(query.group_by)}",
            self.rereads.append,
        )
