-- The last seven days against the same weekdays a week before. A day without figures is empty, not zero.
WITH by_day AS (
    SELECT date, currency, sum(impressions) AS impressions, sum(revenue) AS revenue
    FROM newest_daily_totals GROUP BY date, currency
), currencies AS (
    SELECT DISTINCT currency FROM by_day JOIN yoc_settings ON date BETWEEN yesterday - 13 AND yesterday
)
SELECT
    yoc_days.date, weekday, currencies.currency,
    CAST(now.impressions AS bigint) AS impressions,
    CAST(before.impressions AS bigint) AS week_before,
    CAST(100e0 * now.impressions / nullif(before.impressions, 0) - 100 AS decimal(18, 1)) AS change_percent,
    CAST(now.revenue AS decimal(18, 2)) AS revenue,
    CAST(before.revenue AS decimal(18, 2)) AS revenue_before,
    CAST(100e0 * now.revenue / nullif(before.revenue, 0) - 100 AS decimal(18, 1)) AS revenue_percent
FROM yoc_days
JOIN yoc_settings ON yoc_days.date BETWEEN yesterday - 6 AND yesterday
CROSS JOIN currencies
LEFT JOIN by_day AS now ON now.date = yoc_days.date AND now.currency = currencies.currency
LEFT JOIN by_day AS before ON before.date = yoc_days.date - 7 AND before.currency = currencies.currency
ORDER BY yoc_days.date, currencies.currency;
