"""The settings stand in four places for users besides `docs/settings.md`, which is made of them; all say the same."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import settings_of
from jsonschema import Draft202012Validator
from pages import snippets
from singer_sdk import Tap

from tap_yoc.errors import SettingsError
from tap_yoc.reports.standard import STANDARD_REPORTS
from tap_yoc.sandbox.world import CREDENTIALS
from tap_yoc.settings.coercion import coerced_config
from tap_yoc.settings.login import PLACEHOLDERS
from tap_yoc.settings.parsing import SECRETS, parse
from tap_yoc.tap import TapYOC

ROOT = Path(__file__).parents[1]
LOGIN = ["client_id", "client_secret", "username", "password"]
OWN_LOGIN = {name: f"my-{name}" for name in LOGIN}

# The SDK adds its own settings to the same dictionary whenever a tap is made.
SDK_SETTINGS: dict[str, Any] = {"properties": {}}
Tap.append_builtin_config(SDK_SETTINGS)
SCHEMA: dict[str, Any] = deepcopy(TapYOC.config_jsonschema)
SETTINGS: dict[str, dict[str, Any]] = {
    name: schema for name, schema in SCHEMA["properties"].items() if name not in SDK_SETTINGS["properties"]
}
DEFAULTS = {name: schema["default"] for name, schema in SETTINGS.items() if "default" in schema}

# A `decimal` that comes as a variable makes Meltano 4.4 fail (it writes no Decimal); its Hub has integers for numbers.
MELTANO_KINDS = {
    **{kind: kind for kind in ("integer", "array", "string", "object", "boolean")},
    "number": "integer",
}

PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
EXTRACTOR, SECOND_ACCOUNT = PROJECT["plugins"]["extractors"]
MELTANO: dict[str, dict[str, Any]] = {setting["name"]: setting for setting in EXTRACTOR["settings"]}
SAMPLE: dict[str, Any] = json.loads((ROOT / "sample_config.json").read_text("utf-8"))


def kind_of(schema: dict[str, Any]) -> str:
    """Return the one JSON type that a setting has beside null."""
    (kind,) = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"]) - {"null"}
    return str(kind)


def one_line(text: str) -> str:
    """Return text without its line breaks."""
    return " ".join(text.split())


def env_example() -> dict[str, tuple[str, str, bool]]:
    """Return what .env.example says by setting: value, description, whether it is commented out."""
    said: dict[str, tuple[str, str, bool]] = {}
    for block in (ROOT / ".env.example").read_text("utf-8").strip().split("\n\n")[2:]:
        *comment, assignment = block.splitlines()
        match = re.fullmatch(r"(# )?TAP_YOC_([A-Z_]+)=(.*)", assignment)
        assert match, block
        description = one_line(" ".join(line.removeprefix("#") for line in comment))
        said[match[2].lower()] = (match[3], description, bool(match[1]))
    return said


def as_text(value: object) -> str:
    """Return a default as a user would write it."""
    return value if isinstance(value, str) else json.dumps(value)


def test_every_setting_has_title_and_description() -> None:
    """What --about prints is user documentation: sentences, and a title for forms."""
    for name, schema in SETTINGS.items():
        assert schema["title"], name
        assert re.fullmatch(r"[A-Z].*[.}\])]", schema["description"]), name


def test_secrets_are_the_ones_that_are_kept_out_of_output() -> None:
    """Whoever marks a setting secret also has it redacted."""
    assert [name for name, schema in SETTINGS.items() if schema.get("secret")] == list(SECRETS)


def test_description_of_standard_reports_names_them_all() -> None:
    """A standard report that is added appears in the description."""
    for report in STANDARD_REPORTS:
        assert report.name in SETTINGS["standard_reports"]["description"]


def test_meltano_yml_fits_meltanos_own_schema() -> None:
    """The file is valid by the schema that Meltano ships."""
    schema = json.loads((resources.files("meltano.schemas") / "meltano.schema.json").read_text("utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(PROJECT)] == []


def test_meltano_yml_has_the_same_settings() -> None:
    """Same names in the same order, labels, descriptions, kinds, defaults, choices and secrecy."""
    assert list(MELTANO) == [*SETTINGS, *SDK_SETTINGS["properties"]]
    for name, schema in SETTINGS.items():
        kind = MELTANO_KINDS[kind_of(schema)]
        kind = "options" if "enum" in schema else "date_iso8601" if schema.get("format") == "date" else kind
        expected: dict[str, Any] = {
            "name": name,
            "label": schema["title"],
            "kind": kind,
            "description": schema["description"],
        }
        if "default" in schema:
            expected["value"] = schema["default"]
        if "enum" in schema:
            expected["options"] = [{"label": choice, "value": choice} for choice in schema["enum"]]
        if schema.get("secret"):
            expected["sensitive"] = True
        assert MELTANO[name] == expected


@pytest.mark.parametrize("name", SDK_SETTINGS["properties"])
def test_meltano_yml_has_the_sdks_settings(name: str) -> None:
    """Those that come with the capabilities, of their kinds, described in words of the project's own."""
    setting = MELTANO[name]
    assert set(setting) == {"name", "kind", "label", "description"}
    assert setting["kind"] == MELTANO_KINDS[kind_of(SDK_SETTINGS["properties"][name])]
    assert setting["description"].endswith(".")


def test_meltano_yml_has_a_second_account() -> None:
    """It is the one that docs/meltano.md shows."""
    (shown,) = [yaml.safe_load(text) for _, text in snippets("docs/meltano.md") if "inherit_from" in text]
    assert shown == [SECOND_ACCOUNT]


def test_meltano_yml_has_the_taps_capabilities() -> None:
    """Meltano gets what --about prints."""
    assert EXTRACTOR["capabilities"] == sorted(capability.value for capability in TapYOC.capabilities)


def test_meltano_yml_asks_no_plugin_index_and_sends_no_statistics() -> None:
    """Every plugin is written out, and no usage is reported."""
    assert PROJECT["send_anonymous_usage_stats"] is False
    for plugins in PROJECT["plugins"].values():
        for plugin in plugins:
            if plugin is not SECOND_ACCOUNT:
                assert {"namespace", "pip_url", "executable", "settings"} <= set(plugin)
            assert "variant" not in plugin


@pytest.mark.parametrize("group", EXTRACTOR["settings_group_validation"], ids=["password", "refresh token"])
def test_each_group_of_meltano_yml_is_enough_to_start(group: list[str]) -> None:
    """The settings of one group, and no others, make a valid configuration."""
    assert settings_of(dict.fromkeys(group, "x")).client_id == "x"


def test_the_sandbox_environment_has_the_sandboxs_login() -> None:
    """As it stands the project talks to `tap-yoc-sandbox` on its usual port."""
    sandbox, production = PROJECT["environments"]
    (plugin,) = sandbox["config"]["plugins"]["extractors"]
    address = "http://127.0.0.1:8098"
    assert plugin == {"name": "tap-yoc", "config": {"api_url": address, "auth_url": address, **CREDENTIALS}}
    assert production == {"name": "production"}
    assert PROJECT["default_environment"] == "sandbox"


def test_the_job_and_the_schedule_name_the_pipeline() -> None:
    """Whoever runs the schedule runs tap and loader."""
    ((job,), (schedule,)) = (PROJECT["jobs"], PROJECT["schedules"])
    assert schedule["job"] == job["name"]
    assert job["tasks"] == [f"{EXTRACTOR['name']} {PROJECT['plugins']['loaders'][0]['name']}"]


def test_sample_config_is_complete_and_valid() -> None:
    """The sample names every setting, with its default or null; the tap accepts it with a login of one's own."""
    assert list(SAMPLE) == list(SETTINGS)
    for name, value in SAMPLE.items():
        if name in LOGIN:
            assert value.startswith("your-") or value.endswith(".example")
        else:
            assert value == DEFAULTS.get(name)
    assert settings_of({**SAMPLE, **OWN_LOGIN}).lookback_days == 7


def test_env_example_has_the_same_settings() -> None:
    """Same names in the same order, descriptions and defaults; only the login is to be filled in."""
    said = env_example()
    assert list(said) == list(SETTINGS)
    for name, (value, description, is_commented) in said.items():
        assert description == SETTINGS[name]["description"]
        assert is_commented == (name not in LOGIN)
        assert value == (SAMPLE[name] if name in LOGIN else as_text(DEFAULTS.get(name, "")))


def test_env_example_is_accepted_by_the_tap() -> None:
    """All variables set as they stand, as text, make a valid configuration, with a login of one's own."""
    given = {name: value for name, (value, _, _) in env_example().items()}
    config = coerced_config({**given, **OWN_LOGIN}, TapYOC.known_settings())
    assert {name: config[name] for name in DEFAULTS} == DEFAULTS
    assert parse(config).reports == ()


@pytest.mark.parametrize("place", ["sample_config.json", ".env.example"])
def test_the_login_of_an_example_is_not_sent(place: str) -> None:
    """Each placeholder is refused by name, alone and with the others."""
    examples = {name: (SAMPLE[name] if place == "sample_config.json" else env_example()[name][0]) for name in LOGIN}
    assert examples == PLACEHOLDERS
    for names in [[name] for name in LOGIN] + [LOGIN]:
        config = {**OWN_LOGIN, **{name: examples[name] for name in names}}
        with pytest.raises(SettingsError, match=rf"^Not filled in: {', '.join(names)}; replace the example"):
            settings_of(config)


@pytest.mark.parametrize("text", ["${YOC_PASSWORD}", "{{ yoc_password }}"])
def test_a_template_that_was_not_filled_in_is_not_sent(text: str) -> None:
    """What a shell, Docker or Airflow should have replaced."""
    with pytest.raises(SettingsError, match=r"^Not filled in: password; replace the example"):
        settings_of({**OWN_LOGIN, "password": text})


def test_the_page_names_the_sdks_settings() -> None:
    """What the SDK adds is named, so that a reader of --about finds it."""
    page = (ROOT / "docs/settings.md").read_text("utf-8").partition("\n## Settings of the SDK\n")[2]
    assert set(re.findall(r"`(\w+)`", page)) >= set(SDK_SETTINGS["properties"])
