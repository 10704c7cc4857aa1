"""The descriptions of columns, for catalogs, SCHEMA messages, warehouses and docs/streams.md.

Source: the annex of YOC's help, which ends before currency, revenue and ecpm; these three are assumed.
"""

from __future__ import annotations

from typing import Any

DESCRIPTIONS = {
    "date": "Day of the figures.",
    "company_id": "Id of the company.",
    "company_name": "Name of the company.",
    "country": "Country, as ISO 3166 alpha-2.",
    "sap_publisher_account_id": "Id of a partner's credit-note account.",
    "sap_publisher_name": "Name of a partner's credit-note account.",
    "publisher_visx_id": "Id of the publisher, the top-level inventory item.",
    "publisher_name": "Name of the publisher.",
    "site_visx_id": "Id of the site.",
    "site_name": "Name of the site.",
    "ad_unit_visx_id": "Id of the ad unit.",
    "ad_unit_name": "Name of the ad unit.",
    "is_publisher_campaign": "Whether the campaign is the publisher's own.",
    "total_traffic": "Avails received.",
    "ad_requests": "Ad requests.",
    "impressions": "Impressions.",
    "views": "Impressions seen.",
    "clicks": "Clicks.",
    "vtr_imps": "Impressions eligible for the view-through rate.",
    "ctr_imps": "Impressions eligible for the click-through rate.",
    **dict.fromkeys(("vtr_percent", "vtr"), "View-through rate: views in percent of vtr_imps."),
    **dict.fromkeys(("ctr_percent", "ctr"), "Click-through rate: clicks in percent of ctr_imps."),
    "billable_events": "Events that paid out.",
    "currency": "Currency of the money, as ISO 4217.",
    "revenue": "Money earned.",
    "ecpm": "Money per thousand impressions.",
}
"""By YOC's names; the older ones are `vtr` and `ctr`."""

NEWEST_NAMES = {
    "company_name": "Newest name of the company.",
    "sap_publisher_name": "Newest name of the credit-note account.",
    "publisher_name": "Newest name of the publisher.",
    "site_name": "Newest name of the site.",
    "ad_unit_name": "Newest name of the ad unit.",
}
"""The names in the entity streams."""

ABOUT_FETCHED_AT = "When YOC answered, in UTC; the same time for all rows of a window."
ABOUT_IS_FINAL = "Whether daily runs no longer read this day, as known when it was read."

ABOUT_FIELDS = {
    "kind": "Whether YOC groups by the column (group_by) or computes it (data_fields).",
    "name": "Name of the column, without the blanks around it that YOC may send.",
    "type": "Type that YOC declares.",
}
"""The columns of `report_fields`."""


def described(schema: dict[str, Any], description: str | None) -> dict[str, Any]:
    """Return a column's JSON Schema with its description, or unchanged if there is none."""
    return {**schema, "description": description} if description else schema
