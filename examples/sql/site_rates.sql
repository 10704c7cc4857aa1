-- Fill rate, view and click rates, and eCPM of each site, as ratios of the period's sums, not averages of daily ratios.
SELECT
    coalesce(site_name, 'site ' || CAST(site_visx_id AS varchar)) AS site, currency,
    CAST(sum(ad_requests) AS bigint) AS ad_requests,
    CAST(sum(impressions) AS bigint) AS impressions,
    CAST(100e0 * sum(impressions) / nullif(sum(ad_requests), 0) AS decimal(18, 2)) AS fill_percent,
    CAST(100e0 * sum(views) / nullif(sum(vtr_imps), 0) AS decimal(18, 2)) AS view_percent,
    CAST(100e0 * sum(clicks) / nullif(sum(ctr_imps), 0) AS decimal(18, 2)) AS click_percent,
    CAST(sum(revenue) AS decimal(18, 2)) AS revenue,
    CAST(1000e0 * sum(revenue) / nullif(sum(impressions), 0) AS decimal(18, 4)) AS ecpm
FROM newest_site_daily
JOIN yoc_settings ON date BETWEEN yesterday - period_days + 1 AND yesterday
LEFT JOIN sites USING (site_visx_id)
GROUP BY site_visx_id, site_name, currency
ORDER BY impressions DESC, site_visx_id, currency;
