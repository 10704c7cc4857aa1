"""The facts: the same every time, plausible, and revised while a day is young."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tap_yoc.sandbox.facts import Facts, facts_for

if TYPE_CHECKING:
    from tap_yoc.sandbox.server import Sandbox

TODAY = date(2026, 6, 15)
UNIT = "ad_unit_visx_id"


def facts(**changes: Any) -> Facts:  # noqa: ANN401 - the options of Facts
    """Return facts like the sandbox's, with changes."""
    return facts_for(**{"today": TODAY, "seed": 7, "scale": 1, "gap_days": (), **changes})


def per_day(some: Facts) -> dict[date, tuple[Any, ...]]:
    """Return sums by day."""
    sql = "SELECT date, count(*), sum(total_traffic), sum(impressions), sum(revenue) FROM facts GROUP BY 1"
    return {row[0]: row[1:] for row in some.rows(sql, [])}


def test_same_seed_same_figures() -> None:
    """Seed, scale and day decide everything."""
    assert per_day(facts()) == per_day(Facts(today=TODAY, seed=7, scale=1, gap_days=()))
    assert per_day(facts()) != per_day(facts(seed=8))


def test_known_figures() -> None:
    """The figures are the same on every machine and with every DuckDB: these were written down once."""
    rows = facts().rows("SELECT count(*), sum(impressions), sum(revenue) FROM facts WHERE date = DATE '2026-06-01'", [])
    assert [str(cell) for cell in rows[0]] == ["259", "34127", "65.681860"]


def test_funnel() -> None:
    """Each step of the funnel is no larger than the one before."""
    ((broken, rows),) = facts().rows(
        "SELECT count(*) FILTER (NOT (total_traffic >= ad_requests AND ad_requests >= impressions"
        " AND impressions >= views AND vtr_imps >= views AND ctr_imps >= clicks AND clicks >= 0 AND revenue >= 0"
        " AND impressions >= billable_events)), count(*) FROM facts",
        [],
    )
    assert (broken, rows > 40000) == (0, True)


def test_names_change_and_units_move() -> None:
    """Within reach a unit and a site change their names, a unit its site; no id comes back to an older name."""
    some = facts()
    for key, value, expected in (
        (UNIT, "ad_unit_name", 191421),
        (UNIT, "site_visx_id", 191456),
        ("site_visx_id", "site_name", 8004),
    ):
        sql = (
            f"SELECT {key}, count(DISTINCT {value}) FROM facts WHERE {key} IS NOT NULL"  # noqa: S608 - written above
            " AND date >= DATE '2025-12-15' GROUP BY 1 HAVING count(DISTINCT " + value + ") > 1"
        )
        assert [row[0] for row in some.rows(sql, [])] == [expected]


def test_missing_values() -> None:
    """Some rows have no country, and one unit sometimes no id."""
    some = facts()
    ((countries, units, all_rows),) = some.rows(
        f"SELECT count(*) FILTER (country IS NULL), count(*) FILTER ({UNIT} IS NULL), count(*) FROM facts",  # noqa: S608 - a constant
        [],
    )
    assert all_rows / 20 < countries < all_rows / 5
    assert 0 < units < 1000
    names = some.rows(f"SELECT DISTINCT ad_unit_name FROM facts WHERE {UNIT} IS NULL", [])  # noqa: S608 - a constant
    assert len(names) == 1


def test_young_days_are_revised() -> None:
    """A day's figures rise for three days and then stay; with each day a new one appears."""
    by_today = [per_day(facts(today=TODAY + timedelta(days=moved))) for moved in range(5)]
    young = TODAY - timedelta(days=1)
    history = [sums[young][1] for sums in by_today]
    assert history[0] < history[1] < history[2] < history[3] == history[4]
    assert max(by_today[0]) == young
    assert max(by_today[1]) == TODAY
    old = TODAY - timedelta(days=4)
    assert by_today[0][old] == by_today[4][old]


def test_moving_the_day_over_http(sandbox: Sandbox) -> None:
    """Assigning today moves the facts along; reset takes them back."""
    days: dict[str, Any] = {"group_by": ["date"], "data_fields": ["impressions"], "start": TODAY - timedelta(days=3)}
    before = sandbox.truth(**days)
    sandbox.today = TODAY + timedelta(days=1)
    after = sandbox.truth(**days)
    assert [row["date"].day for row in before] == [12, 13, 14]
    assert [row["date"].day for row in after] == [12, 13, 14, 15]
    assert all(new["impressions"] >= old["impressions"] for old, new in zip(before, after, strict=False))
    sandbox.reset()
    assert sandbox.truth(**days) == before


def test_gap_days() -> None:
    """A gap day has no rows, and the others do not change."""
    gap = date(2026, 6, 3)
    with_gap = per_day(facts(gap_days=(gap,)))
    assert gap not in with_gap
    assert with_gap == {day: sums for day, sums in per_day(facts()).items() if day != gap}


def test_scale() -> None:
    """The scale multiplies ad units, quickly, and leaves those of scale 1 as they are."""
    started = time.process_time()  # of this process alone, however busy the machine is
    large = facts(scale=10)
    assert time.process_time() - started < 10
    ((units, rows),) = large.rows("SELECT count(DISTINCT unit_no), count(*) FROM facts", [])
    assert (units, rows > 400000) == (400, True)
    ((small,),) = facts().rows("SELECT sum(impressions) FROM facts", [])
    assert large.rows("SELECT sum(impressions) FROM facts WHERE unit_no <= 40", []) == [(small,)]
