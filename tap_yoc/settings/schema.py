"""The settings as users see them: titles, descriptions, defaults, limits and secrets."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

from tap_yoc.reports.standard import STANDARD_REPORTS

HEAVY = ", ".join(report.name for report in STANDARD_REPORTS if report.is_heavy)
USUAL = ", ".join(report.name for report in STANDARD_REPORTS if not report.is_heavy)

SETTINGS: dict[str, Any] = th.PropertiesList(
    th.Property(
        "client_id",
        th.StringType,
        required=True,
        title="Client ID",
        description="The API client's id, from your YOC account manager.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        required=True,
        secret=True,
        title="Client Secret",
        description="The API client's secret, from your YOC account manager.",
    ),
    th.Property(
        "username",
        th.StringType,
        title="Username",
        description=(
            "The login of hub.yoc.com. Required unless refresh_token and token_cache are set. "
            "A technical user of its own is best."
        ),
    ),
    th.Property(
        "password",
        th.StringType,
        secret=True,
        title="Password",
        description="The password of hub.yoc.com. Required unless refresh_token and token_cache are set.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh Token",
        description=(
            "Start from this token instead of a password. It changes with every use, so it needs token_cache."
        ),
    ),
    th.Property(
        "token_cache",
        th.StringType,
        title="Token Cache",
        description=(
            "Path of a private file (mode 0600) that carries the token pair to the next run, for example "
            "/var/lib/tap-yoc/token.json. Off when left out: every run logs in anew. "
            "Needs the extra tap-yoc[token-cache]."
        ),
    ),
    th.Property(
        "client_auth",
        th.StringType(),
        allowed_values=["body", "basic"],
        default="body",
        title="Client Authentication",
        description="Where client_id and client_secret travel at login: in the body, or in an HTTP Basic header.",
    ),
    th.Property(
        "auth_format",
        th.StringType(),
        allowed_values=["json", "form"],
        default="json",
        title="Login Format",
        description="The format of the login's body: json, or form for multipart/form-data.",
    ),
    th.Property(
        "start_date",
        th.DateType,
        title="Start Date",
        description=(
            "First day wanted, as YYYY-MM-DD. Left out: the earliest day that YOC serves, six months ago. "
            "Earlier days are not served."
        ),
    ),
    th.Property(
        "end_date",
        th.DateType,
        title="End Date",
        description="Last day wanted, inclusive, as YYYY-MM-DD. Left out: yesterday in timezone.",
    ),
    th.Property(
        "timezone",
        th.StringType,
        default="Europe/Berlin",
        title="Time Zone",
        description="IANA name of the zone whose midnight ends a day, such as Europe/Berlin or UTC.",
    ),
    th.Property(
        "lookback_days",
        th.IntegerType(minimum=0),
        default=7,
        title="Lookback Days",
        description=(
            "So many finished days are read again in every run, since YOC revises figures for some days. "
            "0 reads each day once."
        ),
    ),
    th.Property(
        "reports",
        th.ArrayType(th.ObjectType(additional_properties=True)),
        default=[],
        title="Own Reports",
        description=(
            "Your own reports, each one stream. An entry has name, group_by (a list of dimensions), and optionally "
            "data_fields (a list of metrics; left out: every numeric metric), query (a filter in YOC's syntax) and "
            "lookback_days. Example: "
            '[{"name": "hb_units", "group_by": ["date", "ad_unit_visx_id"], "data_fields": ["impressions"], '
            '"query": {"like": {"ad_unit_name": "%_HB"}}}]'
        ),
    ),
    th.Property(
        "standard_reports",
        th.ArrayType(th.StringType),
        title="Standard Reports",
        description=f"Names of the standard reports to offer. Left out: {USUAL}. Off unless named: {HEAVY}.",
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=500),
        default=500,
        title="Page Size",
        description="Rows a request, from 1 to 500, which is YOC's limit.",
    ),
    th.Property(
        "window_days",
        th.IntegerType(minimum=1),
        default=31,
        title="Window Days",
        description=(
            "Days in one query, 1 or more. The bookmark moves after each window that was read and checked whole, "
            "so a smaller window means less to repeat after a crash."
        ),
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=16),
        default=4,
        title="Concurrency",
        description="Requests in flight at most, from 1 to 16. The tap slows down by itself when YOC asks for it.",
    ),
    th.Property(
        "request_timeout",
        th.NumberType(exclusive_minimum=0),
        default=60,
        title="Request Timeout",
        description="Seconds that YOC has for one answer.",
    ),
    th.Property(
        "max_wait_minutes",
        th.NumberType(exclusive_minimum=0),
        default=30,
        title="Longest Wait",
        description="Minutes for which one request is retried in all, before the run gives up with exit code 5.",
    ),
    th.Property(
        "on_incomplete_day",
        th.StringType(),
        allowed_values=["warn", "fail"],
        default="warn",
        title="On Incomplete Day",
        description=(
            "What to do when a day's figures do not sum up to the account's totals, even after reading it again: "
            "warn, or fail with exit code 4 and the bookmark before the window."
        ),
    ),
    th.Property(
        "summary_format",
        th.StringType(),
        allowed_values=["text", "json"],
        default="text",
        title="Summary Format",
        description=(
            "How the last line of the log tells what the run did: text, or json for one JSON object that a monitor "
            "can read."
        ),
    ),
    th.Property(
        "backfill_from",
        th.DateType,
        title="Backfill From",
        description="Read again from this day, as YYYY-MM-DD, and leave the bookmarks untouched.",
    ),
    th.Property(
        "backfill_to",
        th.DateType,
        title="Backfill To",
        description="Last day of the backfill, inclusive, as YYYY-MM-DD. Left out: yesterday.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.yoc.com",
        title="API URL",
        description="Where the reporting API is. Plain http is allowed for this machine's own addresses only.",
    ),
    th.Property(
        "auth_url",
        th.StringType,
        default="https://oauth.yoc.com",
        title="Login URL",
        description="Where the token endpoint is. Plain http is allowed for this machine's own addresses only.",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User Agent",
        description="How the tap introduces itself. Left out: tap-yoc/ and its version.",
    ),
    additional_properties=False,
).to_dict()
