-- Ad units that had requests in the period, but none in the last days (`silent_days` in metrics.sql).
SELECT
    coalesce(ad_unit_name, 'ad unit ' || CAST(facts.ad_unit_visx_id AS varchar)) AS ad_unit,
    coalesce(site_name, '') AS site,
    max(date) AS last_day,
    max(yesterday) - max(date) AS days_silent,
    CAST(sum(ad_requests) / count(DISTINCT date) AS bigint) AS requests_a_day
FROM newest_ad_unit_daily AS facts
JOIN yoc_settings ON date BETWEEN yesterday - period_days + 1 AND yesterday
LEFT JOIN ad_units ON ad_units.ad_unit_visx_id = facts.ad_unit_visx_id
LEFT JOIN sites ON sites.site_visx_id = ad_units.site_visx_id
WHERE ad_requests > 0 AND facts.ad_unit_visx_id <> 0
GROUP BY facts.ad_unit_visx_id, ad_unit_name, site_name
HAVING max(yesterday) - max(date) >= max(silent_days)
ORDER BY last_day DESC, requests_a_day DESC, facts.ad_unit_visx_id;
