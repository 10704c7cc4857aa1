-- The same rates by ad unit, with its site. An ad unit that moved has one row per site.
SELECT
    CASE WHEN facts.ad_unit_visx_id = 0 THEN 'no id'
        ELSE coalesce(ad_unit_name, 'ad unit ' || CAST(facts.ad_unit_visx_id AS varchar)) END AS ad_unit,
    coalesce(site_name, 'site ' || CAST(facts.site_visx_id AS varchar)) AS site, currency,
    CAST(sum(ad_requests) AS bigint) AS ad_requests,
    CAST(sum(impressions) AS bigint) AS impressions,
    CAST(100e0 * sum(impressions) / nullif(sum(ad_requests), 0) AS decimal(18, 2)) AS fill_percent,
    CAST(100e0 * sum(views) / nullif(sum(vtr_imps), 0) AS decimal(18, 2)) AS view_percent,
    CAST(100e0 * sum(clicks) / nullif(sum(ctr_imps), 0) AS decimal(18, 2)) AS click_percent,
    CAST(sum(revenue) AS decimal(18, 2)) AS revenue,
    CAST(1000e0 * sum(revenue) / nullif(sum(impressions), 0) AS decimal(18, 4)) AS ecpm
FROM newest_ad_unit_daily AS facts
JOIN yoc_settings ON date BETWEEN yesterday - period_days + 1 AND yesterday
LEFT JOIN ad_units ON ad_units.ad_unit_visx_id = facts.ad_unit_visx_id
LEFT JOIN sites ON sites.site_visx_id = facts.site_visx_id
GROUP BY facts.ad_unit_visx_id, ad_unit_name, facts.site_visx_id, site_name, currency
ORDER BY impressions DESC, facts.ad_unit_visx_id, facts.site_visx_id, currency;
