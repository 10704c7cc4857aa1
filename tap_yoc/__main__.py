"""The process of `tap-yoc` and of `python -m tap_yoc`."""

from __future__ import annotations

import logging
import os
import sys

import click

from tap_yoc.errors import SettingsError
from tap_yoc.singer.command import check_log_level
from tap_yoc.tap import TapYOC


def main() -> None:
    """Run the command, then exit at once.

    The interpreter's regular shutdown would take another tenth of a second and wait for requests that are still open.
    """
    try:
        check_log_level()
        TapYOC.cli()
    except SettingsError as error:  # logging is not set up yet
        click.echo(error, err=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if isinstance(stop.code, str):
            raise  # Python prints it
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None if the caller has closed it
            stream.flush()
        logging.shutdown()
        os._exit(stop.code or 0)


if __name__ == "__main__":
    main()
