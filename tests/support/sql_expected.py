"""What plain Python makes of the source's facts: the rows that each example query has to give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from harness import YESTERDAY
from two_mornings import FIRST, added_up, facts_of, into_duckdb, newest_names, two_mornings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from two_mornings import Fact

    from demo.warehouse import Table
    from tap_yoc.sandbox.server import Sandbox

WEEK = timedelta(days=7)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GONE = 191442
"""The ad unit that the source no longer knows on the second morning, neither by name nor by figures."""
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A database file, its tables, and what should be in it."""

    path: Path
    tables: list[Table]
    facts: list[Fact]
    names: dict[str, dict[int, str]]

    def last(self, days: int, until: date = YESTERDAY) -> list[Fact]:
        """Return the facts of the last days up to one."""
        return [fact for fact in self.facts if until - timedelta(days=days) < fact["date"] <= until]


def load(folder: Path, before: Sandbox, after: Sandbox, start: date = FIRST, without_unit: int = 0) -> Loaded:
    """Return what two mornings leave in DuckDB."""
    tables, mornings = two_mornings(before, after, start=start, without_unit=without_unit)
    into_duckdb(folder / "yoc.duckdb", tables, mornings)
    return Loaded(path=folder / "yoc.duckdb", tables=tables, facts=facts_of(mornings), names=newest_names(mornings))


def ratio(part: Decimal, whole: Decimal, digits: int, *, times: int = 100, less: int = 0) -> Decimal | None:
    """Return part of whole (times so much, less so much), rounded; None for a whole of zero."""
    return rounded(times * part / whole - less, digits) if whole else None


def rounded(value: Decimal, digits: int) -> Decimal:
    """Return a number with this many decimal places."""
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def expected_freshness(loaded: Loaded) -> Rows:
    """Return rows and days of each table."""
    site = ("date", "publisher_visx_id", "site_visx_id", "currency")
    keys = {
        "daily_totals": ("date", "currency"),
        "account_daily": ("date", "company_id", "sap_publisher_account_id", "currency"),
        "publisher_daily": ("date", "publisher_visx_id", "currency"),
        "site_daily": site,
        "country_daily": ("date", "publisher_visx_id", "country", "currency"),
        "ad_unit_daily": (*site, "ad_unit_visx_id"),
    }
    days = (date(2026, 4, 1), YESTERDAY, 75, 7, datetime(2026, 6, 15, 6))  # noqa: DTZ001 - as databases give it, UTC
    return [
        # The unit's rows of the seven finished days that the second morning read again.
        (name, len(added_up(loaded.facts, *key)), 7 if name == "ad_unit_daily" else 0, *days)
        for name, key in keys.items()
    ]


def expected_week_over_week(loaded: Loaded) -> Rows:
    """Return the last seven days and those before."""
    sums = added_up(loaded.facts, "date", "currency")
    rows = []
    for day in sorted({fact["date"] for fact in loaded.last(7)}):
        for currency in ("CHF", "EUR"):
            now, before = sums[day, currency], sums[day - WEEK, currency]
            row: list[Any] = [day, WEEKDAYS[day.weekday()], currency]
            for name, digits in (("impressions", 0), ("revenue", 2)):
                row += [rounded(now[name], digits), rounded(before[name], digits)]
                row.append(ratio(now[name], before[name], 1, less=100))
            rows.append(tuple(row))
    return rows


def expected_month_to_date(loaded: Loaded) -> Rows:
    """Return fourteen days of June and of May."""
    rows = []
    for currency in ("CHF", "EUR"):
        day_sums = {
            key[0]: of["revenue"]
            for key, of in added_up(loaded.facts, "date", "currency").items()
            if key[1] == currency
        }
        june = [revenue for day, revenue in day_sums.items() if day.month == 6]
        may = [revenue for day, revenue in day_sums.items() if day.month == 5]
        same = [revenue for day, revenue in day_sums.items() if day.month == 5 and day.day <= 14]
        now, before = sum(june, Decimal()), sum(same, Decimal())
        change = ratio(now, before, 1, less=100)
        whole = rounded(sum(may, Decimal()), 2)
        rows.append((date(2026, 6, 1), currency, 14, rounded(now, 2), 14, rounded(before, 2), change, whole))
    return rows


def expected_month_by_account(loaded: Loaded) -> Rows:
    """Return three months by account."""
    facts = [{**fact, "month": fact["date"].replace(day=1)} for fact in loaded.facts]
    sums = added_up(facts, "month", "currency", "company_id", "sap_publisher_account_id")
    days = {4: (30, 0), 5: (31, 0), 6: (14, 7)}
    rows = []
    for month, currency, company, account in sorted(sums, key=lambda key: (-key[0].month, *key[1:])):
        of = sums[month, currency, company, account]
        names = loaded.names["company_id"][company], account, loaded.names["sap_publisher_account_id"][account]
        rows.append((month, *names, currency, *days[month.month], of["impressions"], of["revenue"], Decimal(0)))
    return rows


def rates(of: dict[str, Decimal]) -> tuple[Any, ...]:
    """Return what both tables of rates show of sums."""
    return (
        of["ad_requests"],
        of["impressions"],
        ratio(of["impressions"], of["ad_requests"], 2),
        ratio(of["views"], of["vtr_imps"], 2),
        ratio(of["clicks"], of["ctr_imps"], 2),
        rounded(of["revenue"], 2),
        ratio(of["revenue"], of["impressions"], 4, times=1000),
    )


def expected_site_rates(loaded: Loaded) -> Rows:
    """Return 28 days by site."""
    sums = added_up(loaded.last(28), "site_visx_id", "currency")
    most_first = sorted(sums, key=lambda key: (-sums[key]["impressions"], *key))
    return [
        (loaded.names["site_visx_id"][site], currency, *rates(sums[site, currency])) for site, currency in most_first
    ]


def unit_name(loaded: Loaded, unit: int | None) -> str:
    """Return the newest name of an ad unit, which may lack its id."""
    return loaded.names["ad_unit_visx_id"][unit] if unit else "no id"


def expected_ad_unit_rates(loaded: Loaded) -> Rows:
    """Return 28 days by ad unit and site."""
    sums = added_up(loaded.last(28), "ad_unit_visx_id", "site_visx_id", "currency")
    most_first = sorted(sums, key=lambda key: (-sums[key]["impressions"], key[0] or 0, *key[1:]))
    return [
        (unit_name(loaded, unit), loaded.names["site_visx_id"][site], currency, *rates(sums[unit, site, currency]))
        for unit, site, currency in most_first
    ]


def expected_movers(loaded: Loaded, until: date = YESTERDAY) -> Rows:
    """Return the ten ad units whose revenue changed most."""
    days = {fact["date"] for fact in loaded.facts}
    there = [fact for fact in loaded.last(7, until) if fact["date"] - WEEK in days]
    there_before = [fact for fact in loaded.last(7, until - WEEK) if fact["date"] + WEEK in days]
    now, before = (added_up(facts, "ad_unit_visx_id", "currency") for facts in (there, there_before))
    rows = {}
    for unit, currency in {*now, *before}:
        new, old = now[unit, currency], before[unit, currency]
        parts: list[Decimal | None] = [ratio(new["ad_requests"], old["ad_requests"], 1, less=100)]
        for above, below in (("impressions", "ad_requests"), ("revenue", "impressions")):
            crosswise = new[above] * old[below], old[above] * new[below]
            parts.append(ratio(*crosswise, 1, less=100) if new[below] and old[below] else None)
        money = [rounded(amount, 2) for amount in (old["revenue"], new["revenue"], new["revenue"] - old["revenue"])]
        order = (-abs(new["revenue"] - old["revenue"]), unit or 0, currency)
        rows[order] = (unit_name(loaded, unit), currency, *money, *parts)
    return [rows[order] for order in sorted(rows)][:10]


def expected_silent_ad_units(loaded: Loaded) -> Rows:
    """Return the one that the source lost."""
    requests = [fact["ad_requests"] for fact in loaded.last(28) if fact["ad_unit_visx_id"] == GONE]
    days = {fact["date"] for fact in loaded.last(28) if fact["ad_unit_visx_id"] == GONE}
    a_day = rounded(Decimal(sum(requests)) / len(days), 0)
    return [(loaded.names["ad_unit_visx_id"][GONE], "O'Neill Sport", date(2026, 6, 6), 8, a_day)]


def expected_countries(loaded: Loaded) -> Rows:
    """Return 28 days by country."""
    sums = added_up(loaded.last(28), "country", "currency")
    impressions = sum((of["impressions"] for of in sums.values()), Decimal())
    money = {key[0]: of["revenue"] for key, of in added_up(loaded.last(28), "currency").items()}
    return [
        (
            *(country or "unknown", currency, of["impressions"], ratio(of["impressions"], impressions, 1)),
            *(ratio(of["impressions"], of["ad_requests"], 2), rounded(of["revenue"], 2)),
            *(ratio(of["revenue"], money[currency], 1), ratio(of["revenue"], of["impressions"], 4, times=1000)),
        )
        for (country, currency), of in sorted(sums.items(), key=lambda item: -item[1]["impressions"])
    ]


EXPECTED: dict[str, Callable[[Loaded], Rows]] = {
    "alarm": lambda _: [],
    "reconcile": lambda _: [],
    "freshness": expected_freshness,
    "week_over_week": expected_week_over_week,
    "month_to_date": expected_month_to_date,
    "month_by_account": expected_month_by_account,
    "site_rates": expected_site_rates,
    "ad_unit_rates": expected_ad_unit_rates,
    "movers": expected_movers,
    "silent_ad_units": expected_silent_ad_units,
    "countries": expected_countries,
}
