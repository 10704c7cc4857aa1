"""The settings of a run, read once: after this nobody looks at the raw configuration again."""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR, extend_validator_with_defaults

from tap_yoc.errors import SettingsError
from tap_yoc.windows import Window, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Validator = extend_validator_with_defaults(DEFAULT_JSONSCHEMA_VALIDATOR)

LONGEST_SECONDS = 1_000_000
"""More than any run should wait, and less than what a socket cannot count."""

SECRETS = ("client_secret", "password", "refresh_token")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the user wants, in the types the code wants; the settings' descriptions are in `setting_descriptions.py`."""

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
    """Its last day is the calendar's last when `backfill_to` is left out."""
    api_url: str
    auth_url: str
    user_agent: str


def secrets_in(raw: Mapping[str, Any]) -> list[str]:
    """Return the values that must never be shown, from a configuration that may be wrong otherwise."""
    return [str(raw[name]) for name in SECRETS if raw.get(name)]


def completed(raw: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with each setting of its kind, and with the defaults of what is left out.

    Environment variables carry everything as text: `"7"`, `"[{…}]"`. Empty optional settings count as left out.

    Raises:
        SettingsError: A setting is unknown, missing or of another kind; names the setting, never its value.
    """
    config = _tidied(raw, schema)
    _fill_in_and_check(config, schema)
    return config


def parse(config: Mapping[str, Any]) -> Settings:
    """Return the settings of a configuration whose kinds are right and whose defaults are filled in.

    Raises:
        SettingsError: A value makes no sense, alone or with the others.
    """
    config = {name: value.strip() if isinstance(value, str) and name not in SECRETS else value
              for name, value in config.items()}  # fmt: skip
    for name in ("client_id", "client_secret"):
        if not config.get(name):
            raise SettingsError(f"Setting {name} is empty; YOC's account manager hands it out.")
    _check_login(config)
    if config.get("batch_config") and config.get("stream_maps"):
        raise SettingsError(
            "Settings batch_config and stream_maps exclude each other: batch files would not be mapped."
        )
    start, end = _day(config, "start_date"), _day(config, "end_date")
    if start and end and start > end:
        raise SettingsError("Setting start_date lies after end_date; swap them.")
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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean x?`-like text for the closest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _tidied(raw: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with text turned into the kind each setting has; empty optional settings left out."""
    tidy: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in schema["properties"]:
            raise SettingsError(f"There is no setting {name}{did_you_mean(name, schema['properties'])}.")
        if isinstance(value, str) and not _is_unicode(value):
            raise SettingsError(f"Setting {name} must be text in UTF-8.")
        kinds = _kinds(schema["properties"].get(name, {}))
        if value is None or (value == "" and name not in schema.get("required", ())):
            continue
        tidy[name] = value
        if isinstance(value, str) and "string" not in kinds and kinds:
            try:
                read = json.loads(
                    value.strip().lower() if "boolean" in kinds else value, parse_constant=refuse_constant
                )
                tidy[name] = _nested(read) if "object" in kinds and isinstance(read, dict) else read
            except ValueError:
                raise SettingsError(f"Setting {name} must be {_wanted(schema['properties'][name])}.") from None
    return tidy


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping as it was before Meltano wrote it into a variable: `{"a.b": 1}` is `{"a": {"b": 1}}`.

    Raises:
        ValueError: A name is both a value and a mapping.
    """
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *outer, name = path.split(".")
        place = nested
        for step in outer:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise ValueError(path)  # noqa: TRY004 - it is the text that is wrong
        if name in place:
            raise ValueError(path)
        place[name] = value
    return nested


def _is_unicode(text: str) -> bool:
    """Say whether text can be written; bytes of a variable that are no UTF-8 become half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fill_in_and_check(config: dict[str, Any], schema: dict[str, Any]) -> None:
    """Fill in the defaults, and turn the first finding of the JSON Schema validator into a sentence."""
    for error in _Validator(schema).iter_errors(config):
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            if place := ".".join(map(str, error.path)):
                raise SettingsError(f"Setting {place}.{missing[0]} is missing; it is required.")
            raise SettingsError(
                f"Setting {missing[0]} is missing; it belongs in the file that --config names, or with --config=ENV in "
                f"TAP_YOC_{missing[0].upper()}."
            )
        name = str(error.path[0]) if error.path else "?"
        place = ".".join(map(str, error.path)) or name
        wanted = _wanted(error.schema if isinstance(error.schema, dict) else {})
        raise SettingsError(f"Setting {place} must be {wanted}.")


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
        raise SettingsError(f"Setting {name} must be a day that exists, as YYYY-MM-DD.") from None


def _backfill(config: Mapping[str, Any]) -> Window | None:
    first, last = _day(config, "backfill_from"), _day(config, "backfill_to")
    if last and not first:
        raise SettingsError("Setting backfill_to needs backfill_from beside it.")
    if first and last and first > last:
        raise SettingsError("Setting backfill_from lies after backfill_to; swap them.")
    return Window(first=first, last=last or date.max) if first else None


def _span(config: Mapping[str, Any], name: str) -> float:
    if not 0 < config[name] <= LONGEST_SECONDS:
        raise SettingsError(f"Setting {name} must be a number above 0, and {LONGEST_SECONDS} at most.")
    return float(config[name])


def refuse_constant(constant: str) -> None:
    """Refuse NaN and Infinity, which Python's JSON takes and JSON does not have."""
    raise ValueError(constant)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise SettingsError("Setting timezone must be an IANA zone name such as Europe/Berlin.") from None


def _check_login(config: Mapping[str, Any]) -> None:
    if config.get("refresh_token") and not config.get("token_cache"):
        raise SettingsError("Setting refresh_token needs token_cache beside it: the token changes with every use.")
    if config.get("username") and config.get("password"):
        return
    if not config.get("refresh_token"):
        missing = "password" if config.get("username") else "username"
        raise SettingsError(
            f"Setting {missing} is missing; the login of hub.yoc.com is required, or refresh_token with token_cache."
        )


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
            raise SettingsError(f"Setting {name} must be an address without credentials or parameters in it.")
        if parts.scheme == "http" and not _is_loopback(host):
            raise SettingsError(
                f"Setting {name} must start with https; plain http is for this machine's own addresses."
            )
    if not host or parts.scheme not in {"http", "https"}:
        raise SettingsError(f"Setting {name} must be an address such as https://api.yoc.com.")
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    kinds = schema.get("type", ())
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _wanted(schema: Mapping[str, Any]) -> str:
    """Say in words what a JSON Schema wants."""
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    kinds = _kinds(schema)
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list",
        "object": "a mapping",
        "string": "text",
    }
    kind = next((word for name, word in words.items() if name in kinds), "of another kind")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    if schema.get("exclusiveMinimum") is not None:
        return f"{kind} above {schema['exclusiveMinimum']}"
    return f"{kind} of {low} or more" if low is not None else kind
