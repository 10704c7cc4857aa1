"""The figures of a few weeks by day and site, and their sums."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The figures of a day, a site and a currency."""

    date: date
    site: str
    currency: str
    requests: int
    impressions: int
    revenue: Decimal
    is_final: bool


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Figures added up; ratios are of sums, and None where there is nothing to divide by."""

    requests: int
    impressions: int
    revenue: Decimal

    @property
    def fill_rate(self) -> Decimal | None:
        """Impressions of a hundred requests."""
        return Decimal(100 * self.impressions) / self.requests if self.requests else None

    @property
    def ecpm(self) -> Decimal | None:
        """Revenue of a thousand impressions."""
        return 1000 * self.revenue / self.impressions if self.impressions else None


def cells(database: duckdb.DuckDBPyConnection, yesterday: date, days: int) -> list[Cell]:
    """Return the figures of the last days up to one, by day, site and currency."""
    rows = database.execute(
        """
        SELECT date, coalesce(trim(site_name), 'site ' || site_visx_id), currency, ad_requests, impressions, revenue,
               is_final
        FROM site_daily LEFT JOIN sites USING (site_visx_id)
        WHERE date BETWEEN $yesterday - $days + 1 AND $yesterday
        ORDER BY ALL
        """,
        {"yesterday": yesterday, "days": days},
    ).fetchall()
    names = ("date", "site", "currency", "requests", "impressions", "revenue", "is_final")
    return [Cell(**dict(zip(names, row, strict=True))) for row in rows]


def added(figures: Sequence[Cell], **wanted: object) -> Sums:
    """Return the sums of the cells that are wanted."""
    chosen = [cell for cell in figures if all(getattr(cell, name) == value for name, value in wanted.items())]
    return Sums(
        requests=sum(cell.requests for cell in chosen),
        impressions=sum(cell.impressions for cell in chosen),
        revenue=sum((cell.revenue for cell in chosen), Decimal()),
    )
