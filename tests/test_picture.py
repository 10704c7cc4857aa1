"""The picture on the front page is what the demo draws from the tables, and its numbers are the source's."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import duckdb
import pytest
from harness import TODAY, YESTERDAY
from two_mornings import added_up, facts_of, into_duckdb, two_mornings

from demo.picture import picture, ticks
from tap_yoc.sandbox.server import Sandbox

if TYPE_CHECKING:
    from two_mornings import Fact

IMAGE = Path(__file__).parents[1] / "docs" / "images" / "warehouse.svg"
FIRST_SHOWN = date(2026, 5, 18)
WEEK = timedelta(days=7)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Fact]]:
    """The picture of 28 days of the sandbox, and the facts behind it."""
    path = tmp_path_factory.mktemp("picture") / "yoc.duckdb"
    with Sandbox(today=TODAY) as sandbox:
        tables, mornings = two_mornings(sandbox, sandbox, start=FIRST_SHOWN)
    into_duckdb(path, tables, mornings)
    with duckdb.connect(str(path), read_only=True) as database:
        return picture(database, YESTERDAY), facts_of(mornings)


def words(svg: str) -> list[str]:
    """Return all texts of a picture, in the order in which they are drawn."""
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - drawn here


def test_the_picture_of_the_page_is_the_demos(drawn: tuple[str, list[Fact]], request: pytest.FixtureRequest) -> None:
    """Drawn again from the same facts, it is the same; --snapshot-update writes it again."""
    if request.config.option.update_snapshots:
        IMAGE.write_text(drawn[0], encoding="utf-8")
    assert IMAGE.read_text("utf-8") == drawn[0]


def test_the_numbers_are_the_sources(drawn: tuple[str, list[Fact]]) -> None:
    """Yesterday's figures and their changes, and the rows of the table, worked out from the facts."""
    svg, facts = drawn
    shown = words(svg)
    days = added_up(facts, "date")
    now, before = days[YESTERDAY,], days[YESTERDAY - WEEK,]
    rate, rate_before = (100 * of["impressions"] / of["ad_requests"] for of in (now, before))
    of_currency = added_up(facts, "date", "currency")
    money = [(of_currency[YESTERDAY, name], of_currency[YESTERDAY - WEEK, name], name) for name in ("EUR", "CHF")]
    start = shown.index("Impressions")
    expected = [
        *("Impressions", f"{now['impressions']:,}", f"{100 * now['impressions'] / before['impressions'] - 100:+.1f} %"),
        *("Fill rate", f"{rate:.2f} %", f"{rate - rate_before:+.1f} points"),
        "Revenue",
    ]
    for new, old, name in money:
        expected += [f"{new['revenue']:.2f} {name}", f"{100 * new['revenue'] / old['revenue'] - 100:+.1f} %"]
    expected += ["eCPM"]
    for new, old, name in money:
        ecpm, ecpm_before = (1000 * of["revenue"] / of["impressions"] for of in (new, old))
        expected += [f"{ecpm:.2f} {name}", f"{100 * ecpm / ecpm_before - 100:+.1f} %"]
    drawn_words = [word.replace("−", "-") for word in shown[start : start + len(expected)]]  # noqa: RUF001 - the sign
    assert drawn_words == expected
    sites = added_up([fact for fact in facts if fact["date"] == YESTERDAY], "site_name", "currency")
    assert len(sites) == 12
    for (site, currency), of in sites.items():
        row = shown.index(site.strip())
        assert shown[row + 1 : row + 5] == [
            f"{of['impressions']:,}",
            f"{100 * of['impressions'] / of['ad_requests']:.0f} %",
            f"{of['revenue']:.2f} {currency}",
            f"{1000 * of['revenue'] / of['impressions']:.2f}",
        ]


def test_bars_are_as_high_as_their_day(drawn: tuple[str, list[Fact]]) -> None:
    """The parts of a bar add up to the day's impressions, by the axis beside it."""
    svg, facts = drawn
    bars: dict[str, float] = {}
    for rect in ET.fromstring(svg).iter(f"{SVG}rect"):  # noqa: S314 - drawn here
        if re.fullmatch(r"s\d", rect.attrib["class"]) and rect.attrib["width"] == "12.0":
            bars[rect.attrib["x"]] = bars.get(rect.attrib["x"], 0) + float(rect.attrib["height"])
    per_pixel = Decimal(40_000) / (330 - 176)  # the topmost line of the axis, and where the axis is
    days = added_up(facts, "date")
    assert len(bars) == len(days) == 28
    for height, day in zip(bars.values(), sorted(days), strict=True):
        assert abs(height - float(days[day]["impressions"] / per_pixel)) < 0.4, day


def small(*rows: str) -> duckdb.DuckDBPyConnection:
    """Return a database with a few rows: day of June, site, currency, requests, impressions, revenue."""
    database = duckdb.connect()
    columns = "date DATE, site_visx_id BIGINT, currency VARCHAR, ad_requests BIGINT, impressions BIGINT"
    database.execute(f"CREATE TABLE site_daily ({columns}, revenue DECIMAL(38, 9), is_final BOOLEAN)")
    database.execute("CREATE TABLE sites (site_visx_id BIGINT, site_name VARCHAR)")
    database.execute("INSERT INTO sites VALUES (1, 'One & <only>')")
    for row in rows:
        database.execute(f"INSERT INTO site_daily VALUES (DATE '2026-06-{row[:2]}', {row[4:]}, true)")  # noqa: S608 - written below
    return database


def test_a_day_without_figures_is_a_gap() -> None:
    """No bar, no zero in the lines, and no change where there is nothing to compare with."""
    with small("12, 1, 'EUR', 10, 5, 0.01", "14, 1, 'EUR', 10, 4, 0.02") as database:
        svg = picture(database, YESTERDAY)
    (first, second) = re.findall(r'class="line l0" d="([^"]*)"', svg)
    assert (first.count("M"), first.count("L"), second.count("M")) == (2, 0, 2)
    assert [word for word in words(svg) if word.endswith("points")] == []


def test_what_is_missing_is_left_empty() -> None:
    """A site without a name or without impressions, and names that XML has to escape."""
    with small("14, 1, 'EUR', 10, 0, 0", "14, 2, 'EUR', 10, 4, 0.02") as database:
        shown = words(picture(database, YESTERDAY))
    row = shown.index("One & <only>")
    assert shown[row : row + 5] == ["One & <only>", "0", "0 %", "0.00 EUR", ""]
    assert "site 2" in shown


def test_an_empty_warehouse_can_be_drawn() -> None:
    """No row at all is no error."""
    with small() as database:
        assert "0" in words(picture(database, YESTERDAY))


@pytest.mark.parametrize(
    ("most", "intervals", "marks"),
    [
        (0, 4, [0]),
        (0.3, 4, [0, 0.1, 0.2, 0.3]),
        (3.2, 4, [0, 1, 2, 3, 4]),
        (9, 4, [0, 2.5, 5, 7.5, 10]),
        (38_500, 10, [0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000, 35_000, 40_000]),
        (42_000, 5, [0, 10_000, 20_000, 30_000, 40_000, 50_000]),
        (42_000, 10, [0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000, 35_000, 40_000, 45_000]),
    ],
)
def test_axes_have_round_numbers(most: float, intervals: int, marks: list[float]) -> None:
    """The last one is not below the highest value, and near it."""
    assert ticks(most, intervals) == pytest.approx(marks)
