-- Days on which a table does not add up to daily_totals. No row means that all tables agree on every day and currency.
WITH totals AS (
    SELECT date, currency, sum(ad_requests) AS ad_requests, sum(impressions) AS impressions, sum(revenue) AS revenue
    FROM newest_daily_totals GROUP BY date, currency
), names(name) AS (
    VALUES ('account_daily'), ('publisher_daily'), ('country_daily'), ('site_daily'), ('ad_unit_daily')
), details AS (
    SELECT 'account_daily' AS name, date, currency, ad_requests, impressions, revenue FROM newest_account_daily
    UNION ALL
    SELECT 'publisher_daily', date, currency, ad_requests, impressions, revenue FROM newest_publisher_daily
    UNION ALL
    SELECT 'country_daily', date, currency, ad_requests, impressions, revenue FROM newest_country_daily
    UNION ALL
    SELECT 'site_daily', date, currency, ad_requests, impressions, revenue FROM newest_site_daily
    UNION ALL
    SELECT 'ad_unit_daily', date, currency, ad_requests, impressions, revenue FROM newest_ad_unit_daily
), both_sides AS (
    SELECT name, date, currency, -ad_requests AS ad_requests, -impressions AS impressions, -revenue AS revenue
    FROM totals CROSS JOIN names
    UNION ALL
    SELECT name, date, currency, ad_requests, impressions, revenue FROM details
)
SELECT
    name AS table_name, date, currency,
    CAST(sum(ad_requests) AS bigint) AS ad_requests_off,
    CAST(sum(impressions) AS bigint) AS impressions_off,
    CAST(sum(revenue) AS decimal(18, 6)) AS revenue_off
FROM both_sides
GROUP BY name, date, currency
HAVING coalesce(sum(ad_requests), 0) <> 0 OR coalesce(sum(impressions), 0) <> 0 OR coalesce(sum(revenue), 0) <> 0
ORDER BY date DESC, table_name, currency;
