-- Run this first, on DuckDB or PostgreSQL. It creates temporary views, which disappear when the session ends. It writes
-- nothing to the database. To keep the views, for dashboards, delete the word TEMP.
--
-- 1. Settings.

CREATE OR REPLACE TEMP VIEW yoc_settings AS
SELECT
    CAST(now() AT TIME ZONE 'Europe/Berlin' AS date) - 1 AS yesterday,  -- use the tap's `timezone`
    28 AS period_days,        -- for rates, countries and silent ad units; whole weeks, so that weekdays count equally
    8 AS alarm_weeks,         -- compare yesterday with the same weekday of this many weeks,
    3 AS alarm_weeks_needed,  -- if at least this many of them have figures;
    0.3 AS alarm_share,       -- yesterday is abnormal if it differs from their median by more than this share;
    10 AS alarm_least,        -- ignore currencies that usually earn less than this a day, because small amounts vary
    3 AS silent_days;         -- an ad unit is silent after this many days without requests

-- 2. The figures, as of the newest reading of each day.
--
-- If a revision removes a row, no loader deletes it. The tap always reads entire days, and all rows of one reading have
-- the same `fetched_at`. A row is therefore a ghost if a later reading covers its day. A reading covers all days from its
-- first to its last, including those without any row.
--
-- Names: `date` to `billable_events` are YOC's published names. The published documentation ends before the money, so
-- `revenue` and `currency` are ASSUMED. The table report_fields has your account's names. Change them in this file only.
-- Without a currency column, write 'EUR' AS currency. Without a table, delete its view and the queries that use it.

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

-- 3. Every day from the first one with figures to yesterday, so that a day without figures shows as a gap.

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
