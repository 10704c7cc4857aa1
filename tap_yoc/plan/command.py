"""The command `tap-yoc-plan`: prints the runs that an orchestrator should start, as JSON."""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from tap_yoc.cli.json_files import read_json_file
from tap_yoc.dates import day_of, today_at
from tap_yoc.errors import SettingsError, YOCError
from tap_yoc.plan.fan_out import Account, Length, fan_out
from tap_yoc.settings.coercion import coerced_config
from tap_yoc.settings.parsing import SECRETS, parse
from tap_yoc.singer.configured_tap import ConfiguredTap
from tap_yoc.stdout import unbuffered_stdout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

NO_LOGIN = {"client_id": "-", "client_secret": "-", "username": "-", "password": "-"}
"""A plan needs no login, and the config may not contain one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the plan; return 0, 2 if a setting or an option is wrong, or 1 if stdout cannot be written."""
    try:
        with unbuffered_stdout():
            runs = _runs(_arguments(arguments))
            sys.stdout.write(json.dumps(runs, indent=2, ensure_ascii=False) + "\n")
    except YOCError as error:
        _warn(str(error))
        return int(error.exit_code)
    return 0


def _runs(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the runs of all accounts; print on stderr what is left out.

    Raises:
        SettingsError: A file or a setting is wrong.
    """
    runs: list[dict[str, Any]] = []
    for account in _accounts(options.config):
        planned = fan_out(
            account,
            today=options.today or today_at(datetime.now(timezone.utc), account.settings.timezone),
            length=options.window,
            first=options.first,
            last=options.last,
            only_recent=options.recent,
        )
        if planned.lost:
            _warn(f"Account {account.name}: YOC no longer serves {planned.lost}; these days are left out.")
        if not planned.runs:
            _warn(f"Account {account.name}: there is nothing to read; YOC serves none of the requested days.")
        runs += [run.as_json() for run in planned.runs]
    return runs


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tap-yoc-plan",
        description="Print the runs of the tap that together read each account's days once, as a JSON list.",
    )
    parser.add_argument("config", nargs="+", help="settings of an account; the file's name is the account's")
    parser.add_argument(
        "--window", choices=get_args(Length), default="month", help="days of the calendar in one run (%(default)s)"
    )
    parser.add_argument(
        "--from", dest="first", type=_day, metavar="DAY", help="first day (start_date, or the earliest day served)"
    )
    parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="last day (end_date, or yesterday)")
    parser.add_argument(
        "--recent", action="store_true", help="only windows with a day that a daily run reads: yesterday, the lookback"
    )
    parser.add_argument("--today", type=_day, metavar="DAY", help="the day it is (today, in each account's timezone)")
    parser.add_argument(
        "--version",
        action="version",
        version=f"%(prog)s v{ConfiguredTap.plugin_version}",
        help="print the version",
    )
    options = parser.parse_args(arguments)
    if options.first and options.last and options.first > options.last:
        parser.error("--from is after --to; swap them")
    return options


def _day(text: str) -> date:
    try:
        return day_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError("give a valid date, as YYYY-MM-DD") from None


def _accounts(paths: Sequence[str]) -> list[Account]:
    """Return the accounts, each named after its file.

    Raises:
        SettingsError: A file or a setting is wrong, or two accounts have the same name.
    """
    schema = ConfiguredTap.known_settings()
    accounts: dict[str, Account] = {}
    for path in paths:
        name = Path(path).stem
        if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII):
            raise SettingsError(
                f"The config {path} is not named after an account: use letters, digits, dots, dashes, underscores."
            )
        if name in accounts:
            raise SettingsError(f"Two accounts are called {name}; give their config files different names.")
        given = {key: value for key, value in read_json_file(path, "The config").items() if key not in SECRETS}
        try:
            settings = parse(coerced_config({**given, **NO_LOGIN}, schema))
            accounts[name] = Account(name=name, config=path, settings=settings)
        except SettingsError as error:
            raise SettingsError(f"Account {name}: {error}") from None
    return list(accounts.values())


def _warn(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
