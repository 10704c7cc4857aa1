"""The tap's settings: read from files and the environment, checked, and turned into `Settings`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import _ConfigInput

from tap_yoc.cli.json_files import read_json_file
from tap_yoc.redaction import Redactor
from tap_yoc.reports.standard import ENTITIES, REPORT_FIELDS, STANDARD_REPORTS
from tap_yoc.settings.coercion import coerced_config
from tap_yoc.settings.environment import environment_config
from tap_yoc.settings.parsing import parse, secrets_in
from tap_yoc.settings.schema import SETTINGS
from tap_yoc.singer.about import about_text
from tap_yoc.singer.command import YOCCommand, metrics_level
from tap_yoc.singer.sdk_settings import check_sdk_settings

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_yoc.settings.parsing import Settings


class ConfiguredTap(Tap):
    """A tap with settings, but no streams yet."""

    name = "tap-yoc"

    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS

    settings: Settings

    @override
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Read the settings, and keep the SDK's metrics out of text logs."""
        super().__init__(*args, **kwargs)
        self.metrics_logger.setLevel(metrics_level())

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        """Print the tap's capabilities and settings; as text, with descriptions and defaults."""
        if output_format in {None, "text"}:
            click.echo(about_text(cls._get_about_info()))
        else:
            super().print_about(output_format)

    @classmethod
    def known_settings(cls) -> dict[str, Any]:
        """Return the JSON Schema of all settings, including those that the SDK adds for capabilities."""
        cls.append_builtin_config(cls.config_jsonschema)
        return cls.config_jsonschema

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805 - a property of the class, as in the SDK
        """The settings in the environment, as text; `coerced_config` converts them."""
        return environment_config(cls.known_settings(), os.environ)

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read the config files; later ones override earlier ones."""
        config: dict[str, Any] = {}
        environment = cls._env_var_config if "ENV" in value else {}
        command = ctx.command
        assert isinstance(command, YOCCommand)  # noqa: S101 - see `get_singer_command`
        command.summary_format = environment.get("summary_format")  # in case a file cannot be read
        for path in value:
            config |= {} if path == "ENV" else read_json_file(path, "The config")
            command.summary_format = {**config, **environment}.get("summary_format")
        return _ConfigInput(config=config, parse_env="ENV" in value)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Turn the configuration into settings.

        Raises:
            SettingsError: It is wrong; says what to fix, even if the SDK would only warn.
        """
        self._redactor = Redactor(secrets_in(self._config))
        self._redactor.add_basic_credentials(*(str(self._config.get(name)) for name in ("client_id", "client_secret")))
        self._redactor.guard_all()
        config = coerced_config(self._config, self.known_settings())
        self.settings = parse(config)
        check_sdk_settings(config, _streams_of(self.settings))
        self._config = config
        return []

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        """Return the command, which turns expected errors into one sentence and an exit code."""
        command = super().get_singer_command()
        for parameter in command.params:
            if parameter.name in {"catalog", "state"}:
                parameter.type = click.File("rb")  # binary, because their first bytes show the encoding
        return YOCCommand.replacing(command, cls.logger)


def _streams_of(settings: Settings) -> list[str]:
    """Return the names of all possible streams, whether or not the account has them."""
    custom = [str(report.get("name")) for report in settings.reports]
    return [
        *(report.name for report in STANDARD_REPORTS),
        *(entity.name for entity in ENTITIES),
        REPORT_FIELDS,
        *custom,
    ]
