-- The ad units that changed the revenue of the last seven days most, against the seven before. Rate changes in %.
WITH days AS (  -- only days whose weekday has figures in both weeks
    SELECT date FROM (SELECT DISTINCT date FROM newest_daily_totals) AS there
    JOIN yoc_settings ON date BETWEEN yesterday - 6 AND yesterday
    WHERE date - 7 IN (SELECT date FROM newest_daily_totals)
), weeks AS (
    SELECT
        ad_unit_visx_id, currency,
        sum(CASE WHEN is_now THEN ad_requests ELSE 0 END) AS requests,
        sum(CASE WHEN is_now THEN 0 ELSE ad_requests END) AS requests_before,
        sum(CASE WHEN is_now THEN impressions ELSE 0 END) AS impressions,
        sum(CASE WHEN is_now THEN 0 ELSE impressions END) AS impressions_before,
        sum(CASE WHEN is_now THEN revenue ELSE 0 END) AS revenue,
        sum(CASE WHEN is_now THEN 0 ELSE revenue END) AS revenue_before
    FROM (
        SELECT facts.*, true AS is_now FROM newest_ad_unit_daily AS facts JOIN days ON facts.date = days.date
        UNION ALL
        SELECT facts.*, false FROM newest_ad_unit_daily AS facts JOIN days ON facts.date = days.date - 7
    ) AS both_weeks
    GROUP BY ad_unit_visx_id, currency
)
SELECT
    CASE WHEN ad_unit_visx_id = 0 THEN 'no id'
        ELSE coalesce(ad_unit_name, 'ad unit ' || CAST(ad_unit_visx_id AS varchar)) END AS ad_unit,
    currency,
    CAST(revenue_before AS decimal(18, 2)) AS revenue_before,
    CAST(revenue AS decimal(18, 2)) AS revenue,
    CAST(revenue - revenue_before AS decimal(18, 2)) AS difference,
    CAST(100e0 * requests / nullif(requests_before, 0) - 100 AS decimal(18, 1)) AS requests_change,
    CAST((100e0 * impressions / nullif(requests, 0))
        / nullif(1e0 * impressions_before / nullif(requests_before, 0), 0) - 100 AS decimal(18, 1)) AS fill_change,
    CAST((100e0 * revenue / nullif(impressions, 0))
        / nullif(1e0 * revenue_before / nullif(impressions_before, 0), 0) - 100 AS decimal(18, 1)) AS ecpm_change
FROM weeks LEFT JOIN ad_units USING (ad_unit_visx_id)
ORDER BY abs(revenue - revenue_before) DESC, ad_unit_visx_id, currency
LIMIT 10;
