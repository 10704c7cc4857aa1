-- Revenue by month, credit-note account and currency. `off` is the difference between all accounts and daily_totals.
WITH totals AS (
    SELECT CAST(date_trunc('month', date) AS date) AS month, currency, sum(revenue) AS revenue
    FROM newest_daily_totals GROUP BY 1, 2
), accounts_by_month AS (
    SELECT
        CAST(date_trunc('month', date) AS date) AS month, company_id, sap_publisher_account_id, currency,
        count(DISTINCT date) AS days,
        count(DISTINCT CASE WHEN NOT is_final THEN date END) AS open_days,
        sum(impressions) AS impressions, sum(revenue) AS revenue
    FROM newest_account_daily GROUP BY 1, 2, 3, 4
)
SELECT
    month, company_name AS company, sap_publisher_account_id AS account, sap_publisher_name AS account_name,
    currency, days, open_days,
    CAST(impressions AS bigint) AS impressions,
    CAST(accounts_by_month.revenue AS decimal(18, 6)) AS revenue,
    CAST(sum(accounts_by_month.revenue) OVER (PARTITION BY month, currency) - totals.revenue AS decimal(18, 6)) AS off
FROM accounts_by_month
LEFT JOIN totals USING (month, currency)
LEFT JOIN companies USING (company_id)
LEFT JOIN accounts USING (sap_publisher_account_id)
ORDER BY month DESC, currency, accounts_by_month.company_id, account;
