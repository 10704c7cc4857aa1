-- Each table: rows, rows that a revision removed, days, and the time of the last reading.
WITH all_rows AS (
    SELECT 'daily_totals' AS table_name, date, fetched_at FROM daily_totals
    UNION ALL
    SELECT 'account_daily', date, fetched_at FROM account_daily
    UNION ALL
    SELECT 'publisher_daily', date, fetched_at FROM publisher_daily
    UNION ALL
    SELECT 'country_daily', date, fetched_at FROM country_daily
    UNION ALL
    SELECT 'site_daily', date, fetched_at FROM site_daily
    UNION ALL
    SELECT 'ad_unit_daily', date, fetched_at FROM ad_unit_daily
), newest_rows AS (
    SELECT 'daily_totals' AS table_name, date, is_final FROM newest_daily_totals
    UNION ALL
    SELECT 'account_daily', date, is_final FROM newest_account_daily
    UNION ALL
    SELECT 'publisher_daily', date, is_final FROM newest_publisher_daily
    UNION ALL
    SELECT 'country_daily', date, is_final FROM newest_country_daily
    UNION ALL
    SELECT 'site_daily', date, is_final FROM newest_site_daily
    UNION ALL
    SELECT 'ad_unit_daily', date, is_final FROM newest_ad_unit_daily
), newest AS (
    SELECT
        table_name, count(*) AS row_count, min(date) AS first_day, max(date) AS last_day,
        count(DISTINCT date) AS days, count(DISTINCT CASE WHEN NOT is_final THEN date END) AS open_days
    FROM newest_rows GROUP BY table_name
)
SELECT
    newest.table_name, row_count, count(*) - row_count AS ghost_rows, first_day, last_day, days, open_days,
    CAST(max(fetched_at) AS timestamp(0)) AS last_read
FROM newest JOIN all_rows USING (table_name)
GROUP BY newest.table_name, row_count, first_day, last_day, days, open_days
ORDER BY row_count, newest.table_name;
