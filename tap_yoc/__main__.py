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
    """Run the command; when it is over, so is the process.

    Not by way of the interpreter's end, which takes a tenth of a second to take apart what is gone anyway, and would
    wait for answers that nobody will read.
    """
    try:
        check_log_level()
        TapYOC.cli()
    except SettingsError as error:  # there is no log yet
        click.echo(error, err=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if isinstance(stop.code, str):
            raise  # Python writes it
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None where the caller has closed it
            stream.flush()
        logging.shutdown()
        os._exit(stop.code or 0)


if __name__ == "__main__":
    main()
