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
            "The login of hub.yoc.com. Required unless refresh_token and token_cache are set. "
            "A technical user of its own is best."
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
            "Start from this token instead of a password. It changes with every use, so it needs token_cache."
        ),
    },
    "token_cache": {
        **OPTIONAL_TEXT,
        "title": "Token Cache",
        "description": (
            "Path of a private file (mode 0600) that carries the token pair to the next run, for example "
            "/var/lib/tap-yoc/token.json. Off when left out: every run logs in anew. "
            "Needs the extra tap-yoc[token-cache]."
        ),
    },
    "client_auth": {
        **OPTIONAL_TEXT,
        "enum": ["body", "basic"],
        "default": "body",
        "title": "Client Authentication",
        "description": "Where client_id and client_secret travel at login: in the body, or in an HTTP Basic header.",
    },
    "auth_format": {
        **OPTIONAL_TEXT,
        "enum": ["json", "form"],
        "default": "json",
        "title": "Login Format",
        "description": "The format of the login's body: json, or form for multipart/form-data.",
    },
    "start_date": {
        **OPTIONAL_DATE,
        "title": "Start Date",
        "description": (
            "First day wanted, as YYYY-MM-DD. Left out: the earliest day that YOC serves, six months ago. "
            "Earlier days are not served."
        ),
    },
    "end_date": {
        **OPTIONAL_DATE,
        "title": "End Date",
        "description": "Last day wanted, inclusive, as YYYY-MM-DD. Left out: yesterday in timezone.",
    },
    "timezone": {
        **OPTIONAL_TEXT,
        "default": "Europe/Berlin",
        "title": "Time Zone",
        "description": "IANA name of the zone whose midnight ends a day, such as Europe/Berlin or UTC.",
    },
    "lookback_days": {
        **OPTIONAL_INTEGER,
        "minimum": 0,
        "default": 7,
        "title": "Lookback Days",
        "description": (
            "So many finished days are read again in every run, since YOC revises figures for some days. "
            "0 reads each day once."
        ),
    },
    "reports": {
        **OPTIONAL_LIST,
        "items": {"type": "object", "properties": {}, "additionalProperties": True},
        "default": [],
        "title": "Own Reports",
        "description": (
            "Your own reports, each one stream. An entry has name, group_by (a list of dimensions), and optionally "
            "data_fields (a list of metrics; left out: every numeric metric), query (a filter in YOC's syntax) and "
            "lookback_days. Example: "
            '[{"name": "hb_units", "group_by": ["date", "ad_unit_visx_id"], "data_fields": ["impressions"], '
            '"query": {"like": {"ad_unit_name": "%_HB"}}}]'
        ),
    },
    "standard_reports": {
        **OPTIONAL_LIST,
        "items": {"type": ["string"]},
        "title": "Standard Reports",
        "description": f"Names of the standard reports to offer. Left out: {USUAL}. Off unless named: {HEAVY}.",
    },
    "page_size": {
        **OPTIONAL_INTEGER,
        "minimum": 1,
        "maximum": 500,
        "default": 500,
        "title": "Page Size",
        "description": "Rows a request, from 1 to 500, which is YOC's limit.",
    },
    "window_days": {
        **OPTIONAL_INTEGER,
        "minimum": 1,
        "default": 31,
        "title": "Window Days",
        "description": (
            "Days in one query, 1 or more. The bookmark moves after each window that was read and checked whole, "
            "so a smaller window means less to repeat after a crash."
        ),
    },
    "concurrency": {
        **OPTIONAL_INTEGER,
        "minimum": 1,
        "maximum": 16,
        "default": 4,
        "title": "Concurrency",
        "description": "Requests in flight at most, from 1 to 16. The tap slows down by itself when YOC asks for it.",
    },
    "request_timeout": {
        **OPTIONAL_NUMBER,
        "exclusiveMinimum": 0,
        "default": 60,
        "title": "Request Timeout",
        "description": "Seconds that YOC has for one answer.",
    },
    "max_wait_minutes": {
        **OPTIONAL_NUMBER,
        "exclusiveMinimum": 0,
        "default": 30,
        "title": "Longest Wait",
        "description": "Minutes for which one request is retried in all, before the run gives up with exit code 5.",
    },
    "on_incomplete_day": {
        **OPTIONAL_TEXT,
        "enum": ["warn", "fail"],
        "default": "warn",
        "title": "On Incomplete Day",
        "description": (
            "What to do when a day's figures do not sum up to the account's totals, even after reading it again: "
            "warn, or fail with exit code 4 and the bookmark before the window."
        ),
    },
    "summary_format": {
        **OPTIONAL_TEXT,
        "enum": ["text", "json"],
        "default": "text",
        "title": "Summary Format",
        "description": (
            "How the last line of the log tells what the run did: text, or json for one JSON object that a monitor "
            "can read."
        ),
    },
    "backfill_from": {
        **OPTIONAL_DATE,
        "title": "Backfill From",
        "description": "Read again from this day, as YYYY-MM-DD, and leave the bookmarks untouched.",
    },
    "backfill_to": {
        **OPTIONAL_DATE,
        "title": "Backfill To",
        "description": "Last day of the backfill, inclusive, as YYYY-MM-DD. Left out: yesterday.",
    },
    "api_url": {
        **OPTIONAL_TEXT,
        "default": "https://api.yoc.com",
        "title": "API URL",
        "description": "Where the reporting API is. Plain http is allowed for this machine's own addresses only.",
    },
    "auth_url": {
        **OPTIONAL_TEXT,
        "default": "https://oauth.yoc.com",
        "title": "Login URL",
        "description": "Where the token endpoint is. Plain http is allowed for this machine's own addresses only.",
    },
    "user_agent": {
        **OPTIONAL_TEXT,
        "title": "User Agent",
        "description": "How the tap introduces itself. Left out: tap-yoc/ and its version.",
    },
}

SETTINGS: dict[str, Any] = {
    "type": "object",
    "properties": PROPERTIES,
    "required": list(REQUIRED),
    "additionalProperties": False,
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}
