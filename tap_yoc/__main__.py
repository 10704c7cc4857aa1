"""The process of `tap-yoc` and of `python -m tap_yoc`."""

from __future__ import annotations

import sys

from tap_yoc.cli.process import no_garbage_collection, run_and_exit

with no_garbage_collection():
    import click

    from tap_yoc.errors import SettingsError
    from tap_yoc.singer.command import check_log_level
    from tap_yoc.tap import TapYOC


def main() -> None:
    """Run the command, then exit at once."""
    try:
        check_log_level()
    except SettingsError as error:  # logging is not set up yet
        click.echo(error, err=True)
        sys.exit(error.exit_code)
    run_and_exit(TapYOC.cli)


if __name__ == "__main__":
    main()
