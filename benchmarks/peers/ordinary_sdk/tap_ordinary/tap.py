"""The tap."""

from __future__ import annotations

from typing import ClassVar

from singer_sdk import Tap
from singer_sdk import typing as th

from tap_ordinary.streams import AdUnitCountryDailyStream


class TapOrdinary(Tap):
    """Ordinary tap."""

    name = "tap-ordinary"
    config_jsonschema: ClassVar[dict[str, object]] = th.PropertiesList(
        th.Property("client_id", th.StringType, required=True),
        th.Property("client_secret", th.StringType, required=True, secret=True),
        th.Property("username", th.StringType, required=True),
        th.Property("password", th.StringType, required=True, secret=True),
        th.Property("start_date", th.DateType, required=True),
        th.Property("end_date", th.DateType, required=True),
        th.Property("api_url", th.StringType, default="https://api.yoc.com"),
        th.Property("auth_url", th.StringType, default="https://oauth.yoc.com"),
    ).to_dict()

    def discover_streams(self) -> list[AdUnitCountryDailyStream]:
        """Return the one stream."""
        return [AdUnitCountryDailyStream(self)]
