"""The settings of a run, parsed once; no other code uses the raw configuration."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tap_yoc.dates import Window, day_of
from tap_yoc.errors import SettingsError
from tap_yoc.settings.login import check_login

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SECONDS = 1_000_000
"""Longer than any run should wait, and short enough for a socket's timeout."""

SECRETS = ("client_secret", "password", "refresh_token")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings in the types that the code uses; their descriptions are in `schema.py`."""

    client_id: str
    client_secret: str = field(repr=False)
    username: str | None
    password: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    token_cache: str | None
    client_auth: str
    auth_format: str
    start_date: date | None
    end_date: date | None
    timezone: ZoneInfo
    lookback_days: int
    reports: tuple[Mapping[str, Any], ...]
    standard_reports: tuple[str, ...] | None
    page_size: int
    window_days: int
    concurrency: int
    request_timeout: float
    max_wait_minutes: float
    on_incomplete_day: str
    summary_format: str
    backfill: Window | None
    """Without `backfill_to`, it ends with the last day of the calendar."""
    api_url: str
    auth_url: str
    user_agent: str


def secrets_in(raw: Mapping[str, Any]) -> list[str]:
    """Return the secrets in a configuration that may be invalid otherwise."""
    return [str(raw[name]) for name in SECRETS if raw.get(name)]


def parse(config: Mapping[str, Any]) -> Settings:
    """Return the settings of a configuration with the right types and with defaults filled in.

    Raises:
        SettingsError: A value is invalid, alone or together with others.
    """
    config = {name: value.strip() if isinstance(value, str) and name not in SECRETS else value
              for name, value in config.items()}  # fmt: skip
    check_login(config)
    if config.get("batch_config") and config.get("stream_maps"):
        raise SettingsError(
            "Settings batch_config and stream_maps cannot be combined: batch files would not be mapped."
        )
    start, end = _day(config, "start_date"), _day(config, "end_date")
    if start and end and start > end:
        raise SettingsError("Setting start_date is after end_date; swap them.")
    values = {
        **config,
        "start_date": start,
        "end_date": end,
        "backfill": _backfill(config),
        "timezone": _zone(config["timezone"]),
        "reports": tuple(config.get("reports") or ()),
        "standard_reports": tuple(config["standard_reports"]) if "standard_reports" in config else None,
        "api_url": _address(config, "api_url"),
        "auth_url": _address(config, "auth_url"),
        "user_agent": _user_agent(config),
        **{name: int(config[name]) for name in ("lookback_days", "page_size", "window_days", "concurrency")},
        **{name: _span(config, name) for name in ("request_timeout", "max_wait_minutes")},
    }
    known: dict[str, Any] = {name: values.get(name) for name in Settings.__dataclass_fields__}
    return Settings(**known)


def _user_agent(config: Mapping[str, Any]) -> str:
    agent = str(config.get("user_agent") or f"tap-yoc/{_package_version()}")
    if not re.fullmatch(r"[ -~]+", agent):
        raise SettingsError("Setting user_agent must be one line of plain ASCII.")
    return agent


def _package_version() -> str:
    try:
        return version("tap-yoc")
    except PackageNotFoundError:
        return "0"


def _day(config: Mapping[str, Any], name: str) -> date | None:
    if not config.get(name):
        return None
    try:
        return day_of(config[name])
    except ValueError:
        raise SettingsError(f"Setting {name} must be a valid date, as YYYY-MM-DD.") from None


def _backfill(config: Mapping[str, Any]) -> Window | None:
    first, last = _day(config, "backfill_from"), _day(config, "backfill_to")
    if last and not first:
        raise SettingsError("Setting backfill_to needs backfill_from too.")
    if first and last and first > last:
        raise SettingsError("Setting backfill_from is after backfill_to; swap them.")
    return Window(first=first, last=last or date.max) if first else None


def _span(config: Mapping[str, Any], name: str) -> float:
    if not 0 < config[name] <= LONGEST_SECONDS:
        raise SettingsError(f"Setting {name} must be a number above 0 and at most {LONGEST_SECONDS}.")
    return float(config[name])


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise SettingsError("Setting timezone must be an IANA zone name such as Europe/Berlin.") from None


def _address(config: Mapping[str, Any], name: str) -> str:
    address = str(config[name]).rstrip("/")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        host = ""
    else:
        if parts.username or parts.password or parts.query or parts.fragment:
            raise SettingsError(f"Setting {name} must be a URL without credentials or parameters.")
        if parts.scheme == "http" and not _is_loopback(host):
            raise SettingsError(
                f"Setting {name} must start with https; plain http is only for addresses of this machine."
            )
    if not host or parts.scheme not in {"http", "https"}:
        raise SettingsError(f"Setting {name} must be a URL such as https://api.yoc.com.")
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
