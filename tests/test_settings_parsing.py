"""Settings from files and from environment variables, and one sentence for each that is wrong."""

from __future__ import annotations

import json
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click
import pytest
from harness import settings_of

from tap_yoc.dates import Window, day_of
from tap_yoc.errors import ExitCode, SettingsError
from tap_yoc.settings.coercion import coerced_config
from tap_yoc.settings.parsing import secrets_in
from tap_yoc.tap import TapYOC
from tap_yoc.wording import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from tap_yoc.settings.parsing import Settings

CANARY = "s3cr3t-canary"
CONFIG = {
    "client_id": "client",
    "client_secret": f"{CANARY}-client",
    "username": "reports@example.com",
    "password": f"{CANARY}-password",
}
TOKEN = {
    "client_id": "client",
    "client_secret": f"{CANARY}-client",
    "refresh_token": f"{CANARY}-token",
    "token_cache": "/var/lib/tap-yoc/token.json",
}


def with_settings(**changed: Any) -> Settings:  # noqa: ANN401 - any setting
    """Return the settings of a complete configuration, with changes."""
    return settings_of({**CONFIG, **changed})


def refusal(raw: dict[str, Any]) -> str:
    """Return the sentence with which a configuration is refused."""
    with pytest.raises(SettingsError) as caught:
        settings_of(raw)
    assert caught.value.exit_code is ExitCode.SETTINGS
    return str(caught.value)


def test_the_defaults_are_those_of_the_contract() -> None:
    """With nothing but the login, every setting has its documented default."""
    settings = settings_of(CONFIG)
    assert {name: getattr(settings, name) for name in setting_names() if name not in CONFIG} == {
        "refresh_token": None,
        "token_cache": None,
        "client_auth": "body",
        "auth_format": "json",
        "start_date": None,
        "end_date": None,
        "timezone": settings.timezone,
        "lookback_days": 7,
        "reports": (),
        "standard_reports": None,
        "page_size": 500,
        "window_days": 31,
        "concurrency": 4,
        "request_timeout": 60.0,
        "max_wait_minutes": 30.0,
        "on_incomplete_day": "warn",
        "summary_format": "text",
        "backfill": None,
        "api_url": "https://api.yoc.com",
        "auth_url": "https://oauth.yoc.com",
        "user_agent": f"tap-yoc/{version('tap-yoc')}",
    }
    assert settings.timezone.key == "Europe/Berlin"


def setting_names() -> list[str]:
    """Return the names of all settings as the code knows them."""
    return list(settings_of(CONFIG).__dataclass_fields__)


@pytest.mark.parametrize(
    ("changed", "name", "value"),
    [
        pytest.param({"lookback_days": "7"}, "lookback_days", 7, id="integer-as-text"),
        pytest.param({"lookback_days": " 0 "}, "lookback_days", 0, id="integer-with-blanks"),
        pytest.param({"page_size": 500.0}, "page_size", 500, id="whole-float"),
        pytest.param({"page_size": "500.0"}, "page_size", 500, id="whole-float-as-text"),
        pytest.param({"request_timeout": "2.5"}, "request_timeout", 2.5, id="number-as-text"),
        pytest.param({"max_wait_minutes": 0.1}, "max_wait_minutes", 0.1, id="fraction-of-a-minute"),
        pytest.param({"concurrency": 16}, "concurrency", 16, id="most-requests"),
        pytest.param({"window_days": 200}, "window_days", 200, id="wide-window"),
        pytest.param({"page_size": 1}, "page_size", 1, id="smallest-page"),
        pytest.param({"reports": "[]"}, "reports", (), id="no-reports-as-text"),
        pytest.param(
            {"reports": '[{"name": "mine", "group_by": ["date"]}]'},
            "reports",
            ({"name": "mine", "group_by": ["date"]},),
            id="reports-as-text",
        ),
        pytest.param(
            {"reports": [{"name": "mine", "group_by": ["date"]}]},
            "reports",
            ({"name": "mine", "group_by": ["date"]},),
            id="reports-as-list",
        ),
        pytest.param({"standard_reports": '["site_daily"]'}, "standard_reports", ("site_daily",), id="names-as-text"),
        pytest.param({"standard_reports": []}, "standard_reports", (), id="no-standard-reports"),
        pytest.param({"standard_reports": "[]"}, "standard_reports", (), id="no-standard-reports-as-text"),
        pytest.param({"start_date": "2026-01-31"}, "start_date", date(2026, 1, 31), id="date"),
        pytest.param({"start_date": " 2026-01-31 "}, "start_date", date(2026, 1, 31), id="date-with-blanks"),
        pytest.param({"start_date": "2026-01-31T23:30:00Z"}, "start_date", date(2026, 1, 31), id="date-time"),
        pytest.param({"end_date": "2026-01-31 23:30:00"}, "end_date", date(2026, 1, 31), id="date-time-with-blank"),
        pytest.param({"start_date": "2024-02-29"}, "start_date", date(2024, 2, 29), id="leap-day"),
        pytest.param({"start_date": ""}, "start_date", None, id="empty-date"),
        pytest.param({"start_date": None}, "start_date", None, id="null-date"),
        pytest.param({"lookback_days": ""}, "lookback_days", 7, id="empty-integer-is-the-default"),
        pytest.param({"timezone": ""}, "api_url", "https://api.yoc.com", id="empty-zone-is-the-default"),
        pytest.param({"token_cache": ""}, "token_cache", None, id="empty-token-cache-is-off"),
        pytest.param({"reports": None}, "reports", (), id="null-reports"),
        pytest.param({"api_url": "https://api.example.com/"}, "api_url", "https://api.example.com", id="slash"),
        pytest.param({"api_url": " https://api.example.com "}, "api_url", "https://api.example.com", id="blanks"),
        pytest.param({"api_url": "https://h.example.com/yoc/"}, "api_url", "https://h.example.com/yoc", id="path"),
        pytest.param({"api_url": "http://127.0.0.1:8000"}, "api_url", "http://127.0.0.1:8000", id="http-loopback"),
        pytest.param({"auth_url": "http://127.8.9.1"}, "auth_url", "http://127.8.9.1", id="http-other-loopback"),
        pytest.param({"api_url": "http://[::1]:8000"}, "api_url", "http://[::1]:8000", id="http-loopback-v6"),
        pytest.param({"api_url": "http://localhost:8000/"}, "api_url", "http://localhost:8000", id="http-localhost"),
        pytest.param({"api_url": "http://yoc.localhost"}, "api_url", "http://yoc.localhost", id="http-under-localhost"),
        pytest.param({"user_agent": "mine/1.0"}, "user_agent", "mine/1.0", id="user-agent"),
        pytest.param({"client_id": " client "}, "client_id", "client", id="blanks-around-an-id"),
        pytest.param({"client_secret": f" {CANARY} "}, "client_secret", f" {CANARY} ", id="secrets-as-they-are"),
        pytest.param({"client_auth": "basic"}, "client_auth", "basic", id="basic"),
        pytest.param({"auth_format": "form"}, "auth_format", "form", id="form"),
        pytest.param({"on_incomplete_day": "fail"}, "on_incomplete_day", "fail", id="fail"),
        pytest.param(
            {"backfill_from": "2026-03-01", "backfill_to": "2026-03-31"},
            "backfill",
            Window(first=date(2026, 3, 1), last=date(2026, 3, 31)),
            id="backfill",
        ),
        pytest.param(
            {"backfill_from": "2026-03-01"},
            "backfill",
            Window(first=date(2026, 3, 1), last=date.max),
            id="backfill-with-open-end",
        ),
        pytest.param(
            {"backfill_from": "2026-03-01", "backfill_to": "2026-03-01"},
            "backfill",
            Window(first=date(2026, 3, 1), last=date(2026, 3, 1)),
            id="backfill-of-one-day",
        ),
        pytest.param(
            {"start_date": "2026-03-01", "end_date": "2026-03-01"}, "end_date", date(2026, 3, 1), id="one-day-only"
        ),
    ],
)
def test_a_setting_is_read_in_every_form_it_may_come_in(changed: dict[str, Any], name: str, value: object) -> None:
    """A setting may come as its kind, as text from the environment, empty, or null."""
    assert getattr(with_settings(**changed), name) == value


def test_a_refresh_token_with_its_cache_needs_no_login() -> None:
    """Whoever has a refresh token and a place to keep the next one needs no password."""
    settings = settings_of(TOKEN)
    assert (settings.username, settings.password) == (None, None)
    assert settings.refresh_token == f"{CANARY}-token"


def test_other_zones_are_known_by_their_iana_names() -> None:
    """Any IANA zone ends the day."""
    assert with_settings(timezone="Pacific/Auckland").timezone.key == "Pacific/Auckland"
    assert with_settings(timezone=" UTC ").timezone.key == "UTC"


def test_settings_of_the_sdk_are_no_mistake() -> None:
    """Settings that every Singer tap has are not refused as unknown."""
    assert with_settings(stream_maps={}, flattening_enabled="true", flattening_max_depth="2").page_size == 500


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"sites": {"site_name": "x"}}', {"sites": {"site_name": "x"}}),
        ('{"sites.site_name": "x", "sites.__filter__": "y"}', {"sites": {"site_name": "x", "__filter__": "y"}}),
        ('{"sites": "__NULL__"}', {"sites": "__NULL__"}),
    ],
)
def test_mappings_are_read_as_meltano_writes_them_into_variables(text: str, read: dict[str, Any]) -> None:
    """It joins the names of nested settings with dots."""
    config = coerced_config({**CONFIG, "stream_maps": text}, TapYOC.known_settings())
    assert config["stream_maps"] == read


@pytest.mark.parametrize(
    "text", ['{"a": "x", "a.b": "y"}', '{"a.b": "y", "a": "x"}', '{"a.b": "x", "a.b.c": "y"}', "5"]
)
def test_what_cannot_be_nested_is_no_mapping(text: str) -> None:
    """A name cannot be a value and a mapping."""
    with pytest.raises(SettingsError, match=r"^Setting stream_map_config must be a mapping\.$"):
        coerced_config({**CONFIG, "stream_map_config": text}, TapYOC.known_settings())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        pytest.param(
            {"client_id": None},
            "Missing: client_id; set the login in the --config file, or with --config=ENV in "
            "TAP_YOC_CLIENT_ID and so on.",
            id="no-client-id",
        ),
        pytest.param({"client_id": ""}, "Missing: client_id; set", id="empty-client-id"),
        pytest.param({"client_id": "  "}, "Missing: client_id; set", id="blank-client-id"),
        pytest.param({"client_secret": ""}, "Missing: client_secret; set", id="empty-client-secret"),
        pytest.param({"client_secret": None}, "Missing: client_secret; set", id="no-client-secret"),
        pytest.param({"client_id": 5}, "Setting client_id must be text.", id="number-for-text"),
        pytest.param({"client_secret": 90210777}, "Setting client_secret must be text.", id="number-for-a-secret"),
        pytest.param({"password": [CANARY]}, "Setting password must be text.", id="list-for-a-secret"),
        pytest.param({"username": None}, "Missing: username; set", id="no-username"),
        pytest.param({"username": " "}, "Missing: username; set", id="blank-username"),
        pytest.param({"password": ""}, "Missing: password; set", id="empty-password"),
        pytest.param({"username": None, "password": None}, "Missing: username, password; set", id="no-login-at-all"),
        pytest.param({"refresh_token": CANARY}, "Setting refresh_token needs token_cache", id="no-cache"),
        pytest.param({"client_auth": "header"}, "Setting client_auth must be one of body, basic.", id="client-auth"),
        pytest.param({"auth_format": "xml"}, "Setting auth_format must be one of json, form.", id="auth-format"),
        pytest.param({"on_incomplete_day": "stop"}, "on_incomplete_day must be one of warn, fail.", id="enum"),
        pytest.param({"start_date": "2026-02-30"}, "Setting start_date must be a valid date", id="no-such-day"),
        pytest.param({"start_date": "2023-02-29"}, "Setting start_date must be a valid date", id="no-leap-day"),
        pytest.param({"end_date": "31.01.2026"}, "Setting end_date must be a valid date", id="german-date"),
        pytest.param({"end_date": "2026-1-31"}, "Setting end_date must be a valid date", id="date-without-zero"),
        pytest.param({"end_date": "20260131"}, "Setting end_date must be a valid date", id="date-without-dashes"),
        pytest.param({"end_date": "2026-W05-6"}, "Setting end_date must be a valid date", id="week-date"),
        pytest.param({"end_date": "2026-01-31x"}, "Setting end_date must be a valid date", id="date-with-a-tail"),
        pytest.param({"end_date": "yesterday"}, "Setting end_date must be a valid date", id="word"),
        pytest.param({"end_date": 20260131}, "Setting end_date must be", id="number-for-a-date"),
        pytest.param({"start_date": "2026-02-02", "end_date": "2026-02-01"}, "start_date is after", id="swapped"),
        pytest.param({"backfill_to": "2026-02-01"}, "Setting backfill_to needs backfill_from", id="backfill-end"),
        pytest.param(
            {"backfill_from": "2026-02-02", "backfill_to": "2026-02-01"}, "backfill_from is after", id="backfill"
        ),
        pytest.param(
            {"backfill_from": "2026-13-01"}, "Setting backfill_from must be a valid date", id="backfill-month"
        ),
        pytest.param({"timezone": "Berlin"}, "Setting timezone must be an IANA zone name", id="zone"),
        pytest.param({"timezone": "Europe"}, "Setting timezone must be an IANA", id="zone-directory"),
        pytest.param({"timezone": "../../etc/passwd"}, "Setting timezone must be an IANA", id="zone-path"),
        pytest.param({"timezone": 1}, "Setting timezone must be text.", id="zone-number"),
        pytest.param({"lookback_days": -1}, "Setting lookback_days must be a whole number of 0 or more.", id="low"),
        pytest.param({"lookback_days": "-1"}, "Setting lookback_days must be a whole number of 0", id="low-text"),
        pytest.param({"lookback_days": 1.5}, "Setting lookback_days must be a whole number", id="fraction"),
        pytest.param({"lookback_days": "seven"}, "Setting lookback_days must be a whole number", id="word-for-number"),
        pytest.param({"lookback_days": True}, "Setting lookback_days must be a whole number", id="boolean-for-number"),
        pytest.param({"lookback_days": [7]}, "Setting lookback_days must be a whole number", id="list-for-number"),
        pytest.param({"page_size": 501}, "Setting page_size must be a whole number from 1 to 500.", id="page-too-big"),
        pytest.param({"page_size": 0}, "Setting page_size must be a whole number from 1 to 500.", id="no-page"),
        pytest.param({"window_days": 0}, "Setting window_days must be a whole number of 1 or more.", id="no-window"),
        pytest.param({"concurrency": 17}, "Setting concurrency must be a whole number from 1 to 16.", id="too-many"),
        pytest.param({"concurrency": 0}, "Setting concurrency must be a whole number from 1 to 16.", id="too-few"),
        pytest.param({"request_timeout": 0}, "Setting request_timeout must be a number above 0.", id="no-timeout"),
        pytest.param({"request_timeout": "-1"}, "Setting request_timeout must be a number above 0.", id="negative"),
        pytest.param({"request_timeout": "NaN"}, "Setting request_timeout must be a number", id="nan"),
        pytest.param({"max_wait_minutes": 0}, "Setting max_wait_minutes must be a number above 0.", id="no-wait"),
        pytest.param({"max_wait_minutes": "Infinity"}, "Setting max_wait_minutes must be a number", id="infinite"),
        pytest.param({"max_wait_minutes": "1e999"}, "Setting max_wait_minutes must be a number", id="overflow"),
        pytest.param({"reports": "[{"}, "Setting reports must be a list.", id="broken-json"),
        pytest.param({"reports": "{}"}, "Setting reports must be a list.", id="mapping-for-a-list"),
        pytest.param({"reports": "hb_units"}, "Setting reports must be a list.", id="word-for-a-list"),
        pytest.param({"reports": ["hb_units"]}, "Setting reports.0 must be a mapping.", id="word-for-a-report"),
        pytest.param({"standard_reports": "site_daily"}, "Setting standard_reports must be a list.", id="bare-name"),
        pytest.param({"standard_reports": [1]}, "Setting standard_reports.0 must be text.", id="number-for-a-name"),
        pytest.param({"api_url": "http://api.yoc.com"}, "Setting api_url must start with https", id="plain-http"),
        pytest.param({"auth_url": "http://10.0.0.1"}, "Setting auth_url must start with https", id="http-in-the-lan"),
        pytest.param({"api_url": "http://localhost.example.com"}, "must start with https", id="http-near-localhost"),
        pytest.param({"api_url": "http://127.0.0.1.example.com"}, "must start with https", id="http-near-loopback"),
        pytest.param({"api_url": "api.yoc.com"}, "Setting api_url must be a URL such as", id="no-scheme"),
        pytest.param({"api_url": "https://"}, "Setting api_url must be a URL such as", id="no-host"),
        pytest.param({"api_url": "ftp://api.yoc.com"}, "Setting api_url must be a URL such as", id="ftp"),
        pytest.param({"api_url": "https://h:port"}, "Setting api_url must be a URL such as", id="port-is-a-word"),
        pytest.param({"api_url": "https://h:99999"}, "Setting api_url must be a URL such as", id="port-too-high"),
        pytest.param({"api_url": "https://[::1"}, "Setting api_url must be a URL such as", id="broken-v6"),
        pytest.param({"api_url": f"https://me:{CANARY}@h.example"}, "without credentials", id="credentials"),
        pytest.param({"api_url": f"https://{CANARY}@h.example"}, "without credentials", id="user-in-the-address"),
        pytest.param({"api_url": f"http://localhost@{CANARY}.example"}, "without credentials", id="fake-localhost"),
        pytest.param({"api_url": f"https://h.example?key={CANARY}"}, "without credentials or parameters", id="query"),
        pytest.param({"api_url": "https://h.example#x"}, "without credentials or parameters", id="fragment"),
        pytest.param({"pasword": CANARY}, "There is no setting pasword (did you mean password?).", id="typo"),
        pytest.param({"lookback": 7}, "(did you mean lookback_days?)", id="half-a-name"),
        pytest.param({"zzz": CANARY}, "There is no setting zzz.", id="nothing-like-it"),
        pytest.param({"Client_ID": "x"}, "(did you mean client_id?)", id="other-case"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(changed: dict[str, Any], says: str) -> None:
    """What is wrong is said in one sentence that names the setting and shows no value of a secret."""
    sentence = refusal({name: value for name, value in {**CONFIG, **changed}.items() if value is not None})
    assert says in sentence
    assert CANARY not in sentence
    assert "90210777" not in sentence
    assert "\n" not in sentence


def test_a_wrong_refresh_token_is_not_shown() -> None:
    """The refresh token is as secret as the password."""
    assert CANARY not in refusal({**TOKEN, "refresh_token": {"token": CANARY}})


def test_settings_never_show_their_secrets() -> None:
    """Whoever prints the settings sees no secret."""
    for config in (CONFIG, TOKEN):
        assert CANARY not in repr(settings_of(config))
        assert CANARY not in str(settings_of(config))


def test_secrets_are_known_even_from_a_wrong_configuration() -> None:
    """What must never be shown is found before the configuration is checked, whatever its kind."""
    raw = {**CONFIG, **TOKEN, "client_secret": 90210777, "page_size": "wrong"}
    assert secrets_in(raw) == ["90210777", f"{CANARY}-password", f"{CANARY}-token"]
    assert secrets_in({"password": None, "client_secret": ""}) == []


@pytest.mark.parametrize(
    "value", [None, 5, "", "2026", "2026-01-00", "\u0662\u0660\u0662\u0666-01-01", "2026-01-01-05", ["2026-01-01"]]
)
def test_what_is_no_day_is_a_value_error(value: object) -> None:
    """Only `YYYY-MM-DD`, with or without a time behind it, is a day."""
    with pytest.raises(ValueError, match=r"."):
        day_of(value)


def test_the_closest_name_is_suggested_or_none() -> None:
    """A suggestion is made where one is close."""
    assert did_you_mean("contry", ["country", "site_name"]) == " (did you mean country?)"
    assert did_you_mean("zzz", ["country", "site_name"]) == ""


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**400, id="four-hundred-digits"),
        pytest.param(str(10**400), id="four-hundred-digits-as-text"),
        pytest.param(1e300, id="beyond-any-clock"),
    ],
)
@pytest.mark.parametrize("name", ["request_timeout", "max_wait_minutes"])
def test_a_number_that_no_clock_counts_is_refused(name: str, value: object) -> None:
    """A number of seconds or minutes beyond what sockets and clocks take is refused, and does not break the run."""
    assert f"Setting {name} must be" in refusal({**CONFIG, name: value})


def test_of_several_config_files_the_later_ones_win(tmp_path: Path) -> None:
    """A setting that two files have is the later one's; what only the earlier one has stays."""
    for name, settings in {"all": {"page_size": 70, "window_days": 5}, "one": {"page_size": 30}}.items():
        (tmp_path / name).write_text(json.dumps(settings), encoding="utf-8")
    command = TapYOC.get_singer_command()
    option = next(option for option in command.params if isinstance(option, click.Option) and option.name == "config")
    context = click.Context(command)
    for names, page_size in ((("all", "one"), 30), (("one", "all"), 70)):
        read = TapYOC.cb_config(context, option, tuple(str(tmp_path / name) for name in names))
        assert read.config == {"page_size": page_size, "window_days": 5}
