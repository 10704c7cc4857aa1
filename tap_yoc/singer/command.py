"""The command around the tap: expected errors become one sentence on stderr and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.plugin_base import SingerCommand

from tap_yoc.errors import SettingsError, YOCError
from tap_yoc.stdout import unbuffered_stdout
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    import click


class YOCCommand(SingerCommand):
    """The SDK's command with this tap's exit codes."""

    summary_format: object = None
    """The setting as far as the configuration has been read, valid or not."""

    @classmethod
    def replacing(cls, command: click.Command, logger: logging.Logger) -> YOCCommand:
        """Return the SDK's command as one of this class."""
        return cls(
            name=command.name,
            callback=command.callback,
            params=command.params,
            help=command.help,
            context_settings=command.context_settings,
            logger=logger,
        )

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as in click
        """Run the command and exit."""
        try:
            with unbuffered_stdout():
                check_log_level()
                return super().main(*args, **kwargs)
        except YOCError as error:
            logging.disable(logging.NOTSET)  # the doctor turns logging off, but must log this
            if not error.is_logged:
                said = str(error)
                if self.summary_format == "json":
                    summary = RunSummary()
                    summary.fail("tap-yoc", error)
                    said = summary.as_log_line("json")
                self.logger.error("%s", said)  # noqa: TRY400 - expected, so no traceback
            sys.exit(error.exit_code)


def metrics_level() -> int:
    """Return the log level of the SDK's metrics.

    As lines of text they clutter the log, so they are logged only when debugging. If Meltano or something else
    configures the log, its level applies.
    """
    level = logging.getLogger().level
    return level if "SINGER_SDK_LOG_CONFIG" in os.environ or level <= logging.DEBUG else max(level, logging.WARNING)


def check_log_level() -> None:
    """Check that the log level in the environment exists, before logging is set up.

    Raises:
        SettingsError: It does not exist.
    """
    level = os.environ.get("TAP_YOC_LOGLEVEL") or os.environ.get("LOGLEVEL") or "INFO"
    if not isinstance(logging.getLevelName(level.upper()), int):
        raise SettingsError(
            "The log level in TAP_YOC_LOGLEVEL or LOGLEVEL does not exist; "
            "choose DEBUG, INFO, WARNING, ERROR or CRITICAL."
        )
