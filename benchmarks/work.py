"""The work: rows of a report that every contender reads, rendered to JSON in advance; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import date

PAGE_SIZE = 500
COUNTRIES = ("AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "NL", "PL")
UNITS_A_SITE, SITES_A_PUBLISHER = 25, 4

DIMENSIONS = {
    "date": "DATE",
    "publisher_visx_id": "INTEGER",
    "site_visx_id": "INTEGER",
    "ad_unit_visx_id": "INTEGER",
    "country": "STRING",
}
COUNTS = (
    "total_traffic",
    "ad_requests",
    "impressions",
    "views",
    "clicks",
    "vtr_imps",
    "ctr_imps",
    "billable_events",
)
METRICS = {
    **dict.fromkeys(COUNTS[:-1], "INTEGER"),
    "vtr_percent": "FLOAT",
    "ctr_percent": "FLOAT",
    "billable_events": "INTEGER",
    "revenue": "DECIMAL",
    "ecpm": "FLOAT",
    "currency": "STRING",
}
METADATA = {
    "modifications": {
        "group_by": [{"name": name, "type": kind} for name, kind in DIMENSIONS.items()],
        "data_fields": [{"name": name, "type": kind} for name, kind in METRICS.items()],
    }
}

_DAY_MARK = b"@DAY@"


def yesterday() -> date:
    """Return the newest day that the API serves."""
    return datetime.now(ZoneInfo("Europe/Berlin")).date() - timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Work:
    """Some days up to yesterday with some rows each; the days differ only in their date."""

    days: int
    rows_per_day: int
    last: date
    as_text: bool = False
    """Numbers as strings, as some services send them."""
    revision: int = 0
    """How often the figures were revised; each time, every row has others."""

    @property
    def first(self) -> date:
        """The first day with rows."""
        return self.last - timedelta(days=self.days - 1)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.days * self.rows_per_day

    @property
    def pages(self) -> int:
        """Pages of the greatest size, where every day fills its pages."""
        return -(-self.rows // PAGE_SIZE)

    @cached_property
    def figures(self) -> list[dict[str, int]]:
        """The counts of each row of a day."""
        return [_figures_of(number + self.revision) for number in range(self.rows_per_day)]

    @cached_property
    def row_templates(self) -> list[bytes]:
        """Each row of a day as JSON, with a mark for the day."""
        return [self._render(number, figures) for number, figures in enumerate(self.figures)]

    @cached_property
    def day_totals(self) -> dict[str, int]:
        """The sums of the counts of a day."""
        return {name: sum(row[name] for row in self.figures) for name in COUNTS}

    @cached_property
    def day_revenue(self) -> Decimal:
        """The revenue of a day, to the last digit."""
        return Decimal(sum(map(_revenue_of, self.figures))).scaleb(-4)

    def within(self, first: date, last: date) -> list[date]:
        """Return the days of a window that have rows."""
        first, last = max(first, self.first), min(last, self.last)
        return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]

    def rows_json(self, days: list[date], start: int, stop: int) -> bytes:
        """Return the rows from start to stop, of these days in order, joined by commas."""
        pieces = []
        position, per_day = start, self.rows_per_day
        while position < min(stop, len(days) * per_day):
            day, offset = divmod(position, per_day)
            end = min(per_day, offset + stop - position)
            rows = b",".join(self.row_templates[offset:end])
            pieces.append(rows.replace(_DAY_MARK, days[day].isoformat().encode()))
            position += end - offset
        return b",".join(pieces)

    def _render(self, number: int, figures: dict[str, int]) -> bytes:
        unit, country = divmod(number, len(COUNTRIES))
        site, publisher = unit // UNITS_A_SITE, unit // UNITS_A_SITE // SITES_A_PUBLISHER
        quote = '"' if self.as_text else ""
        cells = {
            "date": f'"{_DAY_MARK.decode()}"',
            "publisher_visx_id": f"{quote}{1_000 + publisher}{quote}",
            "site_visx_id": f"{quote}{20_000 + site}{quote}",
            "ad_unit_visx_id": f"{quote}{300_000 + unit}{quote}",
            "country": f'"{COUNTRIES[country]}"',
        }
        for name in METRICS:
            if name in figures:
                cells[name] = f"{quote}{figures[name]}{quote}"
        revenue = _revenue_of(figures)
        cells |= {
            "vtr_percent": f"{quote}{100 * figures['views'] / figures['impressions']:.2f}{quote}",
            "ctr_percent": f"{quote}{100 * figures['clicks'] / figures['impressions']:.2f}{quote}",
            "revenue": f"{quote}{revenue // 10_000}.{revenue % 10_000:04}{quote}",
            "ecpm": f"{quote}{revenue / 10 / figures['impressions']:.3f}{quote}",
            "currency": '"EUR"',
        }
        body = ",".join(f'"{name}":{cell}' for name, cell in cells.items())
        return f"{{{body}}}".encode()


def _revenue_of(figures: dict[str, int]) -> int:
    """Return a row's revenue in hundredths of a cent."""
    return figures["billable_events"] * 37


def _figures_of(number: int) -> dict[str, int]:
    traffic = 9_000 + number * 7_919 % 90_000
    requests = traffic * 9 // 10
    impressions = requests // 3
    views = impressions * 7 // 10
    return {
        "total_traffic": traffic,
        "ad_requests": requests,
        "impressions": impressions,
        "views": views,
        "clicks": impressions * (number % 7 + 1) // 1_000,
        "vtr_imps": impressions,
        "ctr_imps": impressions,
        "billable_events": views,
    }
