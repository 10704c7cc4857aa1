"""The stream and its schema."""

from __future__ import annotations

from typing import ClassVar

from singer_sdk import typing as th

from tap_ordinary.client import ReportStream


class AdUnitCountryDailyStream(ReportStream):
    """Figures by day, ad unit and country."""

    name = "ad_unit_country_daily"
    primary_keys: ClassVar[tuple[str, ...]] = (
        "date",
        "publisher_visx_id",
        "site_visx_id",
        "ad_unit_visx_id",
        "country",
        "currency",
    )
    replication_key = "date"
    schema = th.PropertiesList(
        th.Property("date", th.DateType, required=True),
        th.Property("publisher_visx_id", th.IntegerType, required=True),
        th.Property("site_visx_id", th.IntegerType, required=True),
        th.Property("ad_unit_visx_id", th.IntegerType, required=True),
        th.Property("country", th.StringType, required=True),
        th.Property("total_traffic", th.IntegerType),
        th.Property("ad_requests", th.IntegerType),
        th.Property("impressions", th.IntegerType),
        th.Property("views", th.IntegerType),
        th.Property("clicks", th.IntegerType),
        th.Property("vtr_imps", th.IntegerType),
        th.Property("ctr_imps", th.IntegerType),
        th.Property("vtr_percent", th.NumberType),
        th.Property("ctr_percent", th.NumberType),
        th.Property("billable_events", th.IntegerType),
        th.Property("revenue", th.NumberType),
        th.Property("ecpm", th.NumberType),
        th.Property("currency", th.StringType, required=True),
    ).to_dict()
