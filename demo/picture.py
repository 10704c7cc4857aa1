"""What one gets, as a picture: yesterday and the weeks up to it, drawn as SVG from the tables that the tap fills."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING

from demo.figures import added, cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb

    from demo.figures import Cell, Sums

DAYS = 28
COLOURED = 5
"""So many sites have a colour of their own, the others share one."""
LINES = 2
"""So many currencies are drawn."""
WEEK = timedelta(days=7)

WIDTH, HEIGHT, EDGE = 960, 572, 24
LEFT, RIGHT = 68, 548
"""Of the charts."""
TABLE = 584
STEP = (RIGHT - LEFT) / DAYS
BAR = 12
BETWEEN_MARKS = 18
"""So near may two numbers of an axis stand."""

STYLE = """
text { font: 12px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
.card { fill: #ffffff; stroke: #d1d9e0 } .tile, .band { fill: #f3f5f8 } .grid { stroke: #d1d9e0 }
.muted { fill: #59636e }
.title { font-size: 16px; font-weight: 600 } .head { font-weight: 600 } .big { font-size: 21px; font-weight: 600 }
.middling { font-size: 15px; font-weight: 600 }
.mark { fill: none; stroke: #59636e; stroke-width: 1.2 } .end { text-anchor: end } .middle { text-anchor: middle }
.s0 { fill: #0f766e } .s1 { fill: #0ea5a0 } .s2 { fill: #2f81f7 } .s3 { fill: #8957e5 } .s4 { fill: #d29922 }
.s5 { fill: #a3adb8 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round } .l0 { stroke: #0f766e } .l1 { stroke: #d29922 }
.c0 { fill: #0f766e } .c1 { fill: #9a6700 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .card { fill: #0d1117; stroke: #3d444d } .tile, .band { fill: #1a212b } .grid { stroke: #2f3742 }
.muted { fill: #9198a1 } .s0, .c0 { fill: #2dd4bf } .s1 { fill: #0f9488 } .s5 { fill: #656c76 } .c1 { fill: #e3b341 }
.l0 { stroke: #2dd4bf } .mark { stroke: #9198a1 }
}
""".strip()


def picture(database: duckdb.DuckDBPyConnection, yesterday: date) -> str:
    """Return the picture of the days up to one, as SVG that follows the reader's light or dark mode."""
    return Picture(cells(database, yesterday, DAYS), yesterday).svg()


def ticks(most: float, intervals: int) -> list[float]:
    """Return round numbers from zero up to the first that is not below the most, in so many intervals at most."""
    size = 10 ** (len(str(int(most))) - 1) if most >= 1 else 0.1
    steps = (0.2 * size, 0.25 * size, 0.5 * size, size, 2 * size, 2.5 * size, 5 * size, 10 * size)
    step = next(step for step in steps if most <= intervals * step)
    return [step * number for number in range(int(-(-most // step)) + 1)]


class Picture:
    """The parts, each added below or beside the one before."""

    def __init__(self, figures: Sequence[Cell], yesterday: date) -> None:
        """Rank the sites by the impressions of all days."""
        self._cells = figures
        self._yesterday = yesterday
        self._days = [yesterday - timedelta(days=number) for number in reversed(range(DAYS))]
        currencies, sites = {cell.currency for cell in figures}, {cell.site for cell in figures}
        self._currencies = sorted(currencies, key=lambda name: (-added(figures, currency=name).revenue, name))
        self._sites = sorted(sites, key=lambda name: (-added(figures, site=name).impressions, name))
        self._parts: list[str] = []

    def svg(self) -> str:
        """Return all of it."""
        self._text(EDGE, 40, "Yesterday, and the four weeks up to it", "title")
        compared = f"{self._yesterday:%A}, {self._yesterday}, against the {self._yesterday:%A} before"
        self._text(WIDTH - EDGE, 40, compared, "muted end")
        self._tiles(58)
        self._band(148, 532)
        self._impressions(176, 330)
        main = self._currencies[:1]
        by_day = {currency: [self._day(day, currency) for day in self._days] for currency in self._currencies[:LINES]}
        revenue = {
            currency: [sums.revenue if sums.requests else None for sums in by_day[currency]] for currency in main
        }
        self._lines(376, 432, f"Revenue a day, {''.join(main)}", revenue)
        self._lines(478, 532, "eCPM", {currency: [sums.ecpm for sums in days] for currency, days in by_day.items()})
        self._days_below(550)
        self._rect(RIGHT - STEP, 168, STEP, 368, "mark", 4)
        self._table(148)
        self._text(WIDTH - EDGE, 550, "made-up figures of the local sandbox", "muted end")
        about = f"Impressions, revenue and eCPM by day and site, up to {self._yesterday}"
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
            f"<title>{about}</title>\n<style>\n{STYLE}\n</style>\n"
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10"/>\n{body}\n</svg>\n'
        )

    def _text(self, x: float, y: float, words: str, kind: str = "") -> None:
        css = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text x="{x:g}" y="{y:g}"{css}>{escape(words)}</text>')

    def _rect(self, x: float, y: float, width: float, height: float, kind: str, radius: int = 0) -> None:  # noqa: PLR0913, PLR0917 - as SVG has it
        corners = f' rx="{radius}"' if radius else ""
        self._parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{corners}/>'
        )

    def _tiles(self, top: int) -> None:
        """Draw four figures of yesterday, each with its change against the same weekday before."""
        now, before = (self._day(day) for day in (self._yesterday, self._yesterday - WEEK))
        money = [
            (currency, self._day(self._yesterday, currency), self._day(self._yesterday - WEEK, currency))
            for currency in self._currencies[:LINES]
        ]
        tiles = (
            ("Impressions", [(f"{now.impressions:,}", _change(now.impressions, before.impressions))]),
            ("Fill rate", [(_rate(now.fill_rate, " %"), _change(now.fill_rate, before.fill_rate, is_rate=True))]),
            (
                "Revenue",
                [(f"{new.revenue:,.2f} {name}", _change(new.revenue, old.revenue)) for name, new, old in money],
            ),
            ("eCPM", [(_rate(new.ecpm, f" {name}"), _change(new.ecpm, old.ecpm)) for name, new, old in money]),
        )
        width = (WIDTH - 2 * EDGE - 36) / 4
        for number, (name, lines) in enumerate(tiles):
            x = EDGE + number * (width + 12)
            self._rect(x, top, width, 72, "tile", 8)
            self._text(x + 14, top + 22, name, "muted")
            y = top + (54 if len(lines) == 1 else 43)
            for value, change in lines:
                self._text(x + 14, y, value, "big" if len(lines) == 1 else "middling")
                self._text(x + width - 14, y, change, "muted end")
                y += 19

    def _day(self, day: date, currency: str | None = None) -> Sums:
        return added(self._cells, date=day, **({"currency": currency} if currency else {}))

    def _x(self, number: int) -> float:
        return LEFT + STEP * (number + 0.5)

    def _band(self, top: int, bottom: int) -> None:
        """Shade the days whose figures may still be revised."""
        open_days = {cell.date for cell in self._cells if not cell.is_final}
        if open_days:
            x = LEFT + STEP * self._days.index(min(open_days))
            self._rect(x, top, RIGHT - x, bottom - top, "band", 6)
            self._text((x + RIGHT) / 2, top + 16, "may be revised", "muted middle")

    def _scale(self, top: int, bottom: int, most: float, title: str) -> float:
        """Draw the lines and numbers of an axis; return how high one unit is."""
        marks = ticks(most, intervals=(bottom - top) // BETWEEN_MARKS)
        high = (bottom - top) / (marks[-1] or 1)
        for mark in marks:
            y = bottom - high * mark
            self._parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>')
            self._text(LEFT - 8, round(y + 4, 1), f"{mark:,.10g}", "muted end")
        self._text(EDGE, top - 12, title, "head")
        return high

    def _impressions(self, top: int, bottom: int) -> None:
        """Draw a bar for each day, made of its sites."""
        high = self._scale(
            top, bottom, max(self._day(day).impressions for day in self._days), "Impressions a day, by site"
        )
        for number, day in enumerate(self._days):
            y = float(bottom)
            for rank in reversed(range(COLOURED + 1)):
                sites = self._sites[rank:] if rank == COLOURED else self._sites[rank : rank + 1]
                height = high * sum(added(self._cells, date=day, site=site).impressions for site in sites)
                y -= height
                if height:
                    self._rect(self._x(number) - BAR / 2, y, BAR, height, f"s{rank}")

    def _lines(self, top: int, bottom: int, title: str, values: dict[str, list[Decimal | None]]) -> None:
        """Draw a line for each currency; days without figures are gaps."""
        most = max((value for line in values.values() for value in line if value is not None), default=Decimal(1))
        high = self._scale(top, bottom, float(most), title)
        for number, (currency, line) in enumerate(values.items()):
            path, pen = "", "M"
            for place, value in enumerate(line):
                if value is not None:
                    path += f"{pen}{self._x(place):.1f} {bottom - high * float(value):.1f}"
                pen = "M" if value is None else "L"
            self._parts.append(f'<path class="line l{number}" d="{path}"/>')
            if line[-1] is not None:
                y = bottom - high * float(line[-1])
                self._parts.append(f'<circle class="s{4 * number}" cx="{self._x(DAYS - 1):.1f}" cy="{y:.1f}" r="3.5"/>')
            if len(values) > 1:
                self._text(LEFT + 38 * number, top - 12, currency, f"c{number}")

    def _days_below(self, y: int) -> None:
        for number, day in enumerate(self._days):
            if day == self._yesterday:
                self._text(RIGHT, y, "yesterday", "head end")
            elif day.weekday() == 0 and number < DAYS - 4:
                self._text(round(self._x(number), 1), y, f"{day.day} {day:%b}", "muted middle")

    def _table(self, top: int) -> None:
        """List yesterday's sites, the largest first, in the colours of the bars, with rates made of sums."""
        ends = (TABLE + 198, TABLE + 236, TABLE + 308, WIDTH - EDGE)
        self._text(TABLE, top + 16, "Yesterday by site", "head")
        for x, name in zip(ends, ("impressions", "fill", "revenue", "eCPM"), strict=True):
            self._text(x, top + 16, name, "muted end")
        rows = [
            (site, currency, added(self._cells, date=self._yesterday, site=site, currency=currency))
            for site in self._sites
            for currency in self._currencies
        ]
        rows.sort(key=lambda row: -row[2].impressions)
        y = top + 24
        for site, currency, sums in rows:
            if not sums.requests:
                continue
            y += 23
            self._rect(TABLE, y - 10, 10, 10, f"s{min(self._sites.index(site), COLOURED)}", 2)
            self._row(y, site, sums, currency, ends, "")
        y += 8
        for currency in self._currencies:
            y += 23
            self._row(y, f"all in {currency}", self._day(self._yesterday, currency), currency, ends, "head ")

    def _row(self, y: int, name: str, sums: Sums, currency: str, ends: Sequence[float], kind: str) -> None:  # noqa: PLR0913, PLR0917 - the cells
        self._text(TABLE + 18, y, name, kind.strip())
        cells = (
            f"{sums.impressions:,}",
            _rate(sums.fill_rate, " %", 0),
            f"{sums.revenue:,.2f} {currency}",
            _rate(sums.ecpm),
        )
        for x, cell in zip(ends, cells, strict=True):
            self._text(x, y, cell, f"{kind}end")


def _rate(value: Decimal | None, unit: str = "", digits: int = 2) -> str:
    return "" if value is None else f"{value:,.{digits}f}{unit}"


def _change(now: Decimal | int | None, before: Decimal | int | None, *, is_rate: bool = False) -> str:
    """Return the change in words, of a rate in points; nothing where there is nothing to compare with."""
    if now is None or not before:
        return ""
    change = f"{now - before:+.1f} points" if is_rate else f"{100 * now / Decimal(before) - 100:+.1f} %"
    return change.replace("-", "−")  # noqa: RUF001 - the sign of numbers
