"""The command `tap-yoc-doctor`."""

from __future__ import annotations

import logging
import sys

import click

from tap_yoc.doctor.checks import examine
from tap_yoc.doctor.observed_tap import ObservedTap
from tap_yoc.doctor.text import as_json, as_text
from tap_yoc.singer.command import YOCCommand


@click.command(
    cls=YOCCommand,
    logger=logging.getLogger("tap-yoc"),
    help="Check settings, login and server; report what works, what the account sees, how the server answers, and how "
    "to fix failures. Reads a few days; writes no rows and no bookmarks.",
    epilog="Exit codes: 0 it works, 2 settings, 3 login or permission, 4 inconsistent answers, 5 unavailable.",
)
@click.option(
    "--config", "paths", multiple=True, metavar="FILE", help="Configuration file, or ENV for the environment."
)
@click.option("--text/--json", "wants_text", default=True, help="Print text (default) or one JSON object.")
@click.version_option(ObservedTap.plugin_version, prog_name="tap-yoc-doctor", message="%(prog)s v%(version)s")
@click.pass_context
def main(context: click.Context, paths: tuple[str, ...], *, wants_text: bool) -> None:
    """Run the checks, print the findings, and exit with the tap's exit code."""
    logging.disable()  # the findings contain everything
    if sys.stderr.isatty():
        click.echo("Checking; this takes a few seconds, or longer if nothing answers.", err=True)

    def new_observed() -> ObservedTap:
        config = ObservedTap.cb_config(context, click.Option(["--config"]), paths)
        return ObservedTap(config=dict(config.config), parse_env_config=config.parse_env)

    found = examine(new_observed)
    click.echo((as_text if wants_text else as_json)(found, ObservedTap.plugin_version))
    sys.exit(found.exit_code)
