"""Generated facts in DuckDB: the same for the same seed, scale and day, on every machine."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb

from tap_yoc.sandbox.inventory import ACCOUNTS, COMPANIES, PUBLISHERS, SITES, ad_units

if TYPE_CHECKING:
    from datetime import date

HISTORY_DAYS = 200
COUNTRIES: tuple[tuple[int, str | None, float], ...] = (
    (1, "DE", 0.5),
    (2, "AT", 0.14),
    (3, "CH", 0.12),
    (4, "FR", 0.08),
    (5, "GB", 0.05),
    (6, "NL", 0.03),
    (7, None, 0.08),
)
Params = list[Any]

# Whole-number mixing instead of hash(), whose results may differ between DuckDB releases.
MIX = "CREATE MACRO mix(x) AS (x * (x % 46337 + 48271)) % 2147483647"

# Quarters shifted by a month each, so that a renaming and a move never share a day.
FACTS = """
CREATE TABLE facts AS
WITH days AS (
    SELECT CAST(d AS DATE) AS day, date_diff('day', DATE '2020-01-01', CAST(d AS DATE)) AS n,
           year(d) * 12 + month(d) AS months, date_diff('day', CAST(d AS DATE), $today) AS age
    FROM range(CAST($first AS TIMESTAMP), CAST($today AS TIMESTAMP), INTERVAL 1 DAY) AS r(d)
    WHERE NOT list_contains($gaps, CAST(d AS DATE))
), keyed AS (
    SELECT *, mix(mix((n * 7919 + u.unit_no * 104729 + c.country_no * 1299709
                       + k.campaign * 15485863 + $seed * 32452843) % 2147483647)) AS r1
    FROM days CROSS JOIN units u CROSS JOIN countries c CROSS JOIN (VALUES (0), (1)) AS k(campaign)
), drawn AS (
    SELECT *, mix(r1 + 1) AS r2, mix(mix(r1 + 7)) AS r3 FROM keyed
    WHERE r1 % 100 < (CASE campaign WHEN 0 THEN 72 ELSE 22 END)
      AND NOT (age = 1 AND (r1 // 100) % 31 = 0)
), sized AS (
    SELECT *, CAST(floor(
        size * weight * (CASE campaign WHEN 0 THEN 1.0 ELSE 0.3 END) * (1 + n / 6000.0)
        * [1.0, 1.02, 1.05, 1.03, 0.95, 0.7, 0.75][isodow(day)] * (0.8 + (r2 % 400) / 1000.0)
        * (CASE age WHEN 1 THEN 0.88 WHEN 2 THEN 0.95 WHEN 3 THEN 0.985 ELSE 1.0 END)
        * (CASE WHEN age <= 3 THEN 1 - (r3 % 4) / 200.0 ELSE 1.0 END)) AS BIGINT) + 1 AS total_traffic
    FROM drawn
), asked AS (
    SELECT *, total_traffic * (840 + r2 // 400 % 120) // 1000 AS ad_requests FROM sized
), shown AS (
    SELECT *, ad_requests * (300 + r3 % 450) // 1000 AS impressions FROM asked
)
SELECT s.day AS date, co.id AS company_id, co.name AS company_name, s.country,
    ac.id AS sap_publisher_account_id, ac.name AS sap_publisher_name,
    pu.id AS publisher_visx_id, pu.name AS publisher_name,
    si.id AS site_visx_id, si.names[1 + (s.months + 2) // 3 % len(si.names)] AS site_name,
    CASE WHEN s.id_goes_missing AND s.r3 % 3 = 0 THEN NULL ELSE s.id END AS ad_unit_visx_id,
    s.names[1 + s.months // 3 % len(s.names)] AS ad_unit_name,
    s.campaign = 1 AS is_publisher_campaign, co.currency,
    s.total_traffic, s.ad_requests, s.impressions,
    s.impressions * (520 + s.r2 % 330) // 1000 AS views,
    s.impressions * (s.r3 % 19) // 1000 AS clicks,
    s.impressions * 96 // 100 AS vtr_imps, s.impressions * 98 // 100 AS ctr_imps,
    s.impressions * (900 + s.r3 % 90) // 1000 AS billable_events,
    CAST(s.impressions * (600000 + s.r2 % 2900000) // 1000 AS DECIMAL(12, 0))
        * CAST('0.000001' AS DECIMAL(6, 6)) AS revenue,
    s.unit_no
FROM shown s
JOIN sites si ON si.id = s.site_ids[1 + (s.months + 1) // 3 % len(s.site_ids)]
JOIN publishers pu ON pu.id = si.publisher
JOIN accounts ac ON ac.id = pu.account
JOIN companies co ON co.id = ac.company
"""

SCALED_UNITS = """
CREATE TABLE units AS
SELECT no + 1000 * k AS unit_no, id + 100000 * k AS id, site_ids, size, id_goes_missing,
       CASE k WHEN 0 THEN names ELSE list_transform(names, lambda x: x || ' #' || CAST(k AS VARCHAR)) END AS names
FROM base_units CROSS JOIN range($scale) AS copies(k)
"""


class Facts:
    """The facts that exist on one day, read-only: those of the days before it."""

    def __init__(self, *, today: date, seed: int, scale: int, gap_days: tuple[date, ...]) -> None:
        self.today = today
        self._connection = duckdb.connect(":memory:")
        self._lock = threading.Lock()
        self._fill()
        run = self._connection.execute
        run(MIX)
        run(SCALED_UNITS, {"scale": scale})
        first = today - timedelta(days=HISTORY_DAYS)
        run(FACTS, {"today": today, "first": first, "gaps": list(gap_days), "seed": seed % 1000003})

    def _fill(self) -> None:
        tables: tuple[tuple[str, str, list[Params]], ...] = (
            ("companies", "id BIGINT, name VARCHAR, currency VARCHAR", [list(row) for row in COMPANIES]),
            ("accounts", "id BIGINT, name VARCHAR, company BIGINT", [list(row) for row in ACCOUNTS]),
            ("publishers", "id BIGINT, name VARCHAR, account BIGINT", [list(row) for row in PUBLISHERS]),
            ("countries", "country_no BIGINT, country VARCHAR, weight DOUBLE", [list(row) for row in COUNTRIES]),
            (
                "sites",
                "id BIGINT, publisher BIGINT, names VARCHAR[]",
                [[site.visx_id, site.publisher_visx_id, list(site.names)] for site in SITES],
            ),
            (
                "base_units",
                "no BIGINT, id BIGINT, names VARCHAR[], site_ids BIGINT[], size BIGINT, id_goes_missing BOOLEAN",
                [
                    [unit.number, unit.visx_id, list(unit.names), list(unit.sites), unit.size, unit.id_goes_missing]
                    for unit in ad_units()
                ],
            ),
        )
        for name, columns, rows in tables:
            marks = ", ".join("?" * len(rows[0]))
            self._connection.execute(f"CREATE TABLE {name} ({columns})")
            values = ", ".join([f"({marks})"] * len(rows))
            flat = [cell for row in rows for cell in row]
            self._connection.execute(f"INSERT INTO {name} VALUES {values}", flat)  # noqa: S608 - names written above

    def rows(self, sql: str, params: Params) -> list[tuple[Any, ...]]:
        """Return the rows of a query; safe to call from several threads."""
        with self._lock:
            cursor = self._connection.cursor()
        try:
            return cursor.execute(sql, params).fetchall()
        finally:
            cursor.close()


@lru_cache(maxsize=8)
def facts_for(*, today: date, seed: int, scale: int, gap_days: tuple[date, ...]) -> Facts:
    """Return the facts of a day, generated once per process."""
    return Facts(today=today, seed=seed, scale=scale, gap_days=gap_days)
