"""The command around the tap: foreseeable errors become one sentence on stderr and an exit code."""

from __future__ import annotations

import json
import logging
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk.plugin_base import SingerCommand

from tap_yoc.errors import SettingsError, YOCError
from tap_yoc.stdout import check_stdout
from tap_yoc.summary import RunSummary

if TYPE_CHECKING:
    import click


class YOCCommand(SingerCommand):
    """The SDK's command with this tap's exit codes."""

    summary_format: object = None
    """What the configuration asks for, right or wrong, as far as it has been read."""

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

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as click has it
        """Run the command and exit."""
        try:
            check_stdout()
            check_log_level()
            return super().main(*args, **kwargs)
        except YOCError as error:
            if not error.is_told:
                said = str(error)
                if self.summary_format == "json":
                    summary = RunSummary()
                    summary.fail("tap-yoc", error)
                    said = summary.told_as("json")
                self.logger.error("%s", said)  # noqa: TRY400 - foreseeable, so without a traceback
            sys.exit(error.exit_code)


def check_log_level() -> None:
    """Look whether the environment names a level that exists, before the log is set up by it.

    Raises:
        SettingsError: It does not exist.
    """
    level = os.environ.get("TAP_YOC_LOGLEVEL") or os.environ.get("LOGLEVEL") or "INFO"
    if not isinstance(logging.getLevelName(level.upper()), int):
        raise SettingsError(
            "The log level that TAP_YOC_LOGLEVEL or LOGLEVEL names does not exist; "
            "choose DEBUG, INFO, WARNING, ERROR or CRITICAL."
        )


def read_json_file(path: str, what: str) -> dict[str, Any]:
    """Return the JSON object of a file.

    Raises:
        SettingsError: The file cannot be read, or holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{what} {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError:
        text = ""
    return load_json_text(text, f"{what} {path}")


def load_json_text(text: str, what: str) -> dict[str, Any]:
    """Return the JSON object that a text is.

    Raises:
        SettingsError: It is no JSON object; names the text's role, and not its content.
    """
    try:
        content = json.loads(text, parse_float=Decimal)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise SettingsError(f"{what} must be a JSON object.")
    return content
