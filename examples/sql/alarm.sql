-- Has yesterday arrived, and are its figures normal for this weekday? No row means that all is well.
WITH figures AS (
    SELECT date, 1 AS number, 'Ad requests' AS figure, sum(ad_requests) AS amount FROM newest_daily_totals GROUP BY date
    UNION ALL
    SELECT date, 2, 'Impressions', sum(impressions) FROM newest_daily_totals GROUP BY date
    UNION ALL
    SELECT date, 3, 'Revenue in ' || currency, sum(revenue) FROM newest_daily_totals GROUP BY date, currency
), usual AS (
    SELECT
        number, figure, count(*) AS weeks,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(amount AS double precision)) AS median
    FROM figures JOIN yoc_settings ON date BETWEEN yesterday - 7 * alarm_weeks AND yesterday - 7
    WHERE (yesterday - date) % 7 = 0
    GROUP BY number, figure
), judged AS (
    SELECT
        usual.number, usual.figure, weeks, median, yesterday, coalesce(figures.amount, 0) AS amount,
        100e0 * coalesce(figures.amount, 0) / median - 100 AS change_percent
    FROM usual
    JOIN yoc_settings ON weeks >= alarm_weeks_needed AND median >= CASE number WHEN 3 THEN alarm_least ELSE 1 END
    LEFT JOIN figures ON figures.figure = usual.figure AND figures.date = yesterday
    WHERE yesterday IN (SELECT date FROM newest_daily_totals)
)
SELECT
    number,
    figure || ' on ' || CAST(yesterday AS varchar) || ': ' || CAST(CAST(amount AS decimal(18, 0)) AS varchar) || ', '
    || CAST(CAST(abs(change_percent) AS decimal(18, 0)) AS varchar)
    || CASE WHEN change_percent < 0 THEN ' % below ' ELSE ' % above ' END
    || CAST(CAST(median AS decimal(18, 0)) AS varchar) || ', the median of this weekday in the weeks before ('
    || CAST(weeks AS varchar) || ' of them).' AS alarm
FROM judged JOIN yoc_settings USING (yesterday)
WHERE abs(change_percent) > 100 * alarm_share
UNION ALL
SELECT
    0, 'No figures for ' || CAST(yesterday AS varchar) || '; '
    || coalesce('the newest day is ' || CAST(newest.date AS varchar), 'there are none at all') || '.'
FROM yoc_settings CROSS JOIN (SELECT max(date) AS date FROM newest_daily_totals) AS newest
WHERE yesterday NOT IN (SELECT date FROM newest_daily_totals)
ORDER BY number, alarm;
