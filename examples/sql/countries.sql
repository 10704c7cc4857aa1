-- Rates of each country, and its share of impressions and of its currency's revenue.
WITH sums AS (
    SELECT
        CASE WHEN country = '' THEN 'unknown' ELSE country END AS country, currency,
        sum(ad_requests) AS ad_requests, sum(impressions) AS impressions, sum(revenue) AS revenue
    FROM newest_country_daily
    JOIN yoc_settings ON date BETWEEN yesterday - period_days + 1 AND yesterday
    GROUP BY 1, 2
), shares AS (
    SELECT
        sums.*, sum(impressions) OVER () AS all_impressions, sum(revenue) OVER (PARTITION BY currency) AS all_revenue
    FROM sums
)
SELECT
    country, currency,
    CAST(impressions AS bigint) AS impressions,
    CAST(100e0 * impressions / nullif(all_impressions, 0) AS decimal(18, 1)) AS share_percent,
    CAST(100e0 * impressions / nullif(ad_requests, 0) AS decimal(18, 2)) AS fill_percent,
    CAST(revenue AS decimal(18, 2)) AS revenue,
    CAST(100e0 * revenue / nullif(all_revenue, 0) AS decimal(18, 1)) AS revenue_share_percent,
    CAST(1000e0 * revenue / nullif(impressions, 0) AS decimal(18, 4)) AS ecpm
FROM shares
ORDER BY shares.impressions DESC, country, currency;
