-- Run this first. It makes temporary views: nothing is written to the database, and all are gone when the session ends.
-- To keep them, for dashboards, delete the word TEMP. It runs as it stands on DuckDB and on PostgreSQL.
--
-- 1. What you may want to set.

CREATE OR REPLACE TEMP VIEW yoc_settings AS
SELECT
    CAST(now() AT TIME ZONE 'Europe/Berlin' AS date) - 1 AS yesterday,  -- as the tap's setting `timezone`
    28 AS period_days,        -- of rates, countries and silent ad units; whole weeks, so that each weekday counts alike
    8 AS alarm_weeks,         -- yesterday is held against the same weekday of so many weeks,
    3 AS alarm_weeks_needed,  -- of which so many must have figures,
    0.3 AS alarm_share,       -- and is abnormal where it is off their median by more than this share of it;
    10 AS alarm_least,        -- a currency that usually earns less a day is not judged, since small amounts jump
    3 AS silent_days;         -- an ad unit without requests for so many days counts as silent

-- 2. The figures, as of the newest reading of each day.
--
-- A revision can take a row away, and no loader deletes it. A day is read whole, and all rows of one reading have the
-- same `fetched_at`; so a row is a ghost where a later reading covers its day. A reading covers all days from its first
-- to its last, those included that came back without any row.
--
-- Names: `date` to `billable_events` are YOC's published ones. Its documentation ends before the money: `revenue` and
-- `currency` are ASSUMED. Look at the table report_fields, and change the names here, in this file only. Where there is
-- no currency column, write 'EUR' AS currency; where there is no such table, delete its view and what asks for it.

CREATE OR REPLACE TEMP VIEW newest_daily_totals AS
WITH readings AS (
    SELECT fetched_at, min(date) AS first_day, max(date) AS last_day FROM daily_totals GROUP BY fetched_at
), newest AS (
    SELECT days.date, max(readings.fetched_at) AS fetched_at
    FROM (SELECT DISTINCT date FROM daily_totals) AS days
    JOIN readings ON days.date BETWEEN readings.first_day AND readings.last_day
    GROUP BY days.date
)
SELECT
    date, is_final, fetched_at, currency AS currency, revenue AS revenue,
    ad_requests, impressions, views, vtr_imps, clicks, ctr_imps, billable_events
FROM daily_totals JOIN newest USING (date, fetched_at);

CREATE OR REPLACE TEMP VIEW newest_account_daily AS
WITH readings AS (
    SELECT fetched_at, min(date) AS first_day, max(date) AS last_day FROM account_daily GROUP BY fetched_at
), newest AS (
    SELECT days.date, max(readings.fetched_at) AS fetched_at
    FROM (SELECT DISTINCT date FROM account_daily) AS days
    JOIN readings ON days.date BETWEEN readings.first_day AND readings.last_day
    GROUP BY days.date
)
SELECT
    date, company_id, sap_publisher_account_id,
    is_final, fetched_at, currency AS currency, revenue AS revenue,
    ad_requests, impressions, views, vtr_imps, clicks, ctr_imps, billable_events
FROM account_daily JOIN newest USING (date, fetched_at);

CREATE OR REPLACE TEMP VIEW newest_publisher_daily AS
WITH readings AS (
    SELECT fetched_at, min(date) AS first_day, max(date) AS last_day FROM publisher_daily GROUP BY fetched_at
), newest AS (
    SELECT days.date, max(readings.fetched_at) AS fetched_at
    FROM (SELECT DISTINCT date FROM publisher_daily) AS days
    JOIN readings ON days.date BETWEEN readings.first_day AND readings.last_day
    GROUP BY days.date
)
SELECT
    date, publisher_visx_id,
    is_final, fetched_at, currency AS currency, revenue AS revenue,
    ad_requests, impressions, views, vtr_imps, clicks, ctr_imps, billable_events
FROM publisher_daily JOIN newest USING (date, fetched_at);

CREATE OR REPLACE TEMP VIEW newest_country_daily AS
WITH readings AS (
    SELECT fetched_at, min(date) AS first_day, max(date) AS last_day FROM country_daily GROUP BY fetched_at
), newest AS (
    SELECT days.date, max(readings.fetched_at) AS fetched_at
    FROM (SELECT DISTINCT date FROM country_daily) AS days
    JOIN readings ON days.date BETWEEN readings.first_day AND readings.last_day
    GROUP BY days.date
)
SELECT
    date, publisher_visx_id, country,
    is_final, fetched_at, currency AS currency, revenue AS revenue,
    ad_requests, impressions, views, vtr_imps, clicks, ctr_imps, billable_events
FROM country_daily JOIN newest USING (date, fetched_at);

CREATE OR REPLACE TEMP VIEW newest_site_daily AS
WITH readings AS (
    SELECT fetched_at, min(date) AS first_day, max(date) AS last_day FROM site_daily GROUP BY fetched_at
), newest AS (
    SELECT days.date, max(readings.fetched_at) AS fetched_at
    FROM (SELECT DISTINCT date FROM site_daily) AS days
    JOIN readings ON days.date BETWEEN readings.first_day AND readings.last_day
    GROUP BY days.date
)
SELECT
    date, publisher_visx_id, site_visx_id,
    is_final, fetched_at, currency AS currency, revenue AS revenue,
    ad_requests, impressions, views, vtr_imps, clicks, ctr_imps, billable_events
FROM site_daily JOIN newest USING (date, fetched_at);

CREATE OR REPLACE TEMP VIEW newest_ad_unit_daily AS
WITH readings AS (
    SELECT fetched_at, min(date) AS first_day, max(date) AS last_day FROM ad_unit_daily GROUP BY fetched_at
), newest AS (
    SELECT days.date, max(readings.fetched_at) AS fetched_at
    FROM (SELECT DISTINCT date FROM ad_unit_daily) AS days
    JOIN readings ON days.date BETWEEN readings.first_day AND readings.last_day
    GROUP BY days.date
)
SELECT
    date, publisher_visx_id, site_visx_id, ad_unit_visx_id,
    is_final, fetched_at, currency AS currency, revenue AS revenue,
    ad_requests, impressions, views, vtr_imps, clicks, ctr_imps, billable_events
FROM ad_unit_daily JOIN newest USING (date, fetched_at);

-- 3. Every day from the first one with figures to yesterday, so that a day without figures is seen as a gap.

CREATE OR REPLACE TEMP VIEW yoc_days AS
WITH RECURSIVE days(date) AS (
    SELECT least(min(newest_daily_totals.date), min(yoc_settings.yesterday)) FROM yoc_settings, newest_daily_totals
    UNION ALL
    SELECT days.date + 1 FROM days JOIN yoc_settings ON days.date < yoc_settings.yesterday
)
SELECT
    date,
    CASE extract(isodow FROM date)
        WHEN 1 THEN 'Monday' WHEN 2 THEN 'Tuesday' WHEN 3 THEN 'Wednesday' WHEN 4 THEN 'Thursday'
        WHEN 5 THEN 'Friday' WHEN 6 THEN 'Saturday' ELSE 'Sunday'
    END AS weekday
FROM days WHERE date IS NOT NULL;
