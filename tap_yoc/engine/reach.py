"""The days that a run can read: what YOC serves, as assumed, and fewer if it refuses the first or the last of them."""

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
"""So many days may be refused at the start. Six months before 31 August are 28 February, 3 March or 180 days."""


class Reach:
    """The days served; one for all streams of a run, so that each learns from the first refusal."""

    def __init__(self, *, today: date, settings: Settings, warn: Callable[[str], None]) -> None:
        """Assume six calendar months up to yesterday."""
        self.first = self._assumed_first = earliest_served(today)
        self.last = today - ONE_DAY
        self._settings = settings
        self._warn = warn
        self._is_first_known = False
        """Whether the first day was served once, or so many were refused that it is something else."""

    @property
    def days(self) -> Window:
        """All days that are served, up to yesterday or `end_date`."""
        return Window(first=self.first, last=min(self._settings.end_date or self.last, self.last))

    @property
    def wanted(self) -> Window | None:
        """The days of these from `start_date` on, None when there are none."""
        first = max(self._settings.start_date or self.first, self.first)
        return Window(first=first, last=self.days.last) if first <= self.days.last else None

    @property
    def compared(self) -> Window:
        """The days that any stream may read, also in a backfill."""
        backfill = self._settings.backfill
        return Window(first=self.first, last=min(backfill.last, self.last)) if backfill else self.days

    def clip(self, window: Window) -> Window | None:
        """Return the days of a window that are served, None when there are none."""
        first, last = max(window.first, self.first), min(window.last, self.last)
        return Window(first=first, last=last) if first <= last else None

    def narrow(self, refused: Window, error: RequestRefusedError) -> bool:
        """Take a refusal for what it may be: a day too many at the end or at the start.

        Returns:
            Whether it is worth asking again, for fewer days.
        """
        if refused.last == self.last and error.server_date:
            # A time zone east of YOC's own is ahead of the day that YOC itself counts.
            zones = (self._settings.timezone, ZoneInfo(YOC_TIME_ZONE))
            server_yesterday = min(today_at(error.server_date, zone) for zone in zones) - ONE_DAY
            if refused.first <= server_yesterday < self.last:
                self._warn(
                    f"YOC refuses {self.last}, which has not ended yet by its clock; reading up to {server_yesterday}. "
                    f"Check this machine's clock and the setting timezone."
                )
                self.last = server_yesterday
                return True
        if refused.first != self.first or self._is_first_known:
            return False
        if (self.first - self._assumed_first).days == MOST_DAYS_REFUSED or self.first == refused.last:
            self.first, self._is_first_known = self._assumed_first, True  # then it is not for the first day
            return False
        self.first += ONE_DAY
        return True

    def confirm(self, answered: Window) -> None:
        """Note days that were served; tell once which ones were refused before."""
        if answered.first != self.first or self._is_first_known:
            return
        self._is_first_known = True
        if self.first > self._assumed_first:
            lost = Window(first=self._assumed_first, last=self.first - ONE_DAY)
            self._warn(f"YOC refuses {lost}, about six months back; these days cannot be read.")


def read_within(reach: Reach, days: Callable[[], Window], read: Callable[[Window], T]) -> T:
    """Return what is read of the days; if YOC refuses the first or the last of them, of fewer.

    Raises:
        RequestRefusedError: It refuses them for another reason.
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
