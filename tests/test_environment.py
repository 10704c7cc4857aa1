"""Settings in the environment: nothing that looks like one is ignored."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import preloaded
import pytest
from harness import run_command
from hypothesis import given
from hypothesis import strategies as st

from tap_yoc.errors import SettingsError
from tap_yoc.settings.environment import LOG_LEVEL, environment_config
from tap_yoc.settings.login import missing_settings
from tap_yoc.tap import TapYOC

if TYPE_CHECKING:
    from pathlib import Path

    from tap_yoc.sandbox.server import Sandbox

SCHEMA = TapYOC.known_settings()
VARIABLES = {f"TAP_YOC_{name.upper()}": name for name in SCHEMA["properties"]}


def refusal(**environ: str) -> str:
    """Return what is said of an environment."""
    with pytest.raises(SettingsError) as caught:
        environment_config(SCHEMA, environ)
    return str(caught.value)


def test_every_setting_has_its_variable() -> None:
    """Also those of the SDK; the rest of an environment is none of the tap's business."""
    environ = dict.fromkeys(VARIABLES, "x") | {
        "PATH": "/bin",
        "TAP_OTHER_START_DAT": "1",
        LOG_LEVEL: "debug",
    }
    assert environment_config(SCHEMA, environ) == dict.fromkeys(SCHEMA["properties"], "x")


@given(st.sampled_from(sorted(VARIABLES)), st.integers(0, 40), st.sampled_from(["drop", "double", "swap", "lower"]))
def test_a_typo_gets_a_suggestion(variable: str, place: int, slip: str) -> None:
    """One letter dropped, typed twice, swapped with the next one, or all of them small."""
    at = len("TAP_YOC_") + place % (len(variable) - len("TAP_YOC_"))
    wrong = {
        "drop": variable[:at] + variable[at + 1 :],
        "double": variable[:at] + variable[at] + variable[at:],
        "swap": variable[:at] + variable[at + 1 : at + 2] + variable[at] + variable[at + 2 :],
        "lower": f"TAP_YOC_{variable[len('TAP_YOC_') :].lower()}",
    }[slip]
    if wrong not in VARIABLES:
        said = refusal(**{wrong: "s3cret"})
        assert said.startswith(f"There is no variable {wrong}")
        assert "did you mean TAP_YOC_" in said
        assert "s3cret" not in said


def test_the_log_level_is_known_and_its_misspellings_are_not() -> None:
    """It is no setting, and is meant when it is nearly written."""
    assert refusal(TAP_YOC_LOG_LEVEL="debug") == (
        "There is no variable TAP_YOC_LOG_LEVEL (did you mean TAP_YOC_LOGLEVEL?)."
    )


@pytest.mark.parametrize(
    "variable",
    [
        pytest.param("TAP_YOC__SELECT", id="an extra of Meltano"),
        pytest.param("TAP_YOC__LOAD_SCHEMA", id="another one"),
        pytest.param("TAP_YOC_SOUTH_LOOKBACK_DAYS", id="a setting of another account"),
        pytest.param("TAP_YOC_SOUTH__SELECT", id="an extra of another account"),
        pytest.param("TAP_YOC_STREAM_MAPS_SITE_DAILY", id="a part of a setting that Meltano has taken apart"),
    ],
)
def test_what_meltano_sets_beside_the_settings_is_no_mistake(variable: str) -> None:
    """The doctor of a project reads the environment that Meltano makes."""
    environ = {"TAP_YOC_SOUTH_CLIENT_ID": "south", "TAP_YOC_STREAM_MAPS": "{}", variable: "x"}
    assert environment_config(SCHEMA, environ) == {"stream_maps": "{}"}


@pytest.mark.parametrize(
    "variable",
    ["TAP_YOC__PASSWORD", "TAP_YOC_SOUTH_LOOKBACK_DAYS", "TAP_YOC_CLIENT_PASSWORD", "TAP_YOC_STREAM_MAPS_SITE_DAILY"],
)
def test_alone_they_are(variable: str) -> None:
    """Without a login there is no other account, and a part of a setting is not read."""
    assert refusal(**{variable: "x"}).startswith(f"There is no variable {variable} (did you mean TAP_YOC_")


@pytest.mark.parametrize("program", ["tap-yoc", "tap-yoc-doctor"])
@pytest.mark.parametrize(
    ("slip", "says"),
    [
        ({"TAP_YOC_START_DAT": "2026-01-01"}, "TAP_YOC_START_DAT (did you mean TAP_YOC_START_DATE?)"),
        ({"TAP_YOC_PASSWORT": "s3cret"}, "TAP_YOC_PASSWORT (did you mean TAP_YOC_PASSWORD?)"),
        ({"TAP_YOC_PASSWORD": "your-password"}, "Not filled in: password; replace the example"),
        ({"TAP_YOC_STREAM_MAPS": '{"site_dayly": null}'}, "there is no stream site_dayly (did you mean site_daily?)"),
    ],
)
def test_nothing_is_sent_with_a_mistake_in_the_environment(
    live: Sandbox, tmp_path: Path, program: str, slip: dict[str, str], says: str
) -> None:
    """Exit code 2 before anything is asked; the doctor says the same."""
    login = {f"TAP_YOC_{name.upper()}": str(value) for name, value in live.config.items()}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TAP_YOC_")}
    done = preloaded.run(program, "--config=ENV", cwd=tmp_path, env={**environ, **login, **slip})
    assert done.returncode == 2
    assert says in (done.stdout if program == "tap-yoc-doctor" else done.stderr)
    assert "s3cret" not in done.stdout + done.stderr
    assert live.requests == []


def test_under_meltano_a_missing_login_names_its_settings(tmp_path: Path) -> None:
    """All that is missing at once, and the plugin's own name; other settings of the environment stay unread."""
    (tmp_path / "config.json").write_text("{}")
    environ = {**os.environ, "MELTANO_EXTRACTOR_NAME": "tap-yoc-south"}
    done = run_command("--config", "config.json", "--discover", cwd=tmp_path, env=environ)
    assert done.returncode == 2
    assert done.stderr.count("Missing") == 1
    assert done.stderr.strip().endswith(
        "Missing: client_id, client_secret, username, password; set the login in the project's .env "
        "(TAP_YOC_SOUTH_CLIENT_ID and so on), or use: meltano config set --interactive tap-yoc-south"
    )


def test_without_meltano_there_is_no_word_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who never heard of Meltano is sent to the file and the environment."""
    monkeypatch.delenv("MELTANO_EXTRACTOR_NAME", raising=False)
    assert "meltano" not in str(missing_settings(["password"]))
