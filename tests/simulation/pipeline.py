"""What a life plays with: the account, its server, and the user's settings, all drawn from the seed."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

from simulation.account import Account, Unit
from simulation.clock import Time
from simulation.configs import DAYS_SERVED, drawn_config
from simulation.days import FIRST_MORNINGS, ONE_DAY, days_between, instant_of_run
from simulation.dialect import drawn_forms
from simulation.server import ChangingWorld
from simulation.streams import ENTITIES, ONLY_FULL, drawn_streams

ZONES = ("Europe/Berlin",) * 6 + ("UTC", "America/Los_Angeles", "Pacific/Auckland")
SHARE_LONG_BREAK, SHARE_SKIPPED_DAYS, SHARE_SAME_DAY = 0.003, 0.04, 0.05
SHARE_LATE_DAY, SHARE_CHANGED_DAY, SHARE_EMPTY_DAY = 0.04, 0.08, 0.02
SHARE_REVISED, SHARE_OLDEST_REVISED = 0.25, 0.5
SHARE_NEW_COLUMNS = 0.01
MORNINGS_A_DIALECT = 8


def rng_for(seed: int, what: str) -> random.Random:
    """Return a source of chance for one purpose, so that dropping a fault leaves all others as they were."""
    return random.Random(f"{seed} {what}")  # noqa: S311 - for tests


class Pipeline:
    """An account and a server that change from day to day, and the settings of the tap that reads them."""

    def __init__(self, seed: int, *, url: str) -> None:
        rng = rng_for(seed, "life")
        self.mornings = rng.choice([60, 60, 80, 120, 200, 400])
        self.zone = ZoneInfo(rng.choice(ZONES))
        self.lookback_days = rng.choice([0, 1, 2, 3, 5, 7])
        self.day = rng.choice(FIRST_MORNINGS) - ONE_DAY * rng.randrange(60)
        history_days = rng.choice([3, 10, 10, 25, 25, 60, 60, 200])
        units = [
            Unit(number=number, name=f"Unit {number}", site=rng.randrange(4), countries=rng.choice([1, 2, 3]))
            for number in range(1, rng.choice([2, 3, 4, 5]) + 1)
        ]
        self.account = Account(seed=seed, units=units)
        self.time = Time(instant_of_run(self.day, rng))
        self.forms = drawn_forms(rng)
        self.world = ChangingWorld(self.account, self.forms, self.time)
        self.streams = drawn_streams(rng, self.forms, self.lookback_days)
        entities = sorted(set(ENTITIES) - (ONLY_FULL if self.forms.account != "full" else set()))
        self.entities = tuple(rng.sample(entities, rng.choice([0, 0, 1])))
        self._folder = tempfile.TemporaryDirectory(prefix="simulation-")
        self.folder = Path(self._folder.name)
        self.config = drawn_config(
            rng,
            url=url,
            zone=self.zone.key,
            streams=self.streams,
            lookback_days=self.lookback_days,
            first_morning=self.day,
            history_days=history_days,
            is_long=self.mornings >= 200 or history_days > DAYS_SERVED,
            folder=self._folder.name,
            bought_refresh_token=self.bought_refresh_token,
        )
        self.has_password = "password" in self.config
        self.seconds_ahead = 0.0
        """How far the machine's clock was ahead in the last run."""
        self.account.publish([self.day - ONE_DAY * n for n in range(history_days, 0, -1)])

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    @property
    def token_cache(self) -> Path:
        """Where the token cache is, if there is one."""
        return self.folder / "tokens.json"

    def is_selected(self, name: str) -> bool:
        """Return whether the user has selected a stream."""
        return name in self.entities or any(stream.name == name for stream in self.streams)

    def bought_refresh_token(self) -> str:
        """Return the refresh token of a new login."""
        return str(self.world.tokens.login(self.forms)["refresh_token"])

    def next_day(self, rng: random.Random, morning: int) -> None:
        """Go on to the next run: as a rule one day later, with a new day published and earlier ones revised."""
        days = _days_until_next_run(rng)
        self.day += ONE_DAY * days
        # With its clock set back since, a run would have older rows than the one before it, by their fetched_at.
        self.time.instant = max(self.time.instant + 600 + self.seconds_ahead, instant_of_run(self.day, rng))
        newest = max(self.account.published)
        # A day that is late today is published tomorrow; one that stays empty is published without units.
        last = self.day - (2 if rng.random() < SHARE_LATE_DAY else 1) * ONE_DAY
        for day in days_between(newest + ONE_DAY, last):
            if rng.random() < SHARE_CHANGED_DAY:
                self.account.change(rng)
            self.account.is_closed = rng.random() < SHARE_EMPTY_DAY
            self.account.publish([day])
        if days:
            oldest = self.day - ONE_DAY * (1 + self.lookback_days)
            self.account.revise([
                day
                for day in days_between(oldest, newest)
                if day in self.account.published
                and day < self.day - ONE_DAY
                and rng.random() < (SHARE_OLDEST_REVISED if day == oldest else SHARE_REVISED)
            ])  # fmt: skip
        if morning % MORNINGS_A_DIALECT == 0:
            self.forms = drawn_forms(rng, before=self.forms)
        if rng.random() < SHARE_NEW_COLUMNS:
            self.forms = self.forms.but({"types": "odd", "columns": "current"})
        self.world.forms = self.forms

    def take_back_a_day(self, rng: random.Random) -> None:
        """Take all rows back of a day that the next run reads again."""
        day = self.day - ONE_DAY * (1 + rng.randrange(self.lookback_days + 1))
        if day in self.account.published:
            self.account.take_back(day)

    def revise_meanwhile(self, rng: random.Random) -> set[str]:
        """Revise days within the lookback while a run is reading, and return them."""
        days = [self.day - ONE_DAY * age for age in range(1, self.lookback_days + 1)]
        days = [day for day in days if day in self.account.published and rng.random() < 0.5]
        self.account.revise(days)
        return {day.isoformat() for day in days}


def _days_until_next_run(rng: random.Random) -> int:
    """Return how many days later the next run is: one as a rule, and now and then more than the server keeps."""
    if rng.random() < SHARE_LONG_BREAK:
        return rng.randrange(20, 210)
    if rng.random() < SHARE_SKIPPED_DAYS:
        return rng.randrange(2, 9)
    return 0 if rng.random() < SHARE_SAME_DAY else 1
