"""The days that YOC serves: an assumed range, narrowed if YOC refuses its first or last day."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from tap_yoc.dates import ONE_DAY, Window, earliest_served, today_at
from tap_yoc.errors import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from tap_yoc.settings.parsing import Settings

T = TypeVar("T")

YOC_TIME_ZONE = "Europe/Berlin"
"""Assumed: where YOC is, and where its days end."""
MOST_DAYS_REFUSED = 7
"""How many days YOC may refuse at the start: six months before 31 August is 28 February, 3 March, or 180 days."""


class Reach:
    """The days that YOC serves; one instance for all streams of a run, so that all learn from one refusal."""

    def __init__(
        self, *, today: date, settings: Settings, warn: Callable[[str], None], serves: Callable[[date], bool]
    ) -> None:
        """Assume six calendar months, up to yesterday; `serves` asks YOC for one day."""
        self.first = self._assumed_first = earliest_served(today)
        self.last = today - ONE_DAY
        self._settings = settings
        self._warn = warn
        self._serves = serves
        self._lost_from: date | None = None
        """The first of the days that YOC has refused, until they are reported."""
        self._is_given_up = False
        """Whether YOC has refused too many days for the days to be the reason."""

    @property
    def days(self) -> Window:
        """All days that YOC serves, up to yesterday or `end_date`."""
        return Window(first=self.first, last=min(self._settings.end_date or self.last, self.last))

    @property
    def wanted(self) -> Window | None:
        """The served days from `start_date` on, None if there are none."""
        first = max(self._settings.start_date or self.first, self.first)
        return Window(first=first, last=self.days.last) if first <= self.days.last else None

    @property
    def compared(self) -> Window:
        """The days that any stream may read, including in a backfill."""
        backfill = self._settings.backfill
        return Window(first=self.first, last=min(backfill.last, self.last)) if backfill else self.days

    def clip(self, window: Window) -> Window | None:
        """Return the served days of a window, None if there are none."""
        first, last = max(window.first, self.first), min(window.last, self.last)
        return Window(first=first, last=last) if first <= last else None

    def narrow(self, refused: Window, error: RequestRefusedError) -> bool:
        """Drop a day at the end or the start, if that is why YOC refused a window.

        Returns:
            Whether to try again with fewer days.
        """
        return self._drop_last(refused, error) or self._drop_first(refused)

    def _drop_last(self, refused: Window, error: RequestRefusedError) -> bool:
        """Drop the days that have not ended by YOC's clock, if it refuses the last day by itself."""
        if refused.last != self.last or not error.server_date:
            return False
        # A time zone east of YOC's own is ahead of the day that YOC itself counts.
        zones = (self._settings.timezone, ZoneInfo(YOC_TIME_ZONE))
        server_yesterday = min(today_at(error.server_date, zone) for zone in zones) - ONE_DAY
        if not refused.first <= server_yesterday < self.last or self._serves(refused.last):
            return False
        self._warn(
            f"YOC refuses {self.last}, which has not ended yet by its clock; reading up to {server_yesterday}. "
            f"Check this machine's clock and the setting timezone."
        )
        self.last = server_yesterday
        return True

    def _drop_first(self, refused: Window) -> bool:
        """Drop the first day, if YOC refuses it by itself.

        YOC may do so at any time: at its midnight, a day that it has served until then is too old.
        """
        if refused.first < self.first:
            return True  # planned before the day was dropped
        days = (refused.first - self._assumed_first).days
        if self._is_given_up or days > MOST_DAYS_REFUSED:
            return False
        if days == MOST_DAYS_REFUSED or refused.first >= self.compared.last:
            if refused.first == self.first:  # the first day is not the reason
                self.first, self._lost_from, self._is_given_up = self._assumed_first, None, True
            return False
        if self._serves(refused.first):
            return False
        self._lost_from = self._lost_from or refused.first
        self.first = refused.first + ONE_DAY
        return True

    def confirm(self, answered: Window) -> None:
        """Note that YOC served a window, and warn once about days that it refused before."""
        if self._lost_from and answered.first == self.first:
            lost = Window(first=self._lost_from, last=self.first - ONE_DAY)
            self._warn(f"YOC refuses {lost}, about six months back; these days cannot be read.")
            self._assumed_first, self._lost_from = self.first, None


def read_within(reach: Reach, days: Callable[[], Window], read: Callable[[Window], T]) -> T:
    """Return the result of reading the days; if YOC refuses the first or the last one, read fewer.

    Raises:
        RequestRefusedError: YOC refuses them for another reason.
    """
    while True:
        window = days()
        try:
            result = read(window)
        except RequestRefusedError as error:
            if not reach.narrow(window, error):
                raise
        else:
            reach.confirm(window)
            return result
