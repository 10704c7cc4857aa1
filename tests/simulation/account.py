"""An account that changes from morning to morning: its facts, as the source has them now."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from simulation.figures import Facts

if TYPE_CHECKING:
    import random
    from datetime import date

    from simulation.figures import Fact

CURRENCIES = ("EUR", "EUR", "CHF")
COUNTRIES: tuple[str | None, ...] = ("DE", "AT", None)


@dataclass(kw_only=True)
class Unit:
    """An ad unit as it is from now on; days that are published already keep what it was."""

    number: int
    name: str
    site: int
    countries: int


@dataclass(kw_only=True)
class Account:
    """Units, and the days that are published; each day has a vintage, which a revision replaces by another one."""

    seed: int
    units: list[Unit]
    site_names: dict[int, str] = field(default_factory=dict)
    is_closed: bool = False
    """Nothing is sold on the days that are published now."""
    published: dict[date, int] = field(default_factory=dict)
    """The vintage of each day."""
    changed: set[date] = field(default_factory=set)
    """Days whose figures are new or revised since somebody emptied this."""
    _sold: dict[date, list[Unit]] = field(default_factory=dict)
    """The units of each day, as they were when it was first published."""
    _names: dict[date, dict[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.facts = Facts({}, {})

    def publish(self, days: list[date]) -> None:
        """Publish days for the first time, with the units of now."""
        for day in days:
            self._sold[day] = [] if self.is_closed else [Unit(**vars(unit)) for unit in self.units]
            self._names[day] = dict(self.site_names)
            self.published[day] = 0
        self._write(days)

    def revise(self, days: list[date]) -> None:
        """Replace the figures of published days: some change, some rows are taken back, some come back."""
        for day in days:
            self.published[day] += 1
        self._write(days)

    def take_back(self, day: date) -> None:
        """Leave a published day without rows."""
        self._sold[day] = []
        self.revise([day])

    def change(self, rng: random.Random) -> None:
        """Add, rename or move a unit, or rename a site, for the days to come."""
        unit = rng.choice(self.units)
        kind = rng.choice(["add", "rename", "move", "site"])
        if kind == "add" and len(self.units) < 7:
            number = max(unit.number for unit in self.units) + 1
            self.units.append(Unit(number=number, name=f"Unit {number}", site=rng.randrange(4), countries=2))
        elif kind == "rename":
            unit.name = f"{unit.name} (neu)"[:60]
        elif kind == "move":
            unit.site = rng.randrange(4)
        else:
            self.site_names[unit.site] = f"Süß & Söhne {rng.randrange(1000)}"

    def _write(self, days: list[date]) -> None:
        self.changed.update(days)
        if days:
            self.facts = self.facts.replaced({day: self._facts_of(day) for day in days})

    def _facts_of(self, day: date) -> list[Fact]:
        vintage = self.published[day]
        facts = []
        for unit in self._sold[day]:
            for country in range(unit.countries):
                for campaign in (0, 1):
                    drawn = _mixed(self.seed, day.toordinal(), unit.number, country * 2 + campaign)
                    # A vintage changes half of the rows, so that the others show what stays.
                    figure = _mixed(drawn, vintage if drawn % 2 else 0, 17, 3)
                    if drawn % 7 == 0 or (vintage and figure % 11 == 0) or (campaign and drawn % 3):
                        continue
                    facts.append(self._fact(day, unit, COUNTRIES[country], campaign=campaign, figure=figure))
        return facts

    def _fact(self, day: date, unit: Unit, country: str | None, *, campaign: int, figure: int) -> Fact:
        publisher = 5001 + unit.site // 2
        company = 106 + publisher % 2
        asked = 20 + figure % 5000
        shown = asked * (30 + figure // 7 % 60) // 100
        return {
            "date": day,
            "company_id": company,
            "company_name": f"Firma {company}",
            "country": country,
            "sap_publisher_account_id": 700100 + publisher % 3,
            "sap_publisher_name": f"Verlag {publisher % 3}",
            "publisher_visx_id": publisher,
            "publisher_name": f"Publisher {publisher}",
            "site_visx_id": 8001 + unit.site,
            "site_name": self._names[day].get(unit.site, f"site-{unit.site}.example"),
            "ad_unit_visx_id": None if unit.number == 3 and figure % 4 == 0 else 191400 + unit.number,
            "ad_unit_name": unit.name,
            "is_publisher_campaign": bool(campaign),
            "currency": CURRENCIES[publisher % 3],
            "total_traffic": asked + figure % 9,
            "ad_requests": asked,
            "impressions": shown,
            "views": shown * 2 // 3,
            "clicks": shown // (50 + figure % 50),
            "vtr_imps": shown * 96 // 100,
            "ctr_imps": shown * 98 // 100,
            "billable_events": shown * 9 // 10,
            "revenue": Decimal(figure % 90_000_000).scaleb(-6),
        }


def _mixed(*numbers: int) -> int:
    """Return a number that looks random, the same on every machine."""
    mixed = 2166136261
    for number in numbers:
        mixed = (mixed ^ (number & 0xFFFFFFFF)) * 16777619 % 4294967291
        mixed ^= mixed >> 13
    return mixed
