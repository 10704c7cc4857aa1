-- Revenue of the month so far, compared with the same days of the previous month.
WITH today AS (
    SELECT
        yesterday,
        CAST(date_trunc('month', yesterday) AS date) AS month,
        CAST(date_trunc('month', CAST(date_trunc('month', yesterday) AS date) - 1) AS date) AS month_before
    FROM yoc_settings
)
SELECT
    month, currency,
    count(DISTINCT CASE WHEN date >= month THEN date END) AS days,
    CAST(sum(CASE WHEN date >= month THEN revenue END) AS decimal(18, 2)) AS revenue,
    count(DISTINCT CASE WHEN date < month AND is_same_days THEN date END) AS days_before,
    CAST(sum(CASE WHEN date < month AND is_same_days THEN revenue END) AS decimal(18, 2)) AS revenue_before,
    CAST(100e0 * sum(CASE WHEN date >= month THEN revenue END)
        / nullif(sum(CASE WHEN date < month AND is_same_days THEN revenue END), 0) - 100 AS decimal(18, 1)) AS change_percent,
    CAST(sum(CASE WHEN date < month THEN revenue END) AS decimal(18, 2)) AS whole_month_before
FROM (
    SELECT
        today.*, totals.*, extract(day FROM date) <= extract(day FROM yesterday) AS is_same_days
    FROM newest_daily_totals AS totals JOIN today ON date BETWEEN month_before AND yesterday
) AS days
GROUP BY month, currency
ORDER BY currency;
