"""The streams of a life, by what YOC's help and the tap's README say of them: nothing here knows the tap's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from datetime import date

    from simulation.server import ChangingWorld
    from simulation.target import Key, Row
    from tap_yoc.sandbox.forms import Forms

PUBLISHER, SITE, UNIT = "publisher_visx_id", "site_visx_id", "ad_unit_visx_id"
STANDARD: dict[str, tuple[str, ...]] = {
    "daily_totals": ("date",),
    "account_daily": ("date", "company_id", "sap_publisher_account_id"),
    "publisher_daily": ("date", PUBLISHER),
    "country_daily": ("date", PUBLISHER, "country"),
    "site_daily": ("date", PUBLISHER, SITE),
    "ad_unit_daily": ("date", PUBLISHER, SITE, UNIT),
}
ENTITIES = {
    "sites": (SITE, "site_name"),
    "ad_units": (UNIT, "ad_unit_name"),
    "publishers": (PUBLISHER, "publisher_name"),
}
ONLY_FULL = {"account_daily", "publishers"}
FIGURES = ("total_traffic", "ad_requests", "impressions", "views", "clicks", "vtr_imps", "ctr_imps", "billable_events")
GERMAN = {"eq": {"country": "DE"}}
OWN_FILTERS = (GERMAN, {"and": [GERMAN, {"eq": {UNIT: 191402}}]})
"""The second one has days without a row."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A fact stream: its grain as a group_by, further columns that split rows, and its figures."""

    name: str
    group_by: tuple[str, ...]
    splitting: tuple[str, ...]
    figures: tuple[str, ...]
    lookback_days: int
    query: Any = None

    @property
    def key(self) -> tuple[str, ...]:
        """What makes a row unique, in the order of the alphabet."""
        return tuple(sorted((*self.group_by, *self.splitting)))

    @property
    def is_compared(self) -> bool:
        """Whether the tap has the account's totals to compare it with."""
        return not self.query and self.name != "daily_totals"

    @property
    def body_text(self) -> str:
        """What only this stream's requests have in their bodies."""
        return '"group_by": [' + ", ".join(f'"{name}"' for name in self.group_by) + "]"

    def source(self, world: ChangingWorld, first: date, last: date) -> dict[str, dict[Key, Row]]:
        """Return the source's own rows by day and key, missing values as the tap has to write them."""
        rows = world.truth(
            group_by=self.group_by,
            data_fields=[*self.splitting, *self.figures],
            start=first,
            end=last,
            query=self.query,
        )
        days: dict[str, dict[Key, Row]] = {}
        for row in rows:
            row["date"] = row["date"].isoformat()
            for name in self.key:
                if row[name] is None:
                    row[name] = "" if name in {"country", "currency"} else 0
            days.setdefault(row["date"], {})[tuple(row[name] for name in self.key)] = row
        return days


def drawn_streams(rng: random.Random, forms: Forms, lookback_days: int) -> list[Stream]:
    """Return one to three streams, one of them perhaps the user's own."""
    is_full = forms.account == "full"
    offered = [name for name in STANDARD if is_full or name not in ONLY_FULL]
    splitting = ("currency",) if is_full else ()
    figures = (*FIGURES, *(("revenue",) if is_full else ()))
    names = rng.sample(offered, rng.choice([1, 1, 2, 2, 3]))
    streams = [
        Stream(name=name, group_by=STANDARD[name], splitting=splitting, figures=figures, lookback_days=lookback_days)
        for name in names
    ]
    if rng.random() < 0.4:
        own = Stream(
            name="own",
            group_by=("date", SITE) if rng.random() < 0.5 else ("country", "date"),
            splitting=("is_publisher_campaign",),
            figures=("impressions", "clicks"),
            lookback_days=rng.choice([lookback_days, lookback_days + 2]),
            query=rng.choice([None, *OWN_FILTERS]),
        )
        streams.append(own)
    return streams
