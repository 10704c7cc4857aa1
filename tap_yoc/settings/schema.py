"""The settings as users see them: titles, descriptions, defaults, limits and secrets, as JSON Schema."""

from __future__ import annotations

from typing import Any

from tap_yoc.reports.standard import STANDARD_REPORTS

HEAVY = ", ".join(report.name for report in STANDARD_REPORTS if report.is_heavy)
USUAL = ", ".join(report.name for report in STANDARD_REPORTS if not report.is_heavy)

REQUIRED = ("client_id", "client_secret")
OPTIONAL_TEXT = {"type": ["string", "null"]}
OPTIONAL_DATE = {**OPTIONAL_TEXT, "format": "date"}
OPTIONAL_INTEGER = {"type": ["integer", "null"]}
OPTIONAL_NUMBER = {"type": ["number", "null"]}
OPTIONAL_LIST = {"type": ["array", "null"]}
SECRET = {"secret": True, "writeOnly": True}

PROPERTIES: dict[str, dict[str, Any]] = {
    "client_id": {
        "type": ["string"],
        "title": "Client ID",
        "description": "The API client's id, from your YOC account manager.",
    },
    "client_secret": {
        "type": ["string"],
        **SECRET,
        "title": "Client Secret",
        "description": "The API client's secret, from your YOC account manager.",
    },
    "username": {
        **OPTIONAL_TEXT,
        "title": "Username",
        "description": (
            "The login of hub.yoc.com. Required unless refresh_token and token_cache are set. Preferably a "
            "technical user."
        ),
    },
    "password": {
        **OPTIONAL_TEXT,
        **SECRET,
        "title": "Password",
        "description": "The password of hub.yoc.com. Required unless refresh_token and token_cache are set.",
    },
    "refresh_token": {
        **OPTIONAL_TEXT,
        **SECRET,
        "title": "Refresh Token",
        "description": (
            "Start with this token instead of a password. It changes with every use, so it needs token_cache."
        ),
    },
    "token_cache": {
        **OPTIONAL_TEXT,
        "title": "Token Cache",
        "description": (
            "Path of a private file (mode 0600) that keeps the tokens for the next run, for example "
            "/var/lib/tap-yoc/token.json. Without it, every run logs in."
        ),
    },
    "client_auth": {
        **OPTIONAL_TEXT,
        "enum": ["body", "basic"],
        "default": "body",
        "title": "Client Authentication",
        "description": "Where the login sends client_id and client_secret: in the body, or in an HTTP Basic header.",
    },
    "auth_format": {
        **OPTIONAL_TEXT,
        "enum": ["json", "form"],
        "default": "json",
        "title": "Login Format",
        "description": "Format of the login's body: json, or form for multipart/form-data.",
    },
    "start_date": {
        **OPTIONAL_DATE,
        "title": "Start Date",
        "description": (
            "First day to read, as YYYY-MM-DD. Default: the earliest day that YOC serves, about six months ago."
        ),
    },
    "end_date": {
        **OPTIONAL_DATE,
        "title": "End Date",
        "description": "Last day to read, inclusive, as YYYY-MM-DD. Default: yesterday in timezone.",
    },
    "timezone": {
        **OPTIONAL_TEXT,
        "default": "Europe/Berlin",
        "title": "Time Zone",
        "description": "IANA name of the time zone in which days end, such as Europe/Berlin or UTC.",
    },
    "lookback_days": {
        **OPTIONAL_INTEGER,
        "minimum": 0,
        "default": 7,
        "title": "Lookback Days",
        "description": (
            "Number of finished days that every run reads again, because YOC revises recent figures. 0 reads each "
            "day once."
        ),
    },
    "reports": {
        **OPTIONAL_LIST,
        "items": {"type": "object", "properties": {}, "additionalProperties": True},
        "default": [],
        "title": "Custom Reports",
        "description": (
            "Custom reports; each becomes a stream. An entry has name, group_by (a list of dimensions), and optionally "
            "data_fields (a list of metrics; default: every numeric metric), query (a filter in YOC's syntax) and "
            "lookback_days. Example: "
            '[{"name": "hb_units", "group_by": ["date", "ad_unit_visx_id"], "data_fields": ["impressions"], '
            '"query": {"like": {"ad_unit_name": "%_HB"}}}]'
        ),
    },
    "standard_reports": {
        **OPTIONAL_LIST,
        "items": {"type": ["string"]},
        "title": "Standard Reports",
        "description": f"Names of the standard reports to offer. Default: {USUAL}. Off unless named: {HEAVY}.",
    },
    "page_size": {
        **OPTIONAL_INTEGER,
        "minimum": 1,
        "maximum": 500,
        "default": 500,
        "title": "Page Size",
        "description": "Rows per request, from 1 to 500. YOC allows no more.",
    },
    "window_days": {
        **OPTIONAL_INTEGER,
        "minimum": 1,
        "default": 31,
        "title": "Window Days",
        "description": (
            "Days per query, at least 1. The bookmark moves after each window, so a smaller window means less to "
            "repeat after a crash."
        ),
    },
    "concurrency": {
        **OPTIONAL_INTEGER,
        "minimum": 1,
        "maximum": 16,
        "default": 4,
        "title": "Concurrency",
        "description": "Maximum number of requests in flight, from 1 to 16. The tap slows down when YOC asks it to.",
    },
    "request_timeout": {
        **OPTIONAL_NUMBER,
        "exclusiveMinimum": 0,
        "default": 60,
        "title": "Request Timeout",
        "description": "Seconds to wait for one answer.",
    },
    "max_wait_minutes": {
        **OPTIONAL_NUMBER,
        "exclusiveMinimum": 0,
        "default": 30,
        "title": "Longest Wait",
        "description": "Minutes to keep retrying a request before the run gives up with exit code 5.",
    },
    "on_incomplete_day": {
        **OPTIONAL_TEXT,
        "enum": ["warn", "fail"],
        "default": "warn",
        "title": "On Incomplete Day",
        "description": (
            "What to do if a day's figures still differ from the account's totals after a second reading: warn, "
            "or fail with exit code 4 and keep the bookmark before the window."
        ),
    },
    "summary_format": {
        **OPTIONAL_TEXT,
        "enum": ["text", "json"],
        "default": "text",
        "title": "Summary Format",
        "description": (
            "Format of the last log line, which sums up the run: text, or json for one JSON object that a monitor "
            "can read."
        ),
    },
    "backfill_from": {
        **OPTIONAL_DATE,
        "title": "Backfill From",
        "description": "First day to read again, as YYYY-MM-DD. A backfill leaves the bookmarks alone.",
    },
    "backfill_to": {
        **OPTIONAL_DATE,
        "title": "Backfill To",
        "description": "Last day of the backfill, inclusive, as YYYY-MM-DD. Default: yesterday.",
    },
    "api_url": {
        **OPTIONAL_TEXT,
        "default": "https://api.yoc.com",
        "title": "API URL",
        "description": "URL of the reporting API. Plain http is allowed only for addresses of this machine.",
    },
    "auth_url": {
        **OPTIONAL_TEXT,
        "default": "https://oauth.yoc.com",
        "title": "Login URL",
        "description": "URL of the token endpoint. Plain http is allowed only for addresses of this machine.",
    },
    "user_agent": {
        **OPTIONAL_TEXT,
        "title": "User Agent",
        "description": "User-Agent header of all requests. Default: tap-yoc/ and its version.",
    },
}

SETTINGS: dict[str, Any] = {
    "type": "object",
    "properties": PROPERTIES,
    "required": list(REQUIRED),
    "additionalProperties": False,
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}
